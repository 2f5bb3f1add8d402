"""examples/train_tiny.py: the loss falls, and a run that was stopped goes on with the same curve."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from mixing import make_run, write_curated

from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize

pytest.importorskip("torch", reason="torch is an extra: pip install .[train]")
pytestmark = pytest.mark.trainer

EXAMPLE = Path(__file__).parents[1] / "examples" / "train_tiny.py"
SMALL = [
    "--context",
    "32",
    "--width",
    "16",
    "--layers",
    "1",
    "--heads",
    "2",
    "--batch-rows",
    "4",
    "--rate",
    "0.03",
]


def example() -> Any:
    spec = importlib.util.spec_from_file_location("train_tiny", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_loss_falls_and_a_stopped_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_curated(tmp_path)
    run = make_run(tmp_path, holdout={"tokens_per_source": 100})
    tokenize(run)
    mix(run)

    def train(name: str, *arguments: str) -> list[dict[str, Any]]:
        options = ["--run", str(tmp_path), "--checkpoint", str(tmp_path / name), "--steps", "24"]
        assert example().main([*options, "--validate-every", "12", *SMALL, *arguments]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    whole = train("whole.pt")
    assert [line["step"] for line in whole] == list(range(1, 25))
    assert [line["position"] for line in whole] == list(range(4, 100, 4))
    assert whole[-1]["loss"] < whole[0]["loss"] - 0.3
    for source in ("books", "web"):
        assert whole[-1]["validation"][source] < whole[0]["validation"][source] - 0.3
    stopped = train("stopped.pt", "--stop-after", "9") + train("stopped.pt", "--workers", "2")
    assert [line["loss"] for line in stopped] == [line["loss"] for line in whole]
    assert stopped[-1]["validation"] == whole[-1]["validation"]
