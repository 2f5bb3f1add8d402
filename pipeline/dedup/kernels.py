"""What duplicates cost: sorting packed hashes, in numpy, without texts, files or Beam.

A batch's lines become `LineEntries` once (`document_lines`). What meets other batches is each hash once
(`unique_with_flag`); where they meet, `shared` finds what two documents have in common; what it answers, a
batch applies to its own entries (`removed_lines`), and no line is hashed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.lines import BLANK_LINE

Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]
Keep = Literal["none", "first"]

# Hashes sorted at a time in `shared`, to keep memory small: many windows cost no more than one, unless they
# are so narrow that calls for each slice cost more than its part of the sorting.
WINDOW = 1 << 18
LEAST_OF_A_SLICE = 256


class LineEntries(NamedTuple):
    """The lines of one batch, or of a part of the hash space: sorted hashes, and where each line stands.

    `hashes` (uint64) has one entry for every occurrence; `ordinals` (uint32) counts all lines of the batch
    from 0, ascending among equal hashes; `row_starts` (uint32, one more than rows) is the first ordinal of
    each row, and at its end the number of lines.
    """

    hashes: Hashes
    ordinals: NDArray[np.uint32]
    row_starts: NDArray[np.uint32]


class Removal(NamedTuple):
    """What one batch must remove: sorted hashes, each once, and whether its first document keeps the line."""

    hashes: Hashes
    first_stays: Flags


class Losers(NamedTuple):
    """Rows that lose to another row of the same key, sorted by batch and row, and the row that won."""

    batch: NDArray[np.uint32]
    row: NDArray[np.uint32]
    winner_batch: NDArray[np.uint32]
    winner_row: NDArray[np.uint32]


def document_lines(
    hashes: Hashes, line_counts: NDArray[np.int64], excluded: Flags | None = None
) -> LineEntries:
    """Sort a batch's lines by hash, leaving out blank lines and the lines of excluded rows.

    `hashes` and `line_counts` are what `filters.lines.line_hashes` returns; `excluded` flags rows that have a
    verdict already and so no say in what is a duplicate. Raises ValueError where 32 bits cannot count the
    lines.
    """
    if len(hashes) > np.iinfo(np.uint32).max:
        raise ValueError(f"{len(hashes)} lines in one batch; at most 2**32 - 1 can be told apart")
    row_starts = np.zeros(len(line_counts) + 1, np.uint32)
    np.cumsum(line_counts, out=row_starts[1:])
    counted = hashes != BLANK_LINE
    if excluded is not None:
        counted &= np.repeat(~excluded, line_counts)
    ordinals = np.flatnonzero(counted)
    hashes = hashes[ordinals]
    # A stable sort of 64-bit numbers is several times slower than numpy's default; the order of ordinals
    # among equal hashes is mended instead, by sorting them once more with the number of their group in front.
    order = np.argsort(hashes)
    hashes = hashes[order]
    ordinals = ordinals[order]
    group = np.cumsum(_starts(hashes)) - 1
    tied = np.flatnonzero(np.bincount(group)[group] > 1) if len(hashes) else group
    placed = group[tied].astype(np.uint64) << np.uint64(32) | ordinals[tied].astype(np.uint64)
    placed.sort()
    ordinals[tied] = (placed & np.uint64(0xFFFFFFFF)).astype(ordinals.dtype)
    return LineEntries(hashes, ordinals.astype(np.uint32), row_starts)


def unique_with_flag(entries: LineEntries, lost: Flags | None = None) -> tuple[Hashes, Flags]:
    """Return what meets other batches: each hash once, sorted, and whether two documents here have it.

    `lost` flags the rows that an earlier round took; their lines do not count. `entries` may be any range of
    a batch's hash space.
    """
    hashes, _, rows = _remaining(entries, lost)
    starts = np.flatnonzero(_starts(hashes))
    ends = np.append(starts[1:], len(hashes)) - 1
    return hashes[starts], rows[starts] != rows[ends[: len(starts)]]


def shared(slices: Sequence[tuple[Hashes, Flags]], keep: Keep, window: int | None = None) -> list[Removal]:
    """Find the hashes that two or more documents have, and return for each slice what it must remove.

    Slices are what `unique_with_flag` returns for each batch, of one range of the hash space. With `keep`
    "none" (CCNet) every document loses a shared line; with "first" the first slice in the given order that
    has the line keeps it, in the first of its documents. Memory beyond the slices is some multiples of
    `window` hashes. Source: facebookresearch/cc_net, cc_net/flat_hash_set.py and dedup.py.
    """
    window = window or max(WINDOW, LEAST_OF_A_SLICE * len(slices))
    edges = _window_edges([hashes for hashes, _ in slices], window)
    cuts = [[0, *np.searchsorted(hashes, edges).tolist(), len(hashes)] for hashes, _ in slices]
    removals: list[list[Removal]] = [[] for _ in slices]
    for start in range(len(edges) + 1):
        ranges = [
            (hashes[cut[start] : cut[start + 1]], in_two[cut[start] : cut[start + 1]])
            for (hashes, in_two), cut in zip(slices, cuts, strict=True)
        ]
        duplicates = _duplicates(ranges)
        owned = np.full(len(duplicates), keep == "none")
        for parts, (hashes, in_two) in zip(removals, ranges, strict=True):
            place, listed = _find(duplicates, hashes)
            place = place[listed]
            owns = ~owned[place]
            owned[place] = True
            # An owner whose hash only one of its documents has loses nothing.
            loses = ~owns | in_two[listed]
            parts.append(Removal(hashes[listed][loses], owns[loses]))
    return [Removal(*map(np.concatenate, zip(*parts, strict=True))) for parts in removals]


def removed_lines(entries: LineEntries, removal: Removal, lost: Flags | None = None) -> Flags:
    """Flag the lines of a batch that go: what its removal list says, and repeats inside one document.

    Returns one bool for each line of the batch, in order. Of repeats the first stays. `lost` must be the rows
    that were lost when `unique_with_flag` was called: their lines are not flagged.
    """
    hashes, ordinals, rows = _remaining(entries, lost)
    starts = _starts(hashes)
    goes = ~starts
    goes[1:] &= rows[1:] == rows[:-1]
    place, listed = _find(removal.hashes, hashes)
    first_stays = np.zeros(len(hashes), np.bool_)
    first_stays[listed] = removal.first_stays[place[listed]]
    first_row = rows[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    goes |= listed & ~(first_stays & (rows == first_row))
    flags = np.zeros(int(entries.row_starts[-1]), np.bool_)
    flags[ordinals[goes]] = True
    return flags


def repeated_lines(entries: LineEntries, removal: Removal, lost: Flags | None = None) -> Flags:
    """Flag the lines of a batch that stand more than once: in `removal`, or inside one document.

    Returns one bool for each line of the batch, in order; those among them that `removed_lines` does not flag
    are the copies that stay. `lost` is as there.
    """
    hashes, ordinals, rows = _remaining(entries, lost)
    again = ~_starts(hashes)
    again[1:] &= rows[1:] == rows[:-1]
    again[:-1] |= again[1:]
    again |= _find(removal.hashes, hashes)[1]
    flags = np.zeros(int(entries.row_starts[-1]), np.bool_)
    flags[ordinals[again]] = True
    return flags


def losers(
    keys: Sequence[Hashes],
    order: Sequence[NDArray[Any]],
    batch: NDArray[np.uint32],
    row: NDArray[np.uint32],
) -> Losers:
    """Find the rows that lose among rows of equal key: all but the smallest by `order`, then batch and row.

    All columns have one entry a row: `keys` the parts of the key (two for 128 bits), `order` any number of
    columns compared one after the other, ascending. The answer does not depend on the order of the input; a
    key of 100,000 rows costs what 100,000 keys cost.
    """
    by_first = np.argsort(keys[0])
    starts = _starts(keys[0][by_first])
    alone = starts & np.append(starts[1:], True)[: len(starts)]
    rows = by_first[~alone]
    columns = [column[rows] for column in (row, batch, *reversed(order), *reversed(keys))]
    rows = rows[np.lexsort(columns)]
    wins = np.zeros(len(rows), np.bool_)
    for key in keys:
        wins |= _starts(key[rows])
    winner = rows[np.maximum.accumulate(np.where(wins, np.arange(len(rows)), 0))]
    winner, rows = winner[~wins], rows[~wins]
    by_place = np.lexsort((row[rows], batch[rows]))
    winner, rows = winner[by_place], rows[by_place]
    return Losers(batch[rows], row[rows], batch[winner], row[winner])


def _remaining(
    entries: LineEntries, lost: Flags | None
) -> tuple[Hashes, NDArray[np.uint32], NDArray[np.intp]]:
    """Return hashes, ordinals and rows of the entries whose rows are not lost."""
    rows = np.searchsorted(entries.row_starts, entries.ordinals, side="right") - 1
    if lost is None or not lost.any():
        return entries.hashes, entries.ordinals, rows
    remain = ~lost[rows]
    return entries.hashes[remain], entries.ordinals[remain], rows[remain]


def _starts(values: NDArray[Any]) -> Flags:
    """Flag each value of a sorted array that differs from the one before it."""
    starts = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=starts[1:])
    return starts


def _find(sorted_values: Hashes, values: Hashes) -> tuple[NDArray[np.intp], Flags]:
    """Return where each value would stand in `sorted_values`, and whether it stands there."""
    place = np.searchsorted(sorted_values, values)
    if not len(sorted_values):
        return place, np.zeros(len(values), np.bool_)
    return place, sorted_values[np.minimum(place, len(sorted_values) - 1)] == values


def _duplicates(slices: list[tuple[Hashes, Flags]]) -> Hashes:
    """Return the sorted hashes that two slices have, or that one has in two documents."""
    # What one slice has in two documents goes in twice: counting by one sort is several times faster than
    # numpy.unique, which hashes.
    parts = [hashes for hashes, _ in slices] + [hashes[in_two] for hashes, in_two in slices]
    every = np.concatenate(parts) if parts else np.zeros(0, np.uint64)
    every.sort()
    twice: Hashes = every[1:][every[1:] == every[:-1]]
    once: Hashes = twice[_starts(twice)]
    return once


def _window_edges(slices: list[Hashes], window: int) -> Hashes:
    """Return the inner edges of equal parts of the hash space, about `window` hashes of all slices each."""
    filled = [hashes for hashes in slices if len(hashes)]
    if not filled:
        return np.zeros(0, np.uint64)
    low = min(int(hashes[0]) for hashes in filled)
    high = max(int(hashes[-1]) for hashes in filled)
    windows = -(-sum(map(len, filled)) // window)
    return np.array([low + (high - low) * i // windows for i in range(1, windows)], np.uint64)
