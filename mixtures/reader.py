"""Reading the training order from the shards of a run, in steps, on any number of ranks and workers.

    from mixtures.reader import Reader

    reader = Reader("out", batch_rows=512, rank=3, ranks=8, position=saved)
    for batch in reader.batches():                          # this rank's rows of one step
        tokens = np.stack([row.tokens for row in batch])    # (64, sequence length)
        ...
        saved = reader.position                             # one integer, the same on every rank

PyTorch's DataLoader is served by `mixtures.torch_rows`; nothing here imports torch, nor Beam for local
shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mixtures.opened import Row, TrainingShards
from mixtures.steps import Steps, numbers, share_of

__all__ = ["Reader", "Row", "TrainingShards"]


class Reader:
    """Rows of the training order from `position` on, those of one rank and worker.

    A step reads `batch_rows` rows, all ranks together (one row a rank by default); each rank gets an equal
    part of neighbouring rows. Of a rank's steps, `worker` of `workers` reads every `workers`-th, as
    DataLoader's workers are asked for batches in turn. `skip` holds ranges of steps, (first, stop), to pass
    over, for instance after a loss spike; skipped rows count in `position`, so that a step keeps its number.

    `position` is the whole state: the first row of the order that no rank has read yet. It is up to date once
    the last row of a step was given out, and the same on every rank then, so a checkpoint holds one integer,
    and a run goes on from it with other numbers of ranks, workers or rows a step: nothing is read twice or
    left out. The last step is incomplete where the rows are no multiple of `batch_rows`; `drop_last` leaves
    it out.

    `shards` is the run's output folder (a local path or any of Beam's), or `TrainingShards`. Raises
    WinnowError where it holds none, ValueError for numbers that make no sense.
    """

    def __init__(
        self,
        shards: str | TrainingShards,
        *,
        batch_rows: int | None = None,
        position: int = 0,
        rank: int = 0,
        ranks: int = 1,
        worker: int = 0,
        workers: int = 1,
        skip: Sequence[tuple[int, int]] = (),
        drop_last: bool = False,
    ) -> None:
        self.shards = TrainingShards(shards) if isinstance(shards, str) else shards
        self.steps = Steps(self.shards.rows, ranks if batch_rows is None else batch_rows, tuple(skip))
        if not 0 <= rank < ranks or not 0 <= worker < workers:
            raise ValueError(f"there is no rank {rank} of {ranks} with worker {worker} of {workers}")
        if self.steps.batch_rows % ranks:
            raise ValueError(f"{self.steps.batch_rows} rows a step are no multiple of {ranks} ranks")
        if not 0 <= position <= self.shards.rows:
            raise ValueError(f"position {position} is not in the {self.shards.rows} rows of the shards")
        self.position = position
        self._rank, self._ranks = rank, ranks
        self._worker, self._workers = worker, workers
        self._drop_last = drop_last

    def __iter__(self) -> Iterator[Row]:
        """The rows of this rank and worker, one by one."""
        for mine, after in self._steps():
            for place, number in enumerate(mine):
                if place == len(mine) - 1:
                    self.position = after
                yield self.shards[number]

    def batches(self) -> Iterator[list[Row]]:
        """This rank's and worker's rows of each step."""
        for mine, after in self._steps():
            batch = [self.shards[number] for number in mine]
            self.position = after
            yield batch

    def _steps(self) -> Iterator[tuple[list[int], int]]:
        """This rank's rows of each step of this worker, and the position after the step."""
        position, turn = self.position, 0
        while True:
            ranges, after = self.steps.batch(position)
            rows = sum(stop - start for start, stop in ranges)
            if not rows or (self._drop_last and rows < self.steps.batch_rows):
                return
            if turn % self._workers == self._worker:
                yield share_of(numbers(ranges), self._rank, self._ranks).tolist(), after
            position, turn = after, turn + 1
