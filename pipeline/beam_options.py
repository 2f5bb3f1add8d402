"""The options that go to Beam, checked: Beam passes over misspelt ones in silence."""

from __future__ import annotations

import argparse
import difflib

from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, SetupOptions, WorkerOptions

from pipeline.errors import WinnowError
from pipeline.options import option_names
from pipeline.portable import PORTABLE_RUNNERS, settle


def beam_options(flags: list[str], runner: str) -> PipelineOptions:
    """Beam's options from `flags`, with what we settle for `runner`.

    Raises WinnowError for an option that neither Beam nor the main job has, and for one that `runner` lacks.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    try:
        _, unknown = parser.parse_known_args(flags)
    except (argparse.ArgumentError, SystemExit) as error:
        raise WinnowError(f"an option for Beam is wrong: {error}") from error
    if unknown:
        name = unknown[0].split("=")[0]
        known = [*option_names(), *(text for action in parser._actions for text in action.option_strings)]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; --help lists the options"
        raise WinnowError(f"{name!r} is no option of ours or of Beam's{hint}")
    options = PipelineOptions(flags, runner=runner)
    if runner in PORTABLE_RUNNERS:
        settle(options, runner, flags)
    if runner == "DataflowRunner" and not options.view_as(WorkerOptions).sdk_container_image:
        raise WinnowError(
            "--runner DataflowRunner needs --sdk_container_image: Beam's own image does not hold this "
            "package (deploy/Dockerfile makes one that does)"
        )
    # Workers import what they run: no pickle of the main module, and of what else it holds, is sent along.
    options.view_as(SetupOptions).save_main_session = False
    # A `pip freeze` for each of a run's pipelines, for an engine's pages; manifests hold the versions.
    options.view_as(DebugOptions).add_experiment("disable_logging_submission_environment")
    return options
