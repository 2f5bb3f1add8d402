"""Rows of a file that may be JSON lines or Parquet: which it is, the first bytes tell and not the name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.readers.json_lines import json_lines
from pipeline.readers.members import pieces
from pipeline.readers.parquet_rows import PARQUET_MAGIC, parquet_rows
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter


def table_rows(stream: BinaryIO, max_line_bytes: int) -> Iterator[Row | DeadLetter]:
    """The rows of `stream` (seekable); lines of JSON above `max_line_bytes` are dead letters."""
    if _is_parquet(stream):
        return parquet_rows(stream)
    return json_lines(pieces(stream), max_line_bytes)


def bytes_columns(stream: BinaryIO) -> set[str]:
    """The columns of a Parquet file that are bytes, which rows hold as base64."""
    if not _is_parquet(stream):
        return set()
    try:
        schema = pq.ParquetFile(pa.PythonFile(stream, mode="r")).schema_arrow
    except (pa.ArrowException, OSError):
        return set()  # parquet_rows says what is wrong
    finally:
        stream.seek(0)
    return {
        item.name for item in schema if pa.types.is_binary(item.type) or pa.types.is_large_binary(item.type)
    }


def _is_parquet(stream: BinaryIO) -> bool:
    head = stream.read(len(PARQUET_MAGIC))
    stream.seek(0)
    return head == PARQUET_MAGIC
