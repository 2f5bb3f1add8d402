"""Verifying candidates: the exact overlap of shingle sets, or an estimate with its error; no text is read."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.shingles import Hashes, Shingles, mix

Measure = Literal["jaccard", "containment", "either"]


class Similarity(NamedTuple):
    """What pairs of texts have in common: distinct shingles, and as shares of both and of the smaller."""

    shared: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    containment: NDArray[np.float64]


def similarity(sets: Shingles, first: NDArray[np.integer], second: NDArray[np.integer]) -> Similarity:
    """Compare pairs of texts, given as rows of `sets` (what `filters.shingles.distinct` returns).

    Jaccard is shared / union, containment shared / size of the smaller set. Texts without shingles resemble
    nothing. Costs a binary search in the larger set for each shingle of the smaller one.
    """
    sizes = np.diff(sets.starts)
    swap = sizes[first] > sizes[second]
    smaller, larger = np.where(swap, second, first), np.where(swap, first, second)
    shared = np.array(
        [
            _shared(_row(sets, small), _row(sets, large))
            for small, large in zip(smaller.tolist(), larger.tolist(), strict=True)
        ],
        np.int64,
    )
    union = sizes[first] + sizes[second] - shared
    return Similarity(shared, shared / np.maximum(union, 1), shared / np.maximum(sizes[smaller], 1))


def sampled_similarity(
    lowest: Shingles, sizes: NDArray[np.int64], first: NDArray[np.integer], second: NDArray[np.integer]
) -> Similarity:
    """Estimate what `similarity` computes from the lowest hashes of each text (`filters.shingles.lowest`).

    `sizes` says how many distinct shingles each text has in all. Of a pair, what counts are the hashes up to
    the highest that both samples cover; `sampling_error` of their number bounds the error.
    """
    sampled = np.diff(lowest.starts)
    most = np.uint64(2**64 - 1)
    covered = [
        _row(lowest, row)[-1] if 0 < sampled[row] < sizes[row] else most for row in range(len(sampled))
    ]
    shared, union, smaller = (np.zeros(len(first), np.int64) for _ in range(3))
    for place, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        limit = min(covered[one], covered[other])
        sets = [_up_to(_row(lowest, row), limit) for row in sorted((one, other), key=lambda row: sizes[row])]
        shared[place] = _shared(*sorted(sets, key=len))
        union[place], smaller[place] = len(sets[0]) + len(sets[1]) - shared[place], len(sets[0])
    return Similarity(shared, shared / np.maximum(union, 1), shared / np.maximum(smaller, 1))


def over(found: Similarity, threshold: float, measure: Measure) -> NDArray[np.bool_]:
    """Say which pairs are near-duplicates: whose measure is at least the threshold.

    Containment is never below Jaccard, so that "either" is containment by another name.
    """
    return (found.jaccard if measure == "jaccard" else found.containment) >= threshold


def sampling_error(sampled: int, confidence: float = 0.999) -> float:
    """Return how far an estimate from so many sampled shingles (of the union, or the smaller set) may be off.

    sqrt(ln(2 / (1 - confidence)) / (2 n)): W. Hoeffding, "Probability inequalities for sums of bounded random
    variables", 1963; it holds for sampling without replacement too (section 6).
    """
    return math.sqrt(math.log(2 / (1 - confidence)) / (2 * sampled)) if sampled else 1.0


def set_keys(sets: Shingles) -> tuple[Hashes, Hashes]:
    """Return 128 bits for each text as two columns, equal for equal shingle sets.

    Texts of one key collapse before anything is compared, so that copies cost nothing. A text without
    shingles has (0, 0), which means nothing: leave it out.
    """
    return _sums(sets.hashes, sets.starts), _sums(mix(~sets.hashes), sets.starts)


def _sums(values: Hashes, starts: NDArray[np.int64]) -> Hashes:
    sums: Hashes = np.diff(np.concatenate([np.zeros(1, np.uint64), np.cumsum(values)])[starts])
    return sums


def _row(sets: Shingles, row: int) -> Hashes:
    return sets.hashes[sets.starts[row] : sets.starts[row + 1]]


def _up_to(hashes: Hashes, limit: np.uint64) -> Hashes:
    return hashes[: np.searchsorted(hashes, limit, side="right")]


def _shared(small: Hashes, large: Hashes) -> int:
    if not len(small):
        return 0
    places = np.searchsorted(large, small)
    places[places == len(large)] = 0
    return int(np.count_nonzero(large[places] == small))
