"""What is held in memory stays small: a shard once, of a Parquet file the columns asked for."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline import parquet
from pipeline.manifest import UnitFiles
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases.shard_files import write_shard
from pipeline.units import Output, Outputs


def test_a_shard_is_not_copied_to_be_written(tmp_path: Path) -> None:
    tokens = np.arange(4 << 20, dtype=np.uint16)
    lengths = np.array([len(tokens)], np.int64)
    tracemalloc.start()
    entry = write_shard(Outputs(str(tmp_path)), "a/s", tokens, lengths, ("rows", pa.table({"row": [0]})))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < tokens.nbytes / 4
    assert (tmp_path / "a" / "s.bin").read_bytes() == tokens.tobytes()
    assert entry["files"][0]["bytes"] == tokens.nbytes


def test_an_empty_shard_is_written_too(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.uint16)
    write_shard(
        Outputs(str(tmp_path)), "a/s", nothing, np.zeros(0, np.int64), ("rows", pa.table({"row": [0]}))
    )
    assert (tmp_path / "a" / "s.bin").read_bytes() == b""


def test_of_a_parquet_file_the_columns_asked_for_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0)
    table = pa.table({"text": [draw.bytes(100_000).hex() for _ in range(20)], "bytes": list(range(20))})
    path = tmp_path / "documents.parquet"
    path.write_bytes(to_parquet(table))
    read = []

    class Counted(io.FileIO):
        """A file that notes how much is read of it."""

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(-1 if size is None else size) or b""
            read.append(len(data))
            return data

    monkeypatch.setattr(parquet, "open_file", Counted)
    assert read_parquet(str(path), ["bytes"]).column("bytes").to_pylist() == list(range(20))
    assert 0 < sum(read) < path.stat().st_size / 4


def test_what_manifests_hold_of_each_batch_has_no_dictionary_of_its_own() -> None:
    assert not hasattr(Output("a", 1, 2, "b"), "__dict__")
    assert not hasattr(UnitFiles("a", [], {}), "__dict__")
