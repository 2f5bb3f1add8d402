"""Files inside tar and zip archives, one after another, in memory, none ever written under its name.

The standard library's tarfile takes a damaged header behind the first member for the archive's end and says
nothing, so tar is walked here header by header.
"""

from __future__ import annotations

import errno
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from pipeline.records import DeadLetter, PassedOver

HEAD_BYTES = 100
BLOCK = 512  # POSIX ustar
_MAX_HEADER_BYTES = 1 << 20  # of a long name or pax header
_SKIP = 1 << 20
# An archive of texts expands 2 to 5 times. Only what is made to exhaust its reader expands so much.
_MAX_RATIO = 200
_RATIO_FROM = 256 << 20  # readable bytes before the ratio counts

_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_FOLDER = (tarfile.DIRTYPE,)
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)
_ZIP_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),  # of the archive, of a member
    *(EOFError, ValueError, OSError),  # offsets beyond the file
    *(RuntimeError, NotImplementedError),  # encryption, unknown methods
)


class Member(NamedTuple):
    """A file of an archive: its name there, its content, when it was changed (seconds since 1970), its place.

    `offset` counts bytes from the start of the archive's readable bytes.
    """

    name: str
    data: bytes
    changed: int
    offset: int


class Unreadable(Exception):
    """A file breaks off, is damaged or expands without bound; the message says which."""


def check_ratio(size: int, stored: int) -> None:
    """Raise Unreadable where `size` readable bytes out of `stored` ones are more than any text gives."""
    if size > _RATIO_FROM and size > _MAX_RATIO * max(stored, 1):
        raise Unreadable(f"it expands more than {_MAX_RATIO} times")


def is_tar(head: bytes) -> bool:
    """Whether `head`, the beginning of a file, is a tar header with the right checksum."""
    try:
        tarfile.TarInfo.frombuf(head[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def tar_members(stream: BinaryIO, max_bytes: int) -> Iterator[Member | PassedOver | DeadLetter]:
    """Yield each file of a tar archive, read from start to end, and an event for all that is not a file.

    A file above `max_bytes`, or whose name leads out of the archive, is a dead letter; links, devices and
    folders are passed over. After damage, or where no end mark comes, one dead letter is the last.
    """
    at = offset = 0
    long_name = ""
    try:
        while (block := _exactly(stream, BLOCK)) != bytes(BLOCK):
            at = offset
            try:
                info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                raise Unreadable("a header is damaged") from None
            size = 0 if info.type in _LINKS + _FOLDER else info.size
            offset += BLOCK + -(-size // BLOCK) * BLOCK
            if info.type in _NAMES + _PAX:
                if size > _MAX_HEADER_BYTES:
                    raise Unreadable(f"a header has {size} bytes")
                content = _exactly(stream, offset - at - BLOCK)[:size]
                if info.type == tarfile.GNUTYPE_LONGNAME:
                    long_name = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
                elif info.type != tarfile.XGLTYPE and info.type in _PAX:
                    long_name = _pax_path(content) or long_name
                continue
            name, long_name = long_name or info.name, ""
            if info.type in _FILES and not (error := _refusal(name, size, max_bytes)):
                data = _exactly(stream, offset - at - BLOCK)[:size]
                yield Member(name, data, int(info.mtime), at)
                continue
            _skip(stream, offset - at - BLOCK)
            if info.type in _FILES:
                yield DeadLetter(at, error, name.encode("utf-8", "surrogateescape")[:HEAD_BYTES])
            else:
                kinds = {**dict.fromkeys(_LINKS, "link"), tarfile.DIRTYPE: "folder"}
                yield PassedOver(kinds.get(info.type, "special file"))
    except Unreadable as reason:
        yield DeadLetter(at, f"the tar archive breaks off: {reason}")


def zip_members(stream: BinaryIO, max_bytes: int) -> Iterator[Member | PassedOver | DeadLetter]:
    """Yield each file of a zip archive in the order of its directory; `stream` must be seekable.

    Faults as in `tar_members`; a file that is encrypted or damaged is one dead letter and the next follows.
    """
    try:
        archive = zipfile.ZipFile(stream)
        stored = stream.seek(0, io.SEEK_END)
    except _ZIP_DAMAGE as reason:
        _raise_if_of_the_stream(reason)
        yield DeadLetter(0, f"the zip archive cannot be read: {reason}")
        return
    total = 0
    for info in archive.infolist():
        head = info.filename.encode("utf-8", "surrogateescape")[:HEAD_BYTES]
        if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):  # Unix mode, by the writers that have it
            yield PassedOver("folder" if info.is_dir() else "link")
            continue
        error = _refusal(info.filename, info.file_size, max_bytes)
        data = b""
        if not error:
            try:
                with archive.open(info) as member:
                    data = member.read(max_bytes + 1)
                total += len(data)
                check_ratio(total, stored)
            except Unreadable as reason:
                yield DeadLetter(info.header_offset, f"the zip archive is refused: {reason}", head)
                return
            except _ZIP_DAMAGE as reason:
                _raise_if_of_the_stream(reason)
                error = f"the member cannot be read ({type(reason).__name__})"
        if not error and len(data) > max_bytes:
            error = f"the member has more than {max_bytes} bytes"
        if error:
            yield DeadLetter(info.header_offset, error, head)
        else:
            yield Member(info.filename, data, 0, info.header_offset)


def _raise_if_of_the_stream(reason: Exception) -> None:
    """Raise again an error of network or disk; one of a place that is not in the file is the archive's."""
    if isinstance(reason, OSError) and reason.errno not in (None, errno.EINVAL):
        raise reason


def _exactly(stream: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    if size:
        raise Unreadable("it is cut short")
    return b"".join(parts)


def _skip(stream: BinaryIO, size: int) -> None:
    while size:
        size -= len(_exactly(stream, min(size, _SKIP)))


def _refusal(name: str, size: int, max_bytes: int) -> str:
    """Why a member is not read, "" where it is."""
    whole = name.replace("\\", "/")
    parts = [part for part in whole.split("/") if part not in ("", ".")]
    if whole.startswith("/") or ".." in parts or "\0" in name or not parts or parts[0][1:2] == ":":
        return "the member's name leads out of the archive"
    if size > max_bytes:
        return f"the member has {size} bytes, more than {max_bytes}"
    return ""


def _pax_path(content: bytes) -> str:
    """The path that a pax header (POSIX.1-2001: "<length> <key>=<value>\\n" each) gives the next member."""
    path = ""
    while content:
        digits, space, _ = content.partition(b" ")
        length = int(digits) if space and digits.isdigit() and len(digits) < 9 else 0
        if not 0 < length <= len(content):
            return path
        key, _, value = content[len(digits) + 1 : length].rstrip(b"\n").partition(b"=")
        if key == b"path":
            path = value.decode("utf-8", "surrogateescape")
        content = content[length:]
    return path
