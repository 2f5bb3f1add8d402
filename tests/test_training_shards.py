"""Phase `mix`: rows in planned order, each exactly what its table says, budgets nested, edits cheap."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from conftest import folder_digests
from mixing import SIZES, make_run, read_shards, write_curated

from mixtures.places import Places
from mixtures.plan import main
from pipeline.errors import WinnowError
from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize
from tokenizer.megatron import read_index

L = 32


def run_both(out: Path, **settings: Any) -> None:
    tokenize(make_run(out, **settings))
    mix(make_run(out, **settings))


def plan_of(out: Path) -> dict[str, Any]:
    plan: dict[str, Any] = orjson.loads((out / "shards" / "plan.json").read_bytes())
    return plan


def rows_of(out: Path) -> dict[int, tuple[str, list[int], list[tuple[Any, ...]]]]:
    """{row: (source, tokens, pieces)}; checks that each row is full and that its pieces are those tokens."""
    documents = {}
    for source in SIZES:
        for shard, (tokens, table) in enumerate(read_shards(out / "tokens" / source, source)):
            for line in table:
                documents[source, shard, line["document"]] = tokens[line["start"] : line["end"]].tolist()
    rows: dict[int, tuple[str, list[int], list[tuple[Any, ...]]]] = {}
    first = 0
    for tokens, table in read_shards(out / "shards", "shard"):
        count = len(tokens) // L
        for line in table:
            row = rows.setdefault(line["row"], (line["source"], [], []))
            document = documents[line["source"], line["shard"], line["document"]]
            assert line["source"] == row[0]
            assert line["offset"] == len(row[1])
            row[1].extend(document[line["start"] : line["stop"]])
            row[2].append(tuple(line[name] for name in ("epoch", "shard", "document", "start", "stop")))
        for number in range(count):
            assert rows[first + number][1] == tokens[number * L : (number + 1) * L].tolist()
        first += count
    assert sorted(rows) == list(range(first))
    return rows


@pytest.fixture(scope="module", params=["concatenate", "best_fit"])
def mixed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    out = tmp_path_factory.mktemp("mixed")
    write_curated(out)
    run_both(out, holdout={"tokens_per_source": 100}, packing=request.param)
    return out


def test_rows_are_what_the_plan_and_their_tables_say(mixed: Path) -> None:
    plan, rows = plan_of(mixed), rows_of(mixed)
    assert plan["rows"] == len(rows)
    assert plan["tokens"] == len(rows) * L
    index = read_index((mixed / "shards" / "shard-00000.idx").read_bytes())
    assert index.lengths.tolist() == [L] * plan["rows_per_shard"]
    dealt: Counter[str] = Counter()
    for number in range(len(rows)):
        dealt[rows[number][0]] += 1
        for source, part in plan["sources"].items():
            assert abs(dealt[source] - (number + 1) * Fraction(part["proportion"])) < 1
    assert dealt == {source: part["rows"] for source, part in plan["sources"].items()}


def test_each_token_is_read_k_or_k_plus_one_times_epoch_after_epoch(mixed: Path) -> None:
    plan, rows = plan_of(mixed), rows_of(mixed)
    assert max(part["epochs"] for part in plan["sources"].values()) == 2
    for source, part in plan["sources"].items():
        pieces = [piece for number in sorted(rows) if rows[number][0] == source for piece in rows[number][2]]
        epochs = [piece[0] for piece in pieces]
        assert epochs == sorted(epochs)
        times: Counter[tuple[int, int, int]] = Counter()
        for _, shard, document, start, stop in pieces:
            times.update((shard, document, offset) for offset in range(start, stop))
        assert set(times.values()) <= {part["epochs"], part["epochs"] + 1}
        assert sum(times.values()) == part["tokens"]
        assert part["epochs"] + Fraction(part["epoch_fraction"]) == Fraction(
            part["tokens"], part["available_tokens"]
        )


def test_held_out_documents_are_beside_the_rows_and_never_in_them(mixed: Path) -> None:
    for source in SIZES:
        (apart, table), *more = read_shards(mixed / "shards" / "validation", source)
        assert not more
        original = np.fromfile(mixed / "tokens" / source / "validation-00000.bin", "<u2")
        assert np.array_equal(apart, original)
        trained = {
            line["id"] for _, lines in read_shards(mixed / "tokens" / source, source) for line in lines
        }
        assert not trained & {line["id"] for line in table}


def test_a_smaller_budget_is_the_beginning_of_a_larger(tmp_path: Path) -> None:
    write_curated(tmp_path)
    run_both(tmp_path, tokens=150 * L)
    small = rows_of(tmp_path)
    run_both(tmp_path, tokens=200 * L)
    large = rows_of(tmp_path)
    assert len(small) == 150
    assert [large[number] for number in range(134)] == [small[number] for number in range(134)]
    assert all(row in large.values() for row in small.values())


@pytest.mark.parametrize("settings", [{"seed": 0}, {"seed": 7}, {"tokens": 60 * L}, {"packing": "best_fit"}])
def test_ids_held_out_are_in_no_shard_of_any_seed_or_budget(tmp_path: Path, settings: dict[str, Any]) -> None:
    write_curated(tmp_path)
    run_both(tmp_path, holdout={"share": 0.05}, **settings)
    held, trained = set(), set()
    for source in SIZES:
        apart = read_shards(tmp_path / "shards" / "validation", source)
        shards = read_shards(tmp_path / "tokens" / source, source)
        held |= {row["id"] for _, rows in apart for row in rows}
        trained |= {row["id"] for _, rows in shards for row in rows}
    places = Places(str(tmp_path))
    in_rows = {piece.id for piece in places.pieces(0, places.shards.rows)}
    assert held
    assert in_rows <= trained
    assert not held & (trained | in_rows)


def test_the_seed_moves_rows_and_later_epochs_only(tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        out = tmp_path / str(seed)
        write_curated(out)
        run_both(out, seed=seed)
        found.append(rows_of(out))
    one, two = found
    assert [one[n][0] for n in sorted(one)] != [two[n][0] for n in sorted(two)]

    def pieces(rows: dict[int, Any], source: str, epoch: int) -> list[Any]:
        return [p for n in sorted(rows) if rows[n][0] == source for p in rows[n][2] if p[0] == epoch]

    for source in SIZES:
        assert pieces(one, source, 0) == pieces(two, source, 0)
    assert pieces(one, "web", 1) != pieces(two, "web", 1)


@pytest.mark.slow
def test_workers_leave_no_trace_and_an_edit_runs_this_phase_alone(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        write_curated(tmp_path / name)
        run_both(tmp_path / name, workers=workers)
    assert folder_digests(tmp_path / "one") == folder_digests(tmp_path / "two")
    assert mix(make_run(tmp_path / "one")).ran == []
    assert tokenize(make_run(tmp_path / "one", seed=5)).ran == []
    assert mix(make_run(tmp_path / "one", seed=5)).ran == ["mixture"]
    assert mix(make_run(tmp_path / "one")).ran == ["mixture"]
    assert folder_digests(tmp_path / "one") == folder_digests(tmp_path / "two")


def test_a_shorter_run_leaves_no_shard_of_a_longer_one(tmp_path: Path) -> None:
    write_curated(tmp_path)
    run_both(tmp_path)
    before = len(read_shards(tmp_path / "shards", "shard"))
    mix(make_run(tmp_path, tokens=60 * L))
    assert len(read_shards(tmp_path / "shards", "shard")) == 2 < before
    assert len(rows_of(tmp_path)) == 60


def test_too_little_data_is_one_sentence(tmp_path: Path) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    with pytest.raises(
        WinnowError, match=r"too little data for this budget: .*web needs 750,000,000 tokens and has"
    ):
        mix(make_run(tmp_path, tokens="1B"))
    assert mix(make_run(tmp_path, tokens="1B", too_little="shrink")).ran == ["mixture"]


def test_books_that_do_not_balance_fail_the_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    whole = pq.write_table
    monkeypatch.setattr("pyarrow.parquet.write_table", lambda table, *a, **k: whole(_short(table), *a, **k))
    with pytest.raises(WinnowError, match="books of phase mix do not balance"):
        mix(make_run(tmp_path))


def _short(table: Any) -> Any:
    return table.slice(1) if "offset" in table.column_names else table


def test_the_plan_is_printed_beside_what_was_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    write_curated(tmp_path)
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "sequence_length: 32\nsources:\n"
        "  web: {flow: commoncrawl, proportion: 60, published_epochs: 1.1, published_disk: 3.3 TB}\n"
        "  books: {flow: commoncrawl, proportion: 20}\n"
        "  c4: {proportion: 20}\n"
    )
    assert main([str(spec), "--run", str(tmp_path)]) == 1
    assert "holds no token shards" in capsys.readouterr().err
    tokenize(make_run(tmp_path))
    assert main([str(spec), "--run", str(tmp_path), "--tokens", "6400", "--params", "7e9"]) == 0
    said = capsys.readouterr().out
    assert "no token shards of c4" in said
    assert "75.00%" in said
    assert "3.3 TB" in said  # the paper's, beside that of the curated text where a run has its books
    assert "6,400 tokens in 200 rows of 32, limited by the budget asked for" in said
    assert "1.4e+11" in said
    assert main([str(spec), "--run", str(tmp_path), "--tokens", "1T"]) == 1
    assert "too little data for this budget" in capsys.readouterr().err


def cut_documents(rows: dict[int, tuple[str, list[int], list[tuple[Any, ...]]]]) -> int:
    """Documents of the first epoch that lie in more than one row."""
    places: dict[tuple[Any, ...], set[int]] = {}
    for number, (source, _, pieces) in rows.items():
        for epoch, shard, document, _, _ in pieces:
            places.setdefault((source, epoch, shard, document), set()).add(number)
    return sum(len(found) > 1 for found in places.values())


def test_best_fit_reads_the_same_tokens_and_cuts_fewer_documents(tmp_path: Path) -> None:
    found = []
    for packing in ("concatenate", "best_fit"):
        out = tmp_path / packing
        write_curated(out)
        tokenize(make_run(out, sequence_length=64))
        mix(make_run(out, sequence_length=64, packing=packing))
        tokens = [tokens.reshape(-1, 64) for tokens, _ in read_shards(out / "shards", "shard")]
        table = [line for _, lines in read_shards(out / "shards", "shard") for line in lines]
        rows: dict[int, Any] = {}
        for line in table:
            piece = tuple(line[name] for name in ("epoch", "shard", "document", "start", "stop"))
            rows.setdefault(line["row"], (line["source"], [], []))[2].append(piece)
        read = Counter(
            (rows[number][0], *piece[:3], offset)
            for number in rows
            for piece in rows[number][2]
            for offset in range(*piece[3:])
        )
        found.append((np.concatenate(tokens), rows, read))
    (plain, plain_rows, plain_read), (packed, packed_rows, packed_read) = found
    assert plain_read == packed_read
    assert set(plain_read.values()) == {1}
    assert np.array_equal(np.sort(plain.ravel()), np.sort(packed.ravel()))
    assert [plain_rows[n][0] for n in plain_rows] == [packed_rows[n][0] for n in packed_rows]
    assert cut_documents(packed_rows) < 0.8 * cut_documents(plain_rows)


def test_a_curriculum_changes_shares_and_goes_on_where_each_source_stood(tmp_path: Path) -> None:
    write_curated(tmp_path)
    stages = [
        {"from_tokens": 40 * L, "proportions": {"web": 25, "books": 75}},
        {"from_tokens": 80 * L, "proportions": {"books": 1}},
    ]
    run_both(tmp_path, tokens=100 * L, curriculum=stages)
    rows, plan = rows_of(tmp_path), plan_of(tmp_path)
    counts = [Counter(rows[n][0] for n in range(a, b)) for a, b in ((0, 40), (40, 80), (80, 100))]
    assert counts == [{"web": 30, "books": 10}, {"web": 10, "books": 30}, {"books": 20}]
    assert {name: part["rows"] for name, part in plan["sources"].items()} == {"web": 40, "books": 60}
    plain = tmp_path / "plain"
    write_curated(plain)
    run_both(plain, tokens=160 * L, max_epochs=9)
    without = rows_of(plain)
    for source in SIZES:
        streams = [[r[n][2] for n in sorted(r) if r[n][0] == source] for r in (rows, without)]
        shared = min(map(len, streams))
        assert shared >= 40
        assert streams[0][:shared] == streams[1][:shared]
    shorter = tmp_path / "shorter"
    write_curated(shorter)
    run_both(shorter, tokens=90 * L, curriculum=stages)
    assert [rows_of(shorter)[n] for n in range(80)] == [rows[n] for n in range(80)]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tokens": 40 * L}, "the curriculum's last stage begins at 1,280 tokens, the budget is 1,280"),
        ({"tokens": "1B"}, "too little data for this budget"),
        (
            {"tokens": "1B", "too_little": "cap"},
            "too_little: cap knows one set of proportions; beside a curriculum use shrink",
        ),
    ],
)
def test_a_curriculum_that_cannot_be_dealt_is_one_sentence(
    tmp_path: Path, settings: dict[str, Any], sentence: str
) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    stages = [{"from_tokens": 40 * L, "proportions": {"web": 1}}]
    with pytest.raises(WinnowError, match=sentence):
        mix(make_run(tmp_path, curriculum=stages, **settings))
    largest = make_run(tmp_path, curriculum=stages, tokens="1B", too_little="shrink")
    assert mix(largest).ran == ["mixture"]
    web = plan_of(tmp_path)["sources"]["web"]
    assert web["rows"] == int(2.5 * web["available_tokens"]) // L  # two and a half epochs of it, and no more
