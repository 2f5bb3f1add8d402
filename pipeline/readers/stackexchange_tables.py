"""A site's posts and users as readable streams, out of a 7z where they are in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pipeline.readers.local_disk import temporary_folder
from pipeline.readers.seven_zip import unpack

_7Z_MAGIC = b"7z\xbc\xaf\x27\x1c"
_POSTS = "Posts.xml"
_USERS = "Users.xml"


class Tables(NamedTuple):
    """Streams at their start, None for a table that is not there; `errors` say what failed in unpacking.

    `archive` tells that the posts come out of one.
    """

    posts: BinaryIO | None
    users: BinaryIO | None
    archive: bool
    errors: list[str]


@contextmanager
def open_tables(posts: BinaryIO, users: BinaryIO | None) -> Iterator[Tables]:
    """Open the tables in `posts` and `users`, each a table as stored or a 7z.

    `users` None: those of the posts' own archive, if it has any. Archives are unpacked to local disk.
    """
    with ExitStack() as stack:
        archive = _is_7z(posts)
        if not archive and (users is None or not _is_7z(users)):
            yield Tables(posts, users, archive, [])
            return
        folder = stack.enter_context(temporary_folder())
        found: dict[str, BinaryIO | None] = {_POSTS: posts, _USERS: users}
        errors = []
        if users is not None and _is_7z(users):
            tables, error = _unpacked(users, folder, [_USERS])
            found[_USERS] = _opened(stack, tables, _USERS)
            error = error or ("" if tables else f"the archive holds no {_USERS}")
            errors += [f"{_USERS}: {error}"] if error else []
        if archive:
            tables, error = _unpacked(posts, folder, [_POSTS] if users else [_POSTS, _USERS])
            found[_POSTS] = _opened(stack, tables, _POSTS)
            if users is None and found[_POSTS] is not None:
                found[_USERS] = _opened(stack, tables, _USERS)
            error = error or ("" if found[_POSTS] else f"the archive holds no {_POSTS}")
            errors += [error] if error else []
        yield Tables(found[_POSTS], found[_USERS], archive, errors)


def _is_7z(stream: BinaryIO) -> bool:
    magic = stream.read(len(_7Z_MAGIC))
    stream.seek(0)
    return magic == _7Z_MAGIC


def _unpacked(archive: BinaryIO, folder: Path, names: list[str]) -> tuple[dict[str, Path], str]:
    """The tables of an archive that are there, by name, and what failed."""
    paths = {name: folder / name for name in names}
    there, error = unpack(archive, paths)
    return {name: paths[name] for name in there}, error


def _opened(stack: ExitStack, tables: dict[str, Path], name: str) -> BinaryIO | None:
    return stack.enter_context(tables[name].open("rb")) if name in tables else None
