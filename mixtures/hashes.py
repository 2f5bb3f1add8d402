"""Random choices that are pure functions of their names: a key from words, a hash for each counter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xxhash

# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, fig. 17.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = np.uint64(0x94D049BB133111EB)


def key_of(*names: str | int) -> int:
    """The 64-bit key of a sequence of names; ("a", "bc") and ("ab", "c") differ."""
    return xxhash.xxh3_64_intdigest("\0".join(map(str, names)).encode())


def hashes(key: int, count: int) -> npt.NDArray[np.uint64]:
    """`count` hashes of the counters 0, 1, … under `key`, all different, since SplitMix64 is a bijection."""
    value = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * _STEP
    value = (value ^ (value >> np.uint64(30))) * _MULTIPLY_1
    value = (value ^ (value >> np.uint64(27))) * _MULTIPLY_2
    return value ^ (value >> np.uint64(31))


def permutation(key: int, count: int) -> npt.NDArray[np.int64]:
    """The numbers 0 to `count` - 1 in the order of their hashes under `key`."""
    return np.argsort(hashes(key, count), kind="stable").astype(np.int64, copy=False)
