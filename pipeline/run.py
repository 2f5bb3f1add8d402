"""The main job: `python -m pipeline.run`. See --help."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from rich.console import Console

from pipeline.beam_options import beam_options
from pipeline.config import read_config
from pipeline.engine import LOCAL_RUNNERS, Engine
from pipeline.errors import WinnowError
from pipeline.files import join
from pipeline.flow import Flow
from pipeline.lock import hold
from pipeline.look.show import log_to_terminal
from pipeline.models import forget, load_sentencepiece, resolve
from pipeline.options import Options, default_config, parse_options
from pipeline.phases import lines, run_phases
from pipeline.phases.earlier import earlier_owners
from pipeline.phases.phase import Run
from pipeline.plan import plan_phases, print_plan
from pipeline.progress import Progress
from pipeline.remote import RetryNotes, reason, use_options
from pipeline.report.build import REPORT, report_of
from pipeline.report.record import write_record
from pipeline.sources import fingerprinted, select_sources
from pipeline.start_over import start_over, sweep
from pipeline.summary import print_summary


def main(arguments: list[str] | None = None) -> int:
    """Run the job; returns the exit status: 0 done, 1 stopped with one sentence, 130 interrupted."""
    log_to_terminal()
    progress = Progress()
    RetryNotes(progress.say).attach()
    try:
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
        with ExitStack() as held:
            run = make_run(options, progress, held)
            if options.plan:
                print_plan(run, plan_phases(run, options.phases, options.fresh), Console())
                return 0
            outcomes = []
            try:
                for outcome in run_phases(run, options.phases):
                    outcomes.append(outcome)
            finally:
                # What was done is worth seeing also where a later phase had to stop.
                if outcomes:
                    write_record(run, outcomes)
                    print_summary(run, outcomes, complete=len(outcomes) == len(options.phases))
            if report_of(run.out):
                progress.say(f"the report is {join(run.out, REPORT)}")
    except WinnowError as error:
        progress.say(f"winnow: {error}")
        return 1
    except OSError as error:
        progress.say(f"winnow: cannot read or write {error.filename or 'a file'}: {reason(error)}")
        return 1
    except KeyboardInterrupt:
        progress.say("winnow: stopped; the same command goes on from here")
        return 130
    return 0


def make_run(options: Options, progress: Progress, held: ExitStack | None = None) -> Run:
    """Check everything that can be checked before data is read, and make the run.

    The output folder is this run's alone until `held` is closed; without `held` nobody sees to that.
    """
    for_beam = beam_options(options.beam, options.runner)
    use_options(for_beam)
    config, sources = read_config(options.config or default_config())
    if options.tokens is not None:
        config = config.model_copy(update={"tokens": options.tokens})
    if options.shard_formats is not None:
        config = config.model_copy(update={"export": list(options.shard_formats)})
    selection = select_sources(config, sources, options)
    for warning in selection.warnings:
        progress.say(f"warning: {warning}")
    load_models(selection.flows, config.tokenizer)
    if lines.PHASE in options.phases:
        for name, flow in selection.flows.items():
            earlier_owners(options.output, name, flow)
    still_ours = held.enter_context(hold(options.output)) if held and not options.plan else lambda: None
    if not options.plan:  # which writes nothing
        if options.fresh:
            start_over(options.output)
        sweep(options.output)
    inputs = fingerprinted(selection, options.output, options.verify_inputs, not options.plan)
    local = options.runner in LOCAL_RUNNERS
    engine = Engine(for_beam, options.workers)
    if held:
        held.callback(engine.close)
    return Run(
        out=options.output,
        config=config,
        flows=selection.flows,
        proportions=selection.proportions,
        inputs=inputs,
        engine=engine,
        progress=progress,
        blocks={name: source.block for name, source in sources.items()},
        exchange="shuffle"
        if options.exchange == "shuffle" or (not options.exchange and not local)
        else "files",
        limit=options.limit,
        export=options.export,
        still_ours=still_ours,
    )


def load_models(flows: dict[str, Flow], tokenizer: str) -> None:
    """Load every model the run will need; raises ModelError (a sentence) for one that is missing or wrong."""
    forget()  # a process may make several runs
    for flow in flows.values():
        for stage in flow.judge:
            stage.load({path: resolve(path) for path in stage.model_paths()})
    load_sentencepiece(resolve(tokenizer))


if __name__ == "__main__":
    sys.exit(main())
