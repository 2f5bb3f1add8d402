"""Running one meeting for several parties, in the way the engine is best at."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import apache_beam as beam

from pipeline.dedup.exchange import bucket_count
from pipeline.dedup.meeting import MeetByShuffle, MeetInBucket, Part, Step, bucket_path, write_parts
from pipeline.files import join, write_file
from pipeline.phases.phase import Job, Run, collect_receipts, pending_units, run_jobs
from pipeline.transforms.run_units import ReadUnits
from pipeline.units import Receipt, Unit, digest

# Fewer entries than this in a bucket cost less than its files.
SMALLEST_BUCKET = 1 << 15


@dataclass(frozen=True)
class Meeting:
    """Files that meet in one step under the name of their party; `settings` is all else that decides."""

    party: str
    step: Step
    parts: list[Part]
    settings: object


def meet(run: Run, room: str, meetings: list[Meeting], entries: int) -> dict[str, list[Receipt]]:
    """Run a step for each party; returns by party the receipts of its buckets, in order.

    `entries` is the size of the largest party's table, by which buckets are counted. A bucket's file lies at
    work/<room>/<party>/<bucket>.packed.
    """
    buckets = min(bucket_count(entries, run.engine.workers), _pieces(entries))
    lists = {meeting.party: f"work/{room}/{meeting.party}.parts.json" for meeting in meetings}
    jobs = []
    for meeting in meetings:
        write_parts(run.out, lists[meeting.party], meeting.parts)
        key = digest([meeting.settings, buckets, [asdict(part) for part in meeting.parts]])
        units = [
            Unit(
                room=room,
                source=meeting.party,
                name=f"{bucket:04d}",
                key=digest([key, bucket]),
                size=16 * entries // buckets,
                payload={
                    "parts": lists[meeting.party],
                    "bucket": bucket,
                    "buckets": buckets,
                    "path": bucket_path(room, meeting.party, bucket),
                },
            )
            for bucket in range(buckets)
        ]
        jobs.append(Job(meeting.party, units, MeetInBucket(meeting.step)))
    if run.exchange == "shuffle":
        _shuffle(run, room, meetings, jobs, lists)
        return collect_receipts(run, jobs)
    return run_jobs(run, room, jobs, one_of_many=True)


def _pieces(entries: int) -> int:
    """How many buckets are worth their files: a power of two."""
    return 1 << (entries // SMALLEST_BUCKET).bit_length()


def _shuffle(run: Run, room: str, meetings: list[Meeting], jobs: list[Job], lists: dict[str, str]) -> None:
    pending = {unit.source for unit in pending_units(run, jobs)[0]}
    if not pending:
        return
    units = [unit for job in jobs if job.source in pending for unit in job.units]
    path = join(run.out, "work", room, "units.jsonl")
    write_file(path, b"\n".join(unit.to_json() for unit in units))
    steps = {meeting.party: meeting.step for meeting in meetings if meeting.party in pending}
    parts = {party: lists[party] for party in steps}

    def build(pipeline: beam.Pipeline) -> None:
        _ = (
            pipeline
            | "UnitsFile" >> beam.Create([path])
            | "ReadUnits" >> beam.ParDo(ReadUnits())
            | "Meet" >> MeetByShuffle(run.out, steps, parts, units[0].payload["buckets"])
        )

    run.engine.run(build, sum(unit.size for unit in units), len(units))


def files_of(receipts: list[Receipt], *only: str) -> list[Part]:
    """The buckets' files as parts of the next meeting, with all their tables or `only` some."""
    return [Part(output.path, output.digest, only=only) for r in receipts for output in r.outputs]
