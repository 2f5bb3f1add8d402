"""Running one round of an exchange for several parties, in the way the engine is best at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import apache_beam as beam

from pipeline.dedup.exchange import (
    ExchangeByShuffle,
    GatherList,
    ResolveBucket,
    Slot,
    bucket_count,
    bucket_name,
    write_slots,
)
from pipeline.dedup.rounds import Round
from pipeline.files import join, write_file
from pipeline.phases.phase import Job, Run, collect_receipts, pending_units, run_jobs
from pipeline.transforms.run_units import ReadUnits
from pipeline.units import Receipt, Unit, digest


@dataclass(frozen=True)
class Party:
    """Batches that meet in one round: a source in `lines`, all sources together in `duplicates`.

    `owners` are batches of earlier runs; `entries` counts theirs too.
    """

    name: str
    slots: list[Slot]
    round: Round
    entries: int
    owners: list[Slot] = field(default_factory=list)


def run_round(run: Run, phase: str, number: int, name: str, parties: list[Party]) -> dict[str, list[Receipt]]:
    """Run round `name` for each party; returns by party the receipts of its lists, one a batch.

    `number` is the version of the phase. Lists lie at lists/<phase>/<round>/<source>/<batch>.packed.
    """
    room = f"{phase}/{name}"
    lists = [list_job(run, room, number, party) for party in parties]
    if run.exchange == "shuffle":
        _shuffle(run, room, parties, lists)
    else:
        buckets = [bucket_job(run, room, number, party) for party in parties]
        run_jobs(run, f"{room}/buckets", buckets, one_of_many=True)
        run_jobs(run, f"{room}/lists", lists, one_of_many=True)
    return collect_receipts(run, lists)


def list_path(phase: str, name: str, source: str, batch: str) -> str:
    """Where the list of a batch lies, relative to the output folder."""
    return f"lists/{phase}/{name}/{source}/{batch}.packed"


def _round_key(number: int, party: Party) -> str:
    """What the answer of a round depends on: the settings and every batch, not the number of buckets."""
    return digest([number, party.round.settings(), [slot.identity() for slot in party.owners + party.slots]])


def bucket_job(run: Run, room: str, number: int, party: Party) -> Job:
    """The work of the `files` way: deciding each bucket."""
    slots_path = f"work/{room}/{party.name}.slots.json"
    write_slots(run.out, slots_path, party.owners + party.slots)
    key = _round_key(number, party)
    buckets = bucket_count(party.entries, run.engine.workers)
    units = [
        Unit(
            room=f"{room}/buckets",
            source=party.name,
            name=bucket_name(group, bucket),
            key=digest([key, buckets, bucket, group]),
            size=16 * party.entries // buckets,
            payload={"slots": slots_path, "group": group, "bucket": bucket, "buckets": buckets},
        )
        for group in sorted({slot.group for slot in party.slots})
        for bucket in range(buckets)
    ]
    return Job(party.name, units, ResolveBucket(party.round))


def list_job(run: Run, room: str, number: int, party: Party) -> Job:
    """The lists of all batches of this run, each with what it takes to write it in the `files` way."""
    phase, name = room.split("/")
    buckets = bucket_count(party.entries, run.engine.workers)
    key = _round_key(number, party)
    units = [
        Unit(
            room=f"{room}/lists",
            source=party.name,
            name=f"{slot.source}-{slot.batch}",
            key=digest([key, slot.number]),
            payload={
                **_payload(slot, [slot.group]),
                "group": slot.group,
                "buckets": buckets,
                "room": room,
                "party": party.name,
                "list": list_path(phase, name, slot.source, slot.batch),
            },
        )
        for slot in party.slots
    ]
    return Job(party.name, units, GatherList(party.round))


def _payload(slot: Slot, groups: list[str]) -> dict[str, Any]:
    return {"number": slot.number, "slot": asdict(slot), "groups": groups}


def _shuffle(run: Run, room: str, parties: list[Party], lists: list[Job]) -> None:
    for party, job in zip(parties, lists, strict=True):
        if not pending_units(run, [job])[0]:
            continue
        buckets = bucket_count(party.entries, run.engine.workers)
        path = join(run.out, "work", room, f"{party.name}.units.jsonl")
        groups = sorted({slot.group for slot in party.slots})
        owners = [
            Unit(room, party.name, f"{slot.number}", "", 0, _payload(slot, groups)) for slot in party.owners
        ]
        write_file(path, b"\n".join(unit.to_json() for unit in owners + job.units))

        def build(
            pipeline: beam.Pipeline, path: str = path, party: Party = party, buckets: int = buckets
        ) -> None:
            _ = (
                pipeline
                | "UnitsFile" >> beam.Create([path])
                | "ReadUnits" >> beam.ParDo(ReadUnits())
                | "Exchange" >> ExchangeByShuffle(run.out, party.round, buckets)
            )

        run.engine.run(build, 16 * party.entries, len(owners + job.units))
