"""Phase `duplicates`: documents that say the same, within and across sources; one of each stays."""

from __future__ import annotations

from typing import Any

from pipeline.dedup.exchange import Slot
from pipeline.files import join
from pipeline.ledger import Line
from pipeline.packed import read_packed
from pipeline.phases import judge
from pipeline.phases.exchange_rounds import Party, run_round
from pipeline.phases.phase import (
    Account,
    Outcome,
    Run,
    commit,
    phase_key,
    required,
    stage_settings,
    timed,
    up_to_date,
)
from pipeline.units import Receipt

PHASE = "duplicates"
VERSION = 1
# All sources meet in one party, so that a page in CommonCrawl and in C4 is found.
EVERYONE = "all"


def duplicates(run: Run) -> Outcome:
    """Run the phase for all sources whose flows ask for a round of it."""
    with timed(Outcome(PHASE)) as outcome:
        sources = [source for source in run.flows if run.flows[source].duplicates]
        manifests = {source: required(run, judge.PHASE, source) for source in sources}
        configs = {s: {"duplicates": stage_settings(run.flows[s].duplicates)} for s in sources}
        # A survivor may be in any source, so each source's lists depend on all of them and on their priority.
        everything = [[s, configs[s], manifests[s].content] for s in sources]
        keys = {source: phase_key(VERSION, source, everything) for source in sources}
        outcome.ran = [s for s in sources if not up_to_date(run, PHASE, s, keys[s])]
        if not outcome.ran:
            return outcome
        batches = {source: judge.judged_batches(manifests[source]) for source in sources}
        names = list(dict.fromkeys(r.name for s in sources for r in run.flows[s].duplicates))
        receipts: list[Receipt] = []
        for name in names:
            party = _party(run, name, sources, batches)
            receipts += run_round(run, PHASE, VERSION, name, [party])[EVERYONE]
        for source in outcome.ran:
            mine = [receipt for receipt in receipts if receipt.facts["source"] == source]
            books = _books(run, batches[source], mine)
            folders = [f"lists/{PHASE}/{name}/{source}" for name in names] + [f"clusters/{source}"]
            commit(run, PHASE, Account(source, keys[source], configs[source], mine, books, folders))
    return outcome


def _party(run: Run, name: str, sources: list[str], batches: dict[str, list[dict[str, Any]]]) -> Party:
    slots: list[Slot] = []
    entries = 0
    chosen = None
    for priority, source in enumerate(sources):
        rounds = {round_.name: round_ for round_ in run.flows[source].duplicates}
        if name not in rounds:
            continue
        chosen = rounds[name]
        for batch in batches[source]:
            fingerprint, counted = batch["fingerprint"], batch["entries"]
            slots.append(
                Slot(
                    number=len(slots),
                    source=source,
                    batch=batch["name"],
                    group="",
                    fingerprint=fingerprint.path,
                    digest=fingerprint.digest,
                    rows=batch["rows"],
                    priority=priority,
                )
            )
            entries += counted[name]
    assert chosen is not None
    return Party(EVERYONE, slots, chosen, entries)


def _books(run: Run, batches: list[dict[str, Any]], receipts: list[Receipt]) -> list[Line]:
    """Kept rows in, rows that each round took, rows left; bytes are the business of `curate`, which
    moves them."""
    books = []
    taken: dict[str, list[tuple[str, int]]] = {}
    for receipt in receipts:
        lost = len(read_packed(join(run.out, receipt.outputs[0].path))["removals"])
        taken.setdefault(receipt.facts["batch"], []).append((receipt.facts["round"], lost))
    for batch in batches:
        name, left = batch["input"], batch["kept"]
        books.append(Line(name, "in", "rows", left, 0))
        for rule, lost in taken.get(batch["name"], []):
            books.append(Line(name, "dropped", rule, lost, 0))
            left -= lost
        books.append(Line(name, "out", "", left, 0))
    return books
