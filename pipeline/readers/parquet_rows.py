"""Parquet from stored bytes, one row at a time, going on at the next row group after damage."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.readers.rows import Row
from pipeline.records import DeadLetter

PARQUET_MAGIC = b"PAR1"
_BATCH_BYTES = 16 << 20  # decoded at once, about; a row group is never held whole as Python objects
_MAX_BATCH_ROWS = 4096


def parquet_rows(stream: BinaryIO) -> Iterator[Row | DeadLetter]:
    """Yield each row of the Parquet file `stream` (seekable) as what JSON lines would hold.

    Page checksums are verified. Dates and times become ISO 8601 strings, bytes base64. A file that is no
    readable Parquet is one dead letter, as is the rest of a damaged row group (with the offset of its first
    column); a value that cannot be read costs its row. Rows have no place of their own (-1): the place says
    which row it is.
    """
    try:
        file = pq.ParquetFile(pa.PythonFile(stream, mode="r"), page_checksum_verification=True)
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        yield DeadLetter(0, f"no readable Parquet: {_reason(error)}", PARQUET_MAGIC)
        return
    first = 0
    for number, group in enumerate(groups):
        done = 0
        rows = max(1, min(_MAX_BATCH_ROWS, group.num_rows * _BATCH_BYTES // max(group.total_byte_size, 1)))
        try:
            for batch in file.iter_batches(batch_size=rows, row_groups=[number], use_threads=False):
                yield from _batch_rows(batch, first + done)
                done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            offset = _data_offset(group)
            yield DeadLetter(offset, f"rows {first + done} to {first + group.num_rows - 1}: {_reason(error)}")
        first += group.num_rows


def _batch_rows(batch: pa.RecordBatch, first: int) -> Iterator[Row | DeadLetter]:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name, column in columns.items():
        if pa.types.is_temporal(column.type):  # nanoseconds have no Python type
            columns[name] = column.cast(pa.string())
    try:
        rows = pa.table(columns).to_pylist()
    except (ValueError, OverflowError):
        rows = [None] * batch.num_rows  # one value of the batch: find the row it is in
    for index, values in enumerate(rows):
        place = f"row {first + index}"
        try:
            row = (
                values
                if values is not None
                else {name: column[index].as_py() for name, column in columns.items()}
            )
            yield Row(-1, place, {name: _as_json(value) for name, value in row.items()})
        except (ValueError, OverflowError, TypeError) as error:
            yield DeadLetter(-1, f"{place}: a value cannot be read: {_reason(error)}")


def _as_json(value: Any) -> Any:
    """`value` as JSON holds it; strings, numbers and nothing as they are."""
    if value is None or isinstance(value, str | int):
        return value
    return orjson.loads(orjson.dumps(value, default=_other_as_json, option=orjson.OPT_NON_STR_KEYS))


def _other_as_json(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _data_offset(group: Any) -> int:
    column = group.column(0)
    return int(min(o for o in (column.dictionary_page_offset, column.data_page_offset) if o is not None))


def _reason(error: Exception) -> str:
    """The first line of what a library says."""
    return str(error).split("\n", maxsplit=1)[0] or type(error).__name__
