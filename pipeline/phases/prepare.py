"""Phase `prepare`: raw files to documents, dead letters and fingerprints, one input or part of one a unit."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from pipeline.errors import WinnowError
from pipeline.files import join, read_file
from pipeline.flow import Flow
from pipeline.inputs import InputFile
from pipeline.ledger import Line
from pipeline.manifest import Manifest, remove_unnamed
from pipeline.parquet import read_parquet
from pipeline.parts import Part
from pipeline.phases.first_pass import (
    rows_folder,
    run_paths,
    spread_inputs,
    unit_payload,
    unit_reading,
    without_rows,
)
from pipeline.phases.input_writer import HEAD_BYTES, InputWriter
from pipeline.phases.phase import (
    Account,
    Earlier,
    Job,
    Outcome,
    Run,
    Wanted,
    commit,
    count_all,
    phase_key,
    run_jobs,
    stage_settings,
    timed,
    up_to_date,
)
from pipeline.records import DeadLetter, Document, Event
from pipeline.transforms.clean import BYTES_REMOVED
from pipeline.units import Outputs, Receipt, Unit, digest

PHASE = "prepare"
VERSION = 4


def prepare(run: Run) -> Outcome:
    """Run the phase for every source with inputs."""
    with timed(Outcome(PHASE)) as outcome:
        made_with = {source: wanted(run, source, Earlier(run)) for source in run.flows}
        configs = {source: made_with[source].config for source in run.flows}
        keys = {source: made_with[source].key for source in run.flows}
        outcome.ran = [s for s in run.flows if not up_to_date(run, PHASE, s, keys[s])]
        spreads = spread_inputs(run, outcome.ran)
        jobs = [_job(run, source, configs[source], spreads[source]) for source in outcome.ran]
        receipts = run_jobs(run, PHASE, jobs)
        for source in outcome.ran:
            # What the first pass met is booked with the rest; the rows it put aside are no output.
            first = [without_rows(source, receipt) for receipt in spreads[source].values()]
            receipts[source] += first
            lines = _books(run, source, receipts[source])
            folders = [f"documents/{source}", f"fingerprints/{PHASE}/{source}", f"dead_letters/{source}"]
            account = Account(
                source, keys[source], configs[source], receipts[source], lines, folders, bytes_too=False
            )
            commit(run, PHASE, account)
            remove_unnamed(run.out, [rows_folder(source)], set())
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`: nothing comes before it."""
    del earlier
    config = _config(run, source)
    return Wanted(config, phase_key(VERSION, config, [file.identity() for file in run.inputs[source]]))


def _config(run: Run, source: str) -> dict[str, Any]:
    flow = run.flows[source]
    return {
        "read": flow.read.settings(),
        "clean": stage_settings(flow.clean),
        "rounds": [orjson.loads(orjson.dumps(r.fingerprint_settings())) for r in flow.rounds],
        "batch_bytes": run.config.batch_bytes,
        "limit": run.limit,
    }


def _job(run: Run, source: str, config: dict[str, Any], spreads: dict[str, Receipt]) -> Job:
    flow = run.flows[source]
    units = []
    for file in run.inputs[source]:
        parts = [] if run.limit else _parts(flow, file, spreads.get(file.name))
        runs = run_paths(source, spreads.get(file.name))
        for number, part in enumerate(parts or [Part(0, file.size, {})]):
            name = f"{file.name}-p{number:05d}" if parts else file.name
            place = part.place if parts else None
            units.append(
                Unit(
                    room=PHASE,
                    source=source,
                    name=name,
                    key=digest([VERSION, config, file.identity(), name, part.first, place]),
                    size=part.size,
                    payload={
                        **unit_payload(file),
                        "first": part.first,
                        "place": place,
                        "runs": runs,
                    },
                )
            )
    _refuse_equal_names(source, [unit.name for unit in units])
    return Job(source, units, PrepareInput(source, flow, run.config.batch_bytes, run.limit))


def _parts(flow: Flow, file: InputFile, spread: Receipt | None) -> list[Part]:
    """The parts of an input: one for each partition where a first pass made them, else the reader's own."""
    if spread is None:
        parts = flow.read.parts(file)
        return parts if len(parts) > 1 else []
    entries = spread.facts["entries"]
    met = spread.facts["records"] - sum(entries)
    before = itertools.accumulate(entries, initial=met)
    size = file.size // len(entries)
    return [
        Part(first, size, {"partition": n}) for n, first in zip(range(len(entries)), before, strict=False)
    ]


def _refuse_equal_names(source: str, names: list[str]) -> None:
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise WinnowError(
            f"sources.{source}.inputs: one input is called {name}, as a part of another one is; rename it"
        )


@dataclass(frozen=True)
class PrepareInput:
    """The work of one input or part of one: read, clean, batch, write documents and their fingerprints."""

    source: str
    flow: Flow
    batch_bytes: int
    limit: int | None = None

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the unit's batches and dead letters; the facts count every record met."""
        name = unit.payload["input"]
        writer = InputWriter(self.source, self.flow, self.batch_bytes, name, unit.name, outputs)
        with unit_reading(unit, outputs.out) as reading:
            events = itertools.islice(self.flow.read.events(replace(reading, limit=self.limit)), self.limit)
            for ordinal, event in enumerate(events, unit.payload["first"]):
                writer.add(ordinal, self._cleaned(event, unit))
        facts = writer.finish()
        # A part of what a first pass spread: that pass has counted its records.
        return {**facts, "records": 0} if reading.runs else facts

    def _cleaned(self, event: Event, unit: Unit) -> Event:
        """The event after the clean stages; a document at which one of them fails becomes a dead letter."""
        if not isinstance(event, Document):
            return event
        event.snapshot = event.snapshot or unit.payload["snapshot"]
        head = event.content or event.text.encode("utf-8", "surrogatepass")
        try:
            for stage in self.flow.clean:
                if event.verdict is None:
                    stage.clean(event)
            event.text.encode()
        except WinnowError:  # of a model or a disk, not of the document
            raise
        except Exception as error:
            return DeadLetter(-1, f"{event.key}: {type(error).__name__}: {error}", head[:HEAD_BYTES])
        return event


def batches(manifest: Manifest) -> list[dict[str, Any]]:
    """Every batch of a source in the order of its number: by name. Each with its input, facts and file
    digests."""
    found = []
    for unit in manifest.units:
        files = {output.path: output for output in unit.outputs}
        for batch in unit.facts["batches"]:
            documents = files[f"documents/{manifest.source}/{batch['name']}.parquet"]
            fingerprint = files[f"fingerprints/{PHASE}/{manifest.source}/{batch['name']}.packed"]
            found.append(
                {**batch, "input": unit.facts["input"], "documents": documents, "fingerprint": fingerprint}
            )
    return sorted(found, key=lambda batch: batch["name"])


def _books(run: Run, source: str, receipts: list[Receipt]) -> list[Line]:
    lines: list[Line] = []
    for receipt in receipts:
        facts = receipt.facts
        name = facts["input"]
        lines.append(Line(name, "in", "records", facts["records"], 0))
        lines.append(Line(name, "merged", "merged", facts["merged"], 0))
        lines += [Line(name, "passed_over", k, n, 0) for k, n in facts["passed_over"].items()]
        paths = [output.path for output in receipt.outputs]
        dead = [path for path in paths if path.startswith("dead_letters/")]
        for path in dead:
            letters = read_file(join(run.out, path)).count(b"\n")
            lines.append(Line(name, "dead", "dead_letter", letters, 0))
    documents = [
        join(run.out, o.path) for r in receipts for o in r.outputs if o.path.startswith("documents/")
    ]
    for stage in run.flows[source].clean:
        if stage.notes:
            lines += count_all(documents, partial(_removed, stage.notes))
    return lines + count_all(documents, count_rows)


def _removed(notes: str, path: str) -> list[Line]:
    """The bytes that a stage took out of the texts of one file, by rule, as its notes have them."""
    table = read_parquet(path, ["input", "metadata"])
    total: Counter[str] = Counter()
    for metadata in table.column("metadata").to_pylist():
        total.update(orjson.loads(metadata).get(notes, {}).get(BYTES_REMOVED, {}))
    name = table.column("input")[0].as_py()
    return [Line(name, "removed", f"{notes}.{rule}", 0, size) for rule, size in sorted(total.items())]


def count_rows(path: str) -> list[Line]:
    """The rows and bytes of a file of documents, kept ones as `out`, others as `dropped` by their rule."""
    table = read_parquet(path, ["input", "verdict", "bytes"])
    groups = table.group_by(["input", "verdict"]).aggregate([("bytes", "sum"), ([], "count_all")])
    return [
        Line(
            row["input"],
            "out" if row["verdict"] is None else "dropped",
            row["verdict"] or "",
            row["count_all"],
            row["bytes_sum"],
        )
        for row in groups.to_pylist()
    ]
