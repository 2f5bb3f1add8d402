"""One file of a 7z archive, unpacked to local disk."""

from __future__ import annotations

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


class _OneSink(py7zr.io.WriterFactory):
    def __init__(self, target: BinaryIO) -> None:
        self._target = target

    def create(self, filename: str) -> _Sink:
        return _Sink(self._target)


def unpack(archive: BinaryIO, file: str, target: BinaryIO) -> str:
    """Write the member called `file`, in whatever folder of the archive, to `target`; "" or what failed.

    The member's path decides nothing: no file is made but `target`. Of a damaged archive `target` has what
    came before the damage. Raises WinnowError where `target` cannot be written.
    """
    try:
        with py7zr.SevenZipFile(archive) as opened:
            members = sorted(name for name in opened.getnames() if PurePosixPath(name).name == file)
            if not members:
                return f"the archive holds no {file}"
            opened.extract(targets=members[:1], factory=_OneSink(target))
    except WinnowError:
        raise
    except py7zr.PasswordRequired:
        return "the archive is encrypted"
    except Exception as error:  # whatever its decoders raise on damaged bytes
        return f"the 7z archive is damaged: {type(error).__name__}"
    return ""
