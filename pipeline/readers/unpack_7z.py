"""The program that unpacks a 7z: `unpack_7z.py ARCHIVE MOST_BYTES MOST_MEMORY NAME=TARGET…`; prints JSON.

It imports nothing of ours, so that it starts fast.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import py7zr


class _Full(Exception):
    """The disk cannot be written."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _TooLarge(Exception):
    """The archive gives more than any text does."""


class _Sink(py7zr.io.Py7zIO):
    """Passes a member's bytes on as they are unpacked."""

    left = 0  # bytes that all sinks together may still take

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        _Sink.left -= len(s)
        if _Sink.left < 0:
            raise _TooLarge
        try:
            return self._target.write(s)
        except OSError as error:
            raise _Full(error.errno or 0) from error

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return offset

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self._size


class _Sinks(py7zr.io.WriterFactory):
    def __init__(self, targets: dict[str, BinaryIO]) -> None:
        self._targets = targets

    def create(self, filename: str) -> _Sink:
        return _Sink(self._targets[PurePosixPath(filename).name])


def _unpacked(archive: str, targets: dict[str, BinaryIO]) -> dict[str, Any]:
    """Which targets were found and written, what failed, and the number of an error of the disk."""
    found: dict[str, str] = {}
    error, disk = "", 0
    try:
        with py7zr.SevenZipFile(archive) as opened:
            for member in sorted(opened.getnames()):
                name = PurePosixPath(member).name
                if name in targets:
                    found.setdefault(name, member)
            if found:
                opened.extract(targets=sorted(found.values()), factory=_Sinks(targets))
    except _Full as full:
        disk = full.number
    except _TooLarge:
        error = "the 7z archive is refused: it expands as no text does"
    except py7zr.PasswordRequired:
        error = "the archive is encrypted"
    except Exception as damage:  # whatever its decoders raise on damaged bytes
        error = f"the 7z archive is damaged: {type(damage).__name__}"
    return {"found": sorted(found), "error": error, "disk": disk}


def main() -> None:
    """Unpack as the command line says."""
    archive, most_bytes, most_memory, *named = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (int(most_memory), int(most_memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _Sink.left = int(most_bytes)
    paths = dict(name.split("=", 1) for name in named)
    targets: dict[str, BinaryIO] = {}
    for name, path in paths.items():
        targets[name] = Path(path).open("wb")  # noqa: SIM115  # closed below, where what that raises is said
    said = _unpacked(archive, targets)
    try:
        for target in targets.values():
            target.close()
    except OSError as error:
        said["disk"] = error.errno
    print(json.dumps(said))


if __name__ == "__main__":
    main()
