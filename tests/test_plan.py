"""`--plan`: what would run and why, held against what then runs; nothing is written."""

from __future__ import annotations

from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import pytest
from conftest import folder_digests, run_quietly, wet_bytes, write_corpus
from rich.console import Console

from pipeline import run as main_job
from pipeline.options import parse_options
from pipeline.phases.phase import Run, versions
from pipeline.plan import Planned, plan_phases, print_plan
from pipeline.progress import Progress
from pipeline.report.record import write_record
from pipeline.run import make_run

CONFIG = """
missing_sources: renormalise
sequence_length: 64
max_epochs: %s
sources:
  commoncrawl:
    proportion: 100
    short: {min_characters: %s}
    language: {min_score: %s}
"""


def arguments(folder: Path, *more: str, epochs: float = 4, short: int = 300, score: float = 0.5) -> list[str]:
    config = folder / f"{epochs}-{short}-{score}.yaml"
    config.write_text(CONFIG % (epochs, short, score))
    given = ["--config", str(config), "--input", f"commoncrawl={folder}/corpus/*.wet.gz"]
    return [*given, "--output", str(folder / "out"), "--workers", "1", *more]


def plan(given: list[str]) -> tuple[Run, list[Planned]]:
    options = parse_options([*given, "--plan"])
    with ExitStack() as held:
        run = make_run(options, Progress(Console(file=StringIO())), held)
    return run, plan_phases(run, options.phases, options.fresh)


def would(given: list[str]) -> dict[str, list[str]]:
    return {one.phase: one.why for one in plan(given)[1] if one.why}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plan")
    write_corpus(made / "corpus", files=2)
    given = arguments(made)
    assert set(would(given)) == {"prepare", "lines", "judge", "duplicates", "curate", "tokenize", "mix"}
    assert would(given)["prepare"] == ["never finished"]
    assert not (made / "out").exists()
    write_record(*run_quietly(*given))
    return made


def test_a_finished_run_is_up_to_date(folder: Path) -> None:
    assert would(arguments(folder)) == {}


@pytest.mark.parametrize(
    ("edit", "first", "why"),
    [
        ({"epochs": 3}, "mix", "max_epochs: 4.0 is now 3.0"),
        ({"score": 0.6}, "judge", "judge.language.min_score: 0.5 is now 0.6"),
        ({"short": 310}, "prepare", "clean.short.min_characters: 300 is now 310"),
    ],
)
def test_an_edit_is_named_and_what_follows(folder: Path, edit: dict[str, int], first: str, why: str) -> None:
    found = would(arguments(folder, **edit))  # type: ignore[arg-type] # a mapping of keyword arguments
    assert next(iter(found)) == first
    assert found.pop(first) == [why]
    assert all(sentence.startswith("follows ") for sentences in found.values() for sentence in sentences)
    if first != "mix":
        assert found["mix"] == ["follows tokenize of commoncrawl"]


def test_inputs_new_changed_and_gone(folder: Path) -> None:
    more = folder / "corpus" / "part-9.warc.wet.gz"
    more.write_bytes(wet_bytes([("https://example.org/new", "new")]))
    assert would(arguments(folder))["prepare"] == ["inputs new: part-9.warc.wet.gz"]
    more.unlink()
    part = folder / "corpus" / "part-1.warc.wet.gz"
    before = part.read_bytes()
    part.write_bytes(wet_bytes([("https://example.org/other", "other")]))
    assert would(arguments(folder))["prepare"] == ["inputs changed: part-1.warc.wet.gz"]
    part.unlink()
    assert would(arguments(folder))["prepare"] == ["inputs gone: part-1.warc.wet.gz"]
    part.write_bytes(before)
    assert would(arguments(folder)) == {}


def test_lost_files_and_other_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = next((folder / "out" / "curated" / "commoncrawl").iterdir())
    data = lost.read_bytes()
    lost.unlink()
    assert would(arguments(folder))["curate"] == ["files it wrote are gone"]
    lost.write_bytes(data)
    now = {**versions(), "numpy": "99.0"}
    with monkeypatch.context() as patched:
        for module in ("pipeline.plan", "pipeline.phases.phase"):
            patched.setattr(f"{module}.versions", lambda: now)
        assert would(arguments(folder))["mix"][0] == f"numpy {versions()['numpy']} is now 99.0"
    monkeypatch.setattr("pipeline.phases.curate.VERSION", 99)
    assert would(arguments(folder))["curate"] == [
        "what an earlier phase wrote, or this phase's own version, is another"
    ]


def test_fresh_and_a_part_of_the_phases(folder: Path) -> None:
    assert would(arguments(folder, "--fresh"))["lines"] == ["--fresh starts over"]
    assert set(would(arguments(folder, "--phases", "tokenize,mix", epochs=2))) == {"mix"}


def test_the_plan_writes_nothing_and_says_its_rates(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    before = folder_digests(folder / "out", "none")
    assert main_job.main([*arguments(folder, score=0.7), "--plan"]) == 0
    assert folder_digests(folder / "out", "none") == before
    said = capsys.readouterr().out
    assert "commoncrawl: 2 inputs" in said and "model bundled:lid.176.ftz: " in said
    assert "earlier run here" in said and "up to date" in said
    assert "5 of 7 would run" in said and "nothing was run, nothing was written" in said
    timings = folder / "out" / "work" / "timings.json"
    data = timings.read_bytes()
    timings.unlink()
    told = StringIO()
    run, planned = plan(arguments(folder, score=0.7))
    print_plan(run, planned, Console(file=told, width=200))
    timings.write_bytes(data)
    assert "benchmarks" in told.getvalue() and "earlier run here" not in told.getvalue()
