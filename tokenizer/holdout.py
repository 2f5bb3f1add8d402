"""Which documents are set apart for validation: whole ones, by a hash of their own, whatever the seed or
budget.

The documents with the smallest hashes go, up to a threshold that leaves at least the wanted tokens below it.
To find it without bringing all documents together, each batch counts its tokens by ranges of hashes that get
finer towards zero, sixteen to a power of two: the holdout is at most a sixteenth, and one document, larger
than asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

EVERYTHING = 1 << 64
_FRACTION_BITS = 4


def holdout_keys(names: Sequence[str | None]) -> NDArray[np.uint64]:
    """The hash of each document that decides its side.

    Documents of one duplicate cluster must stay on one side: give them all the cluster's label instead of
    their ids. None for those whose cluster spans sources, each of which has a threshold of its own: they are
    never held out.
    """
    hashes = [
        EVERYTHING - 1 if name is None else xxhash.xxh3_64_intdigest(f"holdout\0{name}".encode())
        for name in names
    ]
    return np.array(hashes, np.uint64)


def below(keys: NDArray[np.uint64], limit: int) -> NDArray[np.bool_]:
    """Which documents are held out under a threshold of 0 to EVERYTHING."""
    return np.ones(len(keys), np.bool_) if limit >= EVERYTHING else keys < np.uint64(limit)


def sketch(keys: NDArray[np.uint64], lengths: NDArray[np.int64]) -> dict[str, int]:
    """Tokens of a batch by range of hashes: {number of the range, in decimal: tokens}, no empty ranges."""
    exponent = np.zeros(len(keys), np.uint64)
    rest = keys.copy()
    for width in (32, 16, 8, 4, 2, 1):
        large = rest >= np.uint64(1 << width)
        exponent[large] += np.uint64(width)
        rest[large] >>= np.uint64(width)
    fraction = (keys << (np.uint64(63) - exponent)) >> np.uint64(63 - _FRACTION_BITS)
    fraction &= np.uint64((1 << _FRACTION_BITS) - 1)
    ranges = (exponent << np.uint64(_FRACTION_BITS)) + fraction
    tokens: Counter[str] = Counter()
    for number, length in zip(ranges.tolist(), lengths.tolist(), strict=True):
        tokens[str(number)] += length
    return dict(sorted(tokens.items(), key=lambda pair: int(pair[0])))


class Cut(NamedTuple):
    """A threshold (a document is held out where its hash is below it) and the tokens below it."""

    limit: int
    tokens: int


def cut(sketches: Iterable[Mapping[str, int]], wanted: int) -> Cut:
    """The first end of a range below which there are at least `wanted` tokens, or EVERYTHING."""
    if wanted <= 0:
        return Cut(0, 0)
    tokens: Counter[int] = Counter()
    for counted in sketches:
        tokens.update({int(number): count for number, count in counted.items()})
    found = 0
    for number in sorted(tokens):
        found += tokens[number]
        if found >= wanted:
            exponent, fraction = divmod(number, 1 << _FRACTION_BITS)
            # Ranges of the hashes below 16 are narrower than one, so their ends are rounded up.
            return Cut(-(-(((1 << _FRACTION_BITS) + fraction + 1) << exponent) >> _FRACTION_BITS), found)
    return Cut(EVERYTHING, found)
