"""Phase `prepare`: raw files to documents, dead letters and fingerprints, one input file a unit."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import orjson

from pipeline.files import join, open_file, read_file
from pipeline.flow import Flow
from pipeline.inputs import InputFile
from pipeline.ledger import Line
from pipeline.manifest import Manifest
from pipeline.packed import Array, pack
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases.phase import (
    Account,
    Job,
    Outcome,
    Run,
    commit,
    count_all,
    phase_key,
    run_jobs,
    stage_settings,
    timed,
    up_to_date,
)
from pipeline.records import DeadLetter, Document, Event, Merged, PassedOver
from pipeline.schema import documents_table
from pipeline.transforms.clean import BYTES_REMOVED
from pipeline.units import Outputs, Receipt, Unit, digest

PHASE = "prepare"
VERSION = 1
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_DEAD_PART_BYTES = 16 << 20
_HEAD_BYTES = 200


def prepare(run: Run) -> Outcome:
    """Run the phase for every source with inputs."""
    with timed(Outcome(PHASE)) as outcome:
        configs = {source: _config(run, source) for source in run.flows}
        keys = {
            source: phase_key(VERSION, config, [_identity(file) for file in run.inputs[source]])
            for source, config in configs.items()
        }
        outcome.ran = [s for s in run.flows if not up_to_date(run, PHASE, s, keys[s])]
        jobs = [_job(run, source, configs[source]) for source in outcome.ran]
        receipts = run_jobs(run, PHASE, jobs)
        for source in outcome.ran:
            lines = _books(run, source, receipts[source])
            folders = [f"documents/{source}", f"fingerprints/{PHASE}/{source}", f"dead_letters/{source}"]
            account = Account(
                source, keys[source], configs[source], receipts[source], lines, folders, bytes_too=False
            )
            commit(run, PHASE, account)
    return outcome


def _config(run: Run, source: str) -> dict[str, Any]:
    flow = run.flows[source]
    return {
        "read": flow.read.settings(),
        "clean": stage_settings(flow.clean),
        "rounds": [orjson.loads(orjson.dumps(r.fingerprint_settings())) for r in flow.rounds],
        "batch_bytes": run.config.batch_bytes,
        "limit": run.limit,
    }


def _identity(file: InputFile) -> list[str]:
    return [file.name, file.fingerprint, file.snapshot]


def _job(run: Run, source: str, config: dict[str, Any]) -> Job:
    units = [
        Unit(
            room=PHASE,
            source=source,
            name=file.name,
            key=digest([VERSION, config, _identity(file)]),
            size=file.size,
            payload={"path": file.path, "snapshot": file.snapshot},
        )
        for file in run.inputs[source]
    ]
    return Job(source, units, PrepareInput(source, run.flows[source], run.config.batch_bytes, run.limit))


@dataclass(frozen=True)
class PrepareInput:
    """The work of one input file: read, clean, batch, write documents and their fingerprints."""

    source: str
    flow: Flow
    batch_bytes: int
    limit: int | None = None

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the input's batches and dead letters; the facts count every record met."""
        writer = _InputWriter(self.source, self.flow, self.batch_bytes, unit.name, outputs)
        with open_file(unit.payload["path"]) as stream:
            events = self.flow.read.reader().read(stream, unit.name)
            for ordinal, event in enumerate(itertools.islice(events, self.limit)):
                writer.add(ordinal, self._cleaned(event, unit))
        return writer.finish()

    def _cleaned(self, event: Event, unit: Unit) -> Event:
        """The event after the clean stages; a document at which one of them fails becomes a dead letter."""
        if not isinstance(event, Document):
            return event
        event.snapshot = event.snapshot or unit.payload["snapshot"]
        head = event.content or event.text.encode("utf-8", "surrogatepass")
        try:
            for stage in self.flow.clean:
                if event.verdict is None:
                    stage.clean(event)
            event.text.encode()
        except Exception as error:
            return DeadLetter(-1, f"{event.key}: {type(error).__name__}: {error}", head[:_HEAD_BYTES])
        return event


@dataclass
class _InputWriter:
    """Collects the events of one input into batches and writes them as they fill."""

    source: str
    flow: Flow
    batch_bytes: int
    name: str
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
        name = f"{self.name}-{len(self.batches):05d}"
        table = documents_table(self.source, self.name, self._documents)
        self.outputs.write(f"documents/{self.source}/{name}.parquet", to_parquet(table), rows=table.num_rows)
        arrays: dict[str, Array] = {"rows": np.array([table.num_rows], np.uint32)}
        for round_ in self.flow.rounds:
            arrays |= round_.fingerprint(table)
        self.outputs.write(
            f"fingerprints/{PHASE}/{self.source}/{name}.packed", pack(arrays), rows=table.num_rows
        )
        entries = {r.name: len(arrays[f"{r.name}.key"]) for r in self.flow.rounds}
        snapshot = self._documents[0][1].snapshot
        self.batches.append({"name": name, "snapshot": snapshot, "entries": entries, "rows": table.num_rows})
        self._documents, self._bytes = [], 0

    def _add_dead_letter(self, ordinal: int, letter: DeadLetter) -> None:
        self.counts["dead"] += 1
        error = _ADDRESS.sub("0x…", letter.error).replace("\n", " ")
        row = {
            "input": self.name,
            "ordinal": ordinal,
            "offset": letter.offset,
            "error": error,
            "head": letter.head[:_HEAD_BYTES].decode("utf-8", "backslashreplace"),
        }
        self._dead.append(orjson.dumps(row))
        self._dead_bytes += len(self._dead[-1])
        if self._dead_bytes > _DEAD_PART_BYTES:
            self._write_dead_letters()

    def _write_dead_letters(self) -> None:
        path = f"dead_letters/{self.source}/{self.name}-{self._dead_parts:05d}.jsonl"
        self.outputs.write(path, b"\n".join(self._dead) + b"\n", rows=len(self._dead))
        self._dead, self._dead_bytes, self._dead_parts = [], 0, self._dead_parts + 1

    def finish(self) -> dict[str, Any]:
        """Write what is left; returns the facts of the receipt."""
        if self._documents:
            self._write_batch()
        if self._dead:
            self._write_dead_letters()
        return {
            "records": self.counts["records"],
            "merged": self.counts["merged"],
            "passed_over": dict(sorted(self.passed_over.items())),
            "batches": self.batches,
        }


def batches(manifest: Manifest) -> list[dict[str, Any]]:
    """Every batch of a source in the order of its number: by name. Each with its input, facts and file
    digests."""
    found = []
    for unit in manifest.units:
        files = {output.path: output for output in unit.outputs}
        for batch in unit.facts["batches"]:
            documents = files[f"documents/{manifest.source}/{batch['name']}.parquet"]
            fingerprint = files[f"fingerprints/{PHASE}/{manifest.source}/{batch['name']}.packed"]
            found.append({**batch, "input": unit.name, "documents": documents, "fingerprint": fingerprint})
    return sorted(found, key=lambda batch: batch["name"])


def _books(run: Run, source: str, receipts: list[Receipt]) -> list[Line]:
    lines: list[Line] = []
    for receipt in receipts:
        facts = receipt.facts
        lines.append(Line(receipt.unit, "in", "records", facts["records"], 0))
        lines.append(Line(receipt.unit, "merged", "merged", facts["merged"], 0))
        lines += [Line(receipt.unit, "passed_over", k, n, 0) for k, n in facts["passed_over"].items()]
        paths = [output.path for output in receipt.outputs]
        dead = [path for path in paths if path.startswith("dead_letters/")]
        for path in dead:
            letters = read_file(join(run.out, path)).count(b"\n")
            lines.append(Line(receipt.unit, "dead", "dead_letter", letters, 0))
    documents = [
        join(run.out, o.path) for r in receipts for o in r.outputs if o.path.startswith("documents/")
    ]
    for stage in run.flows[source].clean:
        if stage.notes:
            lines += count_all(documents, partial(_removed, stage.notes))
    return lines + count_all(documents, count_rows)


def _removed(notes: str, path: str) -> list[Line]:
    """The bytes that a stage took out of the texts of one file, by rule, as its notes have them."""
    table = read_parquet(path, ["input", "metadata"])
    total: Counter[str] = Counter()
    for metadata in table.column("metadata").to_pylist():
        total.update(orjson.loads(metadata).get(notes, {}).get(BYTES_REMOVED, {}))
    name = table.column("input")[0].as_py()
    return [Line(name, "removed", f"{notes}.{rule}", 0, size) for rule, size in sorted(total.items())]


def count_rows(path: str) -> list[Line]:
    """The rows and bytes of a file of documents, kept ones as `out`, others as `dropped` by their rule."""
    table = read_parquet(path, ["input", "verdict", "bytes"])
    groups = table.group_by(["input", "verdict"]).aggregate([("bytes", "sum"), ([], "count_all")])
    return [
        Line(
            row["input"],
            "out" if row["verdict"] is None else "dropped",
            row["verdict"] or "",
            row["count_all"],
            row["bytes_sum"],
        )
        for row in groups.to_pylist()
    ]
