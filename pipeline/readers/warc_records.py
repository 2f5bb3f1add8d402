"""Readable bytes to WARC records: framed by Content-Length, going on at the next record after a bad one.

Page text never frames anything: a line `WARC/1.0` inside a record is text, except where a record is already
known to be broken and the next one is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.readers.members import Piece
from pipeline.records import DeadLetter

MAX_HEADER = 1 << 16  # bytes of a record's header; real ones have a few hundred, long URLs some thousand
MAX_LENGTH = 1 << 36  # bytes that a record may announce: 64 GiB, 60 times a whole file of Common Crawl
KEPT_OF_LONG = 1 << 16  # bytes kept of a record over the limit, enough to tell its kind

_NEWLINES = re.compile(rb"[\r\n]*")
_START = re.compile(rb"\n(?=WARC/\d\.\d+[ \t]*\r?\n[A-Za-z][\w-]{0,60}[ \t]*:)")
_START_TAIL = 128  # bytes in which a start may hide that the next piece completes
_VERSION = re.compile(r"WARC/\d\.\d+\s*\Z", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_FOLD = re.compile(r"\r?\n[ \t]+")
_HEAD = 100  # bytes of a bad record shown in its dead letter


class Record(NamedTuple):
    """A well-framed record; names in lower case, `block` cut to 64 KiB where `length` is over the limit."""

    offset: int
    headers: dict[str, str]
    block: bytes
    length: int


def header_fields(text: str) -> dict[str, str]:
    """Return the fields of a WARC or HTTP header by lower-case name; of a repeated name the first.

    Continuation lines are unfolded (RFC 7230, section 3.2.4; WARC/1.1, section 4), lines without a colon left
    out.
    """
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon and (name := name.strip().lower()) not in fields:
            fields[name] = value.strip()
    return fields


def header_end(data: bytes, start: int = 0, stop: int | None = None) -> tuple[int, int] | None:
    """Return where the header that begins at `start` ends and where its body begins, None without an end."""
    crlf = data.find(b"\n\r\n", start, stop)
    lf = data.find(b"\n\n", start, stop if crlf < 0 else crlf)
    if lf >= 0:
        return lf, lf + 2
    return (crlf, crlf + 3) if crlf >= 0 else None


def records(pieces: Iterator[Piece], limit: int) -> Iterator[Record | DeadLetter]:
    """Yield each record, or a dead letter in its place, from the pieces of one file.

    A block longer than `limit` bytes is skipped but for its first 64 KiB. Memory is bounded by `limit` and a
    piece.
    """
    empty = True
    for result in _Framer(pieces, limit).records():
        yield result
        empty = False
    if empty:
        yield DeadLetter(0, "the file is empty")


class _BrokenError(Exception):
    """The record at hand cannot be read, and whether the damaged piece ahead is the reason."""

    def __init__(self, message: str, by_damage: bool = False) -> None:
        super().__init__(message)
        self.by_damage = by_damage


class _Framer:
    """The bytes at hand, from `at` on, and what comes after them."""

    def __init__(self, pieces: Iterator[Piece], limit: int) -> None:
        self._pieces = pieces
        self._limit = limit
        self._ahead: Piece | None = None
        self._data = b""
        self._at = 0
        self._base = 0  # stored offset of the data, or of the member it came from
        self._plain = False
        self._any_record = False

    def records(self) -> Iterator[Record | DeadLetter]:
        while self._at_data():
            damage = self._ahead.error if self._ahead else ""
            if self._data.startswith(b"WARC/", self._at):
                yield self._record()
                self._any_record = True
            elif damage and self._ahead and len(self._data) - self._at < 5:
                yield DeadLetter(self._ahead.offset, damage)
                self._data, self._at, self._ahead = b"", 0, None
            else:
                is_arc = self._data.startswith(b"filedesc://", self._at)
                yield self._dead_letter("an ARC file, which is not read" if is_arc else "not a WARC record")
                self._find_start()

    def _at_data(self) -> bool:
        """Go past empty lines to the next bytes or to a damaged piece ahead; false at the end."""
        while True:
            self._at = _NEWLINES.match(self._data, self._at).end()  # type: ignore[union-attr]  # matches always
            if self._at < len(self._data):
                if len(self._data) - self._at >= 5 or not self._grow():
                    return True
            elif self._peek() is None:
                return False
            elif self._ahead and self._ahead.error:
                return True
            else:
                self._take()

    def _peek(self) -> Piece | None:
        if self._ahead is None:
            self._ahead = next(self._pieces, None)
        return self._ahead

    def _take(self) -> None:
        """Make the piece ahead the bytes at hand."""
        piece = self._ahead
        assert piece is not None
        self._data, self._at, self._base, self._plain = piece.data, 0, piece.offset, piece.plain
        self._ahead = None

    def _end_reason(self) -> str:
        """Say why the bytes at hand do not go on with the piece ahead; empty where they do."""
        piece = self._peek()
        if piece is None:
            return "the file ends"
        if piece.error:
            return "the next member is damaged" if piece.first else piece.error
        return "the next record begins" if piece.first and piece.data.startswith(b"WARC/") else ""

    def _grow(self) -> bool:
        """Add the piece ahead to the bytes at hand, which then begin at `at`."""
        if self._end_reason():
            return False
        rest, base = self._data[self._at :], self._offset()
        self._take()
        self._data, self._base = rest + self._data, base
        return True

    def _offset(self) -> int:
        return self._base + self._at if self._plain else self._base

    def _dead_letter(self, error: str) -> DeadLetter:
        return DeadLetter(self._offset(), error, self._data[self._at : self._at + _HEAD])

    def _find_start(self) -> None:
        """Go to the next start of a record, or to the end of what belongs together, whatever comes first.

        A member belongs to what is before it where no record was met yet: it may be a file of another format.
        """
        while True:
            found = _START.search(self._data, self._at)
            if found:
                self._at = found.end()
                return
            self._at = max(self._at, len(self._data) - _START_TAIL)
            new_member = (piece := self._peek()) is not None and piece.first and self._any_record
            if new_member or not self._grow():
                self._at = len(self._data)
                return

    def _is_start(self) -> bool:
        """Tell whether a record starts right here, where a header has ended."""
        self._need(_START_TAIL)
        return _START.match(b"\n" + self._data[self._at : self._at + _START_TAIL]) is not None

    def _record(self) -> Record | DeadLetter:
        """Read the record that starts here, and stop at its end or, if it is broken, at the next start."""
        letter = self._dead_letter("")
        fields = None
        try:
            fields = self._header()
            return self._body(letter.offset, fields)
        except _BrokenError as broken:
            if broken.by_damage:
                self._ahead = None  # one dead letter for the record and the damage that broke it
            if fields is None or not self._is_start():
                self._find_start()
            if self._at == len(self._data) and self._is_damaged():
                self._ahead = None  # the damage behind it is the reason too
            return letter._replace(error=str(broken))

    def _broken_by_end(self, what: str) -> _BrokenError:
        reason = self._end_reason()
        return _BrokenError(
            f"{what}: {reason}", by_damage=self._ahead is not None and bool(self._ahead.error)
        )

    def _header(self) -> dict[str, str]:
        """Read the header and stop where the block begins."""
        while (end := header_end(self._data, self._at, self._at + MAX_HEADER)) is None:
            if len(self._data) - self._at >= MAX_HEADER:
                raise _BrokenError(f"the record's header is longer than {MAX_HEADER} bytes")
            if not self._grow():
                raise self._broken_by_end("the record is clipped inside its header")
        version, _, lines = self._data[self._at : end[0]].decode("utf-8", "replace").partition("\n")
        if self._plain:
            self._base += end[1]
        self._data, self._at = self._data[end[1] :], 0
        if not _VERSION.match(version):
            raise _BrokenError("the record's first line is not a WARC version")
        return header_fields(lines)

    def _body(self, offset: int, fields: dict[str, str]) -> Record:
        """Read the block, whose bytes are the next ones, and stop before the next record."""
        if not fields.get("warc-type"):
            raise _BrokenError("the record's header has no WARC-Type")
        announced = fields.get("content-length", "")
        if not _LENGTH.fullmatch(announced) or (length := int(announced)) > MAX_LENGTH:
            raise _BrokenError(f"the record's Content-Length is not a length: {announced[:40]!r}")
        begin = self._base
        block = self._block(length)
        well_ended, skipped = self._skip_lines()
        self._need(5)
        # Two empty lines end a record (then what comes next answers for itself), or else the next record or
        # the end of the member does, since writers are careless with the lines.
        if not well_ended and self._data[self._at : self._at + 5] not in (b"", b"WARC/"):
            self._data, self._at, self._base = block + skipped + self._data[self._at :], 0, begin
            raise _BrokenError(f"no record begins after the {length} bytes that the record announces")
        if self._at == len(self._data) and self._is_damaged():
            raise self._broken_by_end("the record cannot be trusted")
        return Record(offset, fields, block, length)

    def _skip_lines(self) -> tuple[bool, bytes]:
        """Go past empty lines; tell whether there are two, and return what was skipped (64 KiB of it)."""
        self._need(4)
        well_ended = self._data.startswith(b"\r\n\r\n", self._at)
        skipped = b""
        while True:
            begin = self._at
            self._at = _NEWLINES.match(self._data, begin).end()  # type: ignore[union-attr]  # matches always
            if len(skipped) < MAX_HEADER:
                skipped += self._data[begin : self._at]
            if self._at < len(self._data) or not self._need(1):
                return well_ended, skipped

    def _is_damaged(self) -> bool:
        """Tell whether the member that the bytes at hand come from is damaged after them."""
        piece = self._peek()
        return piece is not None and bool(piece.error) and not piece.first

    def _need(self, size: int) -> bool:
        """Get `size` bytes at hand, if the member still has them."""
        while len(self._data) - self._at < size:
            piece = self._peek()
            if piece is None or piece.first or piece.error:
                return False
            self._grow()
        return True

    def _block(self, length: int) -> bytes:
        """Take `length` bytes and return them, or the first of them where they are over the limit."""
        end = self._at + length
        if end <= len(self._data):
            block = self._data[self._at : end]
            self._at = end
            return block if length <= self._limit else block[:KEPT_OF_LONG]
        begin = self._base
        parts = [self._data[self._at :]]
        have = len(parts[0])
        kept = have
        while have < length:
            if self._end_reason():
                self._data, self._at, self._base = b"".join(parts), 0, begin
                # How much a damaged member gives depends on the library's version, and so is not said.
                share = f"the first part of {length}" if self._is_damaged() else f"{have} of {length}"
                raise self._broken_by_end(f"the record is clipped to {share} bytes")
            self._take()
            have += len(self._data)
            self._at = len(self._data)
            if length <= self._limit or kept < KEPT_OF_LONG:
                parts.append(self._data)
                kept += len(self._data)
        self._at -= have - length
        block = b"".join(parts)
        return block[:length] if length <= self._limit else block[:KEPT_OF_LONG]
