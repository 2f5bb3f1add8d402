"""Samples whose documents lie in containers: tar, zip, 7z, Parquet."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import py7zr
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fuzz.samples import Record, Sample, all_prints, file_of

Files = Sequence[tuple[str, bytes]]

TAR_END = bytes(2 * tarfile.BLOCKSIZE)


def tar_parts(files: Files) -> list[bytes]:
    """The entries of a tar archive and its end."""
    parts = []
    for name, data in files:
        info = tarfile.TarInfo(name)
        info.size, info.mtime = len(data), 1_500_000_000
        parts.append(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE))
    return [*parts, TAR_END]


def tar_file(sample: Sample, files: Files) -> Sample:
    """A tar archive: a document depends on its entry, wherever that comes to stand."""
    return file_of(sample, tar_parts(files))


def zip_file(sample: Sample, files: Files, method: int = zipfile.ZIP_DEFLATED) -> Sample:
    """A zip archive: a document depends on its entry, on the directory, and on nothing having moved."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, method)
    data = held.getvalue()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        starts = [info.header_offset for info in archive.infolist()]
        directory = archive.start_dir
    ends = [*starts[1:], directory]
    whole = all_prints(replace(sample, data=data))
    records: list[Record] = []
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        one = io.BytesIO()
        with zipfile.ZipFile(one, "w", method) as archive:
            archive.writestr(zipfile.ZipInfo(files[index][0], (2020, 1, 1, 0, 0, 0)), files[index][1], method)
        for found in all_prints(replace(sample, data=one.getvalue())):
            records.append(Record(found, ((start, end), (directory, len(data))), len(data)))
    assert sum(whole.values()) == len(records)
    return replace(sample, data=data, records=records, sealed=True)


def seven_zip(sample: Sample, name: str, content: bytes, filters: list[dict[str, Any]]) -> Sample:
    """A 7z archive of one file, which is compressed as a whole and has its directory at the end."""
    held = io.BytesIO()
    with py7zr.SevenZipFile(held, "w", filters=filters) as archive:
        archive.writestr(content, name)
    made = replace(sample, data=held.getvalue(), sealed=True)
    span = ((0, len(made.data)),)
    return replace(made, records=[Record(p, span, len(made.data)) for p in all_prints(made).elements()])


def parquet_file(
    sample: Sample, rows: Sequence[dict[str, Any]], group: int, checksums: bool, codec: str = "zstd"
) -> Sample:
    """A Parquet file: a row depends on its group, which must not move, and on the footer."""
    held = io.BytesIO()
    table = pa.Table.from_pylist(list(rows))
    pq.write_table(table, held, compression=codec, row_group_size=group, write_page_checksum=checksums)
    data = held.getvalue()
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    records = []
    for number in range(metadata.num_row_groups):
        columns = [metadata.row_group(number).column(c) for c in range(metadata.num_columns)]
        starts = [c.dictionary_page_offset or c.data_page_offset for c in columns]
        start = min(starts)
        end = max(s + c.total_compressed_size for s, c in zip(starts, columns, strict=True))
        one = io.BytesIO()
        pq.write_table(table.slice(number * group, group), one, compression=codec)
        for found in all_prints(replace(sample, data=one.getvalue())).elements():
            records.append(Record(found, ((0, 4), (start, end), (footer, len(data))), end))
    return replace(sample, data=data, records=records, sealed=checksums)
