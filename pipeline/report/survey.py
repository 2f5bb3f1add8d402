"""One pass over the columns of a source: everything its part of the report counts, and which documents to
show."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.look.fates import KEPT
from pipeline.look.finished import FinishedRun
from pipeline.look.rules import COLUMNS, Measured, measured_rules, values_of
from pipeline.look.statistics import host_column
from pipeline.report.spread import Spread

Mask = npt.NDArray[np.bool_]
EXAMPLES = 10
# Names counted at once; beyond, the rare half goes, and what is left is a lower bound.
NAMES = 200_000
HERE, ELSEWHERE = "here", "elsewhere"
_COLUMNS = ["id", "bytes", "language", "url", "verdict", "verdict_value", "verdict_threshold", *COLUMNS]


@dataclass(frozen=True, order=True)
class Place:
    """A document to show: `rank` orders the candidates, `path` and `row` say where it is."""

    rank: float
    id: str
    path: str = field(compare=False)
    row: int = field(compare=False)


@dataclass
class Names:
    """How often each name occurs; `pruned` where there were too many to count them all."""

    counts: Counter[str] = field(default_factory=Counter)
    pruned: bool = False

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the names of a column, nulls as the empty name."""
        for entry in pc.value_counts(column.fill_null("")).to_pylist():
            self.counts[entry["values"]] += entry["counts"]
        if len(self.counts) > NAMES:
            ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
            self.counts = Counter(dict(ordered[: NAMES // 2]))
            self.pruned = True


@dataclass
class RuleView:
    """One rule: the spread of the value it decides by (of dropped documents only where `full` is False), in
    groups kept, here (it dropped them) and elsewhere; and documents it dropped beside some that passed."""

    rule: str
    value: str
    spread: Spread
    full: bool
    threshold: float | None = None
    thresholds: set[float] = field(default_factory=set)
    dropped: list[Place] = field(default_factory=list)
    passed: list[Place] = field(default_factory=list)

    @property
    def limit(self) -> float | None:
        """The threshold: the rule's own, else the one that its dropped documents all met."""
        if self.threshold is None and len(self.thresholds) == 1:
            return min(self.thresholds)
        return self.threshold


@dataclass
class Survey:
    """A source's documents in numbers. `rules` by (rule, upwards); `lengths`: bytes of text."""

    source: str
    rules: dict[tuple[str, bool], RuleView] = field(default_factory=dict)
    lengths: Spread = field(default_factory=Spread)
    languages: Names = field(default_factory=Names)
    hosts: Names = field(default_factory=Names)
    kept: list[Place] = field(default_factory=list)


def survey(run: FinishedRun, source: str) -> Survey:
    """Read the columns of curated/ and dropped/ once; raises WinnowError before `curate` is finished."""
    run.manifest("curate", source)
    measured = measured_rules(run, source)
    found = Survey(source)
    for one in measured:
        found.rules[one.rule, one.upwards] = RuleView(
            one.rule, one.value, Spread(one.upwards), True, one.threshold
        )
    for folder in ("curated", "dropped"):
        for path, table in run.tables(folder, source, _COLUMNS):
            _add(found, measured, path, table, folder == "curated")
    return found


@dataclass(frozen=True)
class _Rows:
    """The rows of one file: where it is, and their ids."""

    path: str
    ids: npt.NDArray[np.object_]


def _add(found: Survey, measured: Iterable[Measured], path: str, table: pa.Table, kept: bool) -> None:
    rows = _Rows(path, np.array(table.column("id").to_pylist(), dtype=object))
    values = values_of(table)
    found.lengths.add(KEPT if kept else HERE, _numbers(table, "bytes"))
    if kept:
        found.languages.add(table.column("language"))
        found.hosts.add(host_column(table.column("url")).drop_null())
        found.kept = _smallest(found.kept, rows, np.zeros(len(rows.ids)), np.ones(len(rows.ids), bool))
    verdicts = table.column("verdict")
    masks: dict[str, Mask] = {
        rule: pc.equal(verdicts, rule).to_numpy(zero_copy_only=False).astype(bool)
        for rule in ([] if kept else sorted(pc.unique(verdicts).to_pylist()))
    }
    for one in measured:
        if one.value not in values:
            continue
        view = found.rules[one.rule, one.upwards]
        if kept:
            _add_passed(view, rows, values[one.value])
        else:
            here = masks.get(one.rule, np.zeros(len(rows.ids), bool))
            view.spread.add(HERE, values[one.value][here])
            view.spread.add(ELSEWHERE, values[one.value][~here])
    for rule, here in masks.items():
        _add_dropped(found, rule, rows, table, here)


def _numbers(table: pa.Table, column: str) -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[np.float64] = table.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers


def _add_passed(view: RuleView, rows: _Rows, values: npt.NDArray[np.float64]) -> None:
    view.spread.add(KEPT, values)
    rank = values if view.spread.upwards else -values
    view.passed = _smallest(view.passed, rows, rank, np.isfinite(values))


def _add_dropped(found: Survey, rule: str, rows: _Rows, table: pa.Table, here: Mask) -> None:
    value, threshold = (_numbers(table, name) for name in ("verdict_value", "verdict_threshold"))
    known = [upwards for upwards in (True, False) if (rule, upwards) in found.rules]
    if len(known) == 1 and found.rules[rule, known[0]].full:
        parts = {known[0]: here}
    else:  # a rule with two bounds has two views, and which one a document failed its threshold says
        over = here & (value >= threshold)
        parts = {True: here & ~over, False: over}
    for upwards, mask in parts.items():
        if not mask.any():
            continue
        view = found.rules.setdefault((rule, upwards), RuleView(rule, rule, Spread(upwards), False))
        if not view.full:
            view.spread.add(HERE, value[mask])
        view.thresholds.update(threshold[mask & np.isfinite(threshold)].tolist())
        view.dropped = _smallest(view.dropped, rows, np.zeros(len(rows.ids)), mask)


def _smallest(best: list[Place], rows: _Rows, rank: npt.NDArray[np.float64], wanted: Mask) -> list[Place]:
    """The EXAMPLES smallest by rank, then id, of those so far and of the wanted rows.

    Ids are hashes of what a record is, so the smallest of them are drawn at random, and always the same.
    """
    chosen = np.flatnonzero(wanted)
    if len(chosen) > EXAMPLES:  # ranks first, ids only of those that can be among the best
        limit = np.partition(rank[chosen], EXAMPLES - 1)[EXAMPLES - 1]
        chosen = chosen[rank[chosen] <= limit]
    first = heapq.nsmallest(EXAMPLES, chosen.tolist(), key=lambda row: (rank[row], rows.ids[row]))
    places = [Place(float(rank[row]), str(rows.ids[row]), rows.path, row) for row in first]
    return heapq.nsmallest(EXAMPLES, [*best, *places])
