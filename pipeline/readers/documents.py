"""Documents that are text already, in JSON lines or Parquet: C4's files, our own, a user's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import orjson
import xxhash

from pipeline.readers.json_lines import json_lines
from pipeline.readers.members import pieces
from pipeline.readers.parquet_rows import PARQUET_MAGIC, parquet_rows
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter, Document, Event

# The columns by which rows of our own files are known, apart from those taken already (pipeline.schema).
_OWN_COLUMNS = frozenset({"id", "source", "snapshot", "language", "bytes", "metadata", "input", "ordinal"})
_EXPORTED_COLUMNS = frozenset({"id", "source", "snapshot", "language", "metadata", "scores"})
_OWN_BOOKKEEPING = frozenset({"bytes", "input", "ordinal"})  # written anew for the file that is being made
_MISSING = object()


@dataclass(frozen=True)
class DocumentsReader:
    """Rows of JSON lines or Parquet as documents; which it is, the first bytes tell and not the name.

    `text`, `url`, `timestamp`, `id` name the columns, a dot going into nested objects (`meta.url`; a column
    whose own name holds the dot comes first). Absent or null URLs and timestamps are empty. All other
    columns are kept as metadata, and so is the id, since a hash takes its place. The key is the id where `id`
    names a column that has one; else URL, timestamp and the hash of the text. Rows of our own files, exported
    ones too, keep id, language, snapshot and metadata; scores are metadata then.

    A row without a string as text, with a NUL in it, of more than `max_document_bytes` (JSON lines: the
    line), or that is no JSON object in UTF-8 is a dead letter.
    """

    text: str = "text"
    url: str = "url"
    timestamp: str = "timestamp"
    id: str | None = None
    max_document_bytes: int = 64 << 20

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield a document or a dead letter for each row of `stream`; `name` is not used."""
        del name
        head = stream.read(len(PARQUET_MAGIC))
        if head == PARQUET_MAGIC:
            rows = parquet_rows(stream)
        else:
            rows = json_lines(pieces(cast(BinaryIO, _PutBack(head, stream))), self.max_document_bytes)
        for row in rows:
            yield row if isinstance(row, DeadLetter) else self._document(row)

    def _document(self, row: Row) -> Event:
        values = row.values
        own = values.keys() >= _OWN_COLUMNS or values.keys() >= _EXPORTED_COLUMNS
        text = _taken(values, self.text)
        error = ""
        if not isinstance(text, str):
            what = "missing" if text is _MISSING else f"{_json_type(text)}, not a string"
            error = f"{self.text!r} is {what}"
        elif "\0" in text:
            error = f"{self.text!r} has a NUL character"
        elif len(encoded := text.encode()) > self.max_document_bytes:
            error = f"{self.text!r} has {len(encoded)} bytes, more than {self.max_document_bytes}"
        if error:
            return DeadLetter(row.offset, f"{row.place}: {error}", row.head)
        document = Document(
            key="",
            text=text,
            url=_scalar(_taken(values, self.url)),
            timestamp=_scalar(_taken(values, self.timestamp)),
        )
        key = _scalar(_found(values, self.id)) if self.id else ""
        if own:
            key = key or _scalar(values.get("id"))
            _restore_own(document, values)
        document.key = key or "\0".join(
            (document.url, document.timestamp, xxhash.xxh3_128_hexdigest(encoded))
        )
        document.metadata |= values
        return document


class _PutBack:
    """A stream that gives `head` again before its rest."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head, b""
        return head or self._stream.read(size)


def _restore_own(document: Document, row: dict[str, Any]) -> None:
    """Move what a row of our own files says of its document back to where it was; leave the other values."""
    document.language = _scalar(row.pop("language"))
    document.snapshot = _scalar(row.pop("snapshot"))
    metadata, scores = _object(row.pop("metadata")), _object(row.pop("scores", None))
    document.metadata = metadata if isinstance(metadata, dict) else {"metadata": metadata} if metadata else {}
    row |= scores if isinstance(scores, dict) else {"scores": scores}
    if "rule_values" in row:
        row["rule_values"] = _object(row["rule_values"])
    for column in [column for column, value in row.items() if value is None or column in _OWN_BOOKKEEPING]:
        del row[column]


def _object(value: Any) -> Any:
    """What JSON in a string column says, anything else as it is."""
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return value


def _found(row: dict[str, Any], path: str) -> Any:
    """The value at `path` of `row`; `_MISSING` where there is none."""
    if path in row:
        return row[path]
    column, dot, rest = path.partition(".")
    inner = row.get(column)
    return _found(inner, rest) if dot and isinstance(inner, dict) else _MISSING


def _taken(row: dict[str, Any], path: str) -> Any:
    """Remove the value at `path` from `row` and return it; `_MISSING` where there is none.

    Objects that become empty by it are removed too.
    """
    if path in row:
        return row.pop(path)
    column, dot, rest = path.partition(".")
    inner = row.get(column)
    if not dot or not isinstance(inner, dict):
        return _MISSING
    value = _taken(inner, rest)
    if not inner:
        del row[column]
    return value


def _scalar(value: Any) -> str:
    """A URL, timestamp or id as a string; numbers as JSON writes them, nothing as the empty string."""
    if isinstance(value, str):
        return value
    if value is _MISSING or value is None:
        return ""
    return orjson.dumps(value).decode()


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "an object" if isinstance(value, dict) else "a list"
