"""A stream of documents cut into rows of equal length: what a row holds of which document."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mixtures.epochs import Pieces

IntArray = npt.NDArray[np.int64]


class RowPieces(NamedTuple):
    """Parts of documents inside rows: the row of their source, the place in that row, then as in Pieces."""

    rows: IntArray
    offsets: IntArray
    documents: IntArray
    starts: IntArray
    stops: IntArray


def cut_rows(pieces: Pieces, position: int, sequence_length: int) -> RowPieces:
    """Cut pieces that begin at token `position` of their source's stream wherever a row of it ends.

    Row r of a source is tokens r * sequence_length to (r + 1) * sequence_length of its stream, so a document
    may go on in the next row (concatenate and split; nothing is padded, nothing lost).
    """
    ends = position + np.cumsum(pieces.stops - pieces.starts)
    begins = ends - (pieces.stops - pieces.starts)
    first_row = begins // sequence_length
    rows_touched = (ends - 1) // sequence_length - first_row + 1
    piece = np.repeat(np.arange(len(ends)), rows_touched)
    nth_cut = np.arange(len(piece)) - np.repeat(np.cumsum(rows_touched) - rows_touched, rows_touched)
    row = first_row[piece] + nth_cut
    from_here = np.maximum(row * sequence_length, begins[piece])
    to_here = np.minimum((row + 1) * sequence_length, ends[piece])
    starts = pieces.starts[piece] + (from_here - begins[piece])
    offsets = from_here - row * sequence_length
    return RowPieces(row, offsets, pieces.documents[piece], starts, starts + (to_here - from_here))
