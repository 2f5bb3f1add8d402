"""mixtures.reader: every row once and in order, whatever the ranks, workers, stops and skips."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apache_beam.io.localfilesystem import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st
from mixing import make_run, read_shards, write_curated

from mixtures import opened
from mixtures.reader import Reader, TrainingShards
from mixtures.steps import Steps, numbers
from pipeline.errors import WinnowError
from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize

L = 32


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    write_curated(folder)
    run = make_run(folder, holdout={"tokens_per_source": 100})
    tokenize(run)
    mix(run)
    return folder


@pytest.fixture(scope="module")
def shards(out: Path) -> TrainingShards:
    return TrainingShards(str(out))


def test_rows_are_those_of_the_files(out: Path, shards: TrainingShards) -> None:
    written = read_shards(out / "shards", "shard")
    assert len(written) > 2
    flat = np.concatenate([tokens for tokens, _ in written]).reshape(-1, L)
    lines: dict[int, list[dict[str, Any]]] = {}
    for _, table in written:
        for line in table:
            lines.setdefault(line["row"], []).append(line)
    read = list(Reader(shards))
    assert [row.number for row in read] == list(range(len(flat))) == list(range(len(shards)))
    for row in read:
        pieces = lines[row.number]
        assert np.array_equal(row.tokens, flat[row.number])
        assert row.tokens.dtype == np.uint16
        assert row.source == pieces[0]["source"]
        assert row.boundaries.tolist() == [*(piece["offset"] for piece in pieces), L]
        assert row.continued == (pieces[0]["start"] > 0)
    assert {row.continued for row in read} == {False, True}
    assert shards[-1].number == len(shards) - 1
    with pytest.raises(IndexError, match="row"):
        shards[len(shards)]


def test_segments_and_positions_begin_anew_with_each_document(shards: TrainingShards) -> None:
    row = next(row for row in Reader(shards) if len(row.boundaries) > 2)
    cut = int(row.boundaries[1])
    assert row.segments().tolist()[cut - 1 : cut + 1] == [0, 1]
    assert row.positions().tolist()[cut - 1 : cut + 2] == [cut - 1, 0, 1]
    assert row.tokens[cut] == shards.bos
    assert row.tokens[cut - 1] == shards.eos


def test_validation_rows_are_the_held_out_documents(out: Path, shards: TrainingShards) -> None:
    held = shards.validation(10)
    assert list(held) == ["books", "web"]
    for source, rows in held.items():
        tokens = np.concatenate([t for t, _ in read_shards(out / "shards" / "validation", source)])
        assert rows.shape == (len(tokens) // 10, 10)
        assert np.array_equal(rows.reshape(-1), tokens[: rows.size])


def read_by(shards: TrainingShards, ranks: int, workers: int, **options: Any) -> list[list[int]]:
    """The rows of each step as a trainer meets them: ranks side by side, each rank's workers in turn."""
    readers = [
        [
            Reader(shards, rank=r, ranks=ranks, worker=w, workers=workers, **options).batches()
            for w in range(workers)
        ]
        for r in range(ranks)
    ]
    steps: list[list[int]] = []
    while True:
        batches = [next(of_rank[len(steps) % workers], None) for of_rank in readers]
        if batches[0] is None:
            assert batches == [None] * ranks
            return steps
        steps.append([row.number for batch in batches if batch is not None for row in batch])


@pytest.mark.parametrize(("ranks", "workers", "batch"), [(1, 1, 1), (1, 3, 4), (2, 1, 6), (3, 2, 12)])
def test_ranks_and_workers_share_every_step(
    shards: TrainingShards, ranks: int, workers: int, batch: int
) -> None:
    steps = read_by(shards, ranks, workers, batch_rows=batch)
    assert [number for step in steps for number in step] == list(range(len(shards)))
    assert {len(step) for step in steps[:-1]} == {batch}
    whole = read_by(shards, ranks, workers, batch_rows=batch, drop_last=True)
    assert whole == [step for step in steps if len(step) == batch]


layouts = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4))  # ranks, workers, rows a rank


@given(st.lists(st.tuples(layouts, st.integers(0, 12)), max_size=4), layouts)
def test_stopping_and_going_on_elsewhere_loses_nothing(
    shards: TrainingShards, runs: list[tuple[tuple[int, int, int], int]], last: tuple[int, int, int]
) -> None:
    """Runs of some steps each, every one under its own ranks, workers and batch, joined by one integer."""
    read: list[int] = []
    position = 0
    for (ranks, workers, rows), steps in [*runs, (last, 10**6)]:
        found = read_by(shards, ranks, workers, batch_rows=ranks * rows, position=position)[:steps]
        read += [number for step in found for number in step]
        position = Steps(len(shards), ranks * rows).after(position, steps)
        assert position == len(read)
    assert read == list(range(len(shards)))


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_position_is_the_same_on_every_rank_after_a_step(shards: TrainingShards, steps: int) -> None:
    for rank in range(2):
        reader = Reader(shards, batch_rows=8, rank=rank, ranks=2)
        for _, _row in zip(range(4 * steps), reader, strict=False):
            pass
        assert reader.position == 8 * steps
    reader = Reader(shards, batch_rows=8)
    for _, _batch in zip(range(steps), reader.batches(), strict=False):
        pass
    assert reader.position == 8 * steps


def test_skipped_steps_keep_the_numbers_of_the_others(shards: TrainingShards) -> None:
    plain = read_by(shards, 2, 1, batch_rows=4)
    skipping = read_by(shards, 2, 3, batch_rows=4, skip=[(9, 11), (2, 5), (10, 12)])
    assert skipping == [
        step for number, step in enumerate(plain) if not 2 <= number < 5 and not 9 <= number < 12
    ]
    reader = Reader(shards, batch_rows=4, skip=[(2, 5)])
    batches = reader.batches()
    assert [next(batches)[0].number for _ in range(3)] == [0, 4, 20]
    assert reader.position == 24


ranges = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 9)).map(lambda r: (r[0], r[0] + r[1])), max_size=4
)


@given(st.integers(0, 90), st.integers(1, 7), ranges, st.integers(0, 90), st.integers(0, 20))
def test_steps_read_what_is_not_skipped(
    rows: int, batch: int, skip: list[tuple[int, int]], position: int, count: int
) -> None:
    steps = Steps(rows, batch, tuple(skip))
    position = min(position, rows)
    wanted = [n for n in range(position, rows) if not any(a * batch <= n < b * batch for a, b in skip)]
    read: list[int] = []
    at, after = position, [position]
    while found := numbers(steps.batch(at)[0]).tolist():
        assert len(found) == batch or len(read) + len(found) == len(wanted)
        read += found
        at = steps.batch(at)[1]
        after.append(at)
    assert read == wanted
    if count < len(after):
        assert (
            numbers(steps.batch(steps.after(position, count))[0]).tolist() == wanted[count * batch :][:batch]
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rank": 2, "ranks": 2}, "no rank 2 of 2"),
        ({"worker": -1}, "worker -1 of 1"),
        ({"batch_rows": 5, "ranks": 2}, "5 rows a step are no multiple of 2 ranks"),
        ({"batch_rows": 0}, "at least one row"),
        ({"position": 10**9}, "position 1000000000 is not in"),
        ({"skip": [(5, 5)]}, "no range of steps"),
    ],
)
def test_numbers_that_make_no_sense(shards: TrainingShards, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Reader(shards, **options)


def test_shards_that_are_not_there_or_cut_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WinnowError, match="holds no training shards"):
        Reader(str(tmp_path))
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    mix(make_run(tmp_path))
    path = tmp_path / "shards" / "shard-00001.bin"
    path.write_bytes(path.read_bytes()[:-2])
    reader = iter(Reader(str(tmp_path)))
    with pytest.raises(WinnowError, match=r"shard-00001\.bin holds 1,471 tokens, its manifest says 1,472"):
        list(reader)


class _Elsewhere(LocalFileSystem):  # type: ignore[misc] # Beam is untyped
    """Local files under a scheme of their own, as Beam reads an object store."""

    @classmethod
    def scheme(cls) -> str:
        return "elsewhere"

    def open(self, path: str, *options: Any, **named: Any) -> Any:
        return super().open(path.removeprefix("elsewhere://"), *options, **named)


def test_shards_on_another_file_system_read_the_same(
    out: Path, shards: TrainingShards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "BLOCK_BYTES", 100)  # rows begin and end inside blocks
    remote = TrainingShards(f"elsewhere://{out}")
    for here, there in zip(Reader(shards), Reader(remote), strict=True):
        assert np.array_equal(here.tokens, there.tokens)
        assert (here.source, here.boundaries.tolist()) == (there.source, there.boundaries.tolist())
    assert np.array_equal(remote.validation(10)["web"], shards.validation(10)["web"])


def test_a_copy_for_another_process_carries_no_tokens(shards: TrainingShards) -> None:
    first = shards[0]
    data = pickle.dumps(shards)
    assert len(data) < 10_000
    assert np.array_equal(pickle.loads(data)[0].tokens, first.tokens)


def test_tables_in_memory_are_bounded(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "TABLES_KEPT", 2)
    read: list[str] = []
    whole = opened.table_of
    monkeypatch.setattr(opened, "table_of", lambda *a, **k: read.append("") or whole(*a, **k))
    shards = TrainingShards(str(out))
    count = len(list(out.glob("shards/shard-*.bin")))
    list(Reader(shards))
    assert len(read) == count > 2
    assert len(shards._tables) == 2


def test_local_shards_need_neither_torch_nor_beam(out: Path) -> None:
    code = (
        "import sys; from mixtures.reader import Reader; "
        f"next(iter(Reader({str(out)!r}))); print(*({{'torch', 'apache_beam'}} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.strip() == ""
