"""One gzip member or zstd frame at a time, behind one interface, with bounded output."""

from __future__ import annotations

import importlib
import lzma
import zlib
from typing import Any, Protocol

import zstandard

try:  # The same bytes as zlib's at about twice its speed, where it is installed.
    _fast_zlib: Any = importlib.import_module("isal.isal_zlib")
except ImportError:
    _fast_zlib = zlib

GZIP_MAGIC = b"\x1f\x8b\x08"  # RFC 1952, section 2.3.1; 8 is deflate, the only method
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, section 3.1.1
SKIPPABLE_MAGIC = b"\x2a\x4d\x18"  # RFC 8878, section 3.1.2; bytes 2 to 4, the first is 0x50 to 0x5f
DICTIONARY_FRAME = 0x5D  # IIPC, "WARC compression with Zstandard": a dictionary for the whole file

_FED = 1 << 10  # stored bytes given at once to what loses its output when it meets damage

_CHECKSUM = "incorrect data check"  # zlib's inflate.c

DAMAGE = (zlib.error, _fast_zlib.error, zstandard.ZstdError)


class Inflater(Protocol):
    """What of zlib's decompression objects is used here."""

    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class ZstdFrame:
    """One zstd frame behind zlib's interface; fed by the KiB, since zstandard cannot bound its output.

    Of a damaged frame it gives all that comes before the KiB with the damage.
    """

    def __init__(self, dictionary: zstandard.ZstdCompressionDict | None) -> None:
        self._frame = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
        self._broken: zstandard.ZstdError | None = None
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._broken:
            raise self._broken
        parts: list[bytes] = []
        size = at = 0
        while at < len(data) and size < max_length and not self.eof:
            try:
                part = self._frame.decompress(data[at : at + _FED])
            except zstandard.ZstdError as error:
                if not size:
                    raise
                self._broken = error
                break
            at += _FED
            parts.append(part)
            size += len(part)
            self.eof = self._frame.eof
        if self.eof:
            self.unused_data = self._frame.unused_data + data[at:]
        else:
            self.unconsumed_tail = data[at:]
        return b"".join(parts)


def gzip_member(probe: bool = False) -> Inflater:
    """Return a decompressor for one gzip member, which verifies its checksum.

    To `probe` is to ask for a few bytes and get them whatever follows; isal would first look at what follows.
    """
    inflater: Inflater = (zlib if probe else _fast_zlib).decompressobj(31)
    return inflater


class GzipMember:
    """One gzip member which gives all that comes before damage, to the byte, at half of isal's speed.

    Where nothing but the checksum shows damage, the last call gives nothing: it may be anywhere.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._broken: zlib.error | None = None
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._broken:
            raise self._broken
        before = self._member.copy()
        try:
            out = self._member.decompress(data, max_length)
        except zlib.error as error:
            self._broken = error
            if _CHECKSUM in str(error):
                raise
            self._member = before
            out, read = self._before_damage(data)
            if not out:
                raise
            self.unconsumed_tail = data[read:]
            return out
        self.eof = self._member.eof
        self.unused_data = self._member.unused_data
        self.unconsumed_tail = self._member.unconsumed_tail
        return out

    def _before_damage(self, data: bytes) -> tuple[bytes, int]:
        """What `data` gives before its damage, less than was asked for, and how much of it that takes."""
        parts: list[bytes] = []
        at = 0
        step = 1 << len(data).bit_length()
        while step:
            before = self._member.copy()
            try:
                part = self._member.decompress(data[at : at + step]) if at + step <= len(data) else None
            except zlib.error:
                part = None
            if part is None:
                self._member = before
                step >>= 1
            else:
                parts.append(part)
                at += step
        return b"".join(parts), at


class _Codec(Protocol):
    """What bz2 and lzma have."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class FedByKib:
    """A bzip2 or xz stream behind zlib's interface, which gives all that comes before the KiB with damage."""

    def __init__(self, codec: _Codec) -> None:
        self._codec = codec
        self._broken: Exception | None = None
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._broken:
            raise self._broken
        parts: list[bytes] = []
        size = at = 0
        while size < max_length and not self.eof:
            fed = data[at : at + _FED] if self._codec.needs_input else b""
            if self._codec.needs_input and not fed:
                break
            try:
                part = self._codec.decompress(fed, max_length - size)
            except (OSError, lzma.LZMAError) as error:  # OSError is what bz2 raises; nothing is read here
                if not size:
                    raise
                self._broken = error
                break
            at += len(fed)
            parts.append(part)
            size += len(part)
            self.eof = self._codec.eof
        if self.eof:
            self.unused_data = self._codec.unused_data + data[at:]
        else:
            self.unconsumed_tail = data[at:]
        return b"".join(parts)
