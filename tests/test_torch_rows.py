"""mixtures.torch_rows: DataLoader gives the training order, with workers, ranks, stops and skips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mixing import make_run, write_curated

from mixtures.reader import Reader, TrainingShards
from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize

torch_data = pytest.importorskip("torch.utils.data", reason="torch is an extra: pip install .[train]")
pytestmark = pytest.mark.trainer


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("out")
    write_curated(folder)
    tokenize(make_run(folder))
    mix(make_run(folder))
    return str(folder)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_training_order(out: str, workers: int) -> None:
    from mixtures.torch_rows import StreamRows  # noqa: PLC0415  # torch is an extra

    rows: list[int] = []
    position = 0
    for ranks in (1, 2):
        loaders = []
        for rank in range(ranks):
            dataset = StreamRows(out, batch_rows=4, position=position, rank=rank, ranks=ranks, skip=[(3, 5)])
            loader = torch_data.DataLoader(dataset, batch_size=dataset.batch_size, num_workers=workers)
            loaders.append(iter(loader))
        for _ in range(6):
            for loader in loaders:
                batch = next(loader)
                rows += batch["row"].tolist()
        position = dataset.position_after(6)
    assert rows == [*range(12), *range(20, 32), *range(32, 56)]


def test_examples_hold_what_the_rows_hold(out: str) -> None:
    from mixtures.torch_rows import RowNumbers, StreamRows  # noqa: PLC0415  # torch is an extra

    dataset = StreamRows(out, batch_rows=2)
    batch = next(iter(torch_data.DataLoader(dataset, batch_size=2)))
    first, second = list(Reader(TrainingShards(out)))[:2]
    assert batch["tokens"].tolist() == [first.tokens.tolist(), second.tokens.tolist()]
    assert batch["segments"][1].tolist() == second.segments().tolist()
    assert batch["positions"][1].tolist() == second.positions().tolist()
    assert [dataset.sources[number] for number in batch["source"].tolist()] == [first.source, second.source]
    by_number = RowNumbers(out)
    assert len(by_number) == len(dataset.shards)
    assert np.array_equal(by_number[1]["tokens"], second.tokens)
