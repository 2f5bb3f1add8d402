"""A folder of checked-out files, made of a damaged archive of them, as far as one can be made."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pipeline.readers.archives import Member, tar_members
from pipeline.readers.folder_tar import folder_tar
from pipeline.readers.github import GithubReader
from pipeline.records import Event

_MAX_BYTES = 8 << 20


def read_folder(data: bytes, name: str) -> Iterator[Event]:
    """Read the folder of the files of the tar archive `data`, with a link and a pipe among them."""
    with tempfile.TemporaryDirectory(prefix="winnow-fuzz-") as place:
        folder = Path(place, "folder")
        folder.mkdir()
        (folder / "link").symlink_to("/etc/passwd")
        os.mkfifo(folder / "pipe")
        for number, member in enumerate(tar_members(io.BytesIO(data), _MAX_BYTES)):
            if isinstance(member, Member):
                _write(folder, member, number)
        yield from GithubReader(max_document_bytes=_MAX_BYTES).read(folder_tar(str(folder)), "folder")


def _write(folder: Path, member: Member, number: int) -> None:
    """Write a member below `folder` where its name lets it lie there."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return
    target = folder / path
    if target.exists():  # a name that comes twice
        target = folder / f"again-{number}" / path
    with suppress(OSError, ValueError):  # a file stands where its folder should, or the name is too long
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(member.data)
