"""Phase `curate`: the lists of duplicates applied, and curated split from dropped, one batch a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.settle import SETTLED, with_verdicts
from pipeline.files import join
from pipeline.ledger import Line
from pipeline.manifest import Manifest
from pipeline.packed import read_packed
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases import duplicates, judge, prepare
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
    timed,
    up_to_date,
)
from pipeline.phases.settle import settled_path
from pipeline.units import Outputs, Receipt, Unit, digest

PHASE = "curate"
VERSION = 2


def curate(run: Run) -> Outcome:
    """Run the phase for every source."""
    with timed(Outcome(PHASE)) as outcome:
        earlier = Earlier(run)
        judged = {source: earlier(judge.PHASE, source) for source in run.flows}
        listed = {
            source: earlier(duplicates.PHASE, source) for source in duplicates.sources_with_duplicates(run)
        }
        keys = {source: wanted(run, source, earlier).key for source in run.flows}
        outcome.ran = [s for s in run.flows if not up_to_date(run, PHASE, s, keys[s])]
        jobs = [_job(run, source, judged[source], listed.get(source)) for source in outcome.ran]
        receipts = run_jobs(run, PHASE, jobs)
        for source in outcome.ran:
            books = _books(run, judged[source], receipts[source])
            folders = [f"curated/{source}", f"dropped/{source}"]
            commit(run, PHASE, Account(source, keys[source], {}, receipts[source], books, folders))
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config, which is none, and its key for `source`: of what was judged and of duplicates."""
    with_duplicates = source in duplicates.sources_with_duplicates(run)
    listed = earlier(duplicates.PHASE, source).content if with_duplicates else ""
    return Wanted({}, phase_key(VERSION, earlier(judge.PHASE, source).content, listed))


def _job(run: Run, source: str, judged: Manifest, listed: Manifest | None) -> Job:
    lists = {o.path: o.digest for unit in listed.units for o in unit.outputs} if listed else {}
    units = []
    for batch in judge.judged_batches(judged):
        path = settled_path(source, batch["name"]) if listed else ""
        units.append(
            Unit(
                room=PHASE,
                source=source,
                name=batch["name"],
                key=digest([VERSION, batch["judged"].digest, lists[path] if path else ""]),
                size=batch["judged"].size,
                payload={"judged": batch["judged"].path, "list": path},
            )
        )
    return Job(source, units, CurateBatch(source))


@dataclass(frozen=True)
class CurateBatch:
    """The work of one batch: give duplicates their verdict, then write kept and dropped rows apart."""

    source: str

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write curated/ and dropped/ files, each only where it has rows."""
        judged = read_parquet(join(outputs.out, unit.payload["judged"]))
        settled = np.zeros(0, SETTLED)
        if unit.payload["list"]:
            settled = read_packed(join(outputs.out, unit.payload["list"]))["removals"]
        table = with_verdicts(judged, settled)
        kept = pc.is_null(table.column("verdict"))
        parts = {"curated": table.filter(kept), "dropped": table.filter(pc.invert(kept))}
        for folder, part in parts.items():
            if part.num_rows:
                self._write(folder, unit.name, part, outputs)
        return {folder: part.num_rows for folder, part in parts.items()}

    def _write(self, folder: str, name: str, part: pa.Table, outputs: Outputs) -> None:
        path = f"{folder}/{self.source}/{name}.parquet"
        outputs.write(path, to_parquet(part), rows=part.num_rows)


def _books(run: Run, judged: Manifest, receipts: list[Receipt]) -> list[Line]:
    """Every judged row is in curated/ or in dropped/, with the same bytes."""
    given = [join(run.out, batch["judged"].path) for batch in judge.judged_batches(judged)]
    written = [join(run.out, output.path) for receipt in receipts for output in receipt.outputs]
    came = count_all(given, prepare.count_rows)
    return [Line(line.input, "in", "rows", line.documents, line.bytes) for line in came] + count_all(
        written, prepare.count_rows
    )
