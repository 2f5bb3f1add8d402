"""One document's life: where it stood, what each step made of it, where it ended."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from filters.lines import line_hashes
from mixtures.places import Places
from pipeline.files import exists, join
from pipeline.look.finished import FinishedRun
from pipeline.look.stages import fetched, judge_stages
from pipeline.parquet import read_parquet

_SHARED_EXAMPLES = 3


@dataclass
class Life:
    """What became of one record. `row`: its last row without the text; `prepared`: its verdict in `prepare`.

    `stages`: each stage of `judge` with its checks, None where it did not score the document. `lines`: the
    lines that went, with their place in the prepared text. `clusters`: the rows of clusters/ that name it.
    `tokens`: its place in the token shards and every row of the training shards that holds of it, None
    where it has none.
    """

    row: dict[str, Any]
    prepared: dict[str, Any]
    stages: list[dict[str, Any]] = field(default_factory=list)
    lines: list[tuple[int, str]] = field(default_factory=list)
    clusters: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, Any] | None = None


def find_lives(run: FinishedRun, wanted: str) -> Iterator[Life]:
    """Every record of the run whose id or URL is `wanted`, in every source."""
    for source in run.sources():
        for path, table in run.tables("documents", source, ["id", "url", "input", "ordinal"]):
            rows = np.flatnonzero(_named(table, wanted)).tolist()
            if rows:
                prepared = read_parquet(path).take(rows).to_pylist()
                yield from _lives(run, source, path.rsplit("/", 1)[1], rows, prepared)


def _named(table: pa.Table, wanted: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows have the id, the URL or the place (INPUT:ORDINAL) `wanted`."""
    found = pc.or_(pc.equal(table.column("id"), wanted), pc.equal(table.column("url"), wanted))
    name, _, ordinal = wanted.rpartition(":")
    if ordinal.isdecimal():
        here = pc.and_(pc.equal(table.column("input"), name), pc.equal(table.column("ordinal"), int(ordinal)))
        found = pc.or_(found, here)
    return np.asarray(found.fill_null(False).to_numpy(), bool)


def _lives(
    run: FinishedRun, source: str, file: str, rows: list[int], prepared: list[dict[str, Any]]
) -> Iterator[Life]:
    judged = {path.rsplit("/", 1)[1]: path for path in run.paths("judged", source)}
    last = read_parquet(judged[file]).take(rows).to_pylist() if file in judged else prepared
    fates = _fates(run, source, file)
    for before, after in zip(prepared, last, strict=True):
        final = {**after, **fates.get((after["id"], after["ordinal"]), {})}
        verdict = {name: before[name] for name in ("verdict", "verdict_value", "verdict_threshold")}
        life = Life({name: value for name, value in final.items() if name != "text"}, verdict)
        life.lines = removed_lines(before["text"], after["text"])
        if file in judged:
            life.stages = _stages(run, source, after)
        life.clusters = _clusters(run, after["id"])
        life.tokens = _places(run, after["id"])
        yield life


def _fates(run: FinishedRun, source: str, file: str) -> dict[tuple[str, int], dict[str, Any]]:
    columns = ["id", "ordinal", "verdict", "verdict_value", "verdict_threshold", "survivor"]
    found = {}
    for folder in ("curated", "dropped"):
        for path in run.paths(folder, source):
            if path.rsplit("/", 1)[1] == file:
                for row in read_parquet(path, columns).to_pylist():
                    found[row["id"], row["ordinal"]] = {**row, "folder": folder}
    return found


def removed_lines(before: str, after: str) -> list[tuple[int, str]]:
    """The lines of `before` that `after` lacks, with their numbers from 1; empty where no line went."""
    if before == after:
        return []
    old, new = before.split("\n"), after.split("\n")
    kept = 0
    gone = []
    for number, line in enumerate(old, 1):
        if kept < len(new) and new[kept] == line:
            kept += 1
        else:
            gone.append((number, line))
    if kept < len(new):  # more happened than that lines went: the longest common part decides
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        blocks = [range(block.a, block.a + block.size) for block in matcher.get_matching_blocks()]
        stayed = {place for block in blocks for place in block}
        gone = [(place + 1, line) for place, line in enumerate(old) if place not in stayed]
    return [(number, line) for number, line in gone if line.strip()]


def _stages(run: FinishedRun, source: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    stages = judge_stages(run, source)
    models = fetched(stages)
    found = []
    for stage in stages:
        checks = stage.checks(row, models)
        verdict = row["verdict"] if row["verdict"] and stage.gives(row["verdict"]) else None
        listed = None if checks is None else [check._asdict() for check in checks]
        found.append({"stage": stage.name, "checks": listed, "verdict": verdict})
    return found


def _clusters(run: FinishedRun, document: str) -> list[dict[str, Any]]:
    found = []
    for source in run.sources():
        for _, table in run.tables("clusters", source):
            named = [
                pc.equal(table.column(name), document).fill_null(False) for name in ("member", "survivor")
            ]
            found += table.filter(pc.or_(*named)).to_pylist()
    return found


def _places(run: FinishedRun, document: str) -> dict[str, Any] | None:
    if not exists(join(run.out, "shards", "manifest.json")):
        return None
    places = Places(run.out)
    found = places.find(document)
    if found is None:
        return None
    rows = [{"row": p.row, "offset": p.offset, "epoch": p.epoch} for p in places.occurrences(found)]
    return {**found._asdict(), "rows": rows}


def sharers(run: FinishedRun, lines: list[str]) -> dict[str, tuple[int, list[str]]]:
    """For each of `lines`, how many of the run's documents have it (as lines are compared), and some ids.

    Reads the texts of all documents.
    """
    hashes = line_hashes(lines)[0].tolist() if lines else []
    found: dict[int, tuple[int, list[str]]] = {value: (0, []) for value in hashes}
    for source in run.sources():
        for _, table in run.tables("documents", source, ["id", "text"]):
            ids = table.column("id").to_pylist()
            all_hashes, per_text = line_hashes(table.column("text").to_pylist())
            start = 0
            for document, size in zip(ids, per_text.tolist(), strict=True):
                for value in found.keys() & set(all_hashes[start : start + size].tolist()):
                    number, examples = found[value]
                    if len(examples) < _SHARED_EXAMPLES:
                        examples.append(document)
                    found[value] = (number + 1, examples)
                start += size
    return {line: found[value] for line, value in zip(lines, hashes, strict=True)}


def as_json(life: Life) -> dict[str, Any]:
    """The life as JSON for scripts, metadata parsed."""
    fields = asdict(life)
    fields["row"]["metadata"] = orjson.loads(life.row["metadata"] or "{}")
    return fields
