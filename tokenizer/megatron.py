"""Megatron's `.bin` and `.idx`: a shard's tokens, and where each of its sequences lies.

Layout: megatron-core 0.16.1, megatron/core/datasets/indexed_dataset.py. All numbers are little-endian:

    9 bytes  MMIDIDX\\0\\0       u64  version 1       u8  code of the token type
    u64      S, sequences       u64  D, entries of the document index
    int32[S] tokens of each sequence     int64[S] byte offset of each in .bin     int64[D] document index

The document index holds the sequence each document starts at, and S behind the last.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

_MAGIC = b"MMIDIDX\0\0"
_HEADER = struct.Struct("<9sQBQQ")
_VERSION = 1
# DType of indexed_dataset.py; it has no 32-bit unsigned type.
_CODES = {"uint8": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "float64": 6, "float32": 7, "uint16": 8}
_TYPES = {code: np.dtype(name) for name, code in _CODES.items()}
_LARGEST_LENGTH = 2**31 - 1


class Index(NamedTuple):
    """What an `.idx` says: token type, tokens and byte offset of each sequence, and the document index."""

    dtype: np.dtype[np.generic]
    lengths: NDArray[np.int32]
    pointers: NDArray[np.int64]
    documents: NDArray[np.int64]


def index_bytes(lengths: ArrayLike, dtype: DTypeLike, documents: ArrayLike | None = None) -> bytes:
    """The `.idx` of a `.bin` that holds sequences of `lengths` tokens of `dtype`, one behind the other.

    `documents` is the document index; without it every sequence is a document. Raises ValueError for a type
    that the format cannot name, a sequence that is empty or of 2^31 tokens or more, and a document index that
    does not run upwards from 0 to the number of sequences.
    """
    name = np.dtype(dtype).name
    if name not in _CODES:
        raise ValueError(f"a Megatron index cannot hold tokens of type {name}")
    sizes = np.asarray(lengths, np.int64)
    if len(sizes) and (sizes.min() < 1 or sizes.max() > _LARGEST_LENGTH):
        raise ValueError(f"a Megatron sequence has 1 to {_LARGEST_LENGTH:,} tokens")
    starts = np.arange(len(sizes) + 1) if documents is None else np.asarray(documents, np.int64)
    if not len(starts) or starts[0] != 0 or starts[-1] != len(sizes) or (np.diff(starts) < 0).any():
        raise ValueError(f"the document index must run upwards from 0 to {len(sizes):,}")
    pointers = (np.cumsum(sizes) - sizes) * np.dtype(dtype).itemsize
    header = _HEADER.pack(_MAGIC, _VERSION, _CODES[name], len(sizes), len(starts))
    arrays = (sizes.astype("<i4"), pointers.astype("<i8"), starts.astype("<i8"))
    return b"".join([header, *(array.tobytes() for array in arrays)])


def read_index(data: bytes) -> Index:
    """Parse the bytes of an `.idx`; raises ValueError where they are none, cut short, or contradictory."""
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise ValueError("this is not a Megatron index")
    _, version, code, sequences, entries = _HEADER.unpack_from(data)
    if version != _VERSION or code not in _TYPES:
        raise ValueError(
            f"this Megatron index has version {version} and token type {code}, which are not known"
        )
    if len(data) != _HEADER.size + 12 * sequences + 8 * entries:
        raise ValueError(f"this Megatron index of {sequences:,} sequences is not whole: {len(data):,} bytes")
    lengths = np.frombuffer(data, "<i4", sequences, _HEADER.size)
    pointers = np.frombuffer(data, "<i8", sequences, _HEADER.size + 4 * sequences)
    documents = np.frombuffer(data, "<i8", entries, _HEADER.size + 12 * sequences)
    if not entries or documents[0] != 0 or documents[-1] != sequences:
        raise ValueError("the document index of this Megatron index does not cover its sequences")
    return Index(_TYPES[code], lengths, pointers, documents)


def sequence(tokens: bytes | memoryview, index: Index, number: int) -> NDArray[np.generic]:
    """Tokens of sequence `number` of a `.bin` whose bytes are `tokens` (a memory map will do)."""
    return np.frombuffer(tokens, index.dtype, int(index.lengths[number]), int(index.pointers[number]))


def check_sizes(index: Index, bin_bytes: int) -> None:
    """Raise ValueError where `index` does not cover a `.bin` of `bin_bytes` bytes, gap for gap."""
    sizes = index.lengths.astype(np.int64) * index.dtype.itemsize
    if not np.array_equal(index.pointers, np.cumsum(sizes) - sizes):
        raise ValueError("the pointers of this Megatron index do not follow from its lengths")
    if int(sizes.sum()) != bin_bytes:
        raise ValueError(
            f"this Megatron index covers {int(sizes.sum()):,} bytes, its tokens have {bin_bytes:,}"
        )
