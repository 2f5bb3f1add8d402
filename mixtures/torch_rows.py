"""Training rows for PyTorch: a dataset for DataLoader that streams them in order, and one by number.

    from torch.utils.data import DataLoader
    from mixtures.torch_rows import StreamRows

    dataset = StreamRows("out", batch_rows=512, position=saved)
    loader = DataLoader(dataset, batch_size=dataset.batch_size, num_workers=4)
    for done, batch in enumerate(loader, start=1):
        ...
        saved = dataset.position_after(done)

An example is a dictionary: `tokens` (int64, the sequence length), `segments` and `positions` (int32, as long)
for masks and position ids that end with each document, `source` (its place in `sources`, for a loss by
source), `row` (its place in the training order). In a row, token i + 1 is the target of token i.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch.distributed
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from mixtures.opened import Row, TrainingShards
from mixtures.reader import Reader
from mixtures.steps import Steps

Example = dict[str, Any]


class RowNumbers(Dataset[Example]):
    """Rows by number, map-style, for a sampler of one's own; the order of the shards is that of the plan."""

    def __init__(self, out: str) -> None:
        self.shards = TrainingShards(out)

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, number: int) -> Example:
        return _example(self.shards[number], self.shards.sources)


class StreamRows(IterableDataset[Example]):
    """The training order from `position` on, split over DataLoader's workers and over ranks.

    Arguments as `mixtures.reader.Reader`'s; `rank` and `ranks` are torch.distributed's by default. Give
    DataLoader `batch_size=dataset.batch_size`: whole steps go to workers in turn, so batches come in order.
    """

    def __init__(
        self,
        out: str,
        *,
        batch_rows: int,
        position: int = 0,
        rank: int | None = None,
        ranks: int | None = None,
        skip: Sequence[tuple[int, int]] = (),
        drop_last: bool = True,
    ) -> None:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = rank if rank is not None else torch.distributed.get_rank() if distributed else 0
        self.ranks = ranks if ranks is not None else torch.distributed.get_world_size() if distributed else 1
        self.shards = TrainingShards(out)
        self.sources = self.shards.sources
        self.batch_rows, self.position, self.skip, self.drop_last = batch_rows, position, skip, drop_last
        self._reader(0, 1)  # so that wrong numbers are said here and not in a worker

    @property
    def batch_size(self) -> int:
        """Rows of one step on one rank."""
        return self.batch_rows // self.ranks

    def position_after(self, steps: int) -> int:
        """The position once `steps` batches have come out of a loader over this dataset."""
        return Steps(self.shards.rows, self.batch_rows, tuple(self.skip)).after(self.position, steps)

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        reader = self._reader(0, 1) if worker is None else self._reader(worker.id, worker.num_workers)
        for row in reader:
            yield _example(row, self.sources)

    def _reader(self, worker: int, workers: int) -> Reader:
        return Reader(
            self.shards,
            batch_rows=self.batch_rows,
            position=self.position,
            rank=self.rank,
            ranks=self.ranks,
            worker=worker,
            workers=workers,
            skip=self.skip,
            drop_last=self.drop_last,
        )


def _example(row: Row, sources: Sequence[str]) -> Example:
    return {
        "tokens": row.tokens.astype(np.int64),
        "segments": row.segments(),
        "positions": row.positions(),
        "source": sources.index(row.source),
        "row": row.number,
    }
