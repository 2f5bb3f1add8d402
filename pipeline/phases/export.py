"""Phase `export`: curated documents as files for other tools, one curated file a unit."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import zstandard

from pipeline.files import join, read_file
from pipeline.ledger import Line
from pipeline.manifest import Manifest
from pipeline.parquet import read_parquet, to_parquet
from pipeline.parquet_bytes import table_of
from pipeline.phases import curate, prepare
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
from pipeline.schema import SCORE_FIELDS
from pipeline.units import Output, Outputs, Receipt, Unit, digest

PHASE = "export"
VERSION = 1
COLUMNS = ("id", "text", "source", "url", "timestamp", "snapshot", "language")
_SCORES = tuple(field.name for field in SCORE_FIELDS)


class Format(NamedTuple):
    """How rows become a file, and the rows of such a file again."""

    encode: Callable[[list[dict[str, Any]]], bytes]
    decode: Callable[[bytes], Iterable[dict[str, Any]]]


def exported_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a curated file as they are exported: `metadata` and `scores` are objects, the latter of
    what was measured."""
    rows = []
    for row in table.to_pylist():
        scores = {name: row[name] for name in _SCORES if row[name] is not None}
        if "rule_values" in scores:
            scores["rule_values"] = orjson.loads(scores["rule_values"])
        columns = {name: row[name] for name in COLUMNS}
        rows.append({**columns, "metadata": orjson.loads(row["metadata"]), "scores": scores})
    return rows


def _to_json_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _from_json_lines(data: bytes) -> Iterable[dict[str, Any]]:
    return map(orjson.loads, data.splitlines())


def _to_parquet(rows: list[dict[str, Any]]) -> bytes:
    columns: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in rows], pa.large_string() if name == "text" else pa.string())
        for name in COLUMNS
    }
    for name in ("metadata", "scores"):
        columns[name] = pa.array([orjson.dumps(row[name]).decode() for row in rows], pa.string())
    return to_parquet(pa.table(columns))


def _from_parquet(data: bytes) -> Iterable[dict[str, Any]]:
    rows: list[dict[str, Any]] = table_of(data).to_pylist()
    return rows


def _zstd(rows: list[dict[str, Any]]) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(_to_json_lines(rows))


FORMATS = {
    "jsonl.zst": Format(_zstd, lambda data: _from_json_lines(zstandard.decompress(data))),
    "jsonl.gz": Format(
        lambda rows: gzip.compress(_to_json_lines(rows), 6, mtime=0),
        lambda data: _from_json_lines(gzip.decompress(data)),
    ),
    "jsonl": Format(_to_json_lines, _from_json_lines),
    "parquet": Format(_to_parquet, _from_parquet),
}


def export(run: Run) -> Outcome:
    """Run the phase for every source, in the run's format."""
    with timed(Outcome(PHASE)) as outcome:
        earlier = Earlier(run)
        curated = {source: earlier(curate.PHASE, source) for source in run.flows}
        config = _config(run)
        keys = {source: wanted(run, source, earlier).key for source in run.flows}
        outcome.ran = [s for s in run.flows if not up_to_date(run, PHASE, s, keys[s])]
        jobs = [_job(run, source, config, curated[source]) for source in outcome.ran]
        receipts = run_jobs(run, PHASE, jobs)
        for source in outcome.ran:
            books = _books(run, curated[source], receipts[source])
            account = Account(source, keys[source], config, receipts[source], books, [f"{PHASE}/{source}"])
            commit(run, PHASE, account)
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`: of the format and of what was curated."""
    config = _config(run)
    return Wanted(config, phase_key(VERSION, config, earlier(curate.PHASE, source).content))


def _config(run: Run) -> dict[str, str]:
    return {"format": run.export, "zstandard": zstandard.__version__}


def _job(run: Run, source: str, config: dict[str, str], curated: Manifest) -> Job:
    units = [
        Unit(
            room=PHASE,
            source=source,
            name=file.path.rsplit("/", 1)[1].removesuffix(".parquet"),
            key=digest([VERSION, config, file.digest]),
            size=file.size,
            payload={"curated": file.path},
        )
        for file in _files(curated)
    ]
    return Job(source, units, ExportFile(run.export))


def _files(curated: Manifest) -> list[Output]:
    return curated.files(f"curated/{curated.source}")


@dataclass(frozen=True)
class ExportFile:
    """The work of one curated file: the same rows in the same order, in another form."""

    format: str

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the file."""
        table = read_parquet(join(outputs.out, unit.payload["curated"]))
        rows = exported_rows(table)
        path = f"{PHASE}/{unit.source}/{unit.name}.{self.format}"
        outputs.write(path, FORMATS[self.format].encode(rows), rows=len(rows))
        return {"input": table.column("input")[0].as_py()}


def _books(run: Run, curated: Manifest, receipts: list[Receipt]) -> list[Line]:
    """Every curated row is in an exported file, with the same bytes of text."""
    came = count_all([join(run.out, file.path) for file in _files(curated)], prepare.count_rows)
    books = [Line(line.input, "in", "rows", line.documents, line.bytes) for line in came]
    for receipt in receipts:
        count = partial(_count_rows, run.export, receipt.facts["input"])
        books += count_all([join(run.out, output.path) for output in receipt.outputs], count)
    return books


def _count_rows(format_: str, name: str, path: str) -> list[Line]:
    sizes = [len(row["text"].encode()) for row in FORMATS[format_].decode(read_file(path))]
    return [Line(name, "out", "", len(sizes), sum(sizes))]
