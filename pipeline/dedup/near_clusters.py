"""The last step of near-duplicates: in each component, in survivor order, who stays and who goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.dedup.bands import candidate_pairs
from pipeline.dedup.components import components, survivors
from pipeline.dedup.exchange import Slot
from pipeline.dedup.meeting import Step, Tables
from pipeline.dedup.near_sets import Fingerprints
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.near_steps import EDGE, MEMBER, read_numbered
from pipeline.dedup.rounds import Array

# A member of a cluster: whether it is kept, else the kept document it lost to, their similarity, and the pair
# that was compared (of equal shingle sets one stands for all); `cluster` is the id of the cluster's best
# member, `shared` whether the cluster has members of several sources.
VERDICT = np.dtype(
    [("row", "<u4"), ("kept", "?"), ("shared", "?"), ("similarity", "<f8"), ("threshold", "<f8")]
    + [
        (f"{name}_{half}", "<u8")
        for name in ("id", "survivor", "one", "other", "cluster")
        for half in ("high", "low")
    ]
)


@dataclass(frozen=True)
class DecideClusters(Step):
    """Members compared with the best of their component too, then dropped where a kept one is alike."""

    stage: NearDuplicates
    slots: str
    takes = ("edges", "members")

    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """The bucket's answer, in the form of `pipeline.dedup.exchange.ResolveBucket`'s."""
        members = tables.get("members", np.zeros(0, MEMBER))
        edges = tables.get("edges", np.zeros(0, EDGE))
        slots = read_numbered(out, self.slots)
        members = members[_survivor_order(members, slots)]
        rank = _Ranks(members["document"].copy())
        first, second = rank.of(edges["first"]), rank.of(edges["second"])
        stands_for = _stands_for(len(members), first[edges["copy"]], second[edges["copy"]])
        near = ~edges["copy"]
        first, second = stands_for[first[near]], stands_for[second[near]]
        similarity = edges["similarity"][near]
        cluster = np.unique(members["key"], return_inverse=True)[1].ravel()
        facts: dict[str, Any] = {"compared_again": 0, "alike_again": 0}
        if self.stage.verify != "none":
            sets = np.flatnonzero(stands_for == np.arange(len(members)))
            again = candidate_pairs(cluster[sets], sets.astype(np.uint64))
            met = _pair_keys(first, second)
            new = ~np.isin(_pair_keys(again.first.astype(np.int64), again.second.astype(np.int64)), met)
            one, other = again.first[new].astype(np.int64), again.second[new].astype(np.int64)
            both = (members["document"][one], members["document"][other])
            found = Fingerprints(out, slots).similarities(both, self.stage)
            alike = found >= self.stage.threshold
            first, second = np.concatenate([first, one[alike]]), np.concatenate([second, other[alike]])
            similarity = np.concatenate([similarity, found[alike]])
            facts = {"compared_again": len(one), "alike_again": int(alike.sum())}
        drops = survivors(first.astype(np.uint64), second.astype(np.uint64))
        verdicts = _verdicts(members, stands_for, drops.document.astype(np.int64))
        lost, to = drops.document.astype(np.int64), drops.survivor.astype(np.int64)
        _fill(verdicts, members, lost, to, (lost, to))
        copies = np.flatnonzero(stands_for != np.arange(len(members)))
        of = stands_for[copies]
        # A copy loses to what its set lost to, or to the one that stands for it.
        final, value = np.arange(len(members)), np.ones(len(members))
        final[lost], value[lost] = to, similarity[drops.edge]
        one = np.where(final[of] == of, copies, of)
        _fill(verdicts, members, copies, final[of], (one, final[of]))
        verdicts["similarity"][lost], verdicts["similarity"][copies] = value[lost], value[of]
        numbers = (members["document"] >> np.uint64(32)).astype(np.int64)
        _clusters(verdicts, members, cluster, np.array([slots[n].source for n in numbers.tolist()], object))
        verdicts["row"] = members["document"] & np.uint64(0xFFFFFFFF)
        verdicts["threshold"] = self.stage.threshold
        order = np.argsort(numbers, kind="stable")
        found_numbers, starts = np.unique(numbers[order], return_index=True)
        answer: Tables = {
            "numbers": found_numbers.astype(np.uint32),
            "starts": np.append(starts, len(order)).astype(np.uint64),
            "removals": verdicts[order],
        }
        return answer, facts


class _Ranks:
    """The place of documents in survivor order."""

    def __init__(self, documents: Array) -> None:
        self._order = np.argsort(documents)
        self._sorted = documents[self._order]

    def of(self, documents: Array) -> Array:
        return self._order[np.searchsorted(self._sorted, documents)]


def _survivor_order(members: Array, slots: dict[int, Slot]) -> Array:
    """By the source's place in the config, the quality column, length, id."""
    numbers = (members["document"] >> np.uint64(32)).tolist()
    priority = np.array([slots[number].priority for number in numbers], np.int64)
    columns = (members["id_low"], members["id_high"], -members["bytes"], -members["quality"], priority)
    return np.lexsort(columns)


def _stands_for(count: int, first: Array, second: Array) -> Array:
    """For each rank the best rank of an equal shingle set."""
    stands_for = np.arange(count)
    ranks, best = components(first.astype(np.uint64), second.astype(np.uint64))
    stands_for[ranks.astype(np.int64)] = best.astype(np.int64)
    return stands_for


def _pair_keys(first: Array, second: Array) -> Array:
    return np.minimum(first, second) << 32 | np.maximum(first, second)


def _verdicts(members: Array, stands_for: Array, lost: Array) -> Array:
    verdicts = np.zeros(len(members), VERDICT)
    verdicts["kept"] = stands_for == np.arange(len(members))
    verdicts["kept"][lost] = False
    verdicts["similarity"] = np.nan
    for half in ("high", "low"):
        verdicts[f"id_{half}"] = members[f"id_{half}"]
    return verdicts


def _fill(verdicts: Array, members: Array, lost: Array, to: Array, linked: tuple[Array, Array]) -> None:
    for half in ("high", "low"):
        ids = members[f"id_{half}"]
        verdicts[f"survivor_{half}"][lost] = ids[to]
        verdicts[f"one_{half}"][lost], verdicts[f"other_{half}"][lost] = ids[linked[0]], ids[linked[1]]


def _clusters(verdicts: Array, members: Array, cluster: Array, sources: Array) -> None:
    """Members stand in survivor order, so that the first of a cluster is its best."""
    _, first = np.unique(cluster, return_index=True)
    best = first[cluster]
    for half in ("high", "low"):
        verdicts[f"cluster_{half}"] = members[f"id_{half}"][best]
    differs = sources != sources[best]
    several = np.zeros(len(first), bool)
    several[cluster[differs]] = True
    verdicts["shared"] = several[cluster]
