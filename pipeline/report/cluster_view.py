"""Duplicates of a source: how many clusters of which size, and the largest of them to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.look.finished import FinishedRun
from pipeline.report.survey import Names

SHOWN = 5
MEMBERS = 3
_COLUMNS = ["cluster", "member", "survivor", "rule", "similarity"]


@dataclass
class ClusterView:
    """`lost`: documents by rule. `sizes`: clusters by documents of this source that are listed in them.
    `largest`: the label and size of the largest, `members` some of the rows of each."""

    lost: Counter[str] = field(default_factory=Counter)
    clusters: Names = field(default_factory=Names)
    members: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    @property
    def largest(self) -> list[tuple[str, int]]:
        """Label and size of the largest clusters, equal ones by label."""
        return sorted(self.clusters.counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]

    @property
    def sizes(self) -> dict[str, int]:
        """Number of clusters by size, in classes that double."""
        classes: Counter[int] = Counter()
        for size in self.clusters.counts.values():
            classes[(size - 1).bit_length()] += 1
        return {_class_name(bits): classes[bits] for bits in sorted(classes)}


def _class_name(bits: int) -> str:
    first, last = (1 << bits >> 1) + 1, 1 << bits
    return str(last) if bits < 2 else f"{first:,} to {last:,}"


def cluster_view(run: FinishedRun, source: str) -> ClusterView:
    """Read the cluster tables of a source: once to count, once for members of the largest."""
    view = ClusterView()
    for _, table in run.tables("clusters", source, ["cluster", "rule"]):
        view.clusters.add(table.column("cluster"))
        for entry in pc.value_counts(table.column("rule").drop_null()).to_pylist():
            view.lost[entry["values"]] += entry["counts"]
    wanted = pa.array([label for label, _ in view.largest], pa.string())
    if len(wanted):
        for _, table in run.tables("clusters", source, _COLUMNS):
            for row in table.filter(pc.is_in(table.column("cluster"), wanted)).to_pylist():
                members = view.members.setdefault(row["cluster"], [])
                members.append(row)
                members.sort(key=lambda row: str(row["member"]))
                del members[MEMBERS:]
    return view
