"""Parts of an input: how one large file becomes several units of work of `prepare`.

An input gives its parts in one of two ways. Where its form lets a reader begin in the middle (a multistream
dump), the parts are ranges of it. Where records that belong together lie anywhere in it (a question and its
answers), a first pass puts them into partitions, and each partition is a part. Both are decided by the
input, and what lies beside it, alone: never by the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.packed import PackedFile, pack

RUN_BYTES = 64 << 20  # of entries held before a run is written; packing takes some four times that


@dataclass(frozen=True)
class Part:
    """A part of an input: `first` is how many of its records come before, `size` orders the work (bytes).

    `place` is JSON for the reader: where the part is.
    """

    first: int
    size: int
    place: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """What a unit reads: an input by name and path, the files beside it, and which part of it.

    `place` is None for all of the input; `runs` are the files that a first pass left. Of more records than
    `limit` the rest need not be read.
    """

    name: str
    path: str
    beside: tuple[str, ...] = ()
    place: dict[str, Any] | None = None
    runs: tuple[str, ...] = ()
    limit: int | None = None


@dataclass
class Spread:
    """Takes entries in any order and writes them by partition, in runs of about `run_bytes`.

    A run is a packed file: `data` the entries one after another by partition, `starts` where each partition
    begins and the last one ends. `write` is given each run's bytes; `entries` counts by partition.
    """

    partitions: int
    write: Callable[[bytes], object]
    run_bytes: int = RUN_BYTES
    entries: list[int] = field(default_factory=list)
    _held: dict[int, list[bytes]] = field(default_factory=dict)
    _size: int = 0

    def __post_init__(self) -> None:
        self.entries = [0] * self.partitions

    def add(self, partition: int, entry: bytes) -> None:
        """Put an entry aside; the caller's form must tell where one ends."""
        self._held.setdefault(partition, []).append(entry)
        self.entries[partition] += 1
        self._size += len(entry)
        if self._size >= self.run_bytes:
            self.finish()

    def finish(self) -> None:
        """Write what is held."""
        if not self._size:
            return
        held = [b"".join(self._held.get(number, ())) for number in range(self.partitions)]
        self._held.clear()
        self._size = 0
        starts = np.cumsum([0, *map(len, held)], dtype=np.int64)
        data = b"".join(held)
        held.clear()
        self.write(pack({"starts": starts, "data": np.frombuffer(data, np.uint8)}))


def partition_slices(runs: Sequence[str], partition: int) -> Iterator[bytes]:
    """The entries of one partition, one slice a run, in the order of the runs."""
    for path in runs:
        with PackedFile(path) as run:
            start, end = run.read("starts", partition, partition + 2).tolist()
            if end > start:
                yield run.read("data", start, end).tobytes()
