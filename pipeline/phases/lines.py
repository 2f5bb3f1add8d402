"""Phase `lines`: rounds over what documents share, each leaving out the rows lost in the rounds before it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from pipeline.dedup.exchange import Slot
from pipeline.dedup.rounds import lost_rows
from pipeline.files import join
from pipeline.ledger import Line
from pipeline.packed import read_packed
from pipeline.phases import prepare
from pipeline.phases.earlier import Owners, earlier_owners
from pipeline.phases.exchange_rounds import Party, list_path, run_round
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
from pipeline.units import Receipt

PHASE = "lines"
VERSION = 1


def lines(run: Run) -> Outcome:
    """Run the phase for every source whose flow has rounds; the others pass."""
    with timed(Outcome(PHASE)) as outcome:
        sources = [source for source in run.flows if run.flows[source].rounds]
        earlier = Earlier(run)
        made_with = {source: wanted(run, source, earlier) for source in sources}
        manifests = {source: earlier(prepare.PHASE, source) for source in sources}
        owners = {source: earlier_owners(run.out, source, run.flows[source]) for source in sources}
        configs = {source: made_with[source].config for source in sources}
        keys = {source: made_with[source].key for source in sources}
        outcome.ran = [s for s in sources if not up_to_date(run, PHASE, s, keys[s])]
        batches = {source: prepare.batches(manifests[source]) for source in outcome.ran}
        receipts = _run_rounds(run, batches, owners)
        for source in outcome.ran:
            books = _books(run, source, batches[source], receipts[source])
            folders = [f"lists/{PHASE}/{name}/{source}" for name in _all_rounds(run)]
            account = Account(source, keys[source], configs[source], receipts[source], books, folders)
            commit(run, PHASE, account)
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`; the way of the exchange changes no answer."""
    config = _config(run, source, earlier_owners(run.out, source, run.flows[source]))
    prepared = earlier(prepare.PHASE, source)
    return Wanted(config, phase_key(VERSION, config["rounds"], config["against"], prepared.content))


def _config(run: Run, source: str, owners: dict[str, Owners]) -> dict[str, Any]:
    return {
        "rounds": stage_settings(run.flows[source].rounds),
        "exchange": run.exchange,
        "against": {name: found.content for name, found in owners.items()},
    }


def _all_rounds(run: Run) -> list[str]:
    return sorted({round_.name for flow in run.flows.values() for round_ in flow.rounds})


def _run_rounds(
    run: Run, batches: dict[str, list[dict[str, Any]]], owners: dict[str, dict[str, Owners]]
) -> dict[str, list[Receipt]]:
    """Run the first rounds of all sources, then the second ones, and so on."""
    receipts: dict[str, list[Receipt]] = {source: [] for source in batches}
    earlier: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    depth = max((len(run.flows[source].rounds) for source in batches), default=0)
    for place in range(depth):
        by_name: dict[str, list[Party]] = defaultdict(list)
        for source, listed in batches.items():
            rounds = run.flows[source].rounds
            if place < len(rounds):
                theirs = owners[source].get(rounds[place].name, Owners())
                party = _party(run, source, listed, place, earlier)
                entries = party.entries + theirs.entries
                by_name[party.round.name].append(replace(party, owners=theirs.slots, entries=entries))
        for name in sorted(by_name):
            answers = run_round(run, PHASE, VERSION, name, by_name[name])
            for source, lists in answers.items():
                receipts[source] += lists
                for receipt in lists:
                    output = receipt.outputs[0]
                    batch = output.path.rsplit("/", 1)[1].removesuffix(".packed")
                    earlier[source, batch].append((output.path, output.digest))
    return receipts


def _party(
    run: Run,
    source: str,
    batches: list[dict[str, Any]],
    place: int,
    earlier: dict[tuple[str, str], list[tuple[str, str]]],
) -> Party:
    round_ = run.flows[source].rounds[place]
    files = {name: place for place, name in enumerate(sorted({batch["input"] for batch in batches}))}
    slots = [
        Slot(
            number=number,
            source=source,
            batch=batch["name"],
            group=round_.group(batch["snapshot"], files[batch["input"]]),
            fingerprint=batch["fingerprint"].path,
            digest=batch["fingerprint"].digest,
            rows=batch["rows"],
            earlier=tuple(earlier[source, batch["name"]]),
        )
        for number, batch in enumerate(batches)
    ]
    return Party(source, slots, round_, sum(batch["entries"][round_.name] for batch in batches))


def _books(run: Run, source: str, batches: list[dict[str, Any]], receipts: list[Receipt]) -> list[Line]:
    """Rows in, rows that a round took, rows left; bytes are the business of `judge`, which moves them."""
    written = {output.path for receipt in receipts for output in receipt.outputs}
    books = []
    for batch in batches:
        left = batch["rows"]
        books.append(Line(batch["input"], "in", "rows", left, 0))
        for round_ in run.flows[source].rounds:
            path = list_path(PHASE, round_.name, source, batch["name"])
            if path in written:
                lost = len(lost_rows(read_packed(join(run.out, path))["removals"]))
                books.append(Line(batch["input"], "dropped", round_.name, lost, 0))
                left -= lost
        books.append(Line(batch["input"], "out", "", left, 0))
    return books
