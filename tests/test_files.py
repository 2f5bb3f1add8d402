"""Files are there whole or not at all; packed files and Parquet have fixed bytes and notice damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.errors import WinnowError
from pipeline.files import delete, list_folder, read_range, write_file
from pipeline.packed import PackedFile, pack, read_packed, unpack
from pipeline.parquet import read_parquet, to_parquet


def test_write_creates_folders_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.bin"
    write_file(str(path), b"one")
    write_file(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert list_folder(str(tmp_path)) == {"a/b.bin": 3}


def test_a_failed_write_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(WinnowError, match=r"cannot write .*taken"):
        write_file(str(tmp_path / "taken"), b"x")
    assert list_folder(str(tmp_path)) == {}


def test_delete_takes_emptied_folders_along(tmp_path: Path) -> None:
    write_file(str(tmp_path / "keep"), b"x")
    write_file(str(tmp_path / "a" / "b" / "c"), b"x")
    delete([str(tmp_path / "a" / "b" / "c")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keep"]


def test_a_range_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    write_file(str(tmp_path / "f"), b"0123456789")
    assert read_range(str(tmp_path / "f"), 3, 4) == b"3456"
    with pytest.raises(WinnowError, match="cut short"):
        read_range(str(tmp_path / "f"), 8, 4)


@given(
    arrays(np.uint64, st.integers(0, 9)),
    arrays(np.uint32, st.integers(0, 9)),
    arrays(bool, st.integers(0, 9)),
)
def test_packed_arrays_come_back(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> None:
    packed = pack({"first": first, "second": second, "third": third})
    back = unpack(packed)
    assert [back[name].tolist() for name in ("first", "second", "third")] == [
        first.tolist(),
        second.tolist(),
        third.tolist(),
    ]
    assert [back["first"].dtype, back["second"].dtype, back["third"].dtype] == [
        np.uint64,
        np.uint32,
        np.bool_,
    ]


def test_packed_slices_and_structures(tmp_path: Path) -> None:
    pairs = np.array([(1, True), (2, False), (3, True)], [("key", "<u8"), ("flag", "?")])
    path = str(tmp_path / "p")
    write_file(path, pack({"n": np.arange(100, dtype=np.uint32), "pairs": pairs}))
    with PackedFile(path) as file:
        assert file.read("n", 10, 13).tolist() == [10, 11, 12]
        assert file.read("pairs", 1, 3).tolist() == [(2, False), (3, True)]
        assert file.length("n") == 100


def test_packed_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(pack({"n": np.arange(100, dtype=np.uint32)})[:-8])
    with pytest.raises(WinnowError, match="cut short in array n"):
        read_packed(str(path))
    path.write_bytes(b"PAR1" * 10)
    with pytest.raises(WinnowError, match="not a packed file"):
        read_packed(str(path))


def test_parquet_bytes_depend_on_rows_alone() -> None:
    table = pa.table({"id": ["a", "b", "c", "d"], "n": [1, 2, 3, 4]})
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1, 3)])
    labelled = table.replace_schema_metadata({"made": "today"})
    assert to_parquet(chunked) == to_parquet(table) == to_parquet(labelled)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8, 0.99])
def test_parquet_damage_is_noticed(tmp_path: Path, place: float) -> None:
    texts = [f"a text of its own, number {n * 7919}" for n in range(3000)]
    data = bytearray(to_parquet(pa.table({"text": pa.array(texts, pa.large_string())})))
    data[int(len(data) * place)] ^= 0xFF
    path = tmp_path / "f.parquet"
    path.write_bytes(data)
    with pytest.raises(WinnowError, match=r"f\.parquet is damaged"):
        read_parquet(str(path))
