"""What changed between two runs: fates of the documents that both, or one of them, have."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.look.fates import fates
from pipeline.look.finished import FinishedRun

ABSENT = "not there"
_KEY = ["id", "input", "ordinal"]


@dataclass(frozen=True)
class Change:
    """Documents of a source whose fate was `before` in one run and is `after` in the other."""

    source: str
    before: str
    after: str
    documents: int
    examples: list[str]


def compare(first: FinishedRun, second: FinishedRun, source: str | None, examples: int = 3) -> list[Change]:
    """The changes of fate from one run to another, and the unchanged, most documents first in each source.

    A document is known by id, input and ordinal; `examples` ids of each change, the smallest.
    """
    names = sorted({*first.sources(), *second.sources()})
    if source is not None:
        names = sorted({*_chosen(first, second, source)})
    found: list[Change] = []
    for name in names:
        found += _changes(name, _fates(first, name), _fates(second, name), examples)
    return found


def _chosen(first: FinishedRun, second: FinishedRun, source: str) -> list[str]:
    return [source] if source in second.sources() else first.chosen(source)


def _fates(run: FinishedRun, source: str) -> pa.Table:
    if source in run.sources():
        return fates(run, source)
    return pa.schema(
        [("id", pa.string()), ("input", pa.string()), ("ordinal", pa.int64()), ("fate", pa.string())]
    ).empty_table()


def _changes(source: str, before: pa.Table, after: pa.Table, examples: int) -> list[Change]:
    joined = before.join(
        after, keys=_KEY, join_type="full outer", left_suffix=".before", right_suffix=".after"
    )
    joined = joined.select(["id", "fate.before", "fate.after"])
    for place in (1, 2):
        name = joined.column_names[place]
        joined = joined.set_column(place, name, joined.column(place).fill_null(ABSENT))
    counts = joined.group_by(["fate.before", "fate.after"]).aggregate([([], "count_all")]).to_pylist()
    counts.sort(key=lambda row: (-row["count_all"], row["fate.before"], row["fate.after"]))
    return [
        Change(
            source,
            row["fate.before"],
            row["fate.after"],
            row["count_all"],
            _ids(joined, row["fate.before"], row["fate.after"], examples),
        )
        for row in counts
    ]


def _ids(joined: pa.Table, before: str, after: str, count: int) -> list[str]:
    if before == after:
        return []
    wanted = pc.and_(
        pc.equal(joined.column("fate.before"), before), pc.equal(joined.column("fate.after"), after)
    )
    ids = joined.column("id").filter(wanted)
    smallest: list[str] = ids.take(pc.sort_indices(ids)[:count]).to_pylist()
    return smallest
