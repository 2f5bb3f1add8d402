"""Phase `judge`: lines removed, then language, perplexity, classifier and other rules, one batch a unit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.dedup.near_stage import POINTS
from pipeline.dedup.rounds_lines import LineRound
from pipeline.files import join
from pipeline.flow import Flow
from pipeline.ledger import Line
from pipeline.manifest import Manifest
from pipeline.models import resolve
from pipeline.packed import PackedFile, pack, read_packed
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases import lines as lines_phase
from pipeline.phases import prepare
from pipeline.phases.exchange_rounds import list_path
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
from pipeline.transforms.judging import Judging
from pipeline.transforms.masking import MaskSecrets, masked_bytes
from pipeline.transforms.rules import run_stages
from pipeline.units import Output, Outputs, Receipt, Unit, digest

PHASE = "judge"
VERSION = 4


def judge(run: Run) -> Outcome:
    """Run the phase for every source."""
    with timed(Outcome(PHASE)) as outcome:
        earlier = Earlier(run)
        prepared = {source: earlier(prepare.PHASE, source) for source in run.flows}
        made_with = {source: wanted(run, source, earlier) for source in run.flows}
        run = replace(run, flows={s: settled(run.flows[s], prepared[s]) for s in run.flows})
        listed = {
            source: earlier(lines_phase.PHASE, source) for source in run.flows if run.flows[source].rounds
        }
        configs = {source: made_with[source].config for source in run.flows}
        keys = {source: made_with[source].key for source in run.flows}
        outcome.ran = [s for s in run.flows if not up_to_date(run, PHASE, s, keys[s])]
        jobs = [_job(run, s, configs[s], prepared[s], listed.get(s)) for s in outcome.ran]
        receipts = run_jobs(run, PHASE, jobs)
        for source in outcome.ran:
            books = _books(run, source, prepared[source], receipts[source])
            folders = [f"judged/{source}", f"fingerprints/{PHASE}/{source}"]
            commit(
                run, PHASE, Account(source, keys[source], configs[source], receipts[source], books, folders)
            )
    return outcome


def settled(flow: Flow, prepared: Manifest) -> Flow:
    """The flow with stages that know what `prepare` counted in the whole source."""
    records = Counter[str]()
    for unit in prepared.units:
        records[unit.facts["input"]] += unit.facts["records"]
    return replace(flow, judge=tuple(stage.settled(flow.read, records) for stage in flow.judge))


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`: of what was prepared and of what shares lines."""
    prepared = earlier(prepare.PHASE, source)
    flow = settled(run.flows[source], prepared)
    config = _config(run, flow)
    listed = earlier(lines_phase.PHASE, source).content if flow.rounds else ""
    return Wanted(config, phase_key(VERSION, config, prepared.content, listed))


def _config(run: Run, flow: Flow) -> dict[str, Any]:
    return {
        "judge": stage_settings(flow.judge),
        "duplicates": stage_settings(flow.duplicates),
        "near_duplicates": [stage.fingerprint_settings() for stage in flow.near_duplicates],
        "models": {path: resolve(path).digest for stage in flow.judge for path in stage.model_paths()},
        "scores": run.config.scores,
    }


def _job(run: Run, source: str, config: dict[str, Any], prepared: Manifest, listed: Manifest | None) -> Job:
    flow = run.flows[source]
    lists = {o.path: o.digest for unit in listed.units for o in unit.outputs} if listed else {}
    units = []
    for batch in prepare.batches(prepared):
        paths = {r.name: list_path(lines_phase.PHASE, r.name, source, batch["name"]) for r in flow.rounds}
        inputs = [batch["documents"].digest, batch["fingerprint"].digest, [lists[p] for p in paths.values()]]
        units.append(
            Unit(
                room=PHASE,
                source=source,
                name=batch["name"],
                key=digest([VERSION, config, inputs]),
                size=batch["documents"].size,
                payload={
                    "documents": batch["documents"].path,
                    "fingerprint": batch["fingerprint"].path,
                    "lists": paths,
                },
            )
        )
    return Job(source, units, JudgeBatch(source, flow, run.config.scores == "all"))


@dataclass(frozen=True)
class JudgeBatch:
    """The work of one batch: apply the lists of `lines`, run the judges, fingerprint what is kept."""

    source: str
    flow: Flow
    score_all: bool = False

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the judged batch and the fingerprint of its kept rows."""
        table = read_parquet(join(outputs.out, unit.payload["documents"]))
        batch = Judging(table, self.score_all)
        if self.flow.rounds:
            with PackedFile(join(outputs.out, unit.payload["fingerprint"])) as fingerprint:
                for round_ in self.flow.rounds:
                    removals = read_packed(join(outputs.out, unit.payload["lists"][round_.name]))["removals"]
                    round_.apply(batch, removals, fingerprint)
        run_stages(self.flow.judge, batch)
        judged = batch.table()
        path = f"judged/{self.source}/{unit.name}.parquet"
        outputs.write(path, to_parquet(judged), rows=judged.num_rows)
        arrays = {"rows": np.array([judged.num_rows], np.uint32)}
        for round_ in self.flow.duplicates:
            arrays |= round_.fingerprint(judged)
        for stage in self.flow.near_duplicates:
            arrays |= stage.fingerprint(judged)
        outputs.write(f"fingerprints/{PHASE}/{self.source}/{unit.name}.packed", pack(arrays))
        entries = {r.name: len(arrays[f"{r.name}.key"]) for r in self.flow.duplicates}
        entries |= {stage.name: len(arrays[f"{POINTS}.entries"]) for stage in self.flow.near_duplicates}
        return {
            "rows": judged.num_rows,
            "kept": int(batch.kept().sum()),
            "entries": entries,
            "input": table.column("input")[0].as_py(),
        }


def judged_batches(manifest: Manifest) -> list[dict[str, Any]]:
    """Every judged batch of a source, by name, with its facts and the outputs that hold it."""
    found = []
    for unit in manifest.units:
        documents, fingerprint = _outputs(unit.outputs)
        found.append({"name": unit.name, "judged": documents, "fingerprint": fingerprint, **unit.facts})
    return sorted(found, key=lambda batch: str(batch["name"]))


def _outputs(outputs: list[Output]) -> tuple[Output, Output]:
    documents, fingerprint = outputs
    return documents, fingerprint


def _books(run: Run, source: str, prepared: Manifest, receipts: list[Receipt]) -> list[Line]:
    """Rows and bytes of the documents, against those of the judged rows and what lines took from them."""
    documents = [join(run.out, batch["documents"].path) for batch in prepare.batches(prepared)]
    judged = [join(run.out, receipt.outputs[0].path) for receipt in receipts]
    given = [
        Line(line.input, "in", "rows", line.documents, line.bytes)
        for line in count_all(documents, prepare.count_rows)
    ]
    rules = [round_.rule for round_ in run.flows[source].rounds if isinstance(round_, LineRound)]
    removed = count_all(judged, partial(_removed, rules[0])) if rules else []
    masks = any(isinstance(stage, MaskSecrets) for stage in run.flows[source].judge)
    masked = count_all(judged, _masked) if masks else []
    return given + count_all(judged, prepare.count_rows) + removed + masked


def _removed(rule: str, path: str) -> list[Line]:
    table = read_parquet(path, ["input", "bytes_removed"])
    total = pc.sum(table.column("bytes_removed")).as_py() or 0
    return [Line(table.column("input")[0].as_py(), "removed", rule, 0, total)]


def _masked(path: str) -> list[Line]:
    table = read_parquet(path, ["input", "rule_values"])
    removed, added = masked_bytes(table.column("rule_values"))
    name = table.column("input")[0].as_py()
    return [
        Line(name, "removed", MaskSecrets.name, 0, removed),
        Line(name, "added", MaskSecrets.name, 0, added),
    ]
