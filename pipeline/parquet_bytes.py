"""Parquet in memory to a table, on the calling thread alone. Imports no Beam: reading shards needs none."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


def table_of(data: bytes | BinaryIO, columns: list[str] | None = None) -> pa.Table:
    """The `columns` (all by default, in the order asked for) of the Parquet file `data`, its page checksums
    verified; of an open file no more is read than that.

    Raises pa.ArrowException or OSError where it is damaged, is no Parquet or lacks a column.
    """
    # Not pq.read_table: its scanner lets go of `data` on a thread of Arrow's pool, maybe after it returned.
    # Where that meets the interpreter's end, the thread is told to exit inside a destructor, and the process
    # aborts ("terminate called without an active exception"; pyarrow 25.0.1).
    file = pq.ParquetFile(
        pa.BufferReader(data) if isinstance(data, bytes) else data, page_checksum_verification=True
    )
    if columns is None:
        return file.read(use_threads=False)
    missing = sorted(set(columns) - set(file.schema_arrow.names))
    if missing:
        raise pa.ArrowKeyError(f"no column is called {missing[0]}")
    return file.read(columns=columns, use_threads=False).select(columns)
