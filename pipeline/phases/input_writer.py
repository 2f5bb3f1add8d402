"""What a unit of `prepare` writes: batches of documents with their fingerprints, and dead letters."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from pipeline.flow import Flow
from pipeline.packed import Array, pack
from pipeline.parquet import to_parquet
from pipeline.records import DeadLetter, Document, Event, Merged, PassedOver
from pipeline.schema import documents_table
from pipeline.units import Outputs

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_DEAD_PART_BYTES = 16 << 20
HEAD_BYTES = 200


@dataclass
class InputWriter:
    """Collects the events of one unit, an input or a part of it, into batches and writes them as they fill.

    `unit` names its files, `input` is what its rows and dead letters say they come from.
    """

    source: str
    flow: Flow
    batch_bytes: int
    input: str
    unit: str
    outputs: Outputs
    counts: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    batches: list[dict[str, Any]] = field(default_factory=list)
    _documents: list[tuple[int, Document]] = field(default_factory=list)
    _bytes: int = 0
    _dead: list[bytes] = field(default_factory=list)
    _dead_bytes: int = 0
    _dead_parts: int = 0

    def add(self, ordinal: int, event: Event) -> None:
        """Account for one record."""
        self.counts["records"] += 1
        match event:
            case Document():
                self._add_document(ordinal, event)
            case PassedOver(kind):
                self.passed_over[kind] += 1
            case Merged():
                self.counts["merged"] += 1
            case DeadLetter():
                self._add_dead_letter(ordinal, event)

    def _add_document(self, ordinal: int, document: Document) -> None:
        # A batch ends before the document that would overfill it, and where another crawl begins: line
        # deduplication may go by crawl, and takes a batch's crawl as one.
        size = len(document.text.encode())
        crosses = bool(self._documents) and self._documents[-1][1].snapshot != document.snapshot
        if self._documents and (crosses or self._bytes + size > self.batch_bytes):
            self._write_batch()
        self._documents.append((ordinal, document))
        self._bytes += size

    def _write_batch(self) -> None:
        name = f"{self.unit}-{len(self.batches):05d}"
        table = documents_table(self.source, self.input, self._documents)
        self.outputs.write(f"documents/{self.source}/{name}.parquet", to_parquet(table), rows=table.num_rows)
        arrays: dict[str, Array] = {"rows": np.array([table.num_rows], np.uint32)}
        for round_ in self.flow.rounds:
            arrays |= round_.fingerprint(table)
        self.outputs.write(
            f"fingerprints/prepare/{self.source}/{name}.packed", pack(arrays), rows=table.num_rows
        )
        entries = {r.name: len(arrays[f"{r.name}.key"]) for r in self.flow.rounds}
        snapshot = self._documents[0][1].snapshot
        self.batches.append({"name": name, "snapshot": snapshot, "entries": entries, "rows": table.num_rows})
        self._documents, self._bytes = [], 0

    def _add_dead_letter(self, ordinal: int, letter: DeadLetter) -> None:
        self.counts["dead"] += 1
        error = _ADDRESS.sub("0x…", letter.error).replace("\n", " ")
        row = {
            "input": self.input,
            "ordinal": ordinal,
            "offset": letter.offset,
            "error": error,
            "head": letter.head[:HEAD_BYTES].decode("utf-8", "backslashreplace"),
        }
        self._dead.append(orjson.dumps(row))
        self._dead_bytes += len(self._dead[-1])
        if self._dead_bytes > _DEAD_PART_BYTES:
            self._write_dead_letters()

    def _write_dead_letters(self) -> None:
        path = f"dead_letters/{self.source}/{self.unit}-{self._dead_parts:05d}.jsonl"
        self.outputs.write(path, b"\n".join(self._dead) + b"\n", rows=len(self._dead))
        self._dead, self._dead_bytes, self._dead_parts = [], 0, self._dead_parts + 1

    def finish(self) -> dict[str, Any]:
        """Write what is left; returns the facts of the receipt."""
        if self._documents:
            self._write_batch()
        if self._dead:
            self._write_dead_letters()
        return {
            "input": self.input,
            "records": self.counts["records"],
            "merged": self.counts["merged"],
            "passed_over": dict(sorted(self.passed_over.items())),
            "batches": self.batches,
        }
