"""Checked-out repositories in tar and zip archives, as GitHub's downloads are, or in a folder.

A folder is read as the tar that pipeline/readers/folder_tar.py makes of it. An archive is read twice: a
licence file may stand behind the files it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from filters.license_text import is_license_file, license_of
from filters.spdx import joined, spdx
from pipeline.readers.archives import BLOCK, HEAD_BYTES, Member, is_tar, tar_members, zip_members
from pipeline.readers.inflated import Rewound, first, inflated, peeked
from pipeline.readers.source_file import License, source_file, table_license
from pipeline.records import DeadLetter, Event, PassedOver

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # PKWARE APPNOTE 4.3.7 and 4.3.16, the latter of an empty one
_HEAD = 1 << 16
_MAX_LICENSE_BYTES = 1 << 20
# GitHub's archives of a commit have `name-<commit>/` at their top.
_COMMIT = re.compile(r"(.+)-([0-9a-f]{40})")
_ARCHIVE_ENDING = re.compile(r"\.(?:tar|zip|tgz|tbz2?|txz|tzst)(?:\.(?:gz|bz2|xz|zst))?$", re.IGNORECASE)

_Folder = tuple[str, ...]


class _Place(NamedTuple):
    """Where a member stands: its repository's folder, and its path below that."""

    folder: _Folder
    path: _Folder


@dataclass
class _Survey:
    """What the first reading finds: licences by folder, other repositories' folders, files at the top."""

    licenses: dict[_Folder, dict[str, str]] = field(default_factory=dict)
    nested: set[_Folder] = field(default_factory=set)
    files_on_top: bool = False

    @property
    def is_one(self) -> bool:
        """Whether the archive is one repository, and not a folder of them with a file beside."""
        return self.files_on_top and (() in self.nested or all(len(folder) > 1 for folder in self.nested))

    def add(self, member: Member) -> None:
        parts = PurePosixPath(member.name).parts
        self.files_on_top |= len(parts) == 1
        if ".git" in parts:
            self.nested.add(parts[: parts.index(".git")])
        elif is_license_file(member.name):
            if len(member.data) > _MAX_LICENSE_BYTES:
                found: str | None = ""
            else:
                found = license_of(member.data.decode("utf-8", "replace"))
            if found is not None:
                self.licenses.setdefault(parts[:-1], {})[parts[-1]] = found

    def license(self, place: _Place) -> License | None:
        """The licence of the nearest folder that has licence files: all of them hold, and where one cannot be
        told none can."""
        full = (*place.folder, *place.path)
        for depth in range(len(full) - 1, len(place.folder) - 1, -1):
            files = self.licenses.get(full[:depth])
            if files:
                names = ", ".join(
                    "/".join((*full[len(place.folder) : depth], name)) for name in sorted(files)
                )
                if not all(files.values()):
                    return License(name="not identified", source=names)
                return License(spdx(joined(files.values())), source=names)
        return None


@dataclass(frozen=True)
class CheckoutReader:
    """The files of one or several repositories in an archive.

    Where files stand at the archive's top it is one repository, named by the archive; else each folder at the
    top is one (codeload's `name-<commit>/`: the commit is `ref`), with `owners` each folder in those
    (`owner/name/`). `repositories` gives full names ("owner/name") for folder or archive names; `licenses`
    is a table by full name, for repositories without licence files.

    Passed over: links, git's own files, submodules and repositories inside others, binary files, bytes that
    are not UTF-8. A file of more than `max_document_bytes`, a hostile or damaged archive is a dead letter.
    """

    repositories: Mapping[str, str] = field(default_factory=dict)
    licenses: Mapping[str, str] = field(default_factory=dict)
    owners: bool = False
    max_document_bytes: int = 64 << 20

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each member of the archive `stream` (seekable); `name` is its base name."""
        survey = _Survey()
        for event in self._members(stream):
            if isinstance(event, Member):
                survey.add(event)
        stream.seek(0)
        whole = _ARCHIVE_ENDING.sub("", name.rsplit("__", 1)[-1])
        for event in self._members(stream):
            yield self._event(event, survey, whole) if isinstance(event, Member) else event

    def _members(self, stream: BinaryIO) -> Iterator[Member | PassedOver | DeadLetter]:
        head = first(stream, _HEAD)
        if head.startswith(_ZIP_MAGIC):
            stream.seek(0)
            yield from zip_members(stream, self.max_document_bytes)
            return
        source = Rewound(head, stream)
        readable = inflated(head, source) or cast(BinaryIO, source)
        yield from tar_members(readable, self.max_document_bytes)

    def _event(self, member: Member, survey: _Survey, whole: str) -> Event:
        parts = PurePosixPath(member.name).parts
        depth = 0 if survey.is_one else 2 if self.owners else 1
        place = _Place(parts[:depth], parts[depth:])
        if kind := _kind(place, parts, survey.nested, member.data):
            return PassedOver(kind)
        try:
            member.name.encode()
        except UnicodeEncodeError:
            return DeadLetter(member.offset, "the member's name is not UTF-8", member.data[:HEAD_BYTES])
        repository, ref = self._named("/".join(place.folder) or whole)
        license = survey.license(place) or table_license(self.licenses, repository)
        return source_file(repository, "/".join(place.path), member.data.decode(), license, {"ref": ref})

    def _named(self, folder: str) -> tuple[str, str | None]:
        """The repository's full name, and its commit where the folder's name has it."""
        commit = _COMMIT.fullmatch(folder)
        name, ref = (commit[1], commit[2]) if commit else (folder, None)
        return self.repositories.get(folder, self.repositories.get(name, name)), ref


def _kind(place: _Place, parts: _Folder, nested: set[_Folder], data: bytes) -> str:
    """What kind of file it is that is not read, "" for one that is."""
    if not place.path:
        return "outside of any repository"
    if ".git" in place.path:
        return "git's own"
    if any(parts[:end] in nested for end in range(len(place.folder) + 1, len(parts))):
        return "submodule"
    if b"\0" in data:
        return "binary"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    return ""


def is_archive(stream: BinaryIO) -> bool:
    """Whether `stream` (seekable) is a zip, or a tar, compressed or not."""
    head = first(stream, _HEAD)
    readable = inflated(head, Rewound(head, stream))
    inner = peeked(readable, _HEAD)[0] if readable else head
    stream.seek(0)
    return head.startswith(_ZIP_MAGIC) or is_tar(inner) or inner[:BLOCK] == bytes(BLOCK)  # an empty tar's end
