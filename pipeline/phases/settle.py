"""The end of phase `duplicates`: one list a batch, in which every survivor is a document that stays."""

from __future__ import annotations

from pipeline.dedup.exchange import Slot
from pipeline.dedup.meeting import Part
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateTexts
from pipeline.dedup.settle import EVERYONE, REDIRECT, Redirect, SettleBatch
from pipeline.phases.meetings import Meeting, meet
from pipeline.phases.phase import Job, Run, run_jobs
from pipeline.units import Output, Receipt, Unit, digest

# Where a batch's list lies: below it the source, then the batch.
FOLDER = "lists/duplicates/settled"
ROOM = "duplicates/settled"


def settled_path(source: str, batch: str) -> str:
    """Where the last list of a batch lies, relative to the output folder."""
    return f"{FOLDER}/{source}/{batch}.packed"


def settle(
    run: Run, number: int, slots: list[Slot], lists: dict[tuple[str, str], dict[str, Receipt]]
) -> dict[str, list[Receipt]]:
    """Put the lists of all rounds together, by batch; `number` is the version of the phase."""
    outputs = {
        (slot.source, slot.batch): {
            name: receipt.outputs[0] for name, receipt in lists[slot.source, slot.batch].items()
        }
        for slot in slots
    }
    redirects = _redirect(run, number, slots, outputs)
    jobs: dict[str, Job] = {}
    for slot in slots:
        found = outputs[slot.source, slot.batch]
        texts, near = found.get(DuplicateTexts.name), found.get(NearDuplicates.name)
        answers = [output.digest for receipt in redirects for output in receipt.outputs]
        unit = Unit(
            room=ROOM,
            source=slot.source,
            name=slot.batch,
            key=digest([number, slot.number, [_digest(texts), _digest(near)], answers]),
            payload={
                "number": slot.number,
                "batch": slot.batch,
                "texts": texts.path if texts else "",
                "near": near.path if near else "",
                "redirects": len(redirects),
                "list": settled_path(slot.source, slot.batch),
            },
        )
        jobs.setdefault(slot.source, Job(slot.source, [], SettleBatch())).units.append(unit)
    return run_jobs(run, ROOM, list(jobs.values()), one_of_many=True)


def _redirect(
    run: Run, number: int, slots: list[Slot], outputs: dict[tuple[str, str], dict[str, Output]]
) -> list[Receipt]:
    """Where near-duplicates were sought, what became of those that exact duplicates lost to."""
    if not any(NearDuplicates.name in found for found in outputs.values()):
        return []
    parts = [
        Part(output.path, output.digest, slot.number)
        for slot in slots
        for output in outputs[slot.source, slot.batch].values()
    ]
    entries = sum(output.rows for found in outputs.values() for output in found.values())
    return meet(run, REDIRECT, [Meeting(EVERYONE, Redirect(), parts, number)], entries)[EVERYONE]


def _digest(output: Output | None) -> str:
    return output.digest if output else ""
