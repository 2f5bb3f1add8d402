"""What Beam is made to remember: it answers what it answered before, and nothing leaks from run to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import DebugOptions, DirectOptions, PipelineOptions, StandardOptions
from apache_beam.transforms import core, userstate

from pipeline import beam_memory

COUNT = userstate.CombiningValueStateSpec("count", sum)


class Stateful(beam.DoFn):
    def process(
        self, element: tuple[str, int], by: int = 2, count: object = beam.DoFn.StateParam(COUNT)
    ) -> None:
        """Nothing."""


class Other(beam.DoFn):
    def process(self, element: str, *, only: int = 1) -> None:
        """Nothing."""


# What a fresh process says, with Beam as it is and as it is made: all options of all kinds, and all methods.
SAID = """
import sys
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core, userstate
import test_beam_memory as these
if sys.argv[1] == "remembered":
    these.beam_memory.remember()
for flags in (["--experiments=a", "--direct_num_workers=3"], ["--streaming"], []):
    for _ in range(2):
        options = PipelineOptions(flags)
        for kind in PipelineOptions.__subclasses__():
            view = options.view_as(kind)
            print(kind.__name__, {name: getattr(view, name) for name in view._visible_option_list()})
        print(sorted(options.get_all_options().items(), key=str))
for _ in range(2):
    for made in (these.Stateful(), these.Other(), core.CallableWrapperDoFn(str.strip)):
        for name in ("process", "start_bundle", "finish_bundle", "setup", "default_label"):
            names, defaults = core.get_function_arguments(made, name)
            print(name, names, len(defaults))
        print(sorted(map(len, userstate.get_dofn_specs(made))))
print(core.get_function_args_defaults(len), core.get_function_args_defaults(these.Other))
"""


def test_options_and_signatures_are_those_of_beam_itself() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", SAID, way],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        ).stdout
        for way in ("plain", "remembered")
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) > 150
    assert "'experiments': ['a']" in said[0]


def test_what_one_run_sets_is_unknown_to_the_next() -> None:
    beam_memory.remember()
    first = PipelineOptions(["--runner=DirectRunner"])
    first.view_as(DebugOptions).add_experiment("one")
    first.view_as(DirectOptions).direct_num_workers = 7
    first.view_as(StandardOptions).streaming = True
    assert first.view_as(DebugOptions).experiments == ["one"]
    assert first.view_as(DirectOptions).direct_num_workers == 7
    second = PipelineOptions(["--runner=DirectRunner"])
    assert second.view_as(DebugOptions).experiments is None
    assert second.view_as(DirectOptions).direct_num_workers != 7
    assert not second.view_as(StandardOptions).streaming
    several = [PipelineOptions(["--experiments=a"]) for _ in range(2)]
    several[0].view_as(DebugOptions).experiments.append("b")
    assert several[0].view_as(DebugOptions).experiments == ["a", "b"]
    assert several[1].view_as(DebugOptions).experiments == ["a"]


def test_answers_may_be_changed_by_who_asked() -> None:
    beam_memory.remember()
    names, _ = core.get_function_arguments(Other(), "process")
    names.clear()
    assert core.get_function_arguments(Other(), "process")[0] == ["element"]
