"""A source as an endless stream of tokens: its shards as they lie, then again and again in other orders.

The first epoch reads shards and documents as they lie, which is the order of a hash of the document id, so a
smaller budget reads a prefix of what a larger one reads, whatever the seed. Later epochs take the shards, and
the documents inside a shard, in an order of their own: one shard is in memory at a time. The last epoch of a
budget is the beginning of its order, cut at the exact token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mixtures.hashes import key_of, permutation

IntArray = npt.NDArray[np.int64]


def shard_order(shards: int, seed: int, source: str, epoch: int) -> IntArray:
    """The order in which `epoch` (from 0) reads the shards of `source`."""
    if epoch == 0:
        return np.arange(shards, dtype=np.int64)
    return permutation(key_of("shards", seed, source, epoch), shards)


def document_order(documents: int, seed: int, source: str, epoch: int, shard: int) -> IntArray:
    """The order in which `epoch` (from 0) reads the documents of one shard."""
    if epoch == 0:
        return np.arange(documents, dtype=np.int64)
    return permutation(key_of("documents", seed, source, epoch, shard), documents)


class ShardSlice(NamedTuple):
    """Tokens `start` to `stop` of one shard, counted in that epoch's order of its documents."""

    epoch: int
    shard: int
    start: int
    stop: int


class Pieces(NamedTuple):
    """Parts of documents in reading order: ordinals in the shard, and first and last (exclusive) token inside
    each.
    """

    documents: IntArray
    starts: IntArray
    stops: IntArray


@dataclass(frozen=True)
class TokenStream:
    """The endless stream of one source; `shard_tokens` holds the tokens of each of its shards."""

    source: str
    seed: int
    shard_tokens: tuple[int, ...]

    @property
    def epoch_tokens(self) -> int:
        """Tokens in one epoch."""
        return sum(self.shard_tokens)

    def slices(self, start: int, stop: int) -> Iterator[ShardSlice]:
        """The slices of shards that make tokens `start` to `stop` of the stream, in order."""
        position = start
        while position < stop:
            epoch, inside = divmod(position, self.epoch_tokens)
            order, ends = _layout(self, epoch)
            place = int(np.searchsorted(ends, inside, side="right"))
            shard = int(order[place])
            first = inside - (int(ends[place]) - self.shard_tokens[shard])
            last = min(self.shard_tokens[shard], first + stop - position)
            yield ShardSlice(epoch, shard, first, last)
            position += last - first

    def pieces(self, part: ShardSlice, lengths: npt.NDArray[np.integer]) -> Pieces:
        """The documents behind one slice, from the `lengths` in tokens of all documents of its shard."""
        order = document_order(len(lengths), self.seed, self.source, part.epoch, part.shard)
        ends = np.cumsum(lengths[order], dtype=np.int64)
        first = int(np.searchsorted(ends, part.start, side="right"))
        last = int(np.searchsorted(ends, part.stop, side="left")) + 1
        documents = order[first:last]
        begins = ends[first:last] - lengths[documents]
        starts = np.maximum(part.start - begins, 0)
        stops = np.minimum(part.stop - begins, lengths[documents])
        filled = starts < stops
        return Pieces(documents[filled], starts[filled], stops[filled])

    def readings(
        self, shard: int, document: int, lengths: npt.NDArray[np.integer], tokens: int
    ) -> list[tuple[int, int, int]]:
        """When the first `tokens` tokens of the stream read a document: (epoch, first token, last exclusive).

        `lengths` are the tokens of all documents of its shard; the last reading may be cut, but is not empty.
        """
        found = []
        for epoch in range(-(-tokens // self.epoch_tokens)):
            order, ends = _layout(self, epoch)
            place = int(np.flatnonzero(order == shard)[0])
            documents = document_order(len(lengths), self.seed, self.source, epoch, shard)
            before = documents[: int(np.flatnonzero(documents == document)[0])]
            start = epoch * self.epoch_tokens + int(ends[place]) - self.shard_tokens[shard]
            start += int(lengths[before].sum(dtype=np.int64))
            if start < tokens:
                found.append((epoch, start, min(start + int(lengths[document]), tokens)))
        return found


@lru_cache(maxsize=64)
def _layout(stream: TokenStream, epoch: int) -> tuple[IntArray, IntArray]:
    """The order of shards in one epoch, and where each ends, in tokens from the epoch's start."""
    order = shard_order(len(stream.shard_tokens), stream.seed, stream.source, epoch)
    return order, np.cumsum(np.array(stream.shard_tokens, np.int64)[order])
