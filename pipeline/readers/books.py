"""Books: plain text files, zip and tar collections of them, and one book a row in JSON lines or Parquet."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import BinaryIO, cast

import xxhash

from filters.gutenberg import number
from pipeline.readers.archives import HEAD_BYTES, Member, Unreadable, is_tar, tar_members, zip_members
from pipeline.readers.documents import DocumentsReader
from pipeline.readers.inflated import first, inflated, peeked, trial
from pipeline.readers.parquet_rows import PARQUET_MAGIC
from pipeline.records import DeadLetter, Document, Event, PassedOver

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # PKWARE APPNOTE 4.3.7 and 4.3.16, the latter of an empty one
_HEAD = 1 << 16
_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"')
_ROWS = re.compile(r"\.(?:jsonl?|ndjson)(?:\.\w+)?$", re.I)
_UNSPLIT = (b"BZh", b"\xfd7zXZ\x00")  # what is unpacked before it is looked at
_COMPRESSED = re.compile(r"\.(?:t?gz|t?bz2|t?xz|t?zst|zip|tar|parquet)$", re.I)
_CHARSET = re.compile(rb"character set encoding:\s*([\w-]{3,20})", re.I)
_NUMBERED = re.compile(r"(?:pg)?([1-9]\d{0,5})(?:-\d)?\.txt(?:\.utf-?8)?", re.I)
# Text, but not a book's: Gutenberg's zips hold the book's page, its pictures and its catalogue entry.
_MARKUP = frozenset(
    {".htm", ".html", ".xhtml", ".css", ".js", ".xml", ".rdf", ".opf", ".ncx", ".tei", ".tex"}
)
_MAX_DEPTH = 4  # a zip in a gzipped tar is three


@dataclass(frozen=True)
class BooksReader:
    """Books in any of the forms that collections have, told by their first bytes and not by their names.

    Plain text, alone or in zip and tar archives (also of archives), each compressed by gzip, bzip2, xz or
    zstd or not; JSON lines and Parquet with one book a row, `rows` naming the columns. The key is
    Gutenberg's number where the text has it in its header, else the hash of the stored bytes (of a row: its
    id, else the hash of its text). With `number_in_name` a file called 1342.txt or pg1342.txt without a
    header has the number 1342, as in PG19. Books from an archive have their name there as metadata `file`: it
    is all that such collections say of author and title.

    Charsets: UTF-8, UTF-16 with a byte order mark, the one that the header declares, Windows-1252, Latin-1.
    Line ends become LF. Files with NUL bytes, web pages by name, and empty files are passed over. A book of
    more than `max_document_bytes`, a hostile or damaged archive is a dead letter.
    """

    rows: DocumentsReader = field(default_factory=DocumentsReader)
    number_in_name: bool = False
    max_document_bytes: int = 64 << 20

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each book, and for each file in an archive that is none."""
        yield from self._read(stream, name, 1)

    def _read(self, stream: BinaryIO, name: str, depth: int) -> Iterator[Event]:
        head, source = peeked(stream, _HEAD)
        whole = cast(BinaryIO, source)
        is_zip = head.startswith(_ZIP_MAGIC)
        readable = inflated(head, source)
        if depth > _MAX_DEPTH and (is_zip or readable is not None or is_tar(head)):
            yield DeadLetter(0, f"archives nested more than {_MAX_DEPTH} deep", head[:HEAD_BYTES])
        elif is_zip or head.startswith(PARQUET_MAGIC):
            yield from self._of_directory(stream, whole, is_zip, name, depth)
        elif _JSON.match(trial(head)) or (
            _ROWS.search(name) and not (head.startswith(_UNSPLIT) or is_tar(head))
        ):
            yield from self._rows(whole, name)  # with a damaged start only its name says so
        elif readable is not None:
            try:
                yield from self._read(readable, name, depth + 1)
            except Unreadable as reason:
                yield DeadLetter(0, f"the compressed file cannot be read: {reason}", head[:HEAD_BYTES])
        elif is_tar(head):
            yield from self._members(tar_members(whole, self.max_document_bytes), depth)
        else:
            yield self._text(first(whole, self.max_document_bytes + 1), name)

    def _of_directory(
        self, stream: BinaryIO, whole: BinaryIO, is_zip: bool, name: str, depth: int
    ) -> Iterator[Event]:
        """A zip or Parquet file, whose directory is at its end: what cannot be read from any point is read
        into memory."""
        if not stream.seekable():
            data = first(whole, self.max_document_bytes + 1)
            if len(data) > self.max_document_bytes:
                kind = "zip archive" if is_zip else "Parquet file"
                error = f"a {kind} of more than {self.max_document_bytes} bytes inside another file"
                yield DeadLetter(0, error, data[:HEAD_BYTES])
                return
            stream = io.BytesIO(data)
        stream.seek(0)
        if is_zip:
            yield from self._members(zip_members(stream, self.max_document_bytes), depth)
        else:
            yield from self._rows(stream, name)

    def _members(self, members: Iterator[Member | PassedOver | DeadLetter], depth: int) -> Iterator[Event]:
        for member in members:
            if not isinstance(member, Member):
                yield member
                continue
            path = PurePosixPath(member.name)
            if path.name.startswith(".") or "__MACOSX" in path.parts:
                yield PassedOver("hidden file")
            elif path.suffix.lower() in _MARKUP:
                yield PassedOver("markup")
            else:
                for event in self._read(io.BytesIO(member.data), path.name, depth + 1):
                    if isinstance(event, Document):
                        event.metadata.setdefault("file", _printable(path.name))
                    yield event._replace(offset=member.offset) if isinstance(event, DeadLetter) else event

    def _text(self, data: bytes, name: str) -> Event:
        if len(data) > self.max_document_bytes:
            error = f"the book has more than {self.max_document_bytes} bytes"
            return DeadLetter(0, error, data[:HEAD_BYTES])
        if not data.strip():
            return PassedOver("empty")
        text = _decoded(data)
        if text is None and _COMPRESSED.search(name):
            return DeadLetter(0, "not the compressed file that its name says", data[:HEAD_BYTES])
        if text is None:
            return PassedOver("binary")
        key = number(text)
        numbered = _NUMBERED.fullmatch(name) if self.number_in_name and not key else None
        if numbered:
            key = numbered[1]
        return Document(key or xxhash.xxh3_128_hexdigest(data), text)

    def _rows(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        for event in replace(self.rows, max_document_bytes=self.max_document_bytes).read(stream, name):
            if isinstance(event, Document):
                event.text = _with_line_feeds(event.text)
                row_id = event.key if self.rows.id and event.key else ""
                event.key = number(event.text) or row_id or xxhash.xxh3_128_hexdigest(event.text.encode())
            yield event


def _printable(name: str) -> str:
    """A member's name without what no text can hold: bytes that are no UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _with_line_feeds(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str | None:
    """The text of a file, None for one that is not text."""
    declared = _CHARSET.search(data[:_HEAD])
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charsets = ["utf-16"]
    elif b"\0" in data:
        charsets = []
    else:
        charsets = ["utf-8", declared[1].decode() if declared else "utf-8", "cp1252", "latin-1"]
    for charset in charsets:
        try:
            text = _with_line_feeds(data.decode(charset))
        except (UnicodeDecodeError, LookupError):
            continue
        return None if "\0" in text else text
    return None
