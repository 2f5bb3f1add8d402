"""pipeline.parquet_bytes: what pq.read_table reads, but on the calling thread alone."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.parquet import to_parquet
from pipeline.parquet_bytes import table_of

TABLE = pa.table(
    {
        "id": [f"{number:03}" for number in range(400)],
        "source": ["web", None] * 200,
        "spans": [[number, number + 1] for number in range(400)],
        "score": [number / 7 for number in range(400)],
    }
)

# What Arrow's threads let go of while the interpreter ends aborts the process, so there must be none.
COUNTED = """
import sys
import psutil, pyarrow
from pipeline.look.rules import values_of
from pipeline.parquet_bytes import table_of
before = psutil.Process().num_threads()
table_of(sys.stdin.buffer.read(), ["score", "id"])
scores = dict.fromkeys(("language_score", "perplexity", "reference_score"), [None] * 1000)
values_of(pyarrow.table({**scores, "rule_values": ['{"a": 1}'] * 1000}))
print(psutil.Process().num_threads() - before)
"""


@pytest.mark.parametrize("columns", [None, [], ["score", "id"], ["spans"]])
def test_it_is_what_pyarrow_reads(columns: list[str] | None) -> None:
    data = to_parquet(TABLE)
    found = table_of(data, columns)
    assert found.equals(pq.read_table(pa.BufferReader(data), columns=columns))
    assert found.num_rows == 400


def test_reading_starts_no_thread() -> None:
    said = subprocess.run(
        [sys.executable, "-c", COUNTED], input=to_parquet(TABLE), check=True, capture_output=True
    )
    assert said.stdout.strip() == b"0"


def test_a_missing_column_a_wrong_byte_and_a_cut_end_are_errors() -> None:
    data = to_parquet(TABLE)
    with pytest.raises(pa.ArrowException, match="no column is called other"):
        table_of(data, ["id", "other"])
    for wrong in (data[:100] + bytes([data[100] ^ 1]) + data[101:], data[:-1], b""):
        with pytest.raises((pa.ArrowException, OSError)):
            table_of(wrong)
