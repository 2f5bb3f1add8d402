"""MinHash signatures: some numbers a text, by which the Jaccard similarity of two texts can be estimated."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.shingles import Shingles, Shingling

Signatures = NDArray[np.uint32]

# What datasketch gives a set without elements, and what a text without shingles has in every place.
EMPTY = np.uint32(0xFFFFFFFF)

_BLOCK = 1 << 9  # shingles permuted at a time: 128 permutations of them stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Preset:
    """How texts are compared: shingles, MinHash permutations and their seed, bands and their rows.

    A pair is a candidate when all rows of a band agree; `pipeline.dedup.bands.expected_recall` says how
    likely.
    """

    shingling: Shingling
    bands: int
    rows: int
    permutations: int
    seed: int = 1

    def __post_init__(self) -> None:
        if self.bands * self.rows > self.permutations:
            raise ValueError(
                f"{self.bands} bands of {self.rows} rows need {self.bands * self.rows} permutations, "
                f"not {self.permutations}"
            )


# The parameters are those of the named projects; hashes, word splitting and so signatures are Winnow's own.
PRESETS = {
    # Bands for recall (99.99% of pairs at Jaccard 0.9), 5-word shingles as datatrove and FineWeb.
    "web": Preset(Shingling("words", 5), bands=16, rows=8, permutations=128),
    # The same bands, 13-word shingles as SlimPajama and RedPajama-V2: chance overlaps of long books vanish.
    "books": Preset(Shingling("words", 13), bands=16, rows=8, permutations=128),
    # datatrove, pipeline/dedup/minhash.py, MinhashConfig and its text normalisation (FineWeb, 2406.17557).
    "datatrove": Preset(
        Shingling("words", 5, zero_digits=True, strip_accents=True), bands=14, rows=8, permutations=112
    ),
    # RedPajama-V2's fuzzy duplicates at 0.8: 13-word shingles, 9 bands of 13 of 128 permutations.
    "redpajama-v2": Preset(Shingling("words", 13), bands=9, rows=13, permutations=128, seed=42),
    # NeMo Curator, FuzzyDuplicates: 24-character shingles of raw text, 20 bands of 13.
    "nemo-curator": Preset(
        Shingling("characters", 24, fold_case=False), bands=20, rows=13, permutations=260, seed=42
    ),
}


def signatures(every: Shingles, permutations: int, seed: int) -> Signatures:
    """Return the MinHash signature of each text: uint32 of shape (texts, permutations).

    Bit for bit what datasketch's `MinHash(num_perm, seed)` (scheme affine32) makes of the lower 32 bits of
    the shingle hashes; repeated shingles change nothing. A text without shingles has `EMPTY` throughout.
    """
    multipliers, offsets = _permutations(permutations, seed)
    hashes = _premix(every.hashes.astype(np.uint32))
    result = np.full((len(every.starts) - 1, permutations), EMPTY, np.uint32)
    permuted = np.empty((permutations, _BLOCK), np.uint32)
    for signature, first, last in zip(
        result, every.starts[:-1].tolist(), every.starts[1:].tolist(), strict=True
    ):
        for start in range(first, last, _BLOCK):
            block = hashes[start : min(start + _BLOCK, last)]
            values = permuted[:, : len(block)]
            np.multiply(multipliers, block, out=values)
            values += offsets
            np.minimum(signature, values.min(axis=1), out=signature)
    return result


def estimated_jaccard(first: Signatures, second: Signatures) -> NDArray[np.float64]:
    """Estimate the Jaccard similarity of pairs of texts, row by row: the share of places that agree.

    The standard error is sqrt(J (1 - J) / permutations). Texts without shingles resemble nothing.
    """
    equal = (first == second).mean(axis=1)
    return np.where((first == EMPTY).all(axis=1), 0.0, equal)


def _premix(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Apply MurmurHash3's 32-bit finalizer, as datasketch does before it permutes (minhash.py, _fmix)."""
    values = values ^ (values >> np.uint32(16))
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


@functools.lru_cache(maxsize=8)
def _permutations(count: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return datasketch's multipliers and offsets as columns."""
    from datasketch import MinHash  # noqa: PLC0415  it brings scipy: a third of a run's imports

    multipliers, offsets = MinHash(num_perm=count, seed=seed, scheme="affine32").permutations
    return multipliers.reshape(-1, 1), offsets.reshape(-1, 1)
