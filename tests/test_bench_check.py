"""The benchmark in CI: a stage that became slower beside its floor fails it, a busy machine does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import check, compare, run
from benchmarks.floors import Pair


def burn(rounds: int) -> int:
    """Work in proportion to `rounds`."""
    return sum(range(20_000 * rounds))


class Stage:
    """A stage that costs `times` its floor."""

    def __init__(self, times: int) -> None:
        self.times = times

    @contextmanager
    def pair(self) -> Iterator[Pair]:
        yield Pair(lambda: burn(self.times), lambda: burn(1), "burning once")


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check, "RECORDED", tmp_path / "floors.json")
    monkeypatch.setattr(check, "TURN_SECONDS", 0.004)
    return tmp_path / "floors.json"


def measured(monkeypatch: pytest.MonkeyPatch, stage: Stage, *arguments: str) -> int:
    monkeypatch.setattr(check, "pairs", lambda: {"burn": stage.pair})
    return check.main(list(arguments))


def test_slower_than_recorded_fails(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, Stage(3), "--record") == 0
    assert json.loads(recorded.read_text())["burn"] == pytest.approx(3, rel=0.2)
    assert measured(monkeypatch, Stage(3)) == 0
    assert measured(monkeypatch, Stage(1)) == 0
    assert measured(monkeypatch, Stage(5)) == 1


def test_one_bad_moment_does_not_fail(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, Stage(2), "--record") == 0
    ratios = iter([4.0, 2.1])
    monkeypatch.setattr(check, "ratio", lambda pair: next(ratios))
    assert measured(monkeypatch, Stage(2)) == 0
    ratios = iter([4.0, 2.9])
    assert measured(monkeypatch, Stage(2)) == 1


def test_a_stage_without_a_record_fails(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, Stage(1)) == 1


def test_every_stage_has_a_record() -> None:
    kept = json.loads((Path(check.__file__).parent / "results" / "floors.json").read_text())
    assert list(kept) == list(check.pairs())


def test_comparing_without_the_other_side_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run.main(["--compare", "--interpreter", str(tmp_path / "none")])
    assert "make compare-env" in capsys.readouterr().err


def test_what_the_other_side_died_of_is_told(tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "Some words of a text that is one."}\n')
    with pytest.raises(RuntimeError, match=r"(?s)ended at 'versions'.*No module named .datatrove"):
        compare.compare([str(texts)], [], 1, Path(sys.executable))
