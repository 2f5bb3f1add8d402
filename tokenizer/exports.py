"""Training shards in the formats of llm.c, MDS (mosaicml-streaming, llm-foundry) and litdata (litgpt)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# llm.c, dev/data/data_common.py: the one kind of file its C loader accepts.
_LLMC_MAGIC, _LLMC_VERSION, _LLMC_HEADER_INTS = 20240520, 1, 256
_LARGEST_LLMC = 2**31 - 1  # its loader seeks with an int
_LARGEST_OFFSET = 2**32 - 1  # MDS and litdata keep offsets in 32 bits
_LITDATA_TYPES = {"int32": 2, "uint16": 5}  # litdata 0.2.76, constants.py, _NUMPY_DTYPES_MAPPING


class Part(NamedTuple):
    """One file of an export: base name, rows (samples, items), tokens, and size in bytes."""

    name: str
    rows: int
    tokens: int
    bytes: int


def llmc_bytes(tokens: NDArray[np.generic]) -> bytes:
    """A llm.c `.bin`: 256 numbers of 32 bits, the first three magic, version and tokens; then the tokens as
    u16.

    Raises ValueError for tokens that are not uint16, and for 2^31 bytes or more.
    """
    if tokens.dtype != np.uint16:
        raise ValueError(f"llm.c reads tokens of 16 bits: a vocabulary of {tokens.dtype} is too large for it")
    header = np.zeros(_LLMC_HEADER_INTS, "<i4")
    header[:3] = _LLMC_MAGIC, _LLMC_VERSION, len(tokens)
    if header.nbytes + tokens.nbytes > _LARGEST_LLMC:
        raise ValueError("a llm.c file must be smaller than 2 GiB: make shards smaller")
    return header.tobytes() + tokens.astype("<u2").tobytes()


def mds_shard(rows: NDArray[np.generic]) -> bytes:
    """An MDS shard of `rows`, an array of (rows, sequence length): a column `tokens`, `ndarray:int32`.

    Layout (mosaicml-streaming 0.13.0, base/format/mds): u32 samples, u32 offsets from the start of the file,
    the column description as JSON, the samples. Raises ValueError for rows without tokens and for 4 GiB or
    more.
    """
    if rows.ndim != 2 or not rows.size:
        raise ValueError("an MDS shard takes rows of one length above 0")
    length = rows.shape[1]
    kind = int(
        np.searchsorted([2**8, 2**16, 2**32], length, side="right")
    )  # the least type that holds the shape
    shape = bytes([1 << 2 | kind]) + np.array([length], f"<u{1 << kind}").tobytes()
    datum = len(shape) + 4 * length
    head = np.frombuffer(np.array([datum], "<u4").tobytes() + shape, np.uint8)
    body = np.empty((len(rows), len(head) + 4 * length), np.uint8)
    body[:, : len(head)] = head
    body[:, len(head) :] = np.ascontiguousarray(rows, "<i4").view(np.uint8).reshape(len(rows), -1)
    config = json.dumps(_mds_config(), sort_keys=True).encode()
    return _with_offsets(len(rows), body.shape[1], config) + body.tobytes()


def _mds_config() -> dict[str, Any]:
    return {
        "column_encodings": ["ndarray:int32"],
        "column_names": ["tokens"],
        "column_sizes": [None],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": None,
        "version": 2,
    }


def mds_index(parts: Sequence[Part]) -> bytes:
    """The `index.json` of MDS shards, in their order."""
    shards = [
        _mds_config()
        | {
            "samples": part.rows,
            "raw_data": {"basename": part.name, "bytes": part.bytes, "hashes": {}},
            "zip_data": None,
        }
        for part in parts
    ]
    return json.dumps({"version": 2, "shards": shards}, sort_keys=True).encode()


def litdata_chunk(rows: NDArray[np.generic]) -> bytes:
    """A litdata chunk of `rows`, an array of (rows, sequence length): u32 items, u32 offsets, the tokens.

    litgpt's TokensLoader passes over the head and reads blocks of its own length. Raises ValueError for rows
    without tokens, a type that litdata cannot name, and for 4 GiB or more.
    """
    if rows.ndim != 2 or not rows.size:
        raise ValueError("a litdata chunk takes rows of one length above 0")
    _litdata_type(rows.dtype)
    body = np.ascontiguousarray(rows, rows.dtype.newbyteorder("<"))
    return _with_offsets(len(rows), body.strides[0], b"") + body.tobytes()


def litdata_index(parts: Sequence[Part], dtype: np.dtype[np.generic]) -> bytes:
    """The `index.json` of litdata chunks of tokens of `dtype`, in their order."""
    chunks = [
        {"chunk_bytes": part.bytes, "chunk_size": part.rows, "dim": part.tokens, "filename": part.name}
        for part in parts
    ]
    config = {
        "chunk_bytes": max((part.bytes for part in parts), default=0),
        "chunk_size": None,
        "compression": None,
        "data_format": [f"no_header_numpy:{_litdata_type(dtype)}"],
        "data_spec": '[1, {"type": null, "context": null, "children_spec": []}]',
        "encryption": None,
        "item_loader": "TokensLoader",
    }
    return json.dumps({"chunks": chunks, "config": config}, sort_keys=True).encode()


def _litdata_type(dtype: np.dtype[np.generic]) -> int:
    if dtype.name not in _LITDATA_TYPES:
        raise ValueError(f"litdata's TokensLoader gets uint16 or int32 tokens from us, not {dtype.name}")
    return _LITDATA_TYPES[dtype.name]


def _with_offsets(rows: int, row_bytes: int, between: bytes) -> bytes:
    """Number of rows, where each starts and the last ends, from the start of the file; then `between`."""
    first = 4 + 4 * (rows + 1) + len(between)
    if first + rows * row_bytes > _LARGEST_OFFSET:
        raise ValueError("offsets have 32 bits, so a file must be smaller than 4 GiB: make shards smaller")
    offsets = first + row_bytes * np.arange(rows + 1)
    return np.array([rows], "<u4").tobytes() + offsets.astype("<u4").tobytes() + between
