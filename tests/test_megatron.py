"""tokenizer.megatron: the index byte for byte, and what does not fit it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenizer import megatron

GOLDEN = bytes.fromhex(
    "4d4d494449445800 00"  # MMIDIDX, two zeros
    "0100000000000000 08"  # version 1, code 8: uint16
    "0300000000000000 0400000000000000"  # 3 sequences, 4 entries
    "02000000 01000000 03000000"  # tokens
    "0000000000000000 0400000000000000 0600000000000000"  # byte offsets
    "0000000000000000 0100000000000000 0200000000000000 0300000000000000"  # documents
)


def test_golden_bytes() -> None:
    assert megatron.index_bytes(np.array([2, 1, 3]), np.uint16) == GOLDEN
    assert len(megatron.index_bytes([5] * 300, np.int32)) == 6042  # as megatron-core wrote 300 documents


def test_no_sequences() -> None:
    index = megatron.read_index(megatron.index_bytes([], np.uint16))
    assert (len(index.lengths), index.documents.tolist()) == (0, [0])
    megatron.check_sizes(index, 0)


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("uint8", 1), ("int8", 2), ("int16", 3), ("int32", 4), ("int64", 5), ("float64", 6), ("float32", 7)],
)
def test_type_codes(dtype: str, code: int) -> None:
    data = megatron.index_bytes([1, 1], dtype)
    assert data[17] == code
    assert megatron.read_index(data).dtype == dtype
    assert megatron.read_index(data).pointers[1] == np.dtype(dtype).itemsize


@given(
    st.lists(st.lists(st.integers(0, 65_535), min_size=1, max_size=9), max_size=9),
    st.sampled_from(["u2", "i4"]),
)
def test_round_trip(rows: list[list[int]], dtype: str) -> None:
    tokens = np.array([token for row in rows for token in row], dtype).tobytes()
    index = megatron.read_index(megatron.index_bytes([len(row) for row in rows], dtype))
    megatron.check_sizes(index, len(tokens))
    assert [megatron.sequence(tokens, index, n).tolist() for n in range(len(rows))] == rows


def test_documents_of_several_sequences() -> None:
    index = megatron.read_index(megatron.index_bytes([4, 4, 2], np.int32, documents=[0, 2, 3]))
    assert index.documents.tolist() == [0, 2, 3]
    for wrong in ([], [0, 2], [1, 3], [0, 3, 2, 3]):
        with pytest.raises(ValueError, match="must run upwards from 0 to 3"):
            megatron.index_bytes([4, 4, 2], np.int32, documents=wrong)


@pytest.mark.parametrize("lengths", [[1, 0], [-1], [2**31]])
def test_lengths_that_do_not_fit(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="1 to 2,147,483,647 tokens"):
        megatron.index_bytes(lengths, np.uint16)


def test_offsets_beyond_32_bits() -> None:
    index = megatron.read_index(megatron.index_bytes([2**31 - 1] * 3, np.int32))
    assert index.pointers.tolist() == [0, 4 * (2**31 - 1), 8 * (2**31 - 1)]


def test_type_the_format_cannot_name() -> None:
    with pytest.raises(ValueError, match="uint32"):
        megatron.index_bytes([1], np.uint32)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a Megatron index"),
        (b"MMIDIDX\0\0", "not a Megatron index"),
        (b"x" * 100, "not a Megatron index"),
        (GOLDEN[:-1], "not whole"),
        (GOLDEN + b"\0", "not whole"),
        (GOLDEN[:9] + b"\2" + GOLDEN[10:], "version 2"),
        (GOLDEN[:17] + b"\x09" + GOLDEN[18:], "token type 9"),
        (GOLDEN[:-8] + struct.pack("<q", 2), "does not cover"),
    ],
)
def test_what_is_no_index(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        megatron.read_index(data)


def test_index_beside_other_tokens() -> None:
    index = megatron.read_index(GOLDEN)
    megatron.check_sizes(index, 12)
    with pytest.raises(ValueError, match="covers 12 bytes"):
        megatron.check_sizes(index, 14)
    with pytest.raises(ValueError, match="do not follow"):
        megatron.check_sizes(index._replace(pointers=index.pointers + 2), 12)
