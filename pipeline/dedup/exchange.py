"""Bringing together what batches share, bucket by bucket of the key space, in two ways with one answer.

`files`: a bucket's work item reads its slice of every fingerprint file; memory is one bucket, nothing is
shuffled by the runner. `shuffle`: a GroupByKey of packed slices, for engines whose own shuffle spills to
disk, where range reads of 100,000 files would be billions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import apache_beam as beam
import numpy as np
import orjson

from pipeline.dedup import rounds
from pipeline.dedup.rounds import INDEX_BITS, Array, Round, bucket_slice
from pipeline.files import join, read_file
from pipeline.packed import PackedFile, pack, read_packed, unpack
from pipeline.units import Outputs, Unit, digest, run_unit

ExchangeWay = Literal["files", "shuffle"]

# A bucket of this many bytes of entries is sorted in a few hundred MB.
BUCKET_BYTES = 64 << 20


@dataclass(frozen=True)
class Slot:
    """One batch in an exchange: its number, names, fingerprint file, and the lists of earlier rounds.

    A number below 0 marks a batch of an earlier run, at `out`: it is of every group, and gets no list.
    """

    number: int
    source: str
    batch: str
    group: str
    fingerprint: str
    digest: str
    rows: int
    priority: int = 0
    earlier: tuple[tuple[str, str], ...] = ()  # (path, digest)
    out: str = ""

    def identity(self) -> dict[str, Any]:
        """All that decides what the batch brings; no place on a machine."""
        return {name: value for name, value in asdict(self).items() if name != "out"}


def write_slots(out: str, path: str, slots: list[Slot]) -> None:
    """Commit the list of batches that take part, for work items to read."""
    Outputs(out).write(path, orjson.dumps([asdict(slot) for slot in slots]))


def read_slots(out: str, path: str, group: str) -> list[Slot]:
    """The batches of one group, and those of earlier runs."""
    slots = [Slot(**fields) for fields in orjson.loads(read_file(join(out, path)))]
    return [slot for slot in slots if slot.group == group or slot.number < 0]


def bucket_count(entries: int, workers: int) -> int:
    """How many buckets: enough for the workers and for memory, a power of two within the index."""
    wanted = max(4 * workers, -(-entries * 16 // BUCKET_BYTES))
    return int(min(1 << (wanted - 1).bit_length(), 1 << INDEX_BITS))


def bucket_name(group: str, bucket: int) -> str:
    """The name of a bucket's unit and file."""
    return f"{digest(group)[:8]}-{bucket:04d}"


def lost_rows(out: str, slot: Slot) -> Array:
    """For each row of a batch, whether an earlier round took it."""
    lost = np.zeros(slot.rows, bool)
    for path, _ in slot.earlier:
        lost[rounds.lost_rows(read_packed(join(slot.out or out, path))["removals"])] = True
    return lost


def bucket_entries(out: str, slot: Slot, round_: Round, place: tuple[int, int]) -> Array:
    """One batch's entries of one bucket; `place` is (bucket, number of buckets)."""
    with PackedFile(join(slot.out or out, slot.fingerprint)) as file:
        start, stop = bucket_slice(file, round_.name, *place)
        return round_.entries(file, start, stop, lost_rows(out, slot), slot.priority)


def decide(round_: Round, slices: list[tuple[int, Array]]) -> dict[int, Array]:
    """What the batches of this run must remove of one bucket, by number."""
    return {number: removals for number, removals in round_.resolve(slices).items() if number >= 0}


@dataclass(frozen=True)
class ResolveBucket:
    """The work of one bucket in the `files` way: read every batch's slice, decide, write who loses what."""

    round: Round

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the bucket's answer: batch numbers, where each batch's part starts, and the parts."""
        place = (unit.payload["bucket"], unit.payload["buckets"])
        slots = read_slots(outputs.out, unit.payload["slots"], unit.payload["group"])
        slices = [(slot.number, bucket_entries(outputs.out, slot, self.round, place)) for slot in slots]
        answer = decide(self.round, [(number, entries) for number, entries in slices if len(entries)])
        numbers = sorted(answer)
        parts = [answer[number] for number in numbers]
        arrays: dict[str, Array] = {
            "numbers": np.array(numbers, np.uint32),
            "starts": np.cumsum([0, *map(len, parts)], dtype=np.uint64),
        }
        if parts:
            arrays["removals"] = np.concatenate(parts)
        path = f"work/{unit.room}/{unit.source}/{unit.name}.packed"
        outputs.write(path, pack(arrays), rows=sum(map(len, parts)))
        return {
            "entries": sum(len(entries) for _, entries in slices),
            "bytes": sum(entries.nbytes for _, entries in slices),
        }


@dataclass(frozen=True)
class GatherList:
    """The work of one batch in the `files` way: collect its parts of every bucket into its list."""

    round: Round

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the batch's list."""
        folder = join(outputs.out, "work", unit.payload["room"], "buckets", unit.payload["party"])
        names = [bucket_name(unit.payload["group"], bucket) for bucket in range(unit.payload["buckets"])]
        parts = batch_answer([join(folder, f"{name}.packed") for name in names], unit.payload["number"])
        return write_list(unit, outputs, self.round, parts)


def batch_answer(paths: list[str], number: int) -> list[Array]:
    """What the answers of buckets, in the files at `paths`, say to batch `number`."""
    parts = []
    for path in paths:
        with PackedFile(path) as file:
            numbers = file.read("numbers")
            place = int(np.searchsorted(numbers, number))
            if place < len(numbers) and numbers[place] == number:
                start, stop = (int(edge) for edge in file.read("starts", place, place + 2))
                parts.append(file.read("removals", start, stop))
    return parts


def write_list(unit: Unit, outputs: Outputs, round_: Round, parts: list[Array]) -> dict[str, Any]:
    """Write what a batch must remove, sorted, so that the way it was collected leaves no trace."""
    removals = np.sort(np.concatenate(parts)) if parts else np.zeros(0, round_.removal)
    arrays = {"removals": removals} | round_.list_tables(removals)
    outputs.write(unit.payload["list"], pack(arrays), rows=len(removals))
    slot = unit.payload["slot"]
    return {"source": slot["source"], "batch": slot["batch"], "round": round_.name}


class ExchangeByShuffle(beam.PTransform):
    """The `shuffle` way: from the units of all batches to the names of those whose lists were written.

    What is shuffled: for each batch and bucket one packed array of entries, and back one of removals.
    """

    def __init__(self, out: str, round_: Round, buckets: int) -> None:
        super().__init__()
        self._out = out
        self._round = round_
        self._buckets = buckets

    def expand(self, units: beam.PCollection[Unit]) -> beam.PCollection[str]:
        """Slice, group by bucket, decide, group by batch, write the lists."""
        answers = (
            units
            | "SliceByBucket" >> beam.ParDo(_SliceByBucket(self._out, self._round, self._buckets))
            | "MeetInBucket" >> beam.GroupByKey()
            | "DecideBucket" >> beam.ParDo(_DecideBucket(self._round))
        )
        names = (
            units
            | "OfThisRun" >> beam.Filter(lambda unit: unit.payload["number"] >= 0)
            | "NameBatches" >> beam.Map(lambda unit: (unit.payload["number"], (unit.to_json(), b"")))
        )
        return (
            (answers, names)
            | "JoinNames" >> beam.Flatten()
            | "CollectBatch" >> beam.GroupByKey()
            | "WriteList" >> beam.ParDo(_WriteList(self._out, self._round))
        )


class _SliceByBucket(beam.DoFn):
    def __init__(self, out: str, round_: Round, buckets: int) -> None:
        self._out, self._round, self._buckets = out, round_, buckets

    def process(self, unit: Unit) -> Iterator[tuple[tuple[str, int], tuple[int, bytes]]]:
        slot = Slot(**unit.payload["slot"])
        for bucket in range(self._buckets):
            entries = bucket_entries(self._out, slot, self._round, (bucket, self._buckets))
            for group in unit.payload["groups"] if len(entries) else ():
                yield (group, bucket), (slot.number, pack({"entries": entries}))


class _DecideBucket(beam.DoFn):
    def __init__(self, round_: Round) -> None:
        self._round = round_

    def process(
        self, group: tuple[tuple[str, int], Iterable[tuple[int, bytes]]]
    ) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
        slices = [(number, unpack(data)["entries"]) for number, data in group[1]]
        for number, removals in decide(self._round, slices).items():
            yield number, (b"", pack({"removals": removals}))


class _WriteList(beam.DoFn):
    def __init__(self, out: str, round_: Round) -> None:
        self._out, self._round = out, round_

    def process(self, group: tuple[int, Iterable[tuple[bytes, bytes]]]) -> Iterator[str]:
        parts = []
        for name, data in group[1]:
            if name:
                unit = Unit.from_json(name)
            else:
                parts.append(unpack(data)["removals"])
        run_unit(self._out, lambda unit, outputs: write_list(unit, outputs, self._round, parts), unit)
        yield unit.name
