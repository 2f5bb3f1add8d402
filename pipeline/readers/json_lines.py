"""JSON lines from stored bytes, one row a line, going on after every bad one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from pipeline.readers.members import Piece
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter

HEAD_BYTES = 100  # how much of a bad row its dead letter shows
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"  # RFC 8259, section 2


def json_lines(pieces: Iterable[Piece], max_line_bytes: int) -> Iterator[Row | DeadLetter]:
    """Yield a row for each line that is a JSON object in UTF-8, a dead letter for each that is not.

    `pieces` are the readable bytes; lines end in LF or CR LF, blank ones are no rows, and of a line above
    `max_line_bytes` only the beginning is ever held. A file in whose first piece no line begins with a
    brace is of another format, and one dead letter. Offsets count stored bytes; in compressed files they
    are the member's, and the place says how far into its readable bytes the line begins.
    """
    for line in _lines(pieces, max_line_bytes):
        if isinstance(line, DeadLetter):
            yield line
            continue
        data = line.bytes()
        if line.size > max_line_bytes:
            error = f"a line of {line.size} bytes, more than {max_line_bytes}"
            yield DeadLetter(line.offset, f"{line.place}: {error}", data)
            continue
        data = data.removeprefix(_BYTE_ORDER_MARK)
        if not data.strip(_SPACE):
            continue
        try:
            values = orjson.loads(data)
        except orjson.JSONDecodeError as reason:
            yield DeadLetter(line.offset, f"{line.place}: not JSON: {reason}", data[:HEAD_BYTES])
            continue
        if isinstance(values, dict):
            yield Row(line.offset, line.place, values, data[:HEAD_BYTES])
        else:
            yield DeadLetter(line.offset, f"{line.place}: not a JSON object", data[:HEAD_BYTES])


class _Line:
    """The line being read: its bytes so far, of a line that is too long the first ones only."""

    def __init__(self, offset: int, into: int, max_bytes: int) -> None:
        self.offset = offset
        self.place = f"byte {into}"
        self.size = 0
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        self.size += len(part)
        self._parts.append(part)
        if self.size > self._max_bytes:
            self._parts = [b"".join(self._parts)[:HEAD_BYTES]]

    def bytes(self) -> bytes:
        return b"".join(self._parts)


def _lines(pieces: Iterable[Piece], max_bytes: int) -> Iterator[_Line | DeadLetter]:
    """Yield each line, the last one too where it has no end."""
    line: _Line | None = None
    into = 0  # of the member's readable bytes, how many came before the piece
    started = torn = False  # torn: what comes after damage may be the rest of a line
    for piece in pieces:
        if piece.error:
            yield DeadLetter(piece.offset, piece.error, line.bytes()[:HEAD_BYTES] if line else b"")
            line, torn = None, True
            continue
        data = piece.data
        if not started and not _has_objects(data):
            yield DeadLetter(piece.offset, "neither JSON lines nor Parquet", data[:HEAD_BYTES])
            return
        started = True
        if piece.plain:
            into = piece.offset
        elif piece.first:
            into = 0
        begin = 0
        if torn and not data.startswith(b"{"):
            begin = data.find(b"\n") + 1 or len(data)
        torn = torn and begin == len(data)
        while begin < len(data):
            if line is None:
                line = _Line(piece.offset + begin * piece.plain, into + begin, max_bytes)
            end = data.find(b"\n", begin)
            line.add(data[begin : len(data) if end < 0 else end])
            if end < 0:
                break
            yield line
            line = None
            begin = end + 1
        into += len(data)
    if line is not None:
        yield line


def _has_objects(data: bytes) -> bool:
    """Whether a line of `data` begins with a brace, and the first one does not open an array."""
    text = data.removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE)
    return not text or text.startswith(b"{") or (not text.startswith(b"[") and b"\n{" in text)
