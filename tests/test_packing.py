"""mixtures.packing: every row full, every token once, few documents cut, no epoch mixed with another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.packing import WINDOW_ROWS, pack, windows


def padded(lengths: list[int], length: int) -> np.ndarray:
    """The lengths, the last one cut or a piece added so that they fill rows."""
    rest = -sum(lengths) % length
    return np.array([*lengths, rest] if rest else lengths, np.int64)


def test_documents_that_fit_stay_whole() -> None:
    packed = pack(np.array([7, 5, 3, 4, 6, 5]), 10)
    rows: dict[int, list[int]] = {}
    for row, piece in zip(packed.rows.tolist(), packed.pieces.tolist(), strict=True):
        rows.setdefault(row, []).append(piece)
    assert rows == {0: [0, 2], 1: [1, 5], 2: [3, 4]}
    assert packed.offsets.tolist() == [0, 7, 0, 5, 0, 4]


def test_long_documents_fill_rows_in_order_and_their_ends_are_packed() -> None:
    packed = pack(np.array([23, 4, 3]), 10)
    parts = list(zip(*(column.tolist() for column in packed), strict=True))
    assert parts == [(0, 0, 0, 0, 10), (1, 0, 0, 10, 20), (2, 0, 0, 20, 23), (2, 3, 1, 0, 4), (2, 7, 2, 0, 3)]


def test_what_fits_nowhere_fills_the_gaps() -> None:
    packed = pack(np.array([6, 6, 6, 2]), 10)
    assert np.bincount(packed.pieces).tolist() == [1, 1, 2, 1]  # one document of four is cut, once


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(1, 20))
def test_rows_are_full_and_hold_every_token_once(lengths: list[int], length: int) -> None:
    sizes = padded(lengths, length)
    packed = pack(sizes, length)
    read = sorted(
        (piece, offset)
        for piece, start, stop in zip(packed.pieces, packed.starts, packed.stops, strict=True)
        for offset in range(start, stop)
    )
    assert read == [(piece, offset) for piece, size in enumerate(sizes) for offset in range(size)]
    ends = packed.rows * length + packed.offsets + packed.stops - packed.starts
    assert [0, *ends[:-1].tolist()] == (packed.rows * length + packed.offsets).tolist()
    assert ends[-1] == sizes.sum()
    firsts = packed.pieces[packed.offsets == 0]
    assert (np.diff(firsts) >= 0).all()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(5, 20))
def test_no_document_is_cut_oftener_than_by_plain_cutting(lengths: list[int], length: int) -> None:
    """Summed over documents; packed rows need at most as many pieces as rows cut where they end."""
    sizes = padded(lengths, length)
    ends = np.cumsum(sizes)
    plain = int(((ends - 1) // length - (ends - sizes) // length + 1).sum())
    assert len(pack(sizes, length).pieces) <= plain


def test_rows_that_cannot_be_filled_are_refused() -> None:
    with pytest.raises(ValueError, match="11 tokens do not fill rows of 10"):
        pack(np.array([11]), 10)


def test_windows_end_with_epochs() -> None:
    assert windows(0, 30, 30, 105, 10) == [(0, 10), (10, 11), (11, 21), (21, 30)]
    assert windows(12, 13, 30, 105, 10) == [(11, 21)]
    assert windows(0, 30, 30, 100, 10) == [(0, 10), (10, 20), (20, 30)]
    assert windows(300, 301, 1000, 10**9, 10) == [(WINDOW_ROWS, 2 * WINDOW_ROWS)]
    assert windows(999, 1000, 1000, 10**9, 10) == [(768, 1000)]


@given(st.integers(1, 900), st.integers(1, 9000), st.integers(1, 30), st.data())
def test_windows_are_the_same_wherever_one_looks(
    rows: int, epoch_tokens: int, length: int, data: st.DataObject
) -> None:
    every = windows(0, rows, rows, epoch_tokens, length)
    assert [0, *(stop for _, stop in every)] == [*(first for first, _ in every), rows]
    first = data.draw(st.integers(0, rows - 1))
    stop = data.draw(st.integers(first + 1, rows))
    assert windows(first, stop, rows, epoch_tokens, length) == [
        (a, b) for a, b in every if a < stop and b > first
    ]
