"""The phases of a run, one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.phases import curate, duplicates, export, judge, lines, mix, prepare, tokenize
from pipeline.phases.phase import Outcome, Run

PHASES: dict[str, Callable[[Run], Outcome]] = {
    "prepare": prepare.prepare,
    "lines": lines.lines,
    "judge": judge.judge,
    "duplicates": duplicates.duplicates,
    "curate": curate.curate,
    "export": export.export,
    "tokenize": tokenize.tokenize,
    "mix": mix.mix,
}


def run_phases(run: Run, names: tuple[str, ...]) -> Iterator[Outcome]:
    """Run the named phases in their order, yielding what each did; what is up to date is passed."""
    for name in names:
        yield PHASES[name](run)
