"""Shingle hashes and facts of documents, read from the fingerprint files of their batches as they are wanted.

A document is (number of its batch << 32 | row). What is held at a time is bounded by `SET_BYTES` and by the
two documents of one pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from filters.shingles import Shingles
from pipeline.dedup.exchange import Slot
from pipeline.dedup.near_stage import HASHES, NODE, NODES, NearDuplicates
from pipeline.dedup.rounds import Array
from pipeline.dedup.verify import sampled_similarity, similarity
from pipeline.files import join
from pipeline.packed import PackedFile

# Hashes of so many bytes are compared at a time.
SET_BYTES = 64 << 20
_ROW = np.uint64(0xFFFFFFFF)
_BATCH = np.uint64(32)


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprint files of a party's batches, by number."""

    out: str
    slots: dict[int, Slot]

    def nodes(self, documents: Array) -> Array:
        """The node of each document; `documents` sorted."""
        nodes = np.zeros(len(documents), NODE)
        for number, start, stop in _by_batch(documents):
            rows = (documents[start:stop] & _ROW).astype(np.int64)
            with PackedFile(join(self.out, self.slots[number].fingerprint)) as file:
                nodes[start:stop] = file.read(NODES, int(rows[0]), int(rows[-1]) + 1)[rows - rows[0]]
        return nodes

    def sets(self, documents: Array, nodes: Array) -> Shingles:
        """The kept hashes of each document; `documents` sorted, `nodes` theirs."""
        found = [np.zeros(0, np.uint64)]
        for number, start, stop in _by_batch(documents):
            with PackedFile(join(self.out, self.slots[number].fingerprint)) as file:
                for node in nodes[start:stop]:
                    first = int(node["start"])
                    found.append(file.read(HASHES, first, first + int(node["kept"])))
        starts = np.concatenate([[0], np.cumsum(nodes["kept"].astype(np.int64))])
        return Shingles(np.concatenate(found), starts)

    def similarities(self, pairs: tuple[Array, Array], stage: NearDuplicates) -> Array:
        """The similarity of pairs of documents by the stage's measure: 0 where sizes alone rule them out."""
        first, second = pairs
        documents = np.unique(np.concatenate(pairs))
        nodes = self.nodes(documents)
        left, right = np.searchsorted(documents, first), np.searchsorted(documents, second)
        found = np.zeros(len(first))
        sizes = nodes["size"].astype(np.float64)
        possible = np.ones(len(first), bool)
        if stage.measure == "jaccard":
            smaller, larger = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
            possible = smaller >= stage.threshold * larger
        order = np.flatnonzero(possible)
        order = order[np.lexsort((right[order], left[order]))]
        for chunk in _chunks(order, left, right, nodes["kept"].astype(np.int64) * 8):
            wanted = np.unique(np.concatenate([left[chunk], right[chunk]]))
            sets = self.sets(documents[wanted], nodes[wanted])
            one, other = np.searchsorted(wanted, left[chunk]), np.searchsorted(wanted, right[chunk])
            if stage.verify == "sampled":
                compared = sampled_similarity(sets, nodes["size"][wanted].astype(np.int64), one, other)
            else:
                compared = similarity(sets, one, other)
            found[chunk] = compared.jaccard if stage.measure == "jaccard" else compared.containment
        return found


def _by_batch(documents: Array) -> Iterator[tuple[int, int, int]]:
    """The batch numbers of sorted documents, and the range of each."""
    numbers, starts = np.unique(documents >> _BATCH, return_index=True)
    stops = np.append(starts, len(documents))[1:]
    yield from zip(numbers.tolist(), starts.tolist(), stops.tolist(), strict=True)


def _chunks(order: Array, left: Array, right: Array, sizes: Array) -> Iterator[Array]:
    """Cut pairs, in their order, where the documents met so far hold `SET_BYTES` of hashes."""
    start, held, seen = 0, 0, set[int]()
    for place, (one, other) in enumerate(zip(left[order].tolist(), right[order].tolist(), strict=True)):
        new = {one, other} - seen
        size = sum(int(sizes[document]) for document in new)
        if held + size > SET_BYTES and place > start:
            yield order[start:place]
            start, held, seen = place, 0, set()
            new = {one, other}
            size = sum(int(sizes[document]) for document in new)
        seen |= new
        held += size
    if start < len(order):
        yield order[start:]
