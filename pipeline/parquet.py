"""The one place where Parquet is written and read, so that its bytes depend on the rows alone.

What changes the bytes of a Parquet file beside its rows: chunking, row groups, the codec's level,
dictionaries, statistics, free metadata and the pyarrow version. All are fixed here but the last, which the
manifest records.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import WinnowError
from pipeline.files import open_file, read_file
from pipeline.parquet_bytes import table_of

# Columns of few distinct values; a dictionary for the others costs bytes (measured: docs/design.md, section
# 7).
DICTIONARY_COLUMNS = ("source", "snapshot", "language", "input", "verdict", "perplexity_bucket")


def to_parquet(table: pa.Table) -> bytes:
    """Serialise `table` as one row group of Parquet, zstd level 3, with page checksums."""
    table = table.combine_chunks().replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=max(table.num_rows, 1),
        version="2.6",
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in DICTIONARY_COLUMNS if name in table.column_names],
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    )
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(path: str, columns: list[str] | None = None) -> pa.Table:
    """Read `columns` (all by default) of the Parquet file at `path`, its page checksums verified.

    Of a few columns no more is read than they are: what counts rows or bytes goes over every file of a
    source in one process. Raises WinnowError naming the file where it is damaged or is no Parquet.
    """
    try:
        if columns is None:
            return table_of(read_file(path))
        with open_file(path) as file:
            return table_of(file, columns)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise WinnowError(f"{path} is damaged or is no Parquet file: {reason}") from error
