"""A folder on this machine as the tar archive of its files, made while it is read."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import xxhash

from pipeline.errors import WinnowError

_CHUNK = 1 << 20
_GIT = ".git"
_GIT_SHOWN = "HEAD"  # enough to see that a repository begins there


def folder_tar(path: str) -> BinaryIO:
    """The tar of all regular files and links below the folder `path`, by name; seekable to its start only.

    Equal files under equal names give equal bytes: nothing else of the file system is in it. Links are not
    followed. Of `.git` folders there is `HEAD` only. Raises WinnowError, when read, where a file cannot be.
    """
    return cast(BinaryIO, io.BufferedReader(_FolderTar(Path(path)), _CHUNK))


def folder_bytes(path: str) -> int:
    """The sizes of the files that `folder_tar` has, added up."""
    return sum(file.lstat().st_size for _, file in _files(Path(path), ""))


def folder_state(path: str) -> list[int]:
    """The sizes of those files added up, and a hash of their names, sizes and times of change."""
    size, listing = 0, xxhash.xxh3_64()
    for name, file in _files(Path(path), ""):
        state = file.lstat()
        size += state.st_size
        listing.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return [size, listing.intdigest()]


class _FolderTar(io.RawIOBase):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chunks = _chunks(folder)
        self._data = memoryview(b"")
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if (offset, whence) == (0, io.SEEK_CUR):
            return self._at
        if offset or whence:
            raise io.UnsupportedOperation("a folder is read from its start")
        self._chunks, self._data, self._at = _chunks(self._folder), memoryview(b""), 0
        return 0

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        while not self._data:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._data = memoryview(chunk)
        size = min(len(buffer), len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        self._at += size
        return size


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Every regular file and link below `folder` with its name from there, in the order of names."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise WinnowError(f"cannot read {folder}: {error.strerror}") from error
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name != _GIT:
                yield from _files(Path(entry.path), f"{name}/")
            elif (Path(entry.path) / _GIT_SHOWN).is_file():
                yield f"{name}/{_GIT_SHOWN}", Path(entry.path) / _GIT_SHOWN
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            yield name, Path(entry.path)


def _chunks(folder: Path) -> Iterator[bytes]:
    for name, path in _files(folder, ""):
        info = tarfile.TarInfo(name)
        try:
            if path.is_symlink():
                info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
                continue
            with path.open("rb") as stream:
                info.size = left = os.fstat(stream.fileno()).st_size
                yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
                while left and (data := stream.read(min(left, _CHUNK))):
                    left -= len(data)
                    yield data
        except OSError as error:
            raise WinnowError(f"cannot read {path}: {error.strerror}") from error
        if left:
            raise WinnowError(f"cannot read {path}: it became shorter while it was read")
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
