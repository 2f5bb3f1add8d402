"""Pages put through rounds in which one document keeps what several have, bucket by bucket, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.dedup.rounds import bucket_slice
from pipeline.dedup.rounds_c4 import OwnedLines
from pipeline.files import write_file
from pipeline.packed import PackedFile, pack
from pipeline.records import Document, Verdict
from pipeline.schema import documents_table
from pipeline.transforms.judging import Judging


def table(documents: list[Document]) -> pa.Table:
    return documents_table("c4_from_web", "in", list(enumerate(documents)))


def page(url: str, text: str = "x", date: str = "", verdict: str = "") -> Document:
    return Document(
        key=f"{url} {date}", url=url, text=text, timestamp=date, verdict=Verdict(verdict) if verdict else None
    )


def run_round(
    round_: OwnedLines, batches: list[list[Document]], lost: set[str], folder: Path, buckets: int = 4
) -> dict[str, tuple[str, str | None]]:
    """What the round leaves of each document, by URL: text and verdict; `lost` are gone before it."""
    tables = [table(batch) for batch in batches]
    gone = [np.array([document.url in lost for document in batch], bool) for batch in batches]
    for number, batch in enumerate(tables):
        write_file(str(folder / str(number)), pack(round_.fingerprint(batch)))
    lists: dict[int, list[Any]] = {number: [] for number in range(len(batches))}
    for bucket in range(buckets):
        slices = []
        for number in range(len(batches)):
            with PackedFile(str(folder / str(number))) as file:
                place = bucket_slice(file, round_.name, bucket, buckets)
                entries = round_.entries(file, *place, gone[number], 0)
            if len(entries):
                slices.append((number, entries))
        answer = round_.resolve(slices)
        backwards = round_.resolve(slices[::-1])
        assert {n: a.tolist() for n, a in answer.items()} == {n: a.tolist() for n, a in backwards.items()}
        for number, removals in answer.items():
            lists[number].append(removals)
    found = {}
    for number, documents in enumerate(batches):
        batch = Judging(tables[number])
        for row in np.flatnonzero(gone[number]).tolist():
            batch.lose(row, "duplicate_url", "0" * 32)
        removals = np.sort(np.concatenate(lists[number])) if lists[number] else np.zeros(0, round_.removal)
        with PackedFile(str(folder / str(number))) as file:
            round_.apply(batch, removals, file)
        for document, row in zip(documents, batch.table().to_pylist(), strict=True):
            assert len(document.text.encode()) == row["bytes"] + row["bytes_removed"]
            found[document.url] = (row["text"], row["verdict"])
    return found
