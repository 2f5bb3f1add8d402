"""tokenizer.sidecars and tokenizer.exports: bytes as the trainers' own writers make them."""

from __future__ import annotations

import gzip
import json
import struct

import numpy as np
import pytest

from tokenizer import exports, sidecars


def test_olmo_table() -> None:
    data = sidecars.olmo_csv_gz([3, 2], ["a", 'b "quoted", \n'], ["x.parquet", "y,z"], [0, 7])
    wanted = b'0,3,a,x.parquet,0\n3,5,"b ""quoted"", \n","y,z",7\n'
    assert gzip.decompress(data) == wanted
    assert data[:10] == bytes.fromhex("1f8b08000000000000ff")  # no name, no time, no machine
    with pytest.raises(ValueError, match="zip"):
        sidecars.olmo_csv_gz([3, 2], ["a"], ["x", "y"], [0, 1])
    assert gzip.decompress(sidecars.olmo_csv_gz([], [], [], [])) == b""


def test_datatrove_index() -> None:
    assert sidecars.datatrove_index([3, 2, 4]) == struct.pack("<3Q", 3, 5, 9)
    assert sidecars.datatrove_index([2**31, 2**31]) == struct.pack("<2Q", 2**31, 2**32)
    assert sidecars.datatrove_index([]) == b""


# The third line as humanize 4.17 writes it, which datatrove asks for it.
@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        (0, "0.00 T"),
        (7, "7.00 T"),
        (42, "42.0 T"),
        (999, "999 T"),
        (1000, "1.00 kT"),
        (1234, "1.23 kT"),
        (9996, "10.0 kT"),
        (99_999, "100 kT"),
        (999_499, "999 kT"),
        (999_999, "1.00 MT"),
        (123_456_789, "123 MT"),
        (1_400_000_000_000, "1.40 TT"),
    ],
)
def test_datatrove_metadata(tokens: int, shown: str) -> None:
    assert sidecars.datatrove_metadata("my/model", 2, tokens) == f"my/model|2\n{tokens}\n{shown}".encode()


@pytest.mark.parametrize(("name", "size"), [("", 2), ("a|b", 2), ("a\nb", 4), ("a", 8)])
def test_datatrove_metadata_refuses(name: str, size: int) -> None:
    with pytest.raises(ValueError, match="datatrove"):
        sidecars.datatrove_metadata(name, size, 1)


def test_llmc() -> None:
    data = exports.llmc_bytes(np.array([1, 513, 65_499], np.uint16))
    assert len(data) == 1024 + 6
    assert struct.unpack("<256i", data[:1024]) == (20240520, 1, 3, *[0] * 253)
    assert data[1024:] == bytes.fromhex("0100 0102 dbff")
    with pytest.raises(ValueError, match="16 bits"):
        exports.llmc_bytes(np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="2 GiB"):
        exports.llmc_bytes(np.broadcast_to(np.uint16(0), 2**30))


MDS_CONFIG = (
    b'{"column_encodings": ["ndarray:int32"], "column_names": ["tokens"], "column_sizes": [null],'
    b' "compression": null, "format": "mds", "hashes": [], "size_limit": null, "version": 2}'
)


def test_mds_shard() -> None:
    data = exports.mds_shard(np.array([[1, 2, 3], [4, 5, 65_535]], np.uint16))
    head, sample = 16 + len(MDS_CONFIG), 4 + 2 + 12
    assert data[:16] == struct.pack("<4I", 2, head, head + sample, head + 2 * sample)
    assert data[16:head] == MDS_CONFIG
    # size of the datum; one dimension whose size has 8 bits; 3; the values
    assert data[head : head + sample] == struct.pack("<IBB3i", 14, 0b100, 3, 1, 2, 3)
    assert data[head + sample :] == struct.pack("<IBB3i", 14, 0b100, 3, 4, 5, 65_535)


@pytest.mark.parametrize(
    ("length", "shape"),
    [(255, b"\x04\xff"), (256, b"\x05\x00\x01"), (65_535, b"\x05\xff\xff"), (65_536, b"\x06\0\0\1\0")],
)
def test_mds_shape(length: int, shape: bytes) -> None:
    head = 12 + len(MDS_CONFIG)
    data = exports.mds_shard(np.zeros((1, length), np.int32))
    assert data[head + 4 : head + 4 + len(shape)] == shape
    assert len(data) == head + 4 + len(shape) + 4 * length


def test_mds_index() -> None:
    index = json.loads(exports.mds_index([exports.Part("shard.00000.mds", 2, 6, 300)]))
    (shard,) = index["shards"]
    assert index["version"] == 2
    assert shard == json.loads(MDS_CONFIG) | {
        "samples": 2,
        "raw_data": {"basename": "shard.00000.mds", "bytes": 300, "hashes": {}},
        "zip_data": None,
    }


def test_litdata() -> None:
    data = exports.litdata_chunk(np.array([[1, 2], [3, 4], [5, 6]], np.uint16))
    assert data == struct.pack("<5I6H", 3, 20, 24, 28, 32, 1, 2, 3, 4, 5, 6)
    index = json.loads(exports.litdata_index([exports.Part("chunk-0-0.bin", 3, 6, 32)], np.dtype(np.uint16)))
    assert index["chunks"] == [{"chunk_bytes": 32, "chunk_size": 3, "dim": 6, "filename": "chunk-0-0.bin"}]
    assert index["config"]["data_format"] == ["no_header_numpy:5"]
    assert index["config"]["item_loader"] == "TokensLoader"
    index = json.loads(exports.litdata_index([], np.dtype(np.int32)))
    assert index["config"]["data_format"] == ["no_header_numpy:2"]


@pytest.mark.parametrize("build", [exports.mds_shard, exports.litdata_chunk])
def test_rows_that_do_not_fit(build: object) -> None:
    assert callable(build)
    for rows in (np.zeros(4, np.uint16), np.zeros((0, 4), np.uint16), np.zeros((4, 0), np.uint16)):
        with pytest.raises(ValueError, match="rows of one length"):
            build(rows)


def test_offsets_have_32_bits() -> None:
    with pytest.raises(ValueError, match="smaller than 4 GiB"):
        exports._with_offsets(1 << 16, 1 << 16, b"")
    with pytest.raises(ValueError, match="uint32"):
        exports.litdata_chunk(np.zeros((1, 1), np.uint32))
