"""Near-duplicates of all parties: the meetings one after the other, and what is to be said about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.dedup.components import contract
from pipeline.dedup.exchange import Slot, write_slots
from pipeline.dedup.meeting import Part
from pipeline.dedup.near_clusters import DecideClusters
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.near_steps import AttachLabels, ComparePairs, MeetPoints, Star, ends
from pipeline.dedup.rounds import keyed
from pipeline.dedup.settle import GatherVerdicts
from pipeline.files import join
from pipeline.packed import PackedFile, pack
from pipeline.phases.exchange_rounds import list_path
from pipeline.phases.meetings import Meeting, files_of, meet
from pipeline.phases.phase import Job, Run, run_jobs
from pipeline.units import Outputs, Receipt, Unit, digest

ROOM = "duplicates/near"
# A graph of n documents takes a number of rounds of stars that grows as log n; more means a defect.
MOST_ROUNDS = 100


@dataclass(frozen=True)
class NearParty:
    """Batches among which near-duplicates are sought: of a source, or of a group of sources.

    `points`: how many entries their fingerprints have.
    """

    name: str
    stage: NearDuplicates
    slots: list[Slot]
    points: int


@dataclass(frozen=True)
class NearAnswer:
    """The list of each batch by (source, batch); by party what was found, and what may have been missed."""

    lists: dict[tuple[str, str], Receipt]
    facts: dict[str, dict[str, Any]]


def near_duplicates(run: Run, number: int, parties: list[NearParty]) -> NearAnswer:
    """Find near-duplicates in each party; `number` is the version of the phase."""
    if not parties:
        return NearAnswer({}, {})
    keys = {p.name: [number, p.stage.settings(), [slot.identity() for slot in p.slots]] for p in parties}
    for party in parties:
        write_slots(run.out, _slots(party), party.slots)
    points = meet(
        run,
        f"{ROOM}/points",
        [Meeting(p.name, MeetPoints(), [_part(slot) for slot in p.slots], number) for p in parties],
        max(party.points for party in parties),
    )
    compared = meet(
        run,
        f"{ROOM}/compared",
        [
            Meeting(p.name, ComparePairs(p.stage, _slots(p)), files_of(points[p.name]), keys[p.name])
            for p in parties
        ],
        2 * max(_total(points[party.name], "pairs") for party in parties),
    )
    joined = _components(run, parties, compared)
    edges = 3 * max(_total(compared[party.name], "joins") for party in parties)
    labelled = meet(
        run,
        f"{ROOM}/labelled",
        [
            Meeting(
                p.name,
                AttachLabels(),
                [*joined[p.name], *files_of(compared[p.name], "edges", "members")],
                number,
            )
            for p in parties
        ],
        edges,
    )
    decided = meet(
        run,
        f"{ROOM}/decided",
        [
            Meeting(p.name, DecideClusters(p.stage, _slots(p)), files_of(labelled[p.name]), keys[p.name])
            for p in parties
        ],
        edges,
    )
    jobs = [_lists(party, decided[party.name]) for party in parties]
    receipts = run_jobs(run, f"{ROOM}/lists", jobs, one_of_many=True)
    lists = {
        (receipt.facts["source"], receipt.facts["batch"]): receipt
        for found in receipts.values()
        for receipt in found
    }
    facts = {p.name: _facts(p, points[p.name], compared[p.name], decided[p.name]) for p in parties}
    return NearAnswer(lists, facts)


def _slots(party: NearParty) -> str:
    return f"work/{ROOM}/{party.name}.slots.json"


def _part(slot: Slot) -> Part:
    return Part(slot.fingerprint, slot.digest, slot.number, slot.rows, slot.earlier)


def _total(receipts: list[Receipt], fact: str) -> int:
    return sum(receipt.facts[fact] for receipt in receipts)


def _components(
    run: Run, parties: list[NearParty], compared: dict[str, list[Receipt]]
) -> dict[str, list[Part]]:
    """Each party's edges as stars around the smallest document of each component: in one array, or by
    rounds."""
    small = [p for p in parties if _total(compared[p.name], "joins") <= p.stage.edges_in_memory]
    large = [p for p in parties if p not in small]
    jobs = []
    for party in small:
        files = files_of(compared[party.name])
        unit = Unit(
            room=f"{ROOM}/joined",
            source=party.name,
            name="all",
            key=digest([asdict(file) for file in files]),
            payload={
                "files": [file.path for file in files],
                "path": f"work/{ROOM}/joined/{party.name}.packed",
            },
        )
        jobs.append(Job(party.name, [unit], JoinAll()))
    receipts = run_jobs(run, f"{ROOM}/joined", jobs, one_of_many=True) if jobs else {}
    return {name: files_of(found) for name, found in receipts.items()} | _stars(run, large, compared)


@dataclass(frozen=True)
class JoinAll:
    """The work of joining all edges of a party in one array."""

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the edges as stars."""
        first, second = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)]
        for path in unit.payload["files"]:
            with PackedFile(join(outputs.out, path)) as file:
                found = file.read("ends.entries")
            up = found["document"] < found["neighbour"]
            first.append(found["document"][up])
            second.append(found["neighbour"][up])
        joined = contract(np.concatenate(first), np.concatenate(second))
        outputs.write(unit.payload["path"], pack(keyed("ends", ends(*joined))), rows=len(joined[0]))
        return {}


def _stars(run: Run, parties: list[NearParty], compared: dict[str, list[Receipt]]) -> dict[str, list[Part]]:
    """Rounds of large and small stars until they change nothing."""
    files = {party.name: files_of(compared[party.name], "ends") for party in parties}
    edges = max((2 * _total(compared[party.name], "joins") for party in parties), default=0)
    before: dict[str, tuple[int, int]] = {}
    done: dict[str, list[Part]] = {}
    for turn in range(MOST_ROUNDS):
        waiting = [name for name in files if name not in done]
        if not waiting:
            break
        met = [Meeting(name, Star(large=True), files[name], turn) for name in waiting]
        large = meet(run, f"{ROOM}/star-{turn:02d}-large", met, edges)
        for name in waiting:
            graph = (_total(large[name], "edges"), sum(int(r.facts["mark"]) for r in large[name]) % 2**64)
            if before.get(name) == graph:
                done[name] = files[name]
            before[name] = graph
        met = [
            Meeting(name, Star(large=False), files_of(large[name]), turn)
            for name in waiting
            if name not in done
        ]
        if met:
            small = meet(run, f"{ROOM}/star-{turn:02d}-small", met, edges)
            files |= {name: files_of(found) for name, found in small.items()}
    return done


def _lists(party: NearParty, decided: list[Receipt]) -> Job:
    answers = [[output.path, output.digest] for receipt in decided for output in receipt.outputs]
    units = [
        Unit(
            room=f"{ROOM}/lists",
            source=party.name,
            name=f"{slot.source}-{slot.batch}",
            key=digest([slot.number, answers]),
            payload={
                "number": slot.number,
                "source": slot.source,
                "batch": slot.batch,
                "room": f"{ROOM}/decided",
                "buckets": len(decided),
                "list": list_path("duplicates", NearDuplicates.name, slot.source, slot.batch),
            },
        )
        for slot in party.slots
    ]
    return Job(party.name, units, GatherVerdicts())


def _facts(
    party: NearParty, points: list[Receipt], compared: list[Receipt], decided: list[Receipt]
) -> dict[str, Any]:
    """What was done in numbers, of which none depends on how the work was cut."""
    left_out = [receipt.facts["left_out"] for receipt in points]
    return {
        "threshold": party.stage.threshold,
        "measure": party.stage.measure,
        "verify": party.stage.verify,
        "expected": party.stage.expected(),
        "compared": _total(compared, "compared") + _total(decided, "compared_again"),
        "alike": _total(compared, "alike") + _total(decided, "alike_again"),
        "not_compared": {
            "bands": sum(found["bands"] for found in left_out),
            "sampled_shingles": sum(found["shared"] for found in left_out),
        },
    }
