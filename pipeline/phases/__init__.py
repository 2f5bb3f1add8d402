"""The seven phases of a run, one file each."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.phases.curate import curate
from pipeline.phases.duplicates import duplicates
from pipeline.phases.judge import judge
from pipeline.phases.lines import lines
from pipeline.phases.phase import Outcome, Run
from pipeline.phases.prepare import prepare

PHASES: dict[str, Callable[[Run], Outcome]] = {
    "prepare": prepare,
    "lines": lines,
    "judge": judge,
    "duplicates": duplicates,
    "curate": curate,
}


def run_phases(run: Run, names: tuple[str, ...]) -> list[Outcome]:
    """Run the named phases in their order; what is up to date is passed."""
    return [PHASES[name](run) for name in names if name in PHASES]
