"""Lines from stored bytes, of which those that are too long are never held, going on after damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.readers.members import Piece
from pipeline.records import DeadLetter

HEAD_BYTES = 100  # how much of a bad line its dead letter shows


class Line:
    """A line: `offset` as dead letters count it, `place` in words, its size, and its bytes without the end.

    Of a line that is longer than allowed, the bytes are the first ones only.
    """

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


def byte_lines(pieces: Iterable[Piece], max_bytes: int, start: bytes) -> Iterator[Line | DeadLetter]:
    """Yield each line of the readable bytes, the last one with or without an end, and dead letters.

    Lines end in LF. What follows damage is the rest of a lost line, and left out, unless it begins with
    `start`, white space aside. Offsets count stored bytes; in compressed files they are the member's, and
    the place says how far into its readable bytes the line begins.
    """
    line: Line | None = None
    into = 0  # of the member's readable bytes, how many came before the piece
    torn = False  # torn: what comes after damage may be the rest of a line
    for piece in pieces:
        if piece.error:
            yield DeadLetter(piece.offset, piece.error, line.bytes()[:HEAD_BYTES] if line else b"")
            line, torn = None, True
            continue
        data = piece.data
        if piece.plain:
            into = piece.offset
        elif piece.first:
            into = 0
        begin = 0
        if torn and not data.lstrip().startswith(start):
            begin = data.find(b"\n") + 1 or len(data)
        torn = torn and begin == len(data)
        while begin < len(data):
            if line is None:
                line = Line(piece.offset + begin * piece.plain, into + begin, max_bytes)
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
