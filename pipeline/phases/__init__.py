"""The seven phases of a run, one file each."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.phases import curate, duplicates, judge, lines, mix, prepare, tokenize
from pipeline.phases.phase import Outcome, Run

PHASES: dict[str, Callable[[Run], Outcome]] = {
    "prepare": prepare.prepare,
    "lines": lines.lines,
    "judge": judge.judge,
    "duplicates": duplicates.duplicates,
    "curate": curate.curate,
    "tokenize": tokenize.tokenize,
    "mix": mix.mix,
}


def run_phases(run: Run, names: tuple[str, ...]) -> list[Outcome]:
    """Run the named phases in their order; what is up to date is passed."""
    return [PHASES[name](run) for name in names]
