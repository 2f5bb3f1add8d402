"""One gzip member or zstd frame at a time, behind one interface, with bounded output."""

from __future__ import annotations

import importlib
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

DAMAGE = (zlib.error, _fast_zlib.error, zstandard.ZstdError)


class Inflater(Protocol):
    """What of zlib's decompression objects is used here."""

    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class ZstdFrame:
    """One zstd frame behind zlib's interface; fed by the KiB, since zstandard cannot bound its output."""

    def __init__(self, dictionary: zstandard.ZstdCompressionDict | None) -> None:
        self._frame = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        parts: list[bytes] = []
        size = at = 0
        while at < len(data) and size < max_length and not self.eof:
            part = self._frame.decompress(data[at : at + 1024])
            at += 1024
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
