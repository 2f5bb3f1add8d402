"""How long a phase takes for a source: by the seconds of earlier runs in this folder, else by benchmarks."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.phases.mix import MIXTURE
from pipeline.phases.phase import Run
from pipeline.report.record import input_bytes, read_timings

# Megabytes of text a core-second, by phase, of the slower of flows `commoncrawl` and `c4`: `python -m
# benchmarks.run`, benchmarks/results/run.json, on an AMD EPYC of 2 cores.
_BENCHMARKED = {
    "prepare": 7.2,
    "lines": 4.8,
    "judge": 3.5,
    "duplicates": 6.9,
    "curate": 11.0,
    "export": 11.0,
    "tokenize": 2.6,
    "mix": 6.5,
}
# Text in a byte of a compressed input, about.
_EXPANSION = 4
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".7z", ".tgz", ".parquet")


class Estimate(NamedTuple):
    """Seconds, and where the rate behind them is from."""

    seconds: float
    origin: str


def estimate(run: Run, phase: str, source: str) -> Estimate:
    """About how long `phase` takes for all inputs of `source`, with the workers of the run."""
    measured = read_timings(run.out).get(phase)
    size = input_bytes(run, [source])
    if measured and measured.get("bytes"):
        core_seconds = measured["seconds"] * measured["workers"] / measured["bytes"] * size
        return Estimate(core_seconds / run.engine.workers, "earlier run here")
    names = run.inputs if source == MIXTURE else [source]
    text = sum(
        file.size * (_EXPANSION if file.path.endswith(_COMPRESSED) else 1)
        for name in names
        for file in run.inputs[name]
    )
    return Estimate(text / 1e6 / _BENCHMARKED[phase] / run.engine.workers, "benchmarks")
