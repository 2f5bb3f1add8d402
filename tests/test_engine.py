"""Pipelines as runners see them: few stages, a unit in one of them, sentences for what it could not do."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from pipeline.engine import Engine
from pipeline.errors import WinnowError
from pipeline.files import read_file, write_file
from pipeline.transforms.run_units import RunUnits, do_unit
from pipeline.units import Outputs, Receipt, Unit, receipts_folder


def double(unit: Unit, outputs: Outputs) -> dict[str, Any]:
    """A work that writes its number twice."""
    if unit.payload["number"] == 13:
        raise WinnowError("13 is no number to work with")
    outputs.write(f"made/{unit.name}", str(unit.payload["number"]).encode() * 2, rows=1)
    return {"number": unit.payload["number"]}


def listed(folder: Path, numbers: list[int]) -> str:
    """A units file for `numbers`."""
    units = [Unit("room", "s", f"u{n}", f"k{n}", payload={"number": n}) for n in numbers]
    write_file(str(folder / "units.jsonl"), b"\n".join(unit.to_json() for unit in units))
    return str(folder / "units.jsonl")


@pytest.mark.parametrize("numbers", [[1], [3, 1, 2], list(range(12))])
def test_units_are_done_and_leave_receipts(tmp_path: Path, numbers: list[int]) -> None:
    path = listed(tmp_path, numbers)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        done = pipeline | beam.Create([path]) | RunUnits(str(tmp_path), {"s": double}, {})
        assert_that(done, equal_to([f"u{n}" for n in numbers]))
    for n in numbers:
        folder = tmp_path / receipts_folder("room", "s")
        receipt = Receipt.from_json((folder / f"u{n}.json").read_bytes())
        assert (receipt.unit, receipt.key, receipt.facts) == (f"u{n}", f"k{n}", {"number": n})
        assert read_file(str(tmp_path / receipt.outputs[0].path)) == str(n).encode() * 2


def test_a_unit_is_one_stage_and_only_names_cross(tmp_path: Path) -> None:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _ = pipeline | beam.Create(["x"]) | RunUnits(str(tmp_path), {"s": double}, {})
    _, stages = FnApiRunner().create_stages(pipeline.to_runner_api())
    working = [stage for stage in stages if "DoUnit" in stage.name]
    assert len(working) == 1
    assert len(stages) <= 5


def test_one_process_does_its_units_without_spreading_them(tmp_path: Path) -> None:
    path = listed(tmp_path, [3, 1, 2])
    stages = {}
    for spread in (True, False):
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            done = pipeline | beam.Create([path]) | RunUnits(str(tmp_path), {"s": double}, {}, spread)
            assert_that(done, equal_to(["u3", "u1", "u2"]))
        stages[spread] = FnApiRunner().create_stages(pipeline.to_runner_api())[1]
    assert len(stages[False]) < len(stages[True])
    alone, several = (Engine(PipelineOptions([]), workers=count) for count in (1, 2))
    assert alone.works_here(10**12, 100)
    assert [several.works_here(10**12, count) for count in (1, 2)] == [True, False]
    assert Engine(PipelineOptions([])).works_here(1, 100)  # small: all in memory of one process
    assert not Engine(PipelineOptions(["--runner=PrismRunner"]), workers=1).works_here(1, 1)


def test_what_a_unit_could_not_do_is_said_in_its_own_words(tmp_path: Path) -> None:
    path = listed(tmp_path, [1, 13])

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([path]) | RunUnits(str(tmp_path), {"s": double}, {})

    with pytest.raises(WinnowError) as error:
        Engine(PipelineOptions([])).run(build, 0, 2)
    assert str(error.value) == "13 is no number to work with"


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_inside_a_unit_is_no_error_of_the_unit(tmp_path: Path) -> None:
    path = listed(tmp_path, [1, 2])

    def interrupted(unit: Unit, outputs: Outputs) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return {}

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([path]) | RunUnits(str(tmp_path), {"s": interrupted}, {})

    with pytest.raises(KeyboardInterrupt):
        Engine(PipelineOptions([])).run(build, 0, 2)
    assert not list(tmp_path.rglob("u*.json"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_unit_done_without_a_pipeline_says_the_same(tmp_path: Path) -> None:
    unit = Unit("room", "s", "u13", "k", payload={"number": 13})
    with pytest.raises(WinnowError) as error:
        do_unit(str(tmp_path), {"s": double}, {}, unit)
    assert str(error.value) == "13 is no number to work with"

    def full(_: Unit, __: Outputs) -> dict[str, Any]:
        raise OSError(errno.ENOSPC, "No space left on device", "made/u13")

    with pytest.raises(WinnowError, match="cannot read or write made/u13"):
        do_unit(str(tmp_path), {"s": full}, {}, unit)
    assert not (tmp_path / receipts_folder("room", "s")).exists()
