"""A block of the training order: its rows of tokens, and what each row holds of which document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mixtures.course import Order
from mixtures.epochs import Pieces, ShardSlice, TokenStream
from mixtures.packing import pack, windows
from mixtures.rows import RowPieces, cut_rows

Array = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
Packing = Literal["concatenate", "best_fit"]

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
    order: Order,
    streams: Mapping[str, TokenStream],
    shards: Mapping[str, TokenShards],
    block: tuple[int, int],
    *,
    sequence_length: int,
    dtype: npt.DTypeLike,
    packing: Packing = "concatenate",
) -> TrainingShard:
    """Fill rows block[0] to block[1] of `order`, each from its source's stream.

    In memory: the block, and one slice of one token shard (of a later epoch, whose documents are permuted,
    the whole shard).
    """
    drawn = order.course.counts(order.rows)
    start, stop = block
    sources, ordinals = order.block(start, stop)
    flat = np.empty((stop - start) * sequence_length, dtype)
    tables = [ROW_PIECES.empty_table()]
    for number, source in enumerate(order.sources):
        rows = np.flatnonzero(sources == number)
        if not len(rows):
            continue
        first = int(ordinals[rows[0]])
        span = (first, first + len(rows))
        if packing == "best_fit":
            parts = _best_fit(streams[source], shards[source], span, drawn[source], sequence_length)
        else:
            parts = _concatenated(streams[source], shards[source], span, sequence_length)
        for part, cut in parts:
            own = rows[cut.rows - first]
            _place(flat, own * sequence_length + cut.offsets, shards[source], part, cut)
            tables.append(_table(source, part, own + start, cut))
    pieces_table = pa.concat_tables(tables).sort_by([("row", "ascending"), ("offset", "ascending")])
    return TrainingShard(flat, pieces_table)


def _concatenated(
    stream: TokenStream, shards: TokenShards, rows: tuple[int, int], length: int
) -> Iterator[tuple[ShardSlice, RowPieces]]:
    """What rows `rows[0]` to `rows[1]` of a source hold of each slice of its stream, cut where a row ends."""
    position = rows[0] * length
    for part in stream.slices(position, rows[1] * length):
        yield part, cut_rows(stream.pieces(part, shards.lengths(part.shard)), position, length)
        position += part.stop - part.start


def _best_fit(
    stream: TokenStream, shards: TokenShards, rows: tuple[int, int], drawn: int, length: int
) -> Iterator[tuple[ShardSlice, RowPieces]]:
    """What rows `rows[0]` to `rows[1]` of a source hold of each slice, packed window by window."""
    for first, stop in windows(*rows, drawn, stream.epoch_tokens, length):
        parts = list(stream.slices(first * length, stop * length))
        pieces = [stream.pieces(part, shards.lengths(part.shard)) for part in parts]
        joined = Pieces(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))
        packed = pack(joined.stops - joined.starts, length)
        wanted = (packed.rows + first >= rows[0]) & (packed.rows + first < rows[1])
        begins = np.cumsum([0, *(len(some.documents) for some in pieces)])
        for part, low, high in zip(parts, begins[:-1], begins[1:], strict=True):
            own = wanted & (packed.pieces >= low) & (packed.pieces < high)
            piece, base = packed.pieces[own], joined.starts[packed.pieces[own]]
            yield (
                part,
                RowPieces(
                    packed.rows[own] + first,
                    packed.offsets[own],
                    joined.documents[piece],
                    base + packed.starts[own],
                    base + packed.stops[own],
                ),
            )


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
