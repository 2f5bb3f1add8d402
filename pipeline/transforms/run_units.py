"""Running units of work on a Beam runner: only names flow, each unit is one fused chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from pipeline.errors import USER_MESSAGE, WinnowError
from pipeline.files import read_file
from pipeline.models import same_models
from pipeline.remote import reason
from pipeline.units import Outputs, Receipt, Unit, Work, run_unit


class ReadUnits(beam.DoFn):
    """Yields the units listed in a file: a list of 90,000 inputs would not fit into a job description."""

    def process(self, path: str) -> Iterator[Unit]:
        """Yield each unit of the JSON lines at `path`, in their order."""
        for line in read_file(path).splitlines():
            yield Unit.from_json(line)


def do_unit(out: str, works: Mapping[str, Work], models: Mapping[str, str], unit: Unit) -> Receipt:
    """Do one unit by its source's work; `models`: the digests by which the driver knows the models.

    Raises WinnowError, also for what cannot be read or written.
    """

    def work(unit: Unit, outputs: Outputs) -> dict[str, Any]:
        with same_models(models):
            return works[unit.source](unit, outputs)

    try:
        return run_unit(out, work, unit)
    except OSError as error:
        raise WinnowError(f"cannot read or write {error.filename or unit.name}: {reason(error)}") from error


class DoUnit(beam.DoFn):
    """Does one unit's whole work (read, transform, write, receipt) and yields its name."""

    def __init__(self, out: str, works: Mapping[str, Work], models: Mapping[str, str]) -> None:
        self._out = out
        self._works = dict(works)
        self._models = dict(models)

    def process(self, unit: Unit) -> Iterator[str]:
        """Run the unit by its source's work; a problem of the user's is marked so that it can be shown
        alone."""
        try:
            receipt = do_unit(self._out, self._works, self._models, unit)
        except WinnowError as error:
            raise RuntimeError(f"{USER_MESSAGE}{error}{USER_MESSAGE}") from error
        # For an engine's own pages: no number in a report comes from these, since retries count twice.
        Metrics.counter(unit.room, "units").inc()
        Metrics.counter(unit.room, "bytes_read").inc(unit.size)
        Metrics.counter(unit.room, "bytes_written").inc(sum(output.size for output in receipt.outputs))
        yield unit.name


class RunUnits(beam.PTransform):
    """From the path of a units file to the names of the units done.

    A unit that was done before and is done again writes the same bytes, so retries and speculative copies by
    a runner do no harm. `models`: the digests by which the driver knows the models, by their names. `spread`:
    whether more than one worker is there to spread them over; for one it is half the cost of starting.
    """

    def __init__(
        self, out: str, works: Mapping[str, Work], models: Mapping[str, str], spread: bool = True
    ) -> None:
        super().__init__()
        self._out = out
        self._works = works
        self._models = models
        self._spread = spread

    def expand(self, paths: beam.PCollection[str]) -> beam.PCollection[str]:
        """Read the list, spread it over the workers, do each unit."""
        units = paths | "ReadUnits" >> beam.ParDo(ReadUnits())
        if self._spread:
            units = units | "SpreadUnits" >> beam.Reshuffle()
        return units | "DoUnit" >> beam.ParDo(DoUnit(self._out, self._works, self._models))
