"""Drawing documents of a run to look at: by rule, at random but always the same, or nearest the threshold."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
import pyarrow.compute as pc
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
            verdicts = table.column("verdict")
            rules.update(verdict for verdict in pc.unique(verdicts).to_pylist() if verdict)
            if rule != KEPT:
                covered = pc.or_(pc.equal(verdicts, rule), pc.starts_with(verdicts, f"{rule}."))
                places = np.flatnonzero(covered.fill_null(False).to_numpy())
            else:
                places = np.arange(table.num_rows)
            rows = table.take(places).to_pydict()
            found = (
                _Pick(_rank(order, seed, rows, at), rows["id"][at], path, row)
                for at, row in enumerate(places.tolist())
            )
            picks = heapq.nsmallest(count, chain(picks, found))
    if not picks:
        known = f"; rules that did: {', '.join(sorted(rules))}" if rules else ""
        raise WinnowError(f"rule {rule!r} dropped nothing{known}" if rule != KEPT else "nothing was kept")
    rows = rows_at([(pick.path, pick.row) for pick in picks])
    return [rows[pick.path, pick.row] for pick in picks]


def rows_at(
    places: Iterable[tuple[str, int]], columns: list[str] | None = None, characters: int | None = None
) -> dict[tuple[str, int], dict[str, Any]]:
    """The rows (`columns` of them, all by default) at places, each a path and a row in it.

    Each file is read once and one at a time; of texts no more than the first `characters` are kept.
    """
    by_path: dict[str, list[int]] = {}
    for path, row in places:
        by_path.setdefault(path, []).append(row)
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for path, rows in by_path.items():
        table = read_parquet(path, columns).take(rows)
        if characters is not None:
            at = table.column_names.index("text")
            table = table.set_column(at, "text", pc.utf8_slice_codeunits(table.column(at), 0, characters))
        found.update(zip([(path, row) for row in rows], table.to_pylist(), strict=True))
    return found


def _rank(order: Order, seed: int, rows: dict[str, list[Any]], row: int) -> float:
    if order == "drawn":
        return float(xxhash.xxh3_64_intdigest(f"{seed}\0{rows['id'][row]}".encode()) >> 11)
    value, threshold = rows["verdict_value"][row], rows["verdict_threshold"][row]
    if value is None or threshold is None:
        return float("inf")
    return abs(float(value) - float(threshold)) / max(abs(float(threshold)), 1e-9)
