"""One token shard from its range of the hash order: the slices of all token files, merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.packed import PackedFile
from tokenizer.holdout import below
from tokenizer.tokens_file import KEYS, Slice, read_slice, read_tokens

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

MIN_DOCUMENTS = 16  # expected in a shard; by chance, one of ten million such shards has none

# What lies beside each shard: where each document is in it, and where it came from.
PROVENANCE = pa.schema(
    [
        pa.field("document", pa.int64()),
        pa.field("start", pa.int64()),
        pa.field("end", pa.int64()),
        pa.field("id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("url", pa.string()),
        pa.field("input", pa.string()),
        pa.field("tokens", pa.int64()),
    ]
)


class KeyRange(NamedTuple):
    """The documents of one shard: first <= order key < stop, on one side of the holdout's threshold."""

    first: int
    stop: int
    threshold: int
    held_out: bool


class Shard(NamedTuple):
    """The tokens of a shard in order, the number of tokens of each document, and its provenance table."""

    tokens: Array
    lengths: Ints
    provenance: pa.Table


def key_ranges(tokens: int, documents: int, shard_tokens: int) -> list[tuple[int, int]]:
    """Cut the order into ranges of equal width, of about `shard_tokens` tokens each.

    Keys are hashes, so equal widths hold about equal tokens once there are some documents in each: ranges are
    wider where MIN_DOCUMENTS ask for it. Concatenated, the shards are the hash order, however many there are.
    """
    shards = max(min(-(-tokens // shard_tokens), documents // MIN_DOCUMENTS), 1)
    return list(pairwise(number * KEYS // shards for number in range(shards + 1)))


def assemble(
    paths: Sequence[str],
    source: str,
    span: KeyRange,
    dtype: npt.DTypeLike,
    open_packed: Callable[[str], PackedFile] = PackedFile,
) -> Shard:
    """Merge what the token files at `paths` hold of one range, by (order key, id).

    Each file is opened twice: its documents decide every place first, then its tokens go straight there, so
    that one shard and one slice are in memory, never the shard twice.
    """
    slices = []
    for path in paths:
        with open_packed(path) as file:
            part = read_slice(file, span.first, span.stop)
        slices.append(part.select(below(part.holdout, span.threshold) == span.held_out))
    keys = np.concatenate([part.keys for part in slices] or [np.zeros(0, np.uint64)])
    ids = np.concatenate([part.ids for part in slices] or [np.zeros(0, "S32")])
    lengths = np.concatenate([part.lengths for part in slices] or [np.zeros(0, np.int64)])
    order = np.lexsort((ids, keys))
    ends = np.cumsum(lengths[order])
    places = np.empty(len(order), np.int64)
    places[order] = ends - lengths[order]
    tokens = np.empty(int(lengths.sum()), dtype)
    done = 0
    for path, part in zip(paths, slices, strict=True):
        if len(part.keys):
            with open_packed(path) as file:
                own = read_tokens(file, part)
            _place(tokens, places[done : done + len(part.keys)], own, part.lengths)
            done += len(part.keys)
    return Shard(tokens, lengths[order], _provenance(slices, source, order, ends))


def _place(tokens: Array, places: Ints, own: Array, lengths: Ints) -> None:
    """Copy documents that lie one behind the other in `own` to their places in the shard."""
    begins = np.cumsum(lengths) - lengths
    for place, begin, length in zip(places.tolist(), begins.tolist(), lengths.tolist(), strict=True):
        tokens[place : place + length] = own[begin : begin + length]


def _provenance(slices: Sequence[Slice], source: str, order: Ints, ends: Ints) -> pa.Table:
    urls = [url for part in slices for url in part.urls]
    inputs = [part.input for part in slices for _ in part.urls]
    ids = [name.decode() for part in slices for name in part.ids.tolist()]
    rows = order.tolist()
    starts = np.append(0, ends[:-1])[: len(rows)]
    return pa.table(
        {
            "document": np.arange(len(rows)),
            "start": starts,
            "end": ends,
            "id": [ids[row] for row in rows],
            "source": [source] * len(rows),
            "url": [urls[row] for row in rows],
            "input": [inputs[row] for row in rows],
            "tokens": ends - starts,
        },
        schema=PROVENANCE,
    )
