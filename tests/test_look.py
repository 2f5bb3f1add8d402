"""The tools that look at a finished run: explain, sample, diff, stats, what_if."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import diff, explain, sample, stats, what_if
from pipeline.config import read_config
from pipeline.look.comparison import compare
from pipeline.look.drawing import draw
from pipeline.look.finished import FinishedRun
from pipeline.look.life import find_lives, removed_lines, sharers
from pipeline.look.replay import UNKNOWN, replay
from pipeline.look.show import one_line, printable
from pipeline.parquet import read_parquet
from tests.conftest import run_quietly

SAMPLES = Path(__file__).parent.parent / "samples" / "commoncrawl"
PHASES = "prepare,lines,judge,duplicates,curate"
CONFIG = """
missing_sources: renormalise
scores: {scores}
sources:
  commoncrawl:
    proportion: 100
    inputs: []
{stages}
"""


def config(folder: Path, stages: str = "", scores: str = "all") -> str:
    path = folder / f"{abs(hash((stages, scores)))}.yaml"
    path.write_text(CONFIG.format(stages=stages, scores=scores))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("look")


def make_run(folder: Path, name: str, stages: str = "", scores: str = "all") -> FinishedRun:
    out = folder / name
    broken = folder / "broken.warc.gz"
    broken.write_bytes((SAMPLES / "web-00000.warc.gz").read_bytes()[:3000])
    run_quietly(
        "--config", config(folder, stages, scores), "--output", str(out), "--phases", PHASES,
        "--input", f"commoncrawl={SAMPLES}/texts-0000*.gz", "--input", f"commoncrawl={SAMPLES}/web*.wet.gz",
        "--input", f"commoncrawl={broken}", "--workers", "1",
    )  # fmt: skip
    return FinishedRun(str(out))


@pytest.fixture(scope="module")
def run(folder: Path) -> FinishedRun:
    return make_run(folder, "all")


def judged(run: FinishedRun) -> pa.Table:
    return pa.concat_tables(table for _, table in run.tables("judged", "commoncrawl"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\x1b[31mred", "a\\u001b[31mred"),
        ("two\nlines\t.", "two\nlines\t."),
        ("\u202etxt.exe\u2069", "\\u202etxt.exe\\u2069"),
        ("c1 \x9b2J", "c1 \\u009b2J"),
        ("lone \ud800", "lone \\ud800"),
    ],
)
def test_nothing_printed_steers_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line_is_one_line() -> None:
    assert one_line("a\nb\r\u2028c") == "a\\nb\\u000d\\u2028c"
    assert one_line("x" * 200, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ("a\nb\nc", "a\nc", [(2, "b")]),
        ("a\nb", "a\nb", []),
        ("a\nb\na", "b\na", [(1, "a")]),
        ("a\n\nb\n\nc", "a\n\nc", [(3, "b")]),
        ("a\nb", "", [(1, "a"), (2, "b")]),
        ("a\nb\nc", "A\nc", [(1, "a"), (2, "b")]),
    ],
)
def test_removed_lines(before: str, after: str, gone: list[tuple[int, str]]) -> None:
    assert removed_lines(before, after) == gone


def test_explain_tells_a_dropped_page_with_value_and_threshold(
    run: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    row = draw(run, None, "perplexity.tail", 1)[0]
    assert explain.main([row["id"], "--run", run.out]) == 0
    said = capsys.readouterr().out
    assert f"perplexity.tail {row['perplexity']:g}, threshold {row['verdict_threshold']:g}: fails" in said
    assert f"dropped by perplexity.tail ({row['verdict_value']:g}" in said
    assert f"record {row['ordinal']}" in said


def test_explain_names_the_survivor_of_a_duplicate(run: FinishedRun) -> None:
    row = draw(run, None, "duplicate_text", 1)[0]
    (life,) = find_lives(run, row["id"])
    assert life.row["survivor"] == row["survivor"]
    assert {"member": row["id"], "survivor": row["survivor"]}.items() <= life.clusters[0].items()


def test_explain_shows_removed_lines_and_who_shares_them(run: FinishedRun) -> None:
    table = judged(run)
    row = next(row for row in table.to_pylist() if (row["lines_removed"] or 0) >= 2)
    (life,) = find_lives(run, row["id"])
    assert len(life.lines) == row["lines_removed"]
    shared = sharers(run, [line for _, line in life.lines])
    # Lines that another document has, as lines are compared; a repeat inside the page counts it once.
    assert {line for _, line in life.lines} == set(shared)
    assert min(documents for documents, _ in shared.values()) >= 1
    assert max(documents for documents, _ in shared.values()) >= 2
    assert all(row["id"] in ids or documents > len(ids) for documents, ids in shared.values())


def test_explain_finds_a_dead_letter_by_its_place(
    run: FinishedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = next(run.dead_letters("commoncrawl"))
    assert explain.main([f"{letter['input']}:{letter['ordinal']}", "--run", run.out]) == 0
    assert letter["error"][:60] in capsys.readouterr().out


def test_explain_names_the_training_rows_of_a_kept_document(folder: Path) -> None:
    out = folder / "mixed"
    run_quietly(
        "--config", config(folder), "--output", str(out), "--input", f"commoncrawl={SAMPLES}/texts-00000*.gz",
        "--workers", "1",
    )  # fmt: skip
    run = FinishedRun(str(out))
    row = draw(run, None, "kept", 1)[0]
    (life,) = find_lives(run, row["id"])
    assert life.tokens is not None
    assert life.tokens["tokens"] > 0
    assert next(place["epoch"] for place in life.tokens["rows"]) == 0
    dropped = draw(run, None, "perplexity.tail", 1)[0]
    assert next(find_lives(run, dropped["id"])).tokens is None


def test_what_is_not_there_is_said_in_one_sentence(
    run: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain.main(["nowhere", "--run", run.out]) == 1
    assert sample.main(["--rule", "nosuch", "--run", run.out]) == 1
    assert stats.main(["--run", str(tmp_path)]) == 1
    assert stats.main(["--run", run.out, "--source", "books"]) == 1
    lines = capsys.readouterr().err.strip().split("\n")
    assert len(lines) == 4
    assert all(line.startswith("winnow: ") for line in lines)
    assert "perplexity.tail" in lines[1]


def test_a_draw_is_of_the_rule_and_always_the_same(run: FinishedRun) -> None:
    first, again = (draw(run, None, "perplexity", 7) for _ in range(2))
    assert [row["id"] for row in first] == [row["id"] for row in again]
    assert {row["verdict"] for row in first} == {"perplexity.tail"}
    other = draw(run, None, "perplexity", 7, seed=1)
    assert {row["id"] for row in other} != {row["id"] for row in first}


def test_near_draws_those_at_the_threshold(run: FinishedRun) -> None:
    near = draw(run, None, "perplexity.tail", 5, order="near")
    values = [row["verdict_value"] for row in near]
    table = judged(run).filter(pa.compute.equal(judged(run).column("verdict"), "perplexity.tail"))
    smallest = sorted(table.column("verdict_value").to_pylist())[: len(set(values))]
    assert values == sorted(values)
    assert values[0] == smallest[0]


@pytest.mark.parametrize(
    "stages",
    [
        "    language: {min_score: 0.9}",
        "    language: {languages: [de, fr]}",
        "    perplexity: {keep: [head]}",
        "    perplexity: {without_model: keep}\n    language: {languages: []}",
        "    wikipedia_reference: {min_score: 0.25}",
    ],
)
def test_a_replay_says_what_a_run_does(run: FinishedRun, folder: Path, stages: str) -> None:
    _, sources = read_config(config(folder, stages))
    answer = replay(run, "commoncrawl", sources["commoncrawl"])
    real = make_run(folder, f"real-{abs(hash(stages))}", stages)
    verdicts = judged(real).column("verdict").fill_null("kept").value_counts().to_pylist()
    assert dict(answer.then) == {entry["values"]: entry["counts"] for entry in verdicts}
    assert answer.now != answer.then
    assert not answer.unknown


def test_a_replay_says_unknown_where_scores_are_absent(folder: Path) -> None:
    needed = make_run(folder, "needed", scores="needed")
    _, sources = read_config(config(folder, "    language: {languages: []}"))
    answer = replay(needed, "commoncrawl", sources["commoncrawl"])
    assert answer.unknown == {"perplexity": answer.now["language"]}
    assert answer.then[UNKNOWN] == answer.now["language"] > 0
    _, sources = read_config(config(folder, "    gopher: on"))
    answer = replay(needed, "commoncrawl", sources["commoncrawl"])
    assert answer.unknown["gopher"] == answer.then[UNKNOWN] > 0
    assert sum(answer.then.values()) == sum(answer.now.values())


def test_a_replay_says_what_it_does_not_replay(run: FinishedRun, folder: Path) -> None:
    _, sources = read_config(config(folder, "    short: {min_characters: 10}"))
    (sentence,) = replay(run, "commoncrawl", sources["commoncrawl"]).not_replayed
    assert "prepare" in sentence


def test_diff_counts_every_change_of_fate(run: FinishedRun, folder: Path) -> None:
    other = make_run(folder, "stricter", "    language: {min_score: 0.9}")
    changes = compare(run, other, None)
    moved = sum(change.documents for change in changes if change.after == "language_score")
    assert moved == sum(row["verdict"] == "language_score" for row in judged(other).to_pylist())
    total = sum(read_parquet(path, ["id"]).num_rows for path in run.paths("documents", "commoncrawl"))
    assert sum(change.documents for change in changes) == total
    assert all(len(change.examples) <= 3 for change in changes)


def test_json_of_every_tool_parses(
    run: FinishedRun, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = config(folder, "    language: {min_score: 0.9}")
    row = draw(run, None, "kept", 1)[0]
    for main, arguments in (
        (sample.main, ["--rule", "kept", "-n", "2", "--run", run.out]),
        (stats.main, ["--run", run.out]),
        (diff.main, [run.out, run.out]),
        (explain.main, [row["id"], "--run", run.out, "--shared"]),
        (what_if.main, ["--config", edited, "--run", run.out]),
    ):
        assert main([*arguments, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)


def test_tables_for_people(run: FinishedRun, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stats.main(["--run", run.out]) == 0
    assert "dead letters" in capsys.readouterr().out
    assert sample.main(["--rule", "language", "-n", "1", "--run", run.out]) == 0
    assert "language" in capsys.readouterr().out
    assert what_if.main(["--run", run.out, "--config", config(folder, "    perplexity: {keep: [head]}")]) == 0
    assert "perplexity.middle" in capsys.readouterr().out
