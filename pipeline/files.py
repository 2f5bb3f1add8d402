"""Reading and committing whole files through Beam's FileSystems.

A file is either there whole or not there: locally and on HDFS it is written under a temporary name, synced
and renamed; on object stores, where a put is whole by itself, it is written in one call under its final name
(docs/design.md, section 7).
"""

from __future__ import annotations

import errno
import io
import os
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from apache_beam.io.filesystems import FileSystems

from pipeline import remote
from pipeline.errors import WinnowError
from pipeline.readers.folder_tar import folder_tar
from pipeline.remote import reason

TEMPORARY = ".tmp"
# What a file system says that has no hard links, no more of them, or none across this border.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def is_local(path: str) -> bool:
    """Whether `path` is on this machine's own file system."""
    return "://" not in path


def join(folder: str, *parts: str) -> str:
    """Join path parts with `/`, for local folders and for `scheme://` ones."""
    return "/".join([folder.rstrip("/"), *parts])


def absolute(path: str) -> str:
    """One spelling of a path: links and relative parts of a local one are resolved."""
    return str(Path(path).resolve()) if is_local(path) else path.rstrip("/")


def write_file(path: str, data: bytes | memoryview) -> None:
    """Write `data` to `path` so that no reader ever sees a part of it.

    Raises WinnowError where the place cannot be written (full, read-only, no permission).
    """
    if is_local(path):
        try:
            _write_local(Path(path), data)
        except OSError as error:
            raise WinnowError(f"cannot write {path}: {reason(error)}") from error
    elif path.startswith("hdfs://"):
        temporary = f"{path}.{uuid.uuid4().hex}{TEMPORARY}"
        remote.put(temporary, bytes(data))
        with remote.store("write", path):
            FileSystems.rename([temporary], [path])
    else:
        remote.put(path, bytes(data))


def _write_local(path: Path, data: bytes | memoryview) -> None:
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}{TEMPORARY}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as sink:
            sink.write(data)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def link_file(existing: str, path: str) -> None:
    """Make `path` hold what the finished file `existing` does: a hard link on a local disk, else a copy made
    by the file system.

    Files are replaced and never written into, so a link stays what it was when its origin is made anew. A
    disk that knows no links gets a copy. Raises WinnowError where the place cannot be written.
    """
    with remote.store("write", path):
        if is_local(path):
            _link_local(Path(existing), Path(path))
        elif path.startswith("hdfs://"):
            temporary = f"{path}.{uuid.uuid4().hex}{TEMPORARY}"
            FileSystems.copy([existing], [temporary])
            FileSystems.rename([temporary], [path])
        else:
            FileSystems.copy([existing], [path])


def _link_local(existing: Path, path: Path) -> None:
    if path.is_file() and path.samefile(existing):
        return  # to rename one link of a file over another does nothing
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}{TEMPORARY}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        temporary.hardlink_to(existing)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _write_local(path, existing.read_bytes())
        return
    temporary.replace(path)


def open_file(path: str) -> BinaryIO:
    """Open the stored bytes of `path` for reading, of a folder on this machine the tar of its files.

    Raises WinnowError where that cannot be done.
    """
    if not is_local(path):
        return remote.open_stream(path)
    try:
        return folder_tar(path) if Path(path).is_dir() else Path(path).open("rb")
    except OSError as error:
        raise WinnowError(f"cannot read {path}: {reason(error)}") from error


def read_file(path: str) -> bytes:
    """The stored bytes of `path`; raises WinnowError where it cannot be read."""
    with open_file(path) as stream:
        try:
            return stream.read()
        except OSError as error:
            raise WinnowError(f"cannot read {path}: {reason(error)}") from error


def read_range(path: str, start: int, length: int) -> bytes:
    """`length` stored bytes of `path` from byte `start`; raises WinnowError where fewer are there."""
    with open_file(path) as stream:
        stream.seek(start, io.SEEK_SET)
        data = stream.read(length)
    if len(data) != length:
        raise WinnowError(f"{path} is cut short: {length} bytes wanted at {start}, {len(data)} found")
    return data


def exists(path: str) -> bool:
    """Whether there is a file at `path`."""
    if is_local(path):
        return Path(path).is_file()
    with remote.store("look up", path):
        return bool(FileSystems.exists(path))


def list_folder(folder: str) -> dict[str, int]:
    """The files below `folder` as {name relative to it: size in bytes}, empty where there is no such
    folder."""
    if is_local(folder):
        found: dict[str, int] = {}
        root = Path(folder)
        for parent, _, names in os.walk(root):
            for name in names:
                file = Path(parent, name)
                with suppress(FileNotFoundError):  # renamed or removed since the folder was read
                    found[file.relative_to(root).as_posix()] = file.stat().st_size
        return found
    prefix = folder.rstrip("/") + "/"
    return {file.path[len(prefix) :]: file.size_in_bytes for file in remote.match(prefix + "**")}


def delete(paths: Iterable[str]) -> None:
    """Remove files, and the folders that this leaves empty on a local disk.

    Raises WinnowError where one cannot be removed.
    """
    listed = list(paths)
    elsewhere = [path for path in listed if not is_local(path)]
    if elsewhere:
        with remote.store("delete", elsewhere[0]):
            FileSystems.delete(elsewhere)
    try:
        for path in listed:
            if is_local(path):
                Path(path).unlink(missing_ok=True)
                _remove_empty(Path(path).parent)
    except OSError as error:
        raise WinnowError(f"cannot delete {error.filename or listed[0]}: {reason(error)}") from error


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # not empty any more, or not ours to remove
        while folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def read_many(paths: list[str]) -> list[bytes]:
    """The stored bytes of each of `paths`, read by a few threads, in the order asked."""
    with ThreadPoolExecutor(max_workers=4 if not paths or is_local(paths[0]) else 32) as pool:
        return list(pool.map(read_file, paths))
