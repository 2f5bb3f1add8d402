"""Phase `duplicates`: documents that say the same, or nearly, within and across sources; one of each stays.

Rounds of exact duplicates come first, near-duplicates of what they left second; `settle` writes for each
batch one list of who goes, every survivor in it one that stays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from pipeline.dedup.exchange import Slot
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.settle import EVERYONE, RULES
from pipeline.errors import WinnowError
from pipeline.files import join
from pipeline.ledger import Line
from pipeline.packed import read_packed
from pipeline.phases import judge
from pipeline.phases.exchange_rounds import Party, run_round
from pipeline.phases.near import NearParty, near_duplicates
from pipeline.phases.phase import (
    Account,
    Earlier,
    Outcome,
    Run,
    Wanted,
    commit,
    phase_key,
    stage_settings,
    timed,
    up_to_date,
)
from pipeline.phases.settle import FOLDER, settle, settled_path
from pipeline.units import Receipt, digest

PHASE = "duplicates"
VERSION = 2


def duplicates(run: Run) -> Outcome:
    """Run the phase for all sources whose flows ask for a round of it."""
    with timed(Outcome(PHASE)) as outcome:
        sources = sources_with_duplicates(run)
        groups = _groups(run, sources)
        earlier = Earlier(run)
        manifests = {source: earlier(judge.PHASE, source) for source in sources}
        made_with = {source: wanted(run, source, earlier) for source in sources}
        configs = {source: made_with[source].config for source in sources}
        keys = {source: made_with[source].key for source in sources}
        outcome.ran = [s for s in sources if not up_to_date(run, PHASE, s, keys[s])]
        if not outcome.ran:
            return outcome
        batches = {source: judge.judged_batches(manifests[source]) for source in sources}
        slots = _slots(batches)
        lists: dict[tuple[str, str], dict[str, Receipt]] = defaultdict(dict)
        names = list(dict.fromkeys(r.name for s in sources for r in run.flows[s].duplicates))
        for name in names:
            party = _party(run, name, slots, batches)
            for receipt in run_round(run, PHASE, VERSION, name, [party])[EVERYONE]:
                lists[receipt.facts["source"], receipt.facts["batch"]][name] = receipt
        answer = near_duplicates(run, VERSION, _near_parties(run, groups, slots, batches, lists))
        for place, receipt in answer.lists.items():
            lists[place][NearDuplicates.name] = receipt
        none: dict[str, list[Receipt]] = {source: [] for source in sources}  # of a source without documents
        settled = none | settle(run, VERSION, slots, lists)
        for source in outcome.ran:
            receipts = [
                receipt for place, found in lists.items() if place[0] == source for receipt in found.values()
            ]
            receipts += settled[source]
            if source in groups:
                facts = answer.facts[groups[source]]
                receipts.append(Receipt(NearDuplicates.name, digest(facts), [], facts))
            folders = [f"lists/{PHASE}/{name}/{source}" for name in [*names, NearDuplicates.name]]
            folders += [f"{FOLDER}/{source}", f"clusters/{source}"]
            books = _books(run, source, batches[source])
            commit(run, PHASE, Account(source, keys[source], configs[source], receipts, books, folders))
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`.

    A survivor may be in any source, so each source's lists depend on all of them and on their priority.
    """
    sources = sources_with_duplicates(run)
    everything = [[s, _config(run, s), earlier(judge.PHASE, s).content] for s in sources]
    return Wanted(_config(run, source), phase_key(VERSION, source, everything))


def sources_with_duplicates(run: Run) -> list[str]:
    """The sources that take part in the phase, in the order of the config."""
    return [s for s, flow in run.flows.items() if flow.duplicates or flow.near_duplicates]


def _config(run: Run, source: str) -> dict[str, Any]:
    flow = run.flows[source]
    return {
        "duplicates": stage_settings(flow.duplicates),
        "near_duplicates": stage_settings(flow.near_duplicates),
    }


def _groups(run: Run, sources: list[str]) -> dict[str, str]:
    """For each source that has near-duplicates on, the party it meets them in: itself, or its group.

    Raises WinnowError where the sources of one group compare differently, or a group is called as a source.
    """
    groups: dict[str, str] = {}
    settings: dict[str, tuple[str, Any]] = {}
    for source in sources:
        for stage in run.flows[source].near_duplicates:
            within = stage.scope == "source"
            if not within and stage.scope in run.flows:
                raise WinnowError(
                    f"sources.{source}.near_duplicates.scope: {stage.scope} is a source; "
                    "name the group differently"
                )
            groups[source] = source if within else stage.scope
            mine = stage.meeting_settings()
            first, theirs = settings.setdefault(groups[source], (source, mine))
            if mine != theirs:
                key = next(key for key in mine if mine[key] != theirs[key])
                raise WinnowError(
                    f"sources.{source}.near_duplicates.{key}: {mine[key]} here, {theirs[key]} for {first}; "
                    f"sources of one scope ({stage.scope}) compare alike"
                )
    return groups


def _slots(batches: dict[str, list[dict[str, Any]]]) -> list[Slot]:
    """All batches, numbered through."""
    listed = [(place, source, batch) for place, source in enumerate(batches) for batch in batches[source]]
    return [
        Slot(
            number=number,
            source=source,
            batch=batch["name"],
            group="",
            fingerprint=batch["fingerprint"].path,
            digest=batch["fingerprint"].digest,
            rows=batch["rows"],
            priority=priority,
        )
        for number, (priority, source, batch) in enumerate(listed)
    ]


def _entries(batches: dict[str, list[dict[str, Any]]], source: str, name: str) -> int:
    return sum(batch["entries"][name] for batch in batches[source])


def _party(run: Run, name: str, slots: list[Slot], batches: dict[str, list[dict[str, Any]]]) -> Party:
    rounds = {s: r for s in batches for r in run.flows[s].duplicates if r.name == name}
    entries = sum(_entries(batches, source, name) for source in rounds)
    chosen = next(iter(rounds.values()))
    return Party(EVERYONE, [s for s in slots if s.source in rounds], chosen, entries)


def _near_parties(
    run: Run,
    groups: dict[str, str],
    slots: list[Slot],
    batches: dict[str, list[dict[str, Any]]],
    lists: dict[tuple[str, str], dict[str, Receipt]],
) -> list[NearParty]:
    parties = []
    for name in sorted(set(groups.values())):
        sources = [source for source in groups if groups[source] == name]
        chosen = [
            replace(slot, earlier=tuple(_lost(lists[slot.source, slot.batch])))
            for slot in slots
            if slot.source in sources
        ]
        points = sum(_entries(batches, source, NearDuplicates.name) for source in sources)
        parties.append(NearParty(name, run.flows[sources[0]].near_duplicates[0], chosen, points))
    return parties


def _lost(lists: dict[str, Receipt]) -> list[tuple[str, str]]:
    """The lists of rows that rounds took from a batch, as (path, digest)."""
    return [(receipt.outputs[0].path, receipt.outputs[0].digest) for receipt in lists.values()]


def _books(run: Run, source: str, batches: list[dict[str, Any]]) -> list[Line]:
    """Kept rows in, rows that each rule took, rows left; bytes are the business of `curate`, which moves
    them."""
    books = []
    for batch in batches:
        name, left = batch["input"], batch["kept"]
        books.append(Line(name, "in", "rows", left, 0))
        rules = read_packed(join(run.out, settled_path(source, batch["name"])))["removals"]["rule"]
        for number, rule in enumerate(RULES):
            lost = int((rules == number).sum()) if rule else 0
            books += [Line(name, "dropped", rule, lost, 0)] if lost else []
            left -= lost
        books.append(Line(name, "out", "", left, 0))
    return books
