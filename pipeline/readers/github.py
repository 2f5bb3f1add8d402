"""Source files in the forms GitHub's are kept in: rows in the shape of BigQuery's data, and checkouts."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from filters.spdx import spdx
from pipeline.readers.checkouts import CheckoutReader, is_archive
from pipeline.readers.license_table import license_column
from pipeline.readers.rows import Row
from pipeline.readers.source_file import License, source_file, table_license
from pipeline.readers.tables import bytes_columns, table_rows
from pipeline.records import DeadLetter, Event, PassedOver

_SYMLINK = 0o120000  # git's mode of a symbolic link, whose content is the path it leads to


@dataclass(frozen=True)
class GithubReader:
    """Rows of JSON lines or Parquet as documents, or archives of checked-out repositories.

    Which it is, the first bytes tell and not the name. `repository`, `path`, `content`, `license` name the
    columns; `licenses` has the licence of repositories (SPDX expressions) for rows without one, `checkouts`
    reads archives. The key is repository, path and hash of the content, so that rows which a join has
    multiplied are one document read twice. Metadata: what `source_file` says, and `ref`, `blob` where given.

    Passed over: binary files (by the column `binary`, or a NUL), rows without content, symbolic links, bytes
    that are not UTF-8. Rows without repository or path, with content of another type, or of more than
    `max_document_bytes` are dead letters.
    """

    repository: str = "repo_name"
    path: str = "path"
    content: str = "content"
    license: str = "license"
    licenses: Mapping[str, str] = field(default_factory=dict)
    checkouts: CheckoutReader = field(default_factory=CheckoutReader)
    max_document_bytes: int = 64 << 20

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each row or file of `stream` (seekable); `name` names an archive's repository
        where nothing in it does."""
        if is_archive(stream):
            yield from self.checkouts.read(stream, name)
            return
        as_bytes = bytes_columns(stream)
        for row in table_rows(stream, self.max_document_bytes):
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
        repository = values[self.repository]
        extra = {key: _text(values.get(column)) for key, column in (("ref", "ref"), ("blob", "id"))}
        return source_file(repository, values[self.path], content, self._license(values, repository), extra)

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

    def _license(self, values: dict[str, Any], repository: str) -> License:
        named = license_column(values.get(self.license))
        if named:
            return License(spdx(named), named)
        return table_license(self.licenses, repository)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
