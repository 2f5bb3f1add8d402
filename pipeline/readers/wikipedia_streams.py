"""The XML of a Wikipedia dump from its stored bytes, and the ranges a multistream dump can be read in."""

from __future__ import annotations

import bz2
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from pipeline.errors import WinnowError
from pipeline.readers.inflate import DAMAGE, GZIP_MAGIC, Inflater, gzip_member

BZIP2_MAGIC = b"BZh"
_SLICE = 1 << 16  # stored bytes read at once
_PIECE = 1 << 20  # readable bytes given at once, at most: a bzip2 stream may expand ten thousandfold
PART_BYTES = 16 << 20  # stored; some 70 MB of XML, minutes of work for one core


class Damaged(Exception):
    """The stored bytes cannot be decompressed from here on; `offset` is where their stream begins."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


class Piece(NamedTuple):
    """Readable bytes; `offset` is where their compressed stream begins, or they themselves where `plain`."""

    offset: int
    data: bytes
    plain: bool = False


class Part(NamedTuple):
    """A range of a multistream dump: bytes `start` to `end`, read after the dump's first `header` bytes."""

    header: int
    start: int
    end: int


def parts(index: BinaryIO, dump_size: int, part_bytes: int = PART_BYTES) -> list[Part]:
    """Cut a multistream dump of `dump_size` bytes into ranges of whole bzip2 streams, by its index.

    `index` is `…-multistream-index.txt.bz2` as stored, or its text: a line `offset:page id:title` for each
    page, where the pages of one stream share the offset. Each range but the last has at least `part_bytes`;
    together they hold every page once. Raises WinnowError where the index cannot be read or is of another
    dump.
    """
    first = last = -1
    cuts: list[int] = []
    for line in _lines(index):
        number = line.partition(b":")[0]
        if not number.isdigit() or line.count(b":") < 2:
            raise WinnowError("the multistream index has a line that is not offset:id:title")
        offset = int(number)
        if offset < last:
            raise WinnowError("the multistream index is not in the order of its dump")
        last = offset
        if not cuts:
            first = offset
            cuts = [offset]
        elif offset >= cuts[-1] + part_bytes:
            cuts.append(offset)
    if not cuts or last >= dump_size:
        raise WinnowError("the multistream index names no page, or bytes beyond the end of its dump")
    return [Part(first, start, end) for start, end in zip(cuts, [*cuts[1:], dump_size], strict=True)]


def _lines(index: BinaryIO) -> Iterator[bytes]:
    rest = b""
    try:
        for piece in pieces(index):
            *lines, rest = (rest + piece.data).split(b"\n")
            yield from lines
    except Damaged as damage:
        raise WinnowError(f"the multistream index cannot be read: {damage}") from damage
    if rest:
        yield rest


def pieces(stream: BinaryIO, offset: int = 0, end: int | None = None) -> Iterator[Piece]:
    """Yield the readable bytes of `stream`, which stands at the stored `offset`, up to the stored `end`.

    bzip2 (one stream or many), gzip or plain is told by the first bytes. Raises Damaged at the first damage,
    and where the bytes end inside a compressed stream; what came before has been given.
    """
    stored = _slices(stream, None if end is None else end - offset)
    head = next(stored, b"")
    if head.startswith(BZIP2_MAGIC):
        yield from _streams(head, stored, offset, _Bzip2, "bzip2")
    elif head.startswith(GZIP_MAGIC):
        yield from _streams(head, stored, offset, gzip_member, "gzip")
    else:
        while head:
            yield Piece(offset, head, plain=True)
            offset += len(head)
            head = next(stored, b"")


def _slices(stream: BinaryIO, limit: int | None) -> Iterator[bytes]:
    while limit is None or limit > 0:
        data = stream.read(_SLICE if limit is None else min(_SLICE, limit))
        if not data:
            return
        if limit is not None:
            limit -= len(data)
        yield data


class _Bzip2:
    """One bzip2 stream behind zlib's interface."""

    def __init__(self) -> None:
        self._stream = bz2.BZ2Decompressor()
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""  # bz2 keeps it to itself

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        out = self._stream.decompress(data, max_length)
        self.eof = self._stream.eof
        self.unused_data = self._stream.unused_data
        return out


def _streams(
    todo: bytes, stored: Iterator[bytes], offset: int, inflater_of: Callable[[], Inflater], kind: str
) -> Iterator[Piece]:
    """Compressed streams one after another; `todo` are the stored bytes read from `offset` on."""
    end = offset + len(todo)
    while todo:
        start = end - len(todo)
        inflater = inflater_of()
        while not inflater.eof:
            try:
                data = inflater.decompress(todo, _PIECE)
            except (OSError, *DAMAGE) as error:
                raise Damaged(start, f"the {kind} stream is damaged") from error
            if data:
                yield Piece(start, data)
            todo = inflater.unconsumed_tail
            if not inflater.eof and not todo and len(data) < _PIECE:
                todo = next(stored, b"")
                end += len(todo)
                if not todo:
                    raise Damaged(start, f"the file ends inside a {kind} stream")
        todo = inflater.unused_data
        if not todo:
            todo = next(stored, b"")
            end += len(todo)
