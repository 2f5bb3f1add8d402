"""Meetings: steps of a longer exchange, each from keyed tables in files to keyed tables in files.

A round of `exchange` ends in one list a batch; near-duplicates take several steps, each of which brings the
entries of one bucket of a key space together, decides, and leaves what the next step reads. The two ways of
an exchange differ only in how entries come together; the files are the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import orjson

from pipeline.dedup.rounds import Array, bucket_slice
from pipeline.files import join, read_file
from pipeline.packed import PackedFile, pack, unpack
from pipeline.units import Outputs, Unit, run_unit

Tables = dict[str, Array]


@dataclass(frozen=True)
class Part:
    """One file that takes part in a meeting, with its tables, or with some of them.

    A batch also has its number and rows, and the lists (path, digest) of those that earlier rounds took.
    """

    path: str
    digest: str
    number: int = 0
    rows: int = 0
    earlier: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] = ()


class Step(ABC):
    """What happens in a bucket. Frozen and picklable; its tables are structured arrays with a `key`."""

    takes: tuple[str, ...]

    def entries(self, out: str, part: Part, place: tuple[int, int]) -> Tables:
        """A part's entries of one bucket, by table; `place` is (bucket, number of buckets)."""
        tables = {}
        with PackedFile(join(out, part.path)) as file:
            for name in self.takes:
                if f"{name}.entries" in file and (not part.only or name in part.only):
                    tables[name] = file.read(f"{name}.entries", *bucket_slice(file, name, *place))
        return tables

    @abstractmethod
    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """From a bucket's entries, in the order of the parts, to the arrays of its file, and facts."""

    def meet(self, out: str, parts: Iterable[Tables]) -> tuple[Tables, dict[str, Any]]:
        """Decide over the entries of all parts; the facts gain the bytes that came together."""
        gathered: dict[str, list[Array]] = {name: [] for name in self.takes}
        for tables in parts:
            for name, entries in tables.items():
                gathered[name].append(entries)
        tables = {name: np.concatenate(found) for name, found in gathered.items() if found}
        arrays, facts = self.decide(out, tables)
        return arrays, facts | {"bytes": sum(table.nbytes for table in tables.values())}


def write_parts(out: str, path: str, parts: Sequence[Part]) -> None:
    """Commit the list of files that take part, for work items to read."""
    Outputs(out).write(path, orjson.dumps([asdict(part) for part in parts]))


def read_parts(out: str, path: str) -> list[Part]:
    """The files that take part, in order."""
    listed = orjson.loads(read_file(join(out, path)))
    return [
        Part(**fields | {"earlier": tuple(map(tuple, fields["earlier"])), "only": tuple(fields["only"])})
        for fields in listed
    ]


def bucket_path(room: str, party: str, bucket: int) -> str:
    """Where a bucket's file lies, relative to the output folder."""
    return f"work/{room}/{party}/{bucket:04d}.packed"


@dataclass(frozen=True)
class MeetInBucket:
    """The work of one bucket in the `files` way: read its slice of every part, decide, write."""

    step: Step

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the bucket's file."""
        place = (unit.payload["bucket"], unit.payload["buckets"])
        parts = read_parts(outputs.out, unit.payload["parts"])
        found = (self.step.entries(outputs.out, part, place) for part in parts)
        return _write(unit, outputs, self.step.meet(outputs.out, found))


def _write(unit: Unit, outputs: Outputs, answer: tuple[Tables, dict[str, Any]]) -> dict[str, Any]:
    arrays, facts = answer
    outputs.write(unit.payload["path"], pack(arrays))
    return facts


class MeetByShuffle(beam.PTransform):
    """The `shuffle` way: from the path of a units file to the names of the buckets decided.

    What is shuffled: for each part and bucket one packed set of tables.
    """

    def __init__(self, out: str, steps: Mapping[str, Step], parts: Mapping[str, str], buckets: int) -> None:
        super().__init__()
        self._out, self._steps, self._parts, self._buckets = out, dict(steps), dict(parts), buckets

    def expand(self, units: beam.PCollection[Unit]) -> beam.PCollection[str]:
        """Slice, group by bucket, decide and write."""
        slices = (
            units.pipeline
            | "Parties" >> beam.Create(sorted(self._parts.items()))
            | "ListParts" >> beam.FlatMap(_list_parts, self._out)
            | "SpreadParts" >> beam.Reshuffle()
            | "SliceParts" >> beam.ParDo(_Slice(self._out, self._steps, self._buckets))
        )
        names = units | "NameBuckets" >> beam.Map(
            lambda unit: ((unit.source, unit.payload["bucket"]), (-1, unit.to_json()))
        )
        return (
            (slices, names)
            | "JoinNames" >> beam.Flatten()
            | "MeetInBucket" >> beam.GroupByKey()
            | "DecideBucket" >> beam.ParDo(_Decide(self._out, self._steps))
        )


def _list_parts(party: tuple[str, str], out: str) -> list[tuple[str, int, Part]]:
    name, path = party
    return [(name, number, part) for number, part in enumerate(read_parts(out, path))]


class _Slice(beam.DoFn):
    def __init__(self, out: str, steps: dict[str, Step], buckets: int) -> None:
        self._out, self._steps, self._buckets = out, steps, buckets

    def process(self, listed: tuple[str, int, Part]) -> Iterator[tuple[tuple[str, int], tuple[int, bytes]]]:
        party, number, part = listed
        for bucket in range(self._buckets):
            tables = self._steps[party].entries(self._out, part, (bucket, self._buckets))
            if any(map(len, tables.values())):
                yield (party, bucket), (number, pack(tables))


class _Decide(beam.DoFn):
    def __init__(self, out: str, steps: dict[str, Step]) -> None:
        self._out, self._steps = out, steps

    def process(self, group: tuple[tuple[str, int], Iterable[tuple[int, bytes]]]) -> Iterator[str]:
        (party, _), values = group
        listed = dict(values)
        unit = Unit.from_json(listed.pop(-1))
        step = self._steps[party]
        parts = (unpack(listed[number]) for number in sorted(listed))
        run_unit(self._out, lambda unit, outputs: _write(unit, outputs, step.meet(outputs.out, parts)), unit)
        yield unit.name
