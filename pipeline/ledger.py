"""The books of a run: what came in, what was kept, what went and by which rule, in documents and in bytes.

Entries are counted from the files a manifest names, after they were written; a phase whose books do not
balance fails the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from pipeline.errors import WinnowError
from pipeline.files import exists, join, write_file
from pipeline.parquet import read_parquet, to_parquet

LEDGER = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("input", pa.string()),
        pa.field("phase", pa.string()),
        pa.field("entry", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("documents", pa.int64()),
        pa.field("bytes", pa.int64()),
    ]
)

# Entries: what a phase was given (`in`), what it passes on (`out`), what it took away (`dropped` whole
# documents; `removed` bytes from documents that stay, against those `added` to them), and what never became
# a document (`passed_over`, `merged`,
# `dead`).
GIVEN = ("in", "added")
TAKEN = ("out", "dropped", "removed", "passed_over", "merged", "dead")


class Line(NamedTuple):
    """One line of the books: of one input file, an entry and the rule behind it."""

    input: str
    entry: str
    rule: str
    documents: int
    bytes: int


def balance(phase: str, source: str, lines: Iterable[Line], bytes_too: bool = True) -> None:
    """Raise WinnowError unless, for each input, what was given equals what was passed on or taken away."""
    documents: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for line in lines:
        sign = 1 if line.entry in GIVEN else -1
        documents[line.input] += sign * line.documents
        size[line.input] += sign * line.bytes
    for name in sorted(documents):
        if documents[name] or (bytes_too and size[name]):
            raise WinnowError(
                f"the books of phase {phase} do not balance for {source}, input {name}: "
                f"{documents[name]:+d} documents and {size[name]:+d} bytes are not accounted for"
            )


def ledger_path(out: str, phase: str, source: str) -> str:
    """Where the ledger of a phase and source lies."""
    return join(out, "ledger", phase, f"{source}.parquet")


def write_ledger(out: str, phase: str, source: str, lines: Iterable[Line]) -> None:
    """Commit the books of a phase and source, equal entries added up, in a fixed order."""
    documents: Counter[tuple[str, str, str]] = Counter()
    size: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        documents[line[:3]] += line.documents
        size[line[:3]] += line.bytes
    keys = sorted(documents)
    table = pa.table(
        {
            "source": [source] * len(keys),
            "input": [key[0] for key in keys],
            "phase": [phase] * len(keys),
            "entry": [key[1] for key in keys],
            "rule": [key[2] for key in keys],
            "documents": [documents[key] for key in keys],
            "bytes": [size[key] for key in keys],
        },
        schema=LEDGER,
    )
    write_file(ledger_path(out, phase, source), to_parquet(table))


def read_ledger(out: str, phase: str, source: str) -> list[Line]:
    """The books of a phase and source, empty where there are none."""
    path = ledger_path(out, phase, source)
    if not exists(path):
        return []
    rows = read_parquet(path).to_pylist()
    return [Line(r["input"], r["entry"], r["rule"], r["documents"], r["bytes"]) for r in rows]
