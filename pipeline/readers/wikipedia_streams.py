"""The XML of a Wikipedia dump from its stored bytes, and the ranges a multistream dump can be read in."""

from __future__ import annotations

import bz2
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from pipeline.errors import WinnowError
from pipeline.readers.archives import expands_too_much
from pipeline.readers.inflate import DAMAGE, GZIP_MAGIC, FedByKib, GzipMember, Inflater

BZIP2_MAGIC = b"BZh"
_SLICE = 1 << 16  # stored bytes read at once
_PIECE = 1 << 20  # readable bytes given at once, at most: a bzip2 stream may expand ten thousandfold
PART_BYTES = 64 << 20  # stored; some 280 MB of XML, minutes of work for one core
# A stream's magic number and its first block's, which is pi's digits: no such ten bytes come about by chance.
_STREAM = re.compile(rb"BZh[1-9]1AY&SY")
_STREAM_BYTES = 10
_WINDOW = 1 << 20
_DUMP = re.compile(r"(.+-multistream)([0-9]*)\.xml(-p[0-9]+p[0-9]+)?(\.bz2)")
_INDEX = re.compile(r".+-multistream-index[0-9]*\.txt(?:-p[0-9]+p[0-9]+)?(?:\.bz2)?")


class Piece(NamedTuple):
    """Readable bytes; `offset` is where their compressed stream begins, or they themselves where `plain`.

    `error` tells that the stream at `offset` is damaged from here on (`data` is empty); what follows is of
    the next one.
    """

    offset: int
    data: bytes
    plain: bool = False
    error: str = ""


class Part(NamedTuple):
    """A range of a multistream dump: bytes `start` to `end`, read after the dump's first `header` bytes.

    `first` is the number of pages before it.
    """

    header: int
    start: int
    end: int
    first: int = 0


def index_name(dump: str) -> str:
    """The name of the index of the multistream dump called `dump`; "" where it has another name."""
    match = _DUMP.fullmatch(dump)
    return f"{match[1]}-index{match[2]}.txt{match[3] or ''}{match[4]}" if match else ""


def is_index(name: str) -> bool:
    """Whether a file called `name` is the index of a multistream dump."""
    return _INDEX.fullmatch(name) is not None


def parts(index: BinaryIO, dump_size: int, part_bytes: int = PART_BYTES) -> list[Part]:
    """Cut a multistream dump of `dump_size` bytes into ranges of whole bzip2 streams, by its index.

    `index` is `…-multistream-index.txt.bz2` as stored, or its text: a line `offset:page id:title` for each
    page, where the pages of one stream share the offset. Each range but the last has at least `part_bytes`;
    together they hold every page once. Raises WinnowError where the index cannot be read or is of another
    dump.
    """
    header = last = -1
    cuts: list[int] = []
    before: list[int] = []
    for pages, line in enumerate(_lines(index)):
        number = line.partition(b":")[0]
        if not number.isdigit() or line.count(b":") < 2:
            raise WinnowError("the multistream index has a line that is not offset:id:title")
        offset = int(number)
        if offset < last:
            raise WinnowError("the multistream index is not in the order of its dump")
        last = offset
        if not cuts or offset >= cuts[-1] + part_bytes:
            header = offset if not cuts else header
            cuts.append(offset)
            before.append(pages)
    if not cuts or last >= dump_size:
        raise WinnowError("the multistream index names no page, or bytes beyond the end of its dump")
    ends = [*cuts[1:], dump_size]
    return [Part(header, *range_) for range_ in zip(cuts, ends, before, strict=True)]


def check_parts(dump: BinaryIO, found: list[Part]) -> None:
    """Raise WinnowError where most parts begin where no bzip2 stream of `dump` does; some may be damaged."""
    wrong = []
    for part in found:
        dump.seek(part.start)
        if not _STREAM.fullmatch(dump.read(_STREAM_BYTES)):
            wrong.append(part.start)
    if 2 * len(wrong) > len(found):
        raise WinnowError(f"the multistream index is of another dump: no stream begins at {wrong[0]}")


def _lines(index: BinaryIO) -> Iterator[bytes]:
    rest = b""
    for piece in pieces(index):
        if piece.error:
            raise WinnowError(f"the multistream index cannot be read: {piece.error}")
        *lines, rest = (rest + piece.data).split(b"\n")
        yield from lines
    if rest:
        yield rest


def pieces(stream: BinaryIO) -> Iterator[Piece]:
    """Yield the readable bytes of `stream`, which stands at its start.

    bzip2 (one stream or many), gzip or plain is told by the first bytes. Damage is a piece with an error,
    after which the next intact bzip2 stream follows, for which `stream` must be seekable.
    """
    stored = _slices(stream, None)
    head = next(stored, b"")
    if head.startswith(BZIP2_MAGIC):
        yield from _bzip2_pieces(stream, head, stored, 0, None)
        return
    if head.startswith(GZIP_MAGIC):
        yield from _streams(head, stored, 0, GzipMember, "gzip")
        return
    offset = 0
    while head:
        yield Piece(offset, head, plain=True)
        offset += len(head)
        head = next(stored, b"")


def stream_pieces(stream: BinaryIO, start: int, end: int) -> Iterator[Piece]:
    """Yield the readable bytes of the bzip2 streams from stored byte `start` to `end`, damage as above."""
    stream.seek(start)
    stored = _slices(stream, end - start)
    yield from _bzip2_pieces(stream, next(stored, b""), stored, start, end)


def _bzip2_pieces(
    stream: BinaryIO, head: bytes, stored: Iterator[bytes], offset: int, end: int | None
) -> Iterator[Piece]:
    found: int | None = offset
    while found is not None:
        damage = None
        for piece in _streams(head, stored, found, _bzip2, "bzip2"):
            damage = piece if piece.error else None
            yield piece
        found = _next_stream(stream, damage.offset + 1, end) if damage else None
        if found is not None:
            stored = _slices(stream, None if end is None else end - found)
            head = next(stored, b"")


def _next_stream(stream: BinaryIO, offset: int, end: int | None) -> int | None:
    """Go to the next bzip2 stream at or after the stored `offset`; None where there is none before `end`."""
    stream.seek(offset)
    window = b""
    while data := stream.read(_WINDOW):
        window = window[1 - _STREAM_BYTES :] + data
        offset += len(data)
        if match := _STREAM.search(window):
            found = offset - len(window) + match.start()
            if end is not None and found >= end:
                return None
            stream.seek(found)
            return found
        if end is not None and offset >= end:
            return None
    return None


def _slices(stream: BinaryIO, limit: int | None) -> Iterator[bytes]:
    while limit is None or limit > 0:
        data = stream.read(_SLICE if limit is None else min(_SLICE, limit))
        if not data:
            return
        if limit is not None:
            limit -= len(data)
        yield data


def _bzip2() -> Inflater:
    return FedByKib(bz2.BZ2Decompressor())


def _streams(
    todo: bytes, stored: Iterator[bytes], offset: int, inflater_of: Callable[[], Inflater], kind: str
) -> Iterator[Piece]:
    """Compressed streams one after another; `todo` are the stored bytes read from `offset` on."""
    end = offset + len(todo)
    while todo:
        start = end - len(todo)
        inflater = inflater_of()
        given = 0
        while not inflater.eof:
            try:
                data = inflater.decompress(todo, _PIECE)
            except (OSError, *DAMAGE):
                yield Piece(start, b"", error=f"the {kind} stream is damaged")
                return
            if data:
                yield Piece(start, data)
            given += len(data)
            if expands_too_much(given, end - start):
                yield Piece(start, b"", error=f"the {kind} stream expands as no text does")
                return
            todo = inflater.unconsumed_tail
            if not inflater.eof and not todo and len(data) < _PIECE:
                todo = next(stored, b"")
                end += len(todo)
                if not todo:
                    yield Piece(start, b"", error=f"the file ends inside a {kind} stream")
                    return
        todo = inflater.unused_data
        if not todo:
            todo = next(stored, b"")
            end += len(todo)
