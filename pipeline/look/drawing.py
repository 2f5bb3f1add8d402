"""Drawing documents of a run to look at: by rule, at random but always the same, or nearest the threshold."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Literal

import xxhash

from pipeline.errors import WinnowError
from pipeline.look.fates import KEPT
from pipeline.look.finished import FinishedRun
from pipeline.parquet import read_parquet

Order = Literal["drawn", "near"]
_COLUMNS = ["id", "verdict", "verdict_value", "verdict_threshold"]


@dataclass(frozen=True, order=True)
class _Pick:
    rank: float
    id: str
    path: str
    row: int


def draw(
    run: FinishedRun, source: str | None, rule: str, count: int, *, seed: int = 0, order: Order = "drawn"
) -> list[dict[str, Any]]:
    """`count` documents that `rule` dropped (`kept`: that were kept), whole rows, their texts with them.

    `drawn`: the smallest hash(seed, id), so that the same run and seed give the same documents; `near`: the
    nearest to the threshold first, for rules that have one. A rule's name stands for what begins with it and
    a dot too (`perplexity` for `perplexity.tail`). Raises WinnowError for a rule that dropped nothing.
    """
    picks: list[_Pick] = []
    rules: set[str] = set()
    for name in run.chosen(source):
        for path, table in run.tables("curated" if rule == KEPT else "dropped", name, _COLUMNS):
            rows = table.to_pydict()
            rules.update(verdict for verdict in rows["verdict"] if verdict)
            found = [
                _Pick(_rank(order, seed, rows, row), rows["id"][row], path, row)
                for row in range(table.num_rows)
                if rule == KEPT or _covers(rule, rows["verdict"][row])
            ]
            picks = heapq.nsmallest(count, [*picks, *found])
    if not picks:
        known = f"; rules that did: {', '.join(sorted(rules))}" if rules else ""
        raise WinnowError(f"rule {rule!r} dropped nothing{known}" if rule != KEPT else "nothing was kept")
    return _rows(picks)


def _covers(rule: str, verdict: str) -> bool:
    return verdict == rule or verdict.startswith(f"{rule}.")


def _rank(order: Order, seed: int, rows: dict[str, list[Any]], row: int) -> float:
    if order == "drawn":
        return float(xxhash.xxh3_64_intdigest(f"{seed}\0{rows['id'][row]}".encode()) >> 11)
    value, threshold = rows["verdict_value"][row], rows["verdict_threshold"][row]
    if value is None or threshold is None:
        return float("inf")
    return abs(float(value) - float(threshold)) / max(abs(float(threshold)), 1e-9)


def _rows(picks: list[_Pick]) -> list[dict[str, Any]]:
    by_path: dict[str, list[_Pick]] = {}
    for pick in picks:
        by_path.setdefault(pick.path, []).append(pick)
    rows: dict[_Pick, dict[str, Any]] = {}
    for path, wanted in by_path.items():
        taken = read_parquet(path).take([pick.row for pick in wanted]).to_pylist()
        rows.update(zip(wanted, taken, strict=True))
    return [rows[pick] for pick in picks]
