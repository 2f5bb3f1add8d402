"""What another threshold would change, at a few dozen places along a score."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.look.fates import KEPT
from pipeline.report.survey import HERE, RuleView

POSITIONS = 40


@dataclass(frozen=True)
class Move:
    """A threshold: kept documents that it would drop, and documents dropped by the rule that would pass."""

    threshold: float
    lost: int
    freed: int


def moves(view: RuleView) -> list[Move]:
    """The changes at thresholds spread evenly over the documents that have the score, upwards.

    Where only what was dropped has its value recorded, they end at the present threshold.
    """
    edges = view.spread.edges()
    limit = view.limit
    if limit is None or not edges:
        return []
    total, seen, chosen = view.spread.total(), 0, {edges[0], edges[-1]}
    for edge in edges:
        before = seen * POSITIONS // total
        seen += sum(bins[edge] for bins in view.spread.counts.values())
        if seen * POSITIONS // total > before:
            chosen.add(edge)
    kept = view.spread.total(KEPT)
    at_limit = Move(limit, 0, 0)
    found = [
        Move(edge, kept - view.spread.passing(KEPT, edge), view.spread.passing(HERE, edge))
        for edge in sorted(chosen)
        if edge != limit
    ]
    return sorted([*found, at_limit], key=lambda move: move.threshold)
