"""Candidates for near-duplicates: which pairs of documents are worth comparing, and which are missed.

Everything here takes and gives packed arrays, for one bucket of a key space at a time. Documents are uint64
numbers; a smaller number is met first where many share a key.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.minhash import EMPTY, Signatures
from filters.shingles import Hashes, mix, multipliers

# How many documents, those of the smallest numbers, each document of a crowded key is compared with: 100,000
# copies of a page make 800,000 pairs and not 5 billion, and still one cluster.
MEETS = 8


class Candidates(NamedTuple):
    """Pairs of documents, `first` < `second`, sorted, each once, with the number of keys they share.

    `not_compared` counts the pairs of crowded keys that were left out, once for each key.
    """

    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    shared: NDArray[np.int64]
    not_compared: int


def expected_recall(jaccard: float, bands: int, rows: int) -> float:
    """Return the chance that a pair of this Jaccard similarity agrees in all rows of a band.

    1 - (1 - J^rows)^bands: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4.
    """
    return -math.expm1(bands * math.log1p(-(jaccard**rows))) if jaccard < 1 else 1.0


def band_keys(signatures: Signatures, bands: int, rows: int) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the 64-bit keys of the bands of all texts, and beside each the row of its text.

    Both have `bands` entries for each text, one text after the other; texts without shingles have none, so
    that they meet nobody. Keys of different bands never mean the same.
    """
    texts = np.flatnonzero((signatures != EMPTY).any(axis=1))
    values = signatures[texts, : bands * rows].reshape(len(texts), bands, rows)
    keys = np.tile(np.arange(1, bands + 1, dtype=np.uint64) << np.uint64(32), (len(texts), 1))
    for row, multiplier in enumerate(multipliers(rows)[:rows]):
        keys += values[:, :, row] * multiplier
    return mix(keys).ravel(), np.repeat(texts, bands)


def candidate_pairs(keys: NDArray[Any], documents: NDArray[np.uint64], meets: int = MEETS) -> Candidates:
    """Pair the documents that share a key: each with the `meets` smallest of its key, in small groups all.

    One key and document must not come twice. The answer does not depend on the order of the input.
    """
    order = np.lexsort((documents, keys))
    keys, documents = keys[order], documents[order]
    begins = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=begins[1:])
    places = np.arange(len(keys))
    begin = np.maximum.accumulate(np.where(begins, places, 0))
    within = places - begin
    firsts, seconds = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
    for place in range(meets):
        later = np.flatnonzero(within > place)
        firsts.append(documents[begin[later] + place])
        seconds.append(documents[later])
    not_compared = int(np.maximum(within - meets, 0).sum())
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return sum_shared(Candidates(first, second, np.ones(len(first), np.int64), not_compared))


def sum_shared(*buckets: Candidates) -> Candidates:
    """Merge the candidates of several buckets: each pair once, with all the keys it shares."""
    first = np.concatenate([bucket.first for bucket in buckets])
    second = np.concatenate([bucket.second for bucket in buckets])
    shared = np.concatenate([bucket.shared for bucket in buckets])
    order = np.lexsort((second, first))
    first, second, shared = first[order], second[order], shared[order]
    begins = np.ones(len(first), np.bool_)
    begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    start = np.flatnonzero(begins)
    total = np.add.reduceat(shared, start) if len(start) else shared
    return Candidates(first[start], second[start], total, sum(bucket.not_compared for bucket in buckets))


def worth_comparing(
    shared: NDArray[np.int64],
    first_sampled: NDArray[np.int64],
    second_sampled: NDArray[np.int64],
    threshold: float,
) -> NDArray[np.bool_]:
    """Say which pairs may contain one another, by the sampled shingles they share and each has.

    Candidates share at least half of what a pair at the threshold (a containment) is expected to share:
    banding cannot see a novel inside an omnibus, a hash-sampled subset of its shingles
    (`filters.shingles.sample`) can.
    """
    return shared >= np.maximum(1, threshold / 2 * np.minimum(first_sampled, second_sampled))


def expected_containment_recall(shingles: int, containment: float, one_in: int, threshold: float) -> float:
    """Return the chance that `worth_comparing` sees a pair whose smaller text has so many shingles.

    Of the shared and of the other shingles of the smaller text, each is sampled with chance 1 / `one_in`.
    """
    within = round(shingles * containment)
    seen, others = _binomial(within, 1 / one_in), _binomial(shingles - within, 1 / one_in)
    enough = [
        seen[k] * sum(others[m] for m in range(len(others)) if k >= threshold / 2 * (k + m))
        for k in range(1, len(seen))
    ]
    return min(1.0, float(sum(enough)))


def _binomial(trials: int, chance: float) -> list[float]:
    """Return the chances of 0, 1, 2 ... successes, as far as they matter."""
    if chance >= 1:
        return [0.0] * trials + [1.0]
    most = min(trials, math.ceil(trials * chance + 12 * math.sqrt(trials * chance) + 12))
    logs = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(chance) + (trials - k) * math.log1p(-chance)
        for k in range(most + 1)
    ]  # fmt: skip
    return [math.exp(log) for log in logs]
