"""A dump's posts brought together by question, on disk, so that memory does not grow with the site."""

from __future__ import annotations

import mmap
import struct
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from pipeline.parts import Spread, partition_slices
from pipeline.readers.local_disk import disk_errors, temporary_folder
from pipeline.readers.stackexchange import Post

PARTITION_BYTES = 64 << 20  # of readable rows in one partition, a unit of work
_COMPRESSION = 5  # a Posts.xml to its 7z, bzip2: 3.0 to 5.8 for ten small sites that we packed ourselves
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


def partition_count(name: str, size: int, partition_bytes: int = PARTITION_BYTES) -> int:
    """The number of partitions for a dump called `name` of `size` stored bytes, by these alone."""
    readable = size if name.lower().endswith(".xml") else size * _COMPRESSION
    return 1 + readable // partition_bytes


def put(spread: Spread, post: Post) -> None:
    """Put a post aside in the partition of its question."""
    data = orjson.dumps(post)
    question = post.parent or post.id
    header = _HEADER.pack(question, post.id, post.parent != 0, len(data))
    spread.add(question % spread.partitions, header + data)


def threads(runs: Sequence[str], partition: int, max_bytes: int) -> Iterator[Thread]:
    """Yield every thread of a partition by the question's id, equal ids in the order they were put.

    Raises WinnowError where the local disk is full: one partition is laid there, so that memory does not
    grow with a question of a million answers.
    """
    with temporary_folder() as folder:
        path = Path(folder, "partition")
        with disk_errors(), path.open("wb") as file:
            for part in partition_slices(runs, partition):
                file.write(part)
        if not path.stat().st_size:
            return
        with path.open("rb") as stored, mmap.mmap(stored.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _threads(data, max_bytes)


def _threads(data: mmap.mmap, max_bytes: int) -> Iterator[Thread]:
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
