"""The encoded documents of one batch, in hash order, laid out so that any range of the order is read alone.

Arrays of the packed file, one element a document unless said otherwise, sorted by (key, id):
    key      uint64  the order key: xxh3_64 of the id, so no seed and no mixture moves a document
    id       S32     the document's id
    holdout  uint64  the hash that decides whether it is set apart (tokenizer.holdout)
    end      int64   where its tokens end in `tokens`
    url_end  int64   where its url ends in `urls`
    index    uint32  2^INDEX_BITS + 1 elements: the first document whose key's top bits are i or more
    tokens   uint16 or int32, all tokens, [BOS] ids [EOS] of one document after the other
    urls     uint8   all urls, UTF-8
    input    uint8   the name of the input file that all of them came from, UTF-8
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from pipeline.packed import PackedFile
from tokenizer.holdout import holdout_keys
from tokenizer.words import gather

INDEX_BITS = 10
KEYS = 1 << 64

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoded:
    """The documents of one batch as they were encoded: ids, urls, tokens in a row, number of tokens of each.

    `clusters` holds for each what decides its side of a holdout: the label of its cluster, else its own id.
    """

    ids: Sequence[str]
    clusters: Sequence[str | None]
    urls: Sequence[str]
    input: str
    tokens: Array
    lengths: Ints


def order_keys(ids: Sequence[str]) -> npt.NDArray[np.uint64]:
    """The place of each document in the hash order."""
    return np.array([xxhash.xxh3_64_intdigest(name.encode()) for name in ids], np.uint64)


def tokens_file(batch: Encoded) -> dict[str, Array]:
    """The arrays of a batch's token file, by name, in the order to pack them."""
    keys = order_keys(batch.ids)
    ids = np.array([name.encode() for name in batch.ids], "S32")
    order = np.lexsort((ids, keys))
    starts = np.cumsum(batch.lengths) - batch.lengths
    urls = [batch.urls[row].encode() for row in order.tolist()]
    return {
        "key": keys[order],
        "id": ids[order],
        "holdout": holdout_keys(batch.clusters)[order],
        "end": np.cumsum(batch.lengths[order]),
        "url_end": np.cumsum(np.array([len(url) for url in urls], np.int64)),
        "index": _index(keys[order]),
        "tokens": gather(batch.tokens, starts[order], batch.lengths[order]),
        "urls": np.frombuffer(b"".join(urls), np.uint8),
        "input": np.frombuffer(batch.input.encode(), np.uint8),
    }


def _index(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    tops = np.arange(1 << INDEX_BITS, dtype=np.uint64) << np.uint64(64 - INDEX_BITS)
    return np.append(np.searchsorted(keys, tops), len(keys)).astype(np.uint32)


@dataclass(frozen=True)
class Slice:
    """The documents of one file within a range of keys, without their tokens; `starts` are places in
    `tokens`.
    """

    keys: npt.NDArray[np.uint64]
    ids: Array
    holdout: npt.NDArray[np.uint64]
    starts: Ints
    lengths: Ints
    urls: list[str]
    input: str

    def select(self, chosen: npt.NDArray[np.bool_]) -> Slice:
        """The documents where `chosen` is true."""
        return Slice(
            self.keys[chosen],
            self.ids[chosen],
            self.holdout[chosen],
            self.starts[chosen],
            self.lengths[chosen],
            [url for url, keep in zip(self.urls, chosen.tolist(), strict=True) if keep],
            self.input,
        )


def read_slice(file: PackedFile, first: int, stop: int) -> Slice:
    """The documents of `file` with first <= key < stop, both in 0 to 2^64."""
    shift = 64 - INDEX_BITS
    low = int(file.read("index", first >> shift, (first >> shift) + 1)[0])
    top = -(-stop >> shift)
    high = int(file.read("index", top, top + 1)[0])
    keys = file.read("key", low, high)
    start = low + int(np.searchsorted(keys, np.uint64(first)))
    end = low + int(np.searchsorted(keys, np.uint64(stop - 1), side="right"))
    ends, starts = _ends(file, "end", start, end)
    url_ends, url_starts = _ends(file, "url_end", start, end)
    base = int(url_starts[0]) if end > start else 0
    urls = file.read("urls", base, int(url_ends[-1]) if end > start else 0).tobytes()
    return Slice(
        keys[start - low : end - low],
        file.read("id", start, end),
        file.read("holdout", start, end),
        starts,
        ends - starts,
        [
            urls[a - base : b - base].decode()
            for a, b in zip(url_starts.tolist(), url_ends.tolist(), strict=True)
        ],
        file.read("input").tobytes().decode(),
    )


def _ends(file: PackedFile, name: str, start: int, end: int) -> tuple[Ints, Ints]:
    """Ends and starts of elements `start` to `end` of an array of running ends."""
    before = max(start - 1, 0)
    edges = file.read(name, before, end)
    if start == 0:
        edges = np.insert(edges, 0, 0)
    return edges[1:], edges[:-1]


def read_tokens(file: PackedFile, part: Slice) -> Array:
    """The tokens of all documents of `part`, one document after the other, neighbours read at once."""
    if not len(part.starts):
        return file.read("tokens", 0, 0)
    ends = part.starts + part.lengths
    breaks = np.flatnonzero(part.starts[1:] != ends[:-1]) + 1
    firsts = part.starts[np.append(0, breaks)].tolist()
    lasts = ends[np.append(breaks - 1, len(ends) - 1)].tolist()
    return np.concatenate([file.read("tokens", a, b) for a, b in zip(firsts, lasts, strict=True)])
