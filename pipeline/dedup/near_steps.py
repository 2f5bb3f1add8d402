"""The steps from fingerprints to verified pairs and their components: who meets, who is alike, who belongs
together.

    MeetPoints: points > pairs           ComparePairs: pairs > edges, members, ends
    stars: ends > ends                   AttachLabels: ends, edges, members > edges, members

A table is keyed by what meets next: points by band or shingle, pairs and ends by a document, edges and
members by a document and then by the label of their component. Documents are numbers as in
`pipeline.dedup.near_sets`; their choice moves no decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from filters.shingles import mix
from pipeline.dedup.bands import candidate_pairs, worth_comparing
from pipeline.dedup.components import both_ways, contract, large_star, small_star
from pipeline.dedup.exchange import Slot, read_slots
from pipeline.dedup.meeting import Part, Step, Tables
from pipeline.dedup.near_sets import Fingerprints
from pipeline.dedup.near_stage import POINTS, SAMPLED, NearDuplicates
from pipeline.dedup.rounds import Array, bucket_slice, keyed
from pipeline.files import join
from pipeline.packed import PackedFile, read_packed

POINT = np.dtype([("key", "<u8"), ("set", "<u8"), ("document", "<u8"), ("sampled", "<u4")])
PAIR = np.dtype(
    [
        ("key", "<u8"),
        ("first", "<u8"),
        ("second", "<u8"),
        ("bands", "<u4"),
        ("shared", "<u4"),
        ("first_sampled", "<u4"),
        ("second_sampled", "<u4"),
        ("copy", "?"),
    ]
)
EDGE = np.dtype([("key", "<u8"), ("first", "<u8"), ("second", "<u8"), ("similarity", "<f8"), ("copy", "?")])
MEMBER = np.dtype(
    [
        ("key", "<u8"),
        ("document", "<u8"),
        ("quality", "<f8"),
        ("bytes", "<i8"),
        ("id_high", "<u8"),
        ("id_low", "<u8"),
    ]
)
END = np.dtype([("key", "<u8"), ("document", "<u8"), ("neighbour", "<u8")])


@dataclass(frozen=True)
class MeetPoints(Step):
    """Pairs of documents that share a band, or a sampled shingle; of equal shingle sets one meets others."""

    takes = (POINTS,)

    def entries(self, out: str, part: Part, place: tuple[int, int]) -> Tables:
        """The points of a batch's rows that earlier rounds left."""
        with PackedFile(join(out, part.path)) as file:
            points = file.read(f"{POINTS}.entries", *bucket_slice(file, POINTS, *place))
        lost = np.zeros(part.rows, bool)
        for path, _ in part.earlier:
            lost[read_packed(join(out, path))["removals"]["row"]] = True
        points = points[~lost[points["row"]]]
        found = np.zeros(len(points), POINT)
        for name in ("key", "set", "sampled"):
            found[name] = points[name]
        found["document"] = points["row"].astype(np.uint64) | np.uint64(part.number) << np.uint64(32)
        return {POINTS: found}

    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """Pairs, keyed by their second document; the facts count those of crowded keys left out."""
        points = tables.get(POINTS, np.zeros(0, POINT))
        points = points[np.lexsort((points["document"], points["set"]))]
        begins = _begins(points["set"])
        sets, stands_for = points["set"][begins], points["document"][begins]
        sampled = points["sampled"][begins]
        copies = _copies(points, stands_for[np.cumsum(begins) - 1])
        found, not_compared = [copies], {}
        for name, kind in (("bands", 0), ("shared", 1)):
            chosen = points[(points["key"] & SAMPLED) == kind]
            met = candidate_pairs(*_once(chosen["key"], chosen["set"]))
            left, right = np.searchsorted(sets, met.first), np.searchsorted(sets, met.second)
            pairs = np.zeros(len(left), PAIR)
            pairs["first"], pairs["second"], pairs[name] = stands_for[left], stands_for[right], met.shared
            pairs["first_sampled"], pairs["second_sampled"] = sampled[left], sampled[right]
            found.append(pairs)
            not_compared[name] = met.not_compared
        every = np.concatenate(found)
        every["key"] = mix(every["second"].copy())
        return keyed("pairs", every), {"points": len(points), "pairs": len(every), "left_out": not_compared}


def _copies(points: Array, stands_for: Array) -> Array:
    """A pair for each document whose shingle set another one stands for."""
    copy = (points["document"] != stands_for) & ((points["key"] & SAMPLED) == 0)
    second, at = np.unique(points["document"][copy], return_index=True)
    pairs = np.zeros(len(second), PAIR)
    pairs["first"], pairs["second"], pairs["copy"] = stands_for[copy][at], second, True
    return pairs


@dataclass(frozen=True)
class ComparePairs(Step):
    """Candidates, each once, compared by the shingle hashes that both left; what is alike becomes an edge."""

    stage: NearDuplicates
    slots: str
    takes = ("pairs",)

    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """Edges keyed by their first document, members by themselves, and the ends of as few edges as join
        the same documents."""
        pairs = _merged(tables.get("pairs", np.zeros(0, PAIR)))
        chosen = pairs["copy"] | (pairs["bands"] > 0)
        if self.stage.measure != "jaccard":
            chosen |= worth_comparing(
                pairs["shared"].astype(np.int64),
                pairs["first_sampled"].astype(np.int64),
                pairs["second_sampled"].astype(np.int64),
                self.stage.threshold,
            )
        pairs = pairs[chosen]
        fingerprints = Fingerprints(out, read_numbered(out, self.slots))
        edges = np.zeros(len(pairs), EDGE)
        for name in ("first", "second", "copy"):
            edges[name] = pairs[name]
        edges["similarity"] = 1.0
        compared = np.flatnonzero(~pairs["copy"])
        alike = np.ones(len(pairs), bool)
        if self.stage.verify == "none":
            edges["similarity"][compared] = np.nan
        else:
            both = (pairs["first"][compared].copy(), pairs["second"][compared].copy())
            edges["similarity"][compared] = fingerprints.similarities(both, self.stage)
            alike[compared] = edges["similarity"][compared] >= self.stage.threshold
        edges = edges[alike]
        edges["key"] = mix(edges["first"].copy())
        facts = {"compared": len(compared), "alike": int(alike[compared].sum())}
        first, second = edges["first"].copy(), edges["second"].copy()
        joins = contract(first, second)
        tables = keyed("edges", edges) | keyed("members", _members(fingerprints, first, second))
        return tables | keyed("ends", ends(*joins)), facts | {"joins": len(joins[0])}


def read_numbered(out: str, path: str) -> dict[int, Slot]:
    """A party's batches by number."""
    return {slot.number: slot for slot in read_slots(out, path, "")}


def _merged(pairs: Array) -> Array:
    """Each pair once, with all it shares in any bucket."""
    pairs = pairs[np.lexsort((pairs["second"], pairs["first"]))]
    begins = np.flatnonzero(_begins(pairs["first"]) | _begins(pairs["second"]))
    merged = pairs[begins]
    if len(merged):
        for name in ("bands", "shared"):
            merged[name] = np.add.reduceat(pairs[name], begins)
        merged["copy"] = np.logical_or.reduceat(pairs["copy"], begins)
    return merged


def _members(fingerprints: Fingerprints, first: Array, second: Array) -> Array:
    documents = np.unique(np.concatenate([first, second]))
    members = np.zeros(len(documents), MEMBER)
    members["key"], members["document"] = mix(documents), documents
    nodes = fingerprints.nodes(documents)
    for name in ("quality", "bytes", "id_high", "id_low"):
        members[name] = nodes[name]
    return members


def ends(first: Array, second: Array) -> Array:
    """Edges seen from both ends, keyed by the document at the end."""
    document, neighbour = both_ways(first, second)
    found = np.zeros(len(document), END)
    found["key"], found["document"], found["neighbour"] = mix(document), document, neighbour
    return found


@dataclass(frozen=True)
class Star(Step):
    """One round of stars. The facts describe the graph it was given, so that the run sees when it is done."""

    large: bool
    takes = ("ends",)

    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """The ends of the edges that the round leaves."""
        found = tables.get("ends", np.zeros(0, END))
        document, neighbour = _once(found["document"], found["neighbour"])
        up = document < neighbour
        mark = mix(mix(document[up]) + neighbour[up])
        joined = (large_star if self.large else small_star)(document, neighbour)
        facts = {"edges": int(up.sum()), "mark": str(int(mark.sum(dtype=np.uint64)))}
        return keyed("ends", ends(*joined)), facts


@dataclass(frozen=True)
class AttachLabels(Step):
    """Edges and members under the label of their component, its smallest document.

    Its `ends` are stars: a document's smallest neighbour, or itself, is its label.
    """

    takes = ("ends", "edges", "members")

    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """Edges and members, keyed by their label."""
        found = tables.get("ends", np.zeros(0, END))
        order = np.argsort(found["document"], kind="stable")
        found = found[order]
        starts = np.flatnonzero(_begins(found["document"]))
        documents = found["document"][starts]
        labels = documents
        if len(starts):
            labels = np.minimum(documents, np.minimum.reduceat(found["neighbour"], starts))
        edges = tables.get("edges", np.zeros(0, EDGE)).copy()
        edges["key"] = mix(labels[np.searchsorted(documents, edges["first"])])
        members = tables.get("members", np.zeros(0, MEMBER))
        _, once = np.unique(members["document"], return_index=True)
        members = members[once]
        members["key"] = mix(labels[np.searchsorted(documents, members["document"])])
        return keyed("edges", edges) | keyed("members", members), {"members": len(members)}


def _once(first: Array, second: Array) -> tuple[Array, Array]:
    """Each pair of values once, sorted."""
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    begins = _begins(first) | _begins(second)
    return first[begins], second[begins]


def _begins(values: Array) -> Array:
    begins = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=begins[1:])
    return begins
