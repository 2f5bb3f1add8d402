"""A block of the training order: its rows of tokens, and what each row holds of which document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mixtures.epochs import ShardSlice, TokenStream
from mixtures.interleave import Interleave
from mixtures.rows import RowPieces, cut_rows

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]

# One line for each piece of a document in a row: `document` is the ordinal in the source's token shard
# `shard`, whose provenance names it; `start` and `stop` are tokens of the document, `offset` is where the
# piece begins in the row.
ROW_PIECES = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("offset", pa.int64()),
        pa.field("source", pa.string()),
        pa.field("epoch", pa.int64()),
        pa.field("shard", pa.int64()),
        pa.field("document", pa.int64()),
        pa.field("start", pa.int64()),
        pa.field("stop", pa.int64()),
    ]
)


class TokenShards(Protocol):
    """The token shards of one source, as they lie."""

    def lengths(self, shard: int) -> npt.NDArray[np.integer[Any]]:
        """Tokens of each document of a shard."""
        ...

    def tokens(self, shard: int, start: int, stop: int) -> Array:
        """Tokens `start` to `stop` of a shard."""
        ...


class TrainingShard(NamedTuple):
    """Rows of the training order, all tokens in a row, and their pieces (ROW_PIECES) by row and offset."""

    tokens: Array
    pieces: pa.Table


def training_shard(
    order: Interleave,
    streams: Mapping[str, TokenStream],
    shards: Mapping[str, TokenShards],
    block: tuple[int, int],
    *,
    sequence_length: int,
    dtype: npt.DTypeLike,
) -> TrainingShard:
    """Fill rows block[0] to block[1] of `order`, each from its source's stream.

    In memory: the block, and one slice of one token shard (of a later epoch, whose documents are permuted,
    the whole shard).
    """
    start, stop = block
    sources, ordinals = order.block(start, stop)
    flat = np.empty((stop - start) * sequence_length, dtype)
    tables = [ROW_PIECES.empty_table()]
    for number, source in enumerate(order.schedule.sources):
        rows = np.flatnonzero(sources == number)
        if not len(rows):
            continue
        first = int(ordinals[rows[0]])
        position = first * sequence_length
        for part in streams[source].slices(position, position + len(rows) * sequence_length):
            pieces = streams[source].pieces(part, shards[source].lengths(part.shard))
            cut = cut_rows(pieces, position, sequence_length)
            own = rows[cut.rows - first]
            _place(flat, own * sequence_length + cut.offsets, shards[source], part, cut)
            tables.append(_table(source, part, own + start, cut))
            position += part.stop - part.start
    pieces_table = pa.concat_tables(tables).sort_by([("row", "ascending"), ("offset", "ascending")])
    return TrainingShard(flat, pieces_table)


def _place(flat: Array, targets: IntArray, shards: TokenShards, part: ShardSlice, cut: RowPieces) -> None:
    """Copy each piece of a slice to where it belongs in the block.

    A first epoch reads a shard as it lies, so the slice is one run of it; a later one reads here and there.
    """
    lengths = shards.lengths(part.shard).astype(np.int64)
    ends = np.cumsum(lengths)
    first, last = (part.start, part.stop) if part.epoch == 0 else (0, int(ends[-1]))
    tokens = shards.tokens(part.shard, first, last)
    begins = (ends - lengths)[cut.documents] + cut.starts - first
    sizes = cut.stops - cut.starts
    for target, begin, size in zip(targets.tolist(), begins.tolist(), sizes.tolist(), strict=True):
        flat[target : target + size] = tokens[begin : begin + size]


def _table(source: str, part: ShardSlice, rows: IntArray, cut: RowPieces) -> pa.Table:
    count = len(rows)
    return pa.table(
        {
            "row": rows,
            "offset": cut.offsets,
            "source": pa.repeat(source, count),
            "epoch": np.full(count, part.epoch),
            "shard": np.full(count, part.shard),
            "document": cut.documents,
            "start": cut.starts,
            "stop": cut.stops,
        },
        schema=ROW_PIECES,
    )
