"""The way of a source's records through a run, from the ledgers: each rule with what it took and what was
left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pipeline.ledger import Line, read_ledger
from pipeline.look.finished import FinishedRun
from pipeline.manifest import read_manifest


@dataclass(frozen=True)
class Step:
    """A rule: what it took, in records and bytes of text, and what was left behind it.

    `tokens_left` is known at the end and scaled by bytes before it; None before phase `tokenize`.
    """

    phase: str
    rule: str
    documents: int
    bytes: int
    documents_left: int
    bytes_left: int
    tokens_left: int | None = None


@dataclass(frozen=True)
class Funnel:
    """A source from its records to what was kept. `bytes` are those of all documents as prepared."""

    source: str
    records: int
    documents: int
    bytes: int
    steps: list[Step]
    kept: int
    kept_bytes: int
    tokens: int | None


def funnel(run: FinishedRun, source: str) -> Funnel:
    """The steps of a source in the order of the phases, within one the largest first."""
    read, judged, curated = (read_ledger(run.out, phase, source) for phase in ("prepare", "judge", "curate"))
    tokenized = read_manifest(run.out, "tokenize", source)
    tokens = sum(unit.facts.get("tokens", 0) for unit in tokenized.units) if tokenized else None
    taken = _never_documents(read) + sorted(_texts(judged) + _rules(run, source, curated), key=_phase)
    records = _sum(read, "in")[0]
    documents, size = _sum(judged, "in")
    kept, kept_bytes = _sum(curated, "out")
    rate = tokens / kept_bytes if tokens is not None and kept_bytes else None
    steps, left, bytes_left = [], records, size
    for phase, rule, count, lost in taken:
        left, bytes_left = left - count, bytes_left - lost
        about = None if rate is None else round(bytes_left * rate)
        steps.append(Step(phase, rule, count, lost, left, bytes_left, about))
    return Funnel(source, records, documents, size, steps, kept, kept_bytes, tokens)


_Taken = tuple[str, str, int, int]


def _never_documents(read: list[Line]) -> list[_Taken]:
    """Records that became no document; their bytes are none of the texts'."""
    return [
        ("read", rule if entry != "merged" else "merged into others", count, 0)
        for entry in ("passed_over", "merged", "dead")
        for rule, count, _ in _by_rule(read, entry)
        if count
    ]


def _texts(judged: list[Line]) -> list[_Taken]:
    """Parts of texts that stay otherwise, less what came in their place."""
    added = {rule: size for rule, _, size in _by_rule(judged, "added")}
    return [
        ("judge", f"{rule}: parts of texts", 0, size - added.get(rule, 0))
        for rule, _, size in _by_rule(judged, "removed")
        if size or added.get(rule)
    ]


def _rules(run: FinishedRun, source: str, curated: list[Line]) -> list[_Taken]:
    """Whole documents by their final verdict, each rule in the phase whose books have it."""
    owners: dict[str, str] = {}
    for phase in ("duplicates", "lines", "prepare"):
        for rule, count, _ in _by_rule(read_ledger(run.out, phase, source), "dropped"):
            if count:
                owners[rule] = phase
    return [
        (owners.get(rule, "judge"), rule, count, size) for rule, count, size in _by_rule(curated, "dropped")
    ]


def _phase(taken: _Taken) -> int:
    return ("prepare", "lines", "judge", "duplicates").index(taken[0])


def _by_rule(lines: list[Line], entry: str) -> list[tuple[str, int, int]]:
    documents: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for line in lines:
        if line.entry == entry:
            documents[line.rule] += line.documents
            size[line.rule] += line.bytes
    rules = sorted(documents, key=lambda rule: (-documents[rule], -size[rule], rule))
    return [(rule, documents[rule], size[rule]) for rule in rules]


def _sum(lines: list[Line], entry: str) -> tuple[int, int]:
    chosen = [line for line in lines if line.entry == entry]
    return sum(line.documents for line in chosen), sum(line.bytes for line in chosen)
