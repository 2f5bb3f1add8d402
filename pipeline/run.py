"""The main job: `python -m pipeline.run`. See --help."""

from __future__ import annotations

import logging
import sys

logging.basicConfig(level=logging.ERROR)  # before Beam is imported: it chatters while it is

from apache_beam.options.pipeline_options import PipelineOptions  # noqa: E402  # see above

from pipeline.config import read_config  # noqa: E402  # see above
from pipeline.engine import LOCAL_RUNNERS, Engine  # noqa: E402  # see above
from pipeline.errors import WinnowError  # noqa: E402  # see above
from pipeline.options import Options, default_config, parse_options  # noqa: E402  # see above
from pipeline.phases import run_phases  # noqa: E402  # see above
from pipeline.phases.phase import Run  # noqa: E402  # see above
from pipeline.progress import Progress  # noqa: E402  # see above
from pipeline.sources import fingerprinted, select_sources  # noqa: E402  # see above
from pipeline.start_over import start_over  # noqa: E402  # see above
from pipeline.summary import print_summary  # noqa: E402  # see above


def main(arguments: list[str] | None = None) -> int:
    """Run the job; returns the exit status: 0 done, 1 stopped with one sentence, 130 interrupted."""
    progress = Progress()
    try:
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
        run = make_run(options, progress)
        outcomes = run_phases(run, options.phases)
        print_summary(run, outcomes)
    except WinnowError as error:
        progress.say(f"winnow: {error}")
        return 1
    except KeyboardInterrupt:
        progress.say("winnow: stopped; the same command goes on from here")
        return 130
    return 0


def make_run(options: Options, progress: Progress) -> Run:
    """Check everything that can be checked before data is read, and make the run."""
    config, sources = read_config(options.config or default_config())
    if options.tokens is not None:
        config = config.model_copy(update={"tokens": options.tokens})
    selection = select_sources(config, sources, options)
    for warning in selection.warnings:
        progress.say(f"warning: {warning}")
    if options.fresh:
        start_over(options.output)
    inputs = fingerprinted(selection, options.output, options.verify_inputs)
    beam_options = PipelineOptions(options.beam, runner=options.runner)
    local = options.runner in LOCAL_RUNNERS
    return Run(
        out=options.output,
        config=config,
        flows=selection.flows,
        proportions=selection.proportions,
        inputs=inputs,
        engine=Engine(beam_options, options.workers),
        progress=progress,
        exchange="shuffle"
        if options.exchange == "shuffle" or (not options.exchange and not local)
        else "files",
        limit=options.limit,
    )


if __name__ == "__main__":
    sys.exit(main())
