"""A dump's posts brought together by question, on local disk, so that memory does not grow with the site."""

from __future__ import annotations

import mmap
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from pipeline.readers.local_disk import disk_errors
from pipeline.readers.stackexchange import Post

# Question ids in one partition: some 10 to 60 MB of rows, as about four in ten ids are questions and a
# thread has a few KB. Stack Overflow with 80 million ids has 5,000 partitions.
IDS_PER_PARTITION = 1 << 14
_BUFFERED = 64 << 20  # bytes of rows held before partitions are appended to
_HEADER = struct.Struct("<iiBI")  # question, post, whether an answer, bytes of JSON that follow


class StoredPost(NamedTuple):
    """A post as JSON, with what orders it."""

    id: int
    answer: bool
    json: bytes


class Thread(NamedTuple):
    """All posts of one question: the question first where the dump has it, then answers by id.

    `size` is the bytes of JSON of all; above the limit asked for, the posts' own `json` is left empty.
    """

    question: int
    posts: list[StoredPost]
    size: int


class Threads:
    """Takes posts in any order and gives them back by question; `folder` is empty and on local disk.

    Raises WinnowError where that disk is full.
    """

    def __init__(self, folder: Path, buffered: int = _BUFFERED) -> None:
        self._folder = folder
        self._max_buffered = buffered
        self._buffers: dict[int, list[bytes]] = {}
        self._buffered = 0
        self._partitions: set[int] = set()

    def add(self, post: Post) -> None:
        """Put a post aside."""
        data = orjson.dumps(post)
        question = post.parent or post.id
        header = _HEADER.pack(question, post.id, post.parent != 0, len(data))
        self._buffers.setdefault(question // IDS_PER_PARTITION, []).append(header + data)
        self._buffered += len(header) + len(data)
        if self._buffered > self._max_buffered:
            self._flush()

    def _flush(self) -> None:
        with disk_errors():
            for number, parts in self._buffers.items():
                with self._path(number).open("ab") as file:
                    file.write(b"".join(parts))
        self._partitions |= self._buffers.keys()
        self._buffers, self._buffered = {}, 0

    def _path(self, number: int) -> Path:
        return self._folder / str(number)

    def by_question(self, max_bytes: int) -> Iterator[Thread]:
        """Yield every thread by the question's id, equal ids in the order they were given; once."""
        self._flush()
        for number in sorted(self._partitions):
            path = self._path(number)
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield from _partition(data, max_bytes)
            path.unlink()


def _partition(data: mmap.mmap, max_bytes: int) -> Iterator[Thread]:
    """The threads of one partition's bytes."""
    columns = array("q")
    at, end = 0, len(data)
    while at < end:
        question, post, answer, size = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        columns.extend((question, answer, post, at, size))
        at += size
    rows = np.frombuffer(columns, np.int64).reshape(-1, 5)
    rows = rows[np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0]))]
    starts = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    for thread in np.split(rows, starts[1:]):
        total = int(thread[:, 4].sum())
        found = [
            StoredPost(post, bool(answer), data[at : at + size] if total <= max_bytes else b"")
            for _, answer, post, at, size in thread.tolist()
        ]
        yield Thread(int(thread[0, 0]), found, total)
