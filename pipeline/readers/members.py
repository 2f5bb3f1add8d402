"""Stored bytes to readable ones, a compressed member at a time, going on at the next member after damage.

Web archives compress each record as a gzip member or zstd frame of its own, so that damage costs one record.
The libraries' own streams hide where members begin and stop at the first damage (fastwarc 2.0 besides gives a
clipped record an empty body without an error), so members are inflated here one by one.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import zstandard

from pipeline.readers.archives import expands_too_much
from pipeline.readers.inflate import (
    DAMAGE,
    DICTIONARY_FRAME,
    GZIP_MAGIC,
    SKIPPABLE_MAGIC,
    ZSTD_MAGIC,
    GzipMember,
    Inflater,
    ZstdFrame,
    gzip_member,
)

_SLICE = 1 << 14  # stored bytes read at once; what follows a short member is copied, so that larger is slower
_PIECE = 1 << 20  # readable bytes given at once, at most (zstd: what 1 KiB holds, at most 32 MiB)
_TRIAL = 1 << 16  # readable bytes that show a member found after damage to be one
_REPLAY = 1 << 24  # stored bytes of a member kept for finding the next one, should this one be damaged
_MAX_DICTIONARY = 1 << 20
_SEARCHED = 1 << 20  # stored bytes in which a member shows what a file with a damaged start is
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\f\r\x1b")
_TEXT_CONTROLS = 50  # a text has less than one control character in so many


class Piece(NamedTuple):
    """Readable bytes in file order.

    `offset` is where, in the stored bytes, their member begins (`plain`, that is uncompressed: where they
    begin themselves), `first` tells that a member begins with them, `error` that it is damaged here (`data`
    is empty).
    """

    offset: int
    data: bytes
    first: bool
    error: str = ""
    plain: bool = False


def pieces(stream: BinaryIO) -> Iterator[Piece]:
    """Yield the readable bytes of `stream`, whose compression is known by its first bytes and not by a name.

    Holds a member's last 16 MiB (stored) and 1 MiB (readable) at most. Damage is a piece with an error, after
    which the next intact member follows; errors of the stream itself (network, disk) are raised.
    """
    stored = _Stored(stream)
    members = _compressed(stored)
    if members:
        yield from members.pieces()
        return
    offset = 0
    data = stored.read()
    while data:
        yield Piece(offset, data, first=offset == 0, plain=True)
        offset += len(data)
        data = stored.fetch(_PIECE)


def _compressed(stored: _Stored) -> _Members | None:
    """Return the members of a compressed file, None for a plain one.

    Where the first bytes say nothing and are no text, a member in the first MiB shows a file whose start
    alone is damaged.
    """
    formats = _Members(stored, "gzip", GZIP_MAGIC), _Members(stored, "zstd", ZSTD_MAGIC)
    head = stored.peek(_SLICE)
    if _is_skippable(head):
        return formats[1]
    for members in formats:
        if members.begin(head):
            return members
    if _is_plain(head):
        return None
    stored.peek(_SEARCHED)
    head = stored.read()
    found = [(at, members) for members in formats if (at := members.first_in(head)) >= 0]
    stored.mark(head)
    return min(found, key=lambda one: one[0])[1] if found else None


def _is_plain(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is not compressed: text has next to no control characters,
    of compressed bytes a tenth are some; and a record's header is text whatever surrounds it."""
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls * _TEXT_CONTROLS < len(head) or b"\nWARC-Type:" in head


def _is_skippable(head: bytes) -> bool:
    return head[1:4] == SKIPPABLE_MAGIC and head[0] >> 4 == 5


class _Stored:
    """The stored bytes, read in slices, of which the last 16 MiB since a mark can be read again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: deque[bytes] = deque()
        self._read: deque[bytes] = deque()  # since the mark
        self._held = 0
        self.offset = 0  # of the next byte

    def fetch(self, size: int) -> bytes:
        """Read on in the stream, always whole slices, so that nothing depends on what it gives at once."""
        data = self._stream.read(size)
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        return data

    def read(self) -> bytes:
        data = self._ahead.popleft() if self._ahead else self.fetch(_SLICE)
        self.offset += len(data)
        self._read.append(data)
        self._held += len(data)
        while self._held - len(self._read[0]) > _REPLAY:
            self._held -= len(self._read.popleft())
        return data

    def mark(self, unread: bytes = b"") -> None:
        """Put back the end of what was read, and forget the rest of it."""
        self._read.clear()
        self._held = 0
        if unread:
            self._ahead.appendleft(unread)
            self.offset -= len(unread)

    def rewind(self) -> None:
        """Go back to the mark, or as far as the bytes are still held."""
        self._ahead.extendleft(reversed(self._read))
        self.offset -= self._held
        self.mark()

    def peek(self, size: int) -> bytes:
        """Return the next bytes, fewer than `size` only at the end, and stay before them."""
        head = b""
        while len(head) < size:
            data = self.read()
            if not data:
                break
            head += data
        self.mark(head)
        return head[:size]

    def slices(self) -> Iterator[bytes]:
        """Yield the slices to come without moving."""
        at = 0
        while True:
            if at == len(self._ahead):
                data = self.fetch(_SLICE)
                if not data:
                    return
                self._ahead.append(data)
            yield self._ahead[at]
            at += 1


class _Members:
    """A file of compressed members, read once from start to end."""

    def __init__(self, stored: _Stored, name: str, magic: bytes) -> None:
        self._stored = stored
        self._name = name
        self._magic = magic
        self._dictionary: zstandard.ZstdCompressionDict | None = None

    def begin(self, head: bytes) -> bool:
        """Tell whether a file that starts with `head` starts with a member."""
        return head.startswith(self._magic)

    def first_in(self, head: bytes) -> int:
        """Return where in `head`, the bytes just read, a member begins; -1 where none does."""
        at = head.find(self._magic)
        while at >= 0 and not self._is_member(head[at:]):
            at = head.find(self._magic, at + 1)
        return at

    def pieces(self) -> Iterator[Piece]:
        while head := self._member_head():
            yield from self._member(head)

    def _inflater(self, probe: bool = False) -> Inflater:
        if self._magic is ZSTD_MAGIC:
            return ZstdFrame(self._dictionary)
        return gzip_member(probe)

    def _member_head(self) -> bytes:
        """Leave padding and skippable frames behind, and return the next slice; empty at the file's end."""
        while True:
            head = self._stored.read()
            if head.startswith(b"\0"):  # tape blocks and some writers pad with zeros
                self._stored.mark(head.lstrip(b"\0"))
                continue
            if self._magic is ZSTD_MAGIC and head:
                self._stored.mark(head)
                if _is_skippable(self._stored.peek(8)):
                    self._skippable_frame()
                    continue
                head = self._stored.read()
            return head

    def _skippable_frame(self) -> None:
        """Skip a frame without content, or take the dictionary that it holds."""
        header = self._stored.peek(8)
        left = 8 + int.from_bytes(header[4:], "little")
        keep = header[0] == DICTIONARY_FRAME and left <= _MAX_DICTIONARY
        content = b""
        while left and (data := self._stored.read()):
            content += data[:left] if keep else b""
            self._stored.mark(data[left:])
            left -= min(left, len(data))
        if keep:
            content = content[8:]
            try:
                if content.startswith(ZSTD_MAGIC):
                    content = zstandard.ZstdDecompressor().stream_reader(content).read(_MAX_DICTIONARY)
                self._dictionary = zstandard.ZstdCompressionDict(content)
                self._inflater()
            except zstandard.ZstdError:
                self._dictionary = None  # then each frame that needs it is damaged, and says so

    def _member(self, head: bytes) -> Iterator[Piece]:
        """Yield the pieces of the member that starts with `head`, and stop before the next one."""
        stored = self._stored
        start = stored.offset - len(head)
        inflater = self._inflater()
        first = True
        given = 0
        todo = head
        while True:
            try:
                data = inflater.decompress(todo, _PIECE)
            except DAMAGE:
                error = f"the {self._name} member is damaged"
                break
            if data:
                yield Piece(start, data, first)
                first = False
                given += len(data)
                if expands_too_much(given, stored.offset - start):
                    error = f"the {self._name} member expands as no text does"
                    break
            if inflater.eof:
                stored.mark(inflater.unused_data)
                return
            todo = inflater.unconsumed_tail
            if not todo and len(data) < _PIECE:
                todo = stored.read()
                if not todo:
                    error = f"the file ends inside a {self._name} member"
                    break
        stored.rewind()
        whole = stored.offset == start  # as much is held
        if self._magic is GZIP_MAGIC and whole and error.endswith("damaged"):
            for data in self._swallowed(given):
                yield Piece(start, data, first)
                first = False
            stored.rewind()
        yield Piece(start, b"", first, error)
        self._find_member(start + 1)

    def _swallowed(self, given: int) -> Iterator[bytes]:
        """Yield what the damaged member at hand has behind its first `given` bytes and before the damage.

        isal keeps to itself what it had made when it met damage.
        """
        member = GzipMember()
        while todo := self._stored.read():
            full = True
            while todo or full:
                try:
                    data = member.decompress(todo, _PIECE)
                except DAMAGE:
                    return
                full = len(data) == _PIECE
                if data[given:]:
                    yield data[given:]
                given = max(0, given - len(data))
                todo = member.unconsumed_tail
                if member.eof:
                    return

    def _find_member(self, after: int) -> None:
        """Go to the next place at or after the stored offset `after` where a member begins, or to the end."""
        stored = self._stored
        data = b""
        while more := stored.read():
            data += more
            begin = stored.offset - len(data)
            at = data.find(self._magic, max(0, after - begin))
            while at >= 0:
                if self._is_member(data[at:]):
                    stored.mark(data[at:])
                    return
                at = data.find(self._magic, at + 1)
            data = data[1 - len(self._magic) :]
            after = max(after, begin)
            stored.mark()

    def _is_member(self, head: bytes) -> bool:
        """Tell whether `head` and what comes is a member rather than bytes that look like a magic number.

        A record's start, an end with the right checksum, or 64 KiB without an error show that it is.
        """
        inflater = self._inflater(probe=True)
        shown = 0
        for data in itertools.chain([head], itertools.islice(self._stored.slices(), 16)):
            todo = data
            while todo:
                try:  # five bytes first: what comes after a record's start may be damaged in its turn
                    out = inflater.decompress(todo, _TRIAL if shown else 5)
                except DAMAGE:
                    return False
                if (not shown and out == b"WARC/") or inflater.eof:
                    return True
                shown += len(out)
                todo = inflater.unconsumed_tail
                if shown >= _TRIAL:
                    return True
        return False
