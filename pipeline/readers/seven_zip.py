"""Some files of a 7z archive, unpacked to local disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import BinaryIO

import py7zr

from pipeline.errors import WinnowError
from pipeline.readers.local_disk import disk_errors


class _Sink(py7zr.io.Py7zIO):
    """Passes a member's bytes on as they are unpacked."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        with disk_errors():
            return self._target.write(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._size


class _Sinks(py7zr.io.WriterFactory):
    def __init__(self, targets: Mapping[str, BinaryIO]) -> None:
        self._targets = targets

    def create(self, filename: str) -> _Sink:
        return _Sink(self._targets[PurePosixPath(filename).name])


def unpack(archive: BinaryIO, targets: Mapping[str, BinaryIO]) -> tuple[set[str], str]:
    """Write the members called as `targets`, in whatever folder of the archive, in one pass.

    Returns the names found, and "" or what failed. A member's path decides nothing: no file is made but the
    targets. Of a damaged archive they have what came before the damage. Raises WinnowError where one cannot
    be written.
    """
    found: dict[str, str] = {}
    try:
        with py7zr.SevenZipFile(archive) as opened:
            for member in sorted(opened.getnames()):
                name = PurePosixPath(member).name
                if name in targets:
                    found.setdefault(name, member)
            if found:
                opened.extract(targets=sorted(found.values()), factory=_Sinks(targets))
    except WinnowError:
        raise
    except py7zr.PasswordRequired:
        return set(found), "the archive is encrypted"
    except Exception as error:  # whatever its decoders raise on damaged bytes
        return set(found), f"the 7z archive is damaged: {type(error).__name__}"
    return set(found), ""
