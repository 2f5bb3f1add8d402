"""What the report needs beside a run's manifests: its config, and the seconds of its phases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from pipeline.files import exists, join, read_file, write_file
from pipeline.phases.mix import MIXTURE
from pipeline.phases.phase import Outcome, Run

CONFIG = "report/config.json"
TIMINGS = "work/timings.json"


def write_record(run: Run, outcomes: list[Outcome]) -> None:
    """Leave the config in report/, and in work/ the seconds and workers of the phases that had work to do.

    A phase that was up to date keeps the seconds of the run that did it.
    """
    total = sum(block.proportion for block in run.blocks.values())
    config = {
        "config": run.config.model_dump(mode="json"),
        "sources": {
            source: {
                "flow": run.flows[source].name,
                "preset": block.preset,
                "asked": block.proportion / total,
                "published_epochs": block.published_epochs,
                "published_disk": block.published_disk,
            }
            for source, block in run.blocks.items()
            if source in run.flows
        },
    }
    _write(join(run.out, CONFIG), config)
    timings = read_timings(run.out)
    for outcome in outcomes:
        if outcome.ran:
            timings[outcome.phase] = {
                "seconds": round(outcome.seconds, 3),
                "sources": sorted(outcome.ran),
                "workers": run.engine.workers,
                "bytes": input_bytes(run, outcome.ran),
            }
    _write(join(run.out, TIMINGS), timings)


def input_bytes(run: Run, sources: Iterable[str]) -> int:
    """Bytes of the input files of `sources`, of all where the mixture is among them."""
    chosen = set(sources)
    listed = set(run.inputs) if MIXTURE in chosen else chosen
    return sum(file.size for source in listed for file in run.inputs[source])


def read_record(out: str) -> dict[str, Any]:
    """The config of the run, empty where it left none."""
    return _read(join(out, CONFIG))


def read_timings(out: str) -> dict[str, Any]:
    """By phase its seconds, the sources it worked on, and its workers; empty where the run left none."""
    return _read(join(out, TIMINGS))


def _write(path: str, value: dict[str, Any]) -> None:
    write_file(path, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(read_file(path)) if exists(path) else {}
    return found
