"""Files inside tar and zip archives, one after another, in memory, none ever written under its name.

The standard library's tarfile takes a damaged header behind the first member for the archive's end and says
nothing, so tar is walked here header by header, and beyond damage.
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
_MAX_REREAD = 256 << 20  # bytes read a second time beyond damage
_MAGIC = b"ustar"
_MAGIC_AT = 257  # in a header
# An archive of texts expands 2 to 5 times. Only what is made to exhaust its reader expands so much.
MAX_RATIO = 200
RATIO_FROM = 256 << 20  # readable bytes before the ratio counts

_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_FOLDER = (tarfile.DIRTYPE,)
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE)
_ZIP_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),  # of the archive, of a member
    *(EOFError, ValueError, OSError),  # offsets beyond the file
    *(RuntimeError, NotImplementedError),  # encryption, unknown methods
    MemoryError,  # an LZMA member says itself how large its dictionary is
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


def expands_too_much(size: int, stored: int) -> bool:
    """Whether `size` readable bytes out of `stored` ones are more than any text gives."""
    return size > RATIO_FROM and size > MAX_RATIO * max(stored, 1)


def check_ratio(size: int, stored: int) -> None:
    """Raise Unreadable where a file expands too much."""
    if expands_too_much(size, stored):
        raise Unreadable(f"it expands more than {MAX_RATIO} times")


def is_tar(head: bytes) -> bool:
    """Whether `head`, the beginning of a file, is a tar archive's, whose first header may be damaged."""
    return first_header(head) >= 0 or head[_MAGIC_AT:BLOCK].startswith(_MAGIC)


def first_header(data: bytes, start: int = 0) -> int:
    """Where in `data` a header stands: at `start`, else the first of POSIX's form after it; -1 if none."""
    if _header(data[start : start + BLOCK]) is not None:
        return start
    at = data.find(_MAGIC, start + _MAGIC_AT)
    while at >= 0 and _header(data[at - _MAGIC_AT : at - _MAGIC_AT + BLOCK]) is None:
        at = data.find(_MAGIC, at + 1)
    return max(-1, at - _MAGIC_AT)


def _header(block: bytes) -> tarfile.TarInfo | None:
    """A header with the right checksum, None for other bytes."""
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return None


def tar_members(  # noqa: PLR0912, PLR0915  # one walk, whose states are few
    stream: BinaryIO, max_bytes: int
) -> Iterator[Member | PassedOver | DeadLetter]:
    """Yield each file of a tar archive, read from start to end, and an event for all that is not a file.

    A file above `max_bytes`, or whose name leads out of the archive, is a dead letter; links, devices and
    folders are passed over. Damage is one dead letter, and the next header that can be found is read on
    from, which may stand inside of what the file before announced to have, if bytes are missing there. Where
    no end mark comes, or the stream breaks, one dead letter is the last.
    """
    source = _TarSource(stream)
    member: Member | None = None  # the last file, whose size is right where a header or the end follows it
    raw = b""
    long_name = ""
    at = 0
    try:
        while True:
            at = source.offset
            block = source.exactly(BLOCK)
            info = _header(block)
            is_end = block == bytes(BLOCK)
            if is_end and member and first_header(raw) > 0:  # an archive inside would begin with one
                source.back(raw[first_header(raw) :] + block)
                yield _too_short(member)
                member = None
                continue
            if is_end and not source.skip_zeros():
                break
            is_name = info is not None and info.type in _NAMES + _PAX
            if info is None or is_end or (is_name and info.size > _MAX_HEADER_BYTES):
                if member and not is_end and source.go_back_to_header(raw + block, len(raw)):
                    yield _too_short(member)
                    member = None
                    continue
                if member:
                    yield member
                    member = None
                error = "more follows the archive's end mark" if is_end else "a header is damaged"
                yield DeadLetter(at, error, block[:HEAD_BYTES].rstrip(b"\0"))
                long_name = ""
                if not is_end:
                    source.back(block[1:])
                if not source.find_header():
                    return
                continue
            if member:
                yield member
                member = None
            size = 0 if info.type in _LINKS + _FOLDER else info.size
            stored = -(-size // BLOCK) * BLOCK
            if is_name:
                content = source.exactly(stored)[:size]
                if info.type == tarfile.GNUTYPE_LONGNAME:
                    long_name = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
                elif info.type != tarfile.XGLTYPE and info.type in _PAX:
                    long_name = _pax_path(content) or long_name
                continue
            name, long_name = long_name or info.name, ""
            if info.type in _FILES and not (error := _refusal(name, size, max_bytes)):
                raw = source.up_to(stored)
                member = Member(name, raw[:size], int(info.mtime), at)
                if len(raw) == stored:
                    continue
                if not source.go_back_to_header(raw, len(raw)):
                    member = None
                    raise Unreadable("it is cut short")
                yield _too_short(member)
                member = None
                continue
            source.skip(stored)
            if info.type in _FILES:
                yield DeadLetter(at, error, name.encode("utf-8", "surrogateescape")[:HEAD_BYTES])
            else:
                kinds = {**dict.fromkeys(_LINKS, "link"), tarfile.DIRTYPE: "folder"}
                yield PassedOver(kinds.get(info.type, "special file"))
        if member:
            yield member
    except Unreadable as reason:
        if member:
            yield member
        yield DeadLetter(at, f"the tar archive breaks off: {reason}")


def _too_short(member: Member) -> DeadLetter:
    head = member.name.encode("utf-8", "surrogateescape")[:HEAD_BYTES]
    return DeadLetter(member.offset, "the file is shorter than its header says", head)


class _TarSource:
    """The readable bytes of a tar archive, of which some can be put back; `offset` is the next one's."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""
        self._at = 0
        self._reread = 0
        self.offset = 0

    def _some(self, size: int) -> bytes:
        data = self._ahead[self._at : self._at + size]
        if data:
            self._at += len(data)
        else:
            self._ahead, self._at = b"", 0
            data = self._stream.read(size)
        self.offset += len(data)
        return data

    def up_to(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        parts: list[bytes] = []
        while size and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes; Unreadable where there are fewer."""
        data = self.up_to(size)
        if len(data) < size:
            raise Unreadable("it is cut short")
        return data

    def skip(self, size: int) -> None:
        """Go past `size` bytes."""
        while size:
            size -= len(self.exactly(min(size, _SKIP)))

    def back(self, data: bytes) -> None:
        """Put back the last bytes; Unreadable where that would be without end."""
        self._reread += len(data)
        if self._reread > _MAX_REREAD:
            raise Unreadable("too much of it is damaged")
        self._ahead, self._at = data + self._ahead[self._at :], 0
        self.offset -= len(data)

    def skip_zeros(self) -> bool:
        """Go past zeros, which end an archive in whole blocks, to the end of the stream or to other bytes."""
        while data := self._some(_SKIP):
            left = data.lstrip(b"\0")
            if left:
                self.back(data[(len(data) - len(left)) // BLOCK * BLOCK :])
                return True
        return False

    def go_back_to_header(self, data: bytes, size: int) -> bool:
        """Put back from where a header begins in the first `size` bytes of `data`, which were read last."""
        more = self.up_to(BLOCK)
        found = first_header(data + more)
        inside = 0 <= found < size
        self.back((data + more)[found:] if inside else more)
        return inside

    def find_header(self) -> bool:
        """Go to the next header; False where none comes."""
        data = b""
        while more := self._some(_SKIP):
            data += more
            found = first_header(data, 0)
            if found >= 0:
                self.back(data[found:])
                return True
            data = data[1 - BLOCK :]
        return False


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
                yield DeadLetter(max(-1, info.header_offset), f"the zip archive is refused: {reason}", head)
                return
            except _ZIP_DAMAGE as reason:
                _raise_if_of_the_stream(reason)
                error = f"the member cannot be read ({type(reason).__name__})"
        if not error and len(data) > max_bytes:
            error = f"the member has more than {max_bytes} bytes"
        if error:
            yield DeadLetter(max(-1, info.header_offset), error, head)
        else:
            yield Member(info.filename, data, 0, info.header_offset)


def _raise_if_of_the_stream(reason: Exception) -> None:
    """Raise again an error of network or disk; one of a place that is not in the file is the archive's."""
    if isinstance(reason, OSError) and reason.errno not in (None, errno.EINVAL):
        raise reason


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
