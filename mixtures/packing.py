"""Best-fit packing: the documents of a source laid into rows so that few are cut, with no padding.

Ding et al. 2024 (arXiv 2404.10830) put pieces of at most a row's length into rows by best-fit-decreasing and
fill what is left with padding, which takes tokens from a budget, and unequally many from each source. Here a
window of a source's rows keeps exactly the tokens it has when documents are merely cut where a row ends:
documents are laid by best fit as long as one fits, and those left over are cut to fill the gaps. So every row
is full, and budgets, proportions, epochs and nested budgets are those of plain cutting.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
WINDOW_ROWS = 256  # rows of one source packed together: larger ones cut few documents less


class Packed(NamedTuple):
    """Parts of pieces inside rows, by row and offset: row of the window, place in the row, number of the
    piece, and first and last (exclusive) token inside the piece.
    """

    rows: IntArray
    offsets: IntArray
    pieces: IntArray
    starts: IntArray
    stops: IntArray


def windows(first: int, stop: int, rows: int, epoch_tokens: int, length: int) -> list[tuple[int, int]]:
    """The windows that hold rows `first` to `stop` of a source that gives `rows` rows of `length` tokens.

    A window ends after WINDOW_ROWS rows, and no row moves from one epoch to another: the row in which an
    epoch ends is a window by itself.
    """
    low = first // WINDOW_ROWS * WINDOW_ROWS
    high = min(-(-stop // WINDOW_ROWS) * WINDOW_ROWS, rows)
    edges = {*range(low, high, WINDOW_ROWS), high}
    for epoch in range(-(-low * length // epoch_tokens), high * length // epoch_tokens + 1):
        row, inside = divmod(epoch * epoch_tokens, length)
        edges |= {row, row + 1} if inside else {row}
    ordered = sorted(edge for edge in edges if low <= edge <= high)
    return [(a, b) for a, b in pairwise(ordered) if a < stop and b > first]


def pack(lengths: npt.NDArray[np.integer], length: int) -> Packed:
    """Lay pieces of `lengths` tokens, whose sum is a multiple of `length`, into rows of `length`.

    A piece longer than a row fills rows of its own first. Rows stand in the order of the first piece they
    hold, and the pieces of a row in theirs. Raises ValueError for another sum.
    """
    total = int(np.sum(lengths, dtype=np.int64))
    if total % length:
        raise ValueError(f"{total:,} tokens do not fill rows of {length:,}")
    full: list[list[tuple[int, int, int]]] = []  # of each row, the parts (piece, start, stop)
    rests: list[tuple[int, int]] = []  # (tokens, piece)
    for piece, size in enumerate(lengths.tolist()):
        whole = size // length * length
        full += [[(piece, start, start + length)] for start in range(0, whole, length)]
        if size > whole:
            rests.append((size - whole, piece))
    free = total // length - len(full)
    rows = [*full, *_best_fit(sorted(rests, key=lambda rest: (-rest[0], rest[1])), lengths, free, length)]
    for row in rows:
        row.sort()
    rows.sort()
    flat = [(number, *part) for number, row in enumerate(rows) for part in row]
    table = np.array(flat, np.int64).reshape(-1, 4)
    sizes = table[:, 3] - table[:, 2]
    offsets = np.cumsum(sizes) - sizes - table[:, 0] * length
    return Packed(table[:, 0], offsets, table[:, 1], table[:, 2], table[:, 3])


def _best_fit(
    rests: list[tuple[int, int]], lengths: npt.NDArray[np.integer], rows: int, length: int
) -> list[list[tuple[int, int, int]]]:
    """Lay the ends of pieces, the longest first, where they leave the smallest gap; cut what fits nowhere."""
    laid: list[list[tuple[int, int, int]]] = []
    gaps: list[tuple[int, int]] = []  # (tokens free, row), sorted
    left: list[tuple[int, int]] = []
    for size, piece in rests:
        end = int(lengths[piece])
        place = bisect_left(gaps, (size, 0))
        if place < len(gaps):
            gap, row = gaps.pop(place)
        elif len(laid) < rows:
            laid.append([])
            gap, row = length, len(laid) - 1
        else:
            left.append((size, piece))
            continue
        laid[row].append((piece, end - size, end))
        if gap > size:
            insort(gaps, (gap - size, row))
    heap = [(-gap, row) for gap, row in gaps]
    heap += [(-length, row) for row in range(len(laid), rows)]
    laid += [[] for _ in range(rows - len(laid))]
    heapq.heapify(heap)
    for size, piece in left:
        end = int(lengths[piece])
        at = end - size
        while at < end:
            gap, row = heapq.heappop(heap)
            taken = min(-gap, end - at)
            laid[row].append((piece, at, at + taken))
            if -gap > taken:
                heapq.heappush(heap, (gap + taken, row))
            at += taken
    return laid
