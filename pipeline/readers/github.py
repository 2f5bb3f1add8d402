"""Source files as rows in the shape of BigQuery's GitHub data: repository, path, licence, content."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from filters.spdx import spdx
from pipeline.errors import WinnowError
from pipeline.files import open_file, read_file
from pipeline.readers.json_lines import json_lines
from pipeline.readers.members import pieces
from pipeline.readers.parquet_rows import PARQUET_MAGIC, parquet_rows
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter, Document, Event, PassedOver

_MAX_TABLE_LINE = 1 << 20
_SYMLINK = 0o120000  # git's mode of a symbolic link, whose content is the path it leads to


@dataclass(frozen=True)
class GithubReader:
    """Rows of JSON lines or Parquet as documents; which it is, the first bytes tell and not the name.

    `repository`, `path`, `content`, `license` name the columns; `licenses` has the licence of repositories
    (SPDX expressions) for rows without one. The key is repository, path and hash of the content, so that rows
    which a join has multiplied are one document read twice. Metadata: `repository`, `path`, `license` (SPDX;
    absent where none is known, then `license_name` is what the row said), `ref` and `blob` where given.

    Passed over: binary files (by the column `binary`, or a NUL), rows without content, symbolic links, bytes
    that are not UTF-8. Rows without repository or path, with content of another type, or of more than
    `max_document_bytes` are dead letters.
    """

    repository: str = "repo_name"
    path: str = "path"
    content: str = "content"
    license: str = "license"
    licenses: Mapping[str, str] = field(default_factory=dict)
    max_document_bytes: int = 64 << 20

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each row of `stream` (seekable); `name` is not used."""
        del name
        as_bytes = _bytes_columns(stream)
        for row in _rows(stream, self.max_document_bytes):
            yield row if isinstance(row, DeadLetter) else self._event(row, self.content in as_bytes)

    def _event(self, row: Row, as_bytes: bool) -> Event:
        values, error = row.values, ""
        named = (values.get(column) for column in (self.repository, self.path))
        content = self._content(values, as_bytes)
        if not all(isinstance(name, str) and name for name in named):
            error = f"no {self.repository!r} or no {self.path!r}"
        elif isinstance(content, PassedOver):
            return content
        elif not isinstance(content, str):
            error = f"{self.content!r} is not a string"
        elif (size := len(content.encode())) > self.max_document_bytes:
            error = f"{self.content!r} has {size} bytes, more than {self.max_document_bytes}"
        if error:
            return DeadLetter(row.offset, f"{row.place}: {error}", row.head)
        return self._document(values, content)

    def _content(self, values: dict[str, Any], as_bytes: bool) -> Any:
        """The content of a row, or that it is passed over and why."""
        content = values.get(self.content)
        if as_bytes and content is not None:
            try:
                content = base64.b64decode(content).decode()
            except UnicodeDecodeError:
                return PassedOver("not UTF-8")
        if values.get("binary") is True or (isinstance(content, str) and "\0" in content):
            return PassedOver("binary")
        if values.get("mode") in (_SYMLINK, str(_SYMLINK)):
            return PassedOver("symbolic link")
        return PassedOver("no content") if content is None else content

    def _document(self, values: dict[str, Any], content: str) -> Document:
        repository, path = values[self.repository], values[self.path]
        named = _joined(values.get(self.license))
        known = spdx(named) if named else self.licenses.get(repository, "")
        metadata = {"repository": repository, "path": path}
        if known:
            metadata["license"] = known
        elif named:
            metadata["license_name"] = named
        ref = values.get("ref")
        for key, value in (("ref", ref), ("blob", values.get("id"))):
            if isinstance(value, str) and value:
                metadata[key] = value
        branch = ref.removeprefix("refs/heads/") if isinstance(ref, str) and ref else "HEAD"
        return Document(
            key="\0".join((repository, path, xxhash.xxh3_128_hexdigest(content.encode()))),
            text=content,
            url=f"https://github.com/{quote(repository)}/blob/{quote(branch)}/{quote(path)}",
            metadata=metadata,
        )


class LicenseTable(NamedTuple):
    """The licences of repositories, as SPDX expressions, and the xxh3_128 of the file they are from."""

    digest: str
    licenses: dict[str, str]


@lru_cache(maxsize=2)
def license_table(path: str) -> LicenseTable:
    """Read the table at `path`, JSON lines or Parquet of `repo_name` and `license`, as BigQuery's is.

    A repository of several rows is under all of them; rows of a licence that has no SPDX name make their
    repository's unknown. Raises WinnowError where the file or a row of it cannot be read.
    """
    digest = xxhash.xxh3_128_hexdigest(read_file(path))
    found: dict[str, set[str]] = {}
    with open_file(path) as stream:
        for row in _rows(stream, _MAX_TABLE_LINE):
            if isinstance(row, DeadLetter):
                raise WinnowError(f"licences {path}: {row.error}")
            repository = row.values.get("repo_name")
            if not isinstance(repository, str):
                raise WinnowError(f"licences {path}: {row.place}: no 'repo_name'")
            named = _joined(row.values.get("license"))
            if named:
                found.setdefault(repository, set()).add(named)
    return LicenseTable(
        digest, {repository: spdx(" AND ".join(sorted(names))) for repository, names in found.items()}
    )


def _joined(value: object) -> str:
    """A licence column as one expression: of a list (as some data sets have) all licences hold."""
    if isinstance(value, list):
        return " AND ".join(sorted({name for name in value if isinstance(name, str) and name}))
    return value.strip() if isinstance(value, str) else ""


def _rows(stream: BinaryIO, max_line_bytes: int) -> Iterator[Row | DeadLetter]:
    if _is_parquet(stream):
        return parquet_rows(stream)
    return json_lines(pieces(stream), max_line_bytes)


def _is_parquet(stream: BinaryIO) -> bool:
    head = stream.read(len(PARQUET_MAGIC))
    stream.seek(0)
    return head == PARQUET_MAGIC


def _bytes_columns(stream: BinaryIO) -> set[str]:
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
