"""The first pass of `prepare`: of inputs whose records belong together wherever they lie, into partitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pipeline.files import join
from pipeline.flow import Flow
from pipeline.inputs import InputFile, unchanged
from pipeline.parts import Reading, Spread
from pipeline.phases.input_writer import InputWriter
from pipeline.phases.phase import Job, Run, run_jobs
from pipeline.units import Outputs, Receipt, Unit, digest

ROOM = "prepare/spread"
VERSION = 2


def spread_inputs(run: Run, sources: list[str]) -> dict[str, dict[str, Receipt]]:
    """The first pass over the inputs that need one; by source and input the receipts it left."""
    jobs = []
    for source in sources:
        flow = run.flows[source]
        # With a limit an input is one unit, which reads no more than that.
        counts = {f.name: 1 if run.limit else flow.read.partitions(f) for f in run.inputs[source]}
        units = [
            Unit(
                room=ROOM,
                source=source,
                name=file.name,
                key=digest([VERSION, flow.read.settings(), file.identity(), counts[file.name]]),
                size=file.size,
                payload={**unit_payload(file), "partitions": counts[file.name]},
            )
            for file in run.inputs[source]
            if counts[file.name] > 1
        ]
        if units:
            jobs.append(Job(source, units, SpreadInput(source, flow, run.config.batch_bytes)))
    done = run_jobs(run, ROOM, jobs) if jobs else {}
    return {source: {r.unit: r for r in done.get(source, [])} for source in sources}


@dataclass(frozen=True)
class SpreadInput:
    """The first pass over one input: records to partitions on disk, dead letters, counts."""

    source: str
    flow: Flow
    batch_bytes: int

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the runs; the facts count every record met, `entries` those in each partition."""
        runs = itertools.count()

        def write(data: bytes) -> None:
            outputs.write(f"{rows_folder(self.source)}/{unit.name}-{next(runs):05d}.packed", data)

        spread = Spread(unit.payload["partitions"], write)
        writer = InputWriter(self.source, self.flow, self.batch_bytes, unit.name, unit.name, outputs)
        with unit_reading(unit, outputs.out) as reading:
            for ordinal, event in enumerate(self.flow.read.spread(reading, spread)):
                writer.add(ordinal, event)
        spread.finish()
        facts = writer.finish()
        return {**facts, "records": facts["records"] + sum(spread.entries), "entries": spread.entries}


def rows_folder(source: str) -> str:
    """Where runs lie, relative to the output folder, until `prepare` has its manifest."""
    return f"work/{ROOM}/{source}/rows"


def run_paths(source: str, receipt: Receipt | None) -> list[str]:
    """The runs that the first pass over an input left; none where it had no need of one."""
    folder = rows_folder(source)
    outputs = receipt.outputs if receipt else []
    return [output.path for output in outputs if output.path.startswith(folder)]


def without_rows(source: str, receipt: Receipt) -> Receipt:
    """The receipt as the manifest holds it: what was put aside is gone at the phase's end."""
    runs = set(run_paths(source, receipt))
    return replace(receipt, outputs=[output for output in receipt.outputs if output.path not in runs])


def unit_payload(file: InputFile) -> dict[str, Any]:
    """What a unit must know of its input."""
    beside = [other.path for other in file.beside]
    return {
        "input": file.name,
        "path": file.path,
        "snapshot": file.snapshot,
        "beside": beside,
        "states": {read.path: read.state for read in (file, *file.beside)},
    }


@contextmanager
def unit_reading(unit: Unit, out: str) -> Iterator[Reading]:
    """What a unit reads, its runs below `out`; raises WinnowError where it changed meanwhile."""
    payload = unit.payload
    reading = Reading(
        name=payload["input"],
        path=payload["path"],
        beside=tuple(payload["beside"]),
        place=payload.get("place"),
        runs=tuple(join(out, path) for path in payload.get("runs", ())),
    )
    with unchanged(payload["states"]):
        yield reading
