"""Which rows of the training order a step reads, on which rank, in which worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """The training order cut into steps of `batch_rows` rows, all ranks together.

    `skip` holds ranges of steps, (first, stop) with `stop` exclusive, that are passed over: step s means rows
    s * batch_rows to (s + 1) * batch_rows whatever was skipped before it. A position is a row of the order,
    the first one that has not been read; so it means the same under any number of ranks, workers or rows a
    batch.
    """

    rows: int
    batch_rows: int
    skip: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for steps without rows and for ranges that are none."""
        if self.batch_rows < 1:
            raise ValueError(f"a step reads at least one row, not {self.batch_rows}")
        for first, stop in self.skip:
            if not 0 <= first < stop:
                raise ValueError(f"steps {first} to {stop} are no range of steps to skip")

    def kept(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The ranges of rows between `start` and `stop` that are not skipped, in order."""
        for first, end in sorted(self.skip):
            if first * self.batch_rows >= stop:
                break
            if first * self.batch_rows > start:
                yield start, first * self.batch_rows
            start = max(start, end * self.batch_rows)
        if start < stop:
            yield start, stop

    def batch(self, position: int) -> tuple[list[tuple[int, int]], int]:
        """The ranges of rows of the step that begins at `position`, and the position after it.

        A step is full but for the last, which has what is left; behind the end it has no rows.
        """
        ranges: list[tuple[int, int]] = []
        wanted = self.batch_rows
        for start, stop in self.kept(position, self.rows):
            taken = min(stop - start, wanted)
            ranges.append((start, start + taken))
            wanted -= taken
            if not wanted:
                break
        return ranges, ranges[-1][1] if ranges else self.rows

    def after(self, position: int, steps: int) -> int:
        """The position after `steps` steps from `position`."""
        rows = steps * self.batch_rows
        for start, stop in self.kept(position, self.rows):
            if not rows:
                return position
            if rows <= stop - start:
                return start + rows
            rows -= stop - start
        return self.rows


def numbers(ranges: Sequence[tuple[int, int]]) -> IntArray:
    """The rows of `ranges`, one by one."""
    return np.concatenate([np.arange(start, stop, dtype=np.int64) for start, stop in ranges] or [_NONE])


def share_of(rows: IntArray, rank: int, ranks: int) -> IntArray:
    """The rows of one step that `rank` of `ranks` reads: equal, neighbouring parts, the last step's to within
    one row.
    """
    return rows[len(rows) * rank // ranks : len(rows) * (rank + 1) // ranks]


_NONE = np.empty(0, np.int64)
