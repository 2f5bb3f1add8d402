"""A compressed file as a stream of its readable bytes, in bounded memory, which says when it breaks."""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, cast

from pipeline.readers.archives import Unreadable, check_ratio
from pipeline.readers.inflate import (
    DAMAGE,
    GZIP_MAGIC,
    ZSTD_MAGIC,
    FedByKib,
    GzipMember,
    Inflater,
    ZstdFrame,
    gzip_member,
)

_DAMAGE = (*DAMAGE, lzma.LZMAError, OSError)  # OSError is what bz2 raises; nothing is read inside it
_CHUNK = 1 << 16
_PIECE = 1 << 20
_TRIAL = 1 << 10
_XZ_MEMORY = 256 << 20  # its strongest preset needs 65 MiB


class _Kind(NamedTuple):
    name: str
    magic: bytes
    new: Callable[[], Inflater]


_KINDS = (
    _Kind("gzip", GZIP_MAGIC, GzipMember),
    _Kind("zstd", ZSTD_MAGIC, lambda: ZstdFrame(None)),
    _Kind("bzip2", b"BZh", lambda: FedByKib(bz2.BZ2Decompressor())),  # it has no specification but its source
    _Kind(
        "xz", b"\xfd7zXZ\x00", lambda: FedByKib(lzma.LZMADecompressor(memlimit=_XZ_MEMORY))
    ),  # The .xz File Format, section 2.1.1.1
)


def first(stream: BinaryIO, size: int) -> bytes:
    """The next `size` bytes, fewer only at the end."""
    parts: list[bytes] = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Rewound(io.RawIOBase):
    """A stream that gives `head`, read before, again before its rest; `given` counts what it gave.

    `damage` was met behind `head`, and is raised there.
    """

    def __init__(self, head: bytes, stream: BinaryIO, damage: Unreadable | None = None) -> None:
        self._head = memoryview(head)
        self._stream = stream
        self._damage = damage
        self.given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        """Fill the front of `buffer`; returns how much, 0 at the end."""
        data: bytes | memoryview = self._head[: len(buffer)]
        if not data:
            if self._damage:
                raise self._damage
            data = self._stream.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        self.given += len(data)
        return len(data)


def peeked(stream: BinaryIO, size: int) -> tuple[bytes, Rewound]:
    """The next `size` bytes, fewer at the end or before damage, and the stream as it was before them."""
    parts: list[bytes] = []
    damage = None
    try:
        while size and (part := stream.read(size)):
            parts.append(part)
            size -= len(part)
    except Unreadable as reason:
        damage = reason
    head = b"".join(parts)
    return head, Rewound(head, stream, damage)


class _Inflated(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes], source: Rewound) -> None:
        self._chunks = chunks
        self._source = source
        self._data = memoryview(b"")
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        while not self._data:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._size += len(chunk)
            check_ratio(self._size, self._source.given)
            self._data = memoryview(chunk)
        size = min(len(buffer), len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        return size


def inflated(head: bytes, source: Rewound) -> BinaryIO | None:
    """The readable bytes of a gzip, zstd, bzip2 or xz file, None where `head` begins none of these.

    `source` gives the whole file, `head` too. Reading raises Unreadable where the file is damaged, cut short
    or expands beyond any text.
    """
    found = next((kind for kind in _KINDS if head.startswith(kind.magic)), None)
    if found is None:
        return None
    chunks = _chunks(cast(BinaryIO, source), found)
    return cast(BinaryIO, _Inflated(chunks, source))


def trial(head: bytes) -> bytes:
    """The first readable bytes of a gzip or zstd file that begins with `head`; else `head`."""
    try:
        if head.startswith(GZIP_MAGIC):
            return gzip_member(probe=True).decompress(head, _TRIAL)
        if head.startswith(ZSTD_MAGIC):
            return ZstdFrame(None).decompress(head, _TRIAL)[:_TRIAL]
    except DAMAGE:
        return b""
    return head


def _chunks(source: BinaryIO, kind: _Kind) -> Iterator[bytes]:
    """The readable bytes of members one after another; zeros behind them are padding."""
    rest = first(source, _CHUNK)
    while rest.strip(b"\0"):
        member = kind.new()
        while not member.eof:
            try:
                data = member.decompress(rest, _PIECE)
            except _DAMAGE:
                raise Unreadable(f"the {kind.name} member is damaged") from None
            if data:
                yield data
            rest = member.unconsumed_tail
            if not member.eof and not rest and len(data) < _PIECE:
                rest = first(source, _CHUNK)
                if not rest:
                    raise Unreadable(f"the file ends inside a {kind.name} member")
        rest = member.unused_data or first(source, _CHUNK)
