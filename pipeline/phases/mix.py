"""Phase `mix`: the plan of a mixture, and the training order written out as rows, one shard a unit.

An edited proportion, budget or seed re-runs this phase alone: it reads token shards and nothing before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import orjson
import pyarrow.compute as pc

from mixtures.launch import launch_files, launch_table
from mixtures.plan_file import ENCODING, TokenizedSource, order_of, plan_content, streams_of
from mixtures.token_shards import StoredShards
from mixtures.training_shard import training_shard
from pipeline.files import join, read_file
from pipeline.ledger import Line
from pipeline.manifest import Manifest
from pipeline.parquet import read_parquet
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
from pipeline.phases.shard_exports import ROOM as EXPORTS
from pipeline.phases.shard_exports import check_formats, export_entries, exports_job, index_files
from pipeline.phases.shard_files import to_json, write_file_entry, write_shard
from pipeline.phases.tokenize import PHASE as TOKENIZE
from pipeline.phases.tokenize import shard_entries
from pipeline.units import Outputs, Receipt, Unit, digest

PHASE = "mix"
VERSION = 3
ROWS_VERSION = 2  # of the shards alone, so that what stands beside them can change without writing them again
# All sources meet in one mixture: the name that stands where other phases have a source's.
MIXTURE = "mixture"
PLAN = "shards/plan.json"


def mix(run: Run) -> Outcome:
    """Run the phase for the mixture of all sources."""
    with timed(Outcome(PHASE)) as outcome:
        earlier = Earlier(run)
        tokenized = {source: earlier(TOKENIZE, source) for source in sorted(run.flows)}
        config = _config(run)
        key = wanted(run, MIXTURE, earlier).key
        if up_to_date(run, PHASE, MIXTURE, key):
            return outcome
        outcome.ran = [MIXTURE]
        plan = plan_content(run.config, sources_of(run.proportions, tokenized))
        check_formats(config["export"], plan)
        outputs = Outputs(run.out)
        plan_file = write_file_entry(outputs, PLAN, to_json(plan), rows=0)
        receipts = run_jobs(run, PHASE, [_job(run, plan, plan_file["xxh3_128"], tokenized)])[MIXTURE]
        books = _books(run, plan, receipts)
        exports: list[Receipt] = []
        if config["export"]:
            shape = (plan["sequence_length"], plan["dtype"])
            exports = run_jobs(run, EXPORTS, [exports_job(MIXTURE, config["export"], *shape, receipts)])[
                MIXTURE
            ]
        _write_manifest(outputs, plan, plan_file, receipts, (config["export"], export_entries(exports)))
        receipts += [*exports, Receipt("manifest", key, outputs.written, {})]
        commit(run, PHASE, Account(MIXTURE, key, config, receipts, books, ["shards"]))
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`, which is the mixture of all."""
    assert source == MIXTURE
    config = _config(run)
    tokens = [[name, earlier(TOKENIZE, name).content] for name in sorted(run.flows)]
    return Wanted(config, phase_key(VERSION, config, tokens))


def _config(run: Run) -> dict[str, Any]:
    config = run.config
    return {
        "proportions": {source: str(share) for source, share in run.proportions.items()},
        "tokens": config.tokens,
        "sequence_length": config.sequence_length,
        "seed": config.seed,
        "max_epochs": config.max_epochs,
        "too_little": config.too_little,
        "shard_tokens": config.shard_tokens,
        "packing": config.packing,
        "curriculum": [stage.model_dump() for stage in config.curriculum],
        "export": sorted(set(config.export)),
    }


def sources_of(
    proportions: Mapping[str, Fraction], tokenized: Mapping[str, Manifest]
) -> dict[str, TokenizedSource]:
    """The sources of a mixture, from the manifests of `tokenize`."""
    return {
        source: TokenizedSource(proportions[source], manifest.config, shard_entries(manifest.units))
        for source, manifest in tokenized.items()
    }


def _job(run: Run, plan: dict[str, Any], plan_digest: str, tokenized: Mapping[str, Manifest]) -> Job:
    itemsize = np.dtype(plan["dtype"]).itemsize
    rows, step = plan["rows"], plan["rows_per_shard"]
    units = [
        Unit(
            room=PHASE,
            source=MIXTURE,
            name=f"shard-{number:05d}",
            key=digest([ROWS_VERSION, plan_digest, number]),
            size=(min(start + step, rows) - start) * plan["sequence_length"] * itemsize,
            payload={"rows": [start, min(start + step, rows)]},
        )
        for number, start in enumerate(range(0, rows, step))
    ]
    for source, manifest in tokenized.items():
        for entry in shard_entries(manifest.units, validation=True):
            name = entry["name"].replace("validation", source)
            units.append(
                Unit(
                    room=PHASE,
                    source=MIXTURE,
                    name=f"validation-{name}",
                    key=digest([ROWS_VERSION, entry]),
                    size=entry["files"][0]["bytes"],
                    payload={"from": f"tokens/{source}", "name": name, "entry": entry},
                )
            )
    return Job(MIXTURE, units, MixUnit())


@dataclass(frozen=True)
class MixUnit:
    """The work of one shard: a block of the training order, or a validation shard put beside it."""

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the shard; the facts are its entry in the manifest."""
        if "entry" in unit.payload:
            return _place_validation(unit.payload, outputs)
        plan = orjson.loads(read_file(join(outputs.out, PLAN)))
        start, stop = unit.payload["rows"]
        length, dtype = plan["sequence_length"], np.dtype(plan["dtype"])
        shards = {
            source: StoredShards(outputs.out, source, [shard["name"] for shard in part["shards"]], dtype)
            for source, part in plan["sources"].items()
        }
        block = training_shard(
            order_of(plan),
            streams_of(plan),
            shards,
            (start, stop),
            sequence_length=length,
            dtype=dtype,
            packing=plan["packing"],
        )
        lengths = np.full(stop - start, length, np.int64)
        entry = write_shard(outputs, f"shards/{unit.name}", block.tokens, lengths, ("rows", block.pieces))
        return {**entry, "first_row": start}


def _place_validation(payload: dict[str, Any], outputs: Outputs) -> dict[str, Any]:
    entry = payload["entry"]
    files = []
    for file in entry["files"]:
        data = read_file(join(outputs.out, payload["from"], file["file"]))
        suffix = file["file"].removeprefix(entry["name"])
        path = f"shards/validation/{payload['name']}{suffix}"
        files.append(write_file_entry(outputs, path, data, entry["sequences"]))
    return {**entry, "name": payload["name"], "files": files}


def _write_manifest(
    outputs: Outputs,
    plan: dict[str, Any],
    plan_file: dict[str, Any],
    receipts: list[Receipt],
    exported: tuple[list[str], list[dict[str, Any]]],
) -> None:
    """shards/manifest.json: what a reader of the training shards needs to know, and to check them; and beside
    it what follows from the same entries, launch fragments and the indices of exports.
    """
    entries = sorted((receipt.facts for receipt in receipts), key=lambda entry: str(entry["name"]))
    content = {
        **{name: plan[name] for name in (*ENCODING, "sequence_length", "seed", "rows", "tokens")},
        "plan": plan_file,
        "shards": [entry for entry in entries if "first_row" in entry],
        "validation": [entry for entry in entries if "first_row" not in entry],
    }
    fragments = launch_files(launch_table(plan, content["validation"]))
    launch = {f"launch/{name}": text.encode() for name, text in fragments.items()}
    content["launch"] = _write_beside(outputs, launch)
    formats, exports = exported
    if formats:
        content |= {"export": formats, "exports": exports}
        content["export_indices"] = _write_beside(outputs, index_files(exports, plan["dtype"]))
    outputs.write("shards/manifest.json", to_json(content))


def _write_beside(outputs: Outputs, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Write files below shards/; returns their entries, which name them with their folders."""
    return [
        {**write_file_entry(outputs, f"shards/{path}", data, rows=0), "file": path}
        for path, data in files.items()
    ]


def _books(run: Run, plan: dict[str, Any], receipts: list[Receipt]) -> list[Line]:
    """The rows and bytes that the plan deals to each source are those that its rows in the shards hold."""
    itemsize = np.dtype(plan["dtype"]).itemsize
    planned = [
        Line(source, "in", "planned", part["rows"], part["tokens"] * itemsize)
        for source, part in plan["sources"].items()
    ]
    tables = [join(run.out, o.path) for r in receipts for o in r.outputs if o.path.endswith(".rows.parquet")]
    return planned + count_all(tables, lambda path: _count_rows(path, itemsize))


def _count_rows(path: str, itemsize: int) -> list[Line]:
    """Rows, each of which begins at offset 0 once, and bytes of tokens, by source."""
    table = read_parquet(path, ["source", "offset", "start", "stop"])
    tokens = pc.subtract(table.column("stop"), table.column("start"))
    begins = pc.cast(pc.equal(table.column("offset"), 0), "int64")
    counted = (
        table.select(["source"])
        .append_column("tokens", tokens)
        .append_column("rows", begins)
        .group_by("source")
        .aggregate([("rows", "sum"), ("tokens", "sum")])
    )
    return [
        Line(row["source"], "out", "", row["rows_sum"], row["tokens_sum"] * itemsize)
        for row in counted.to_pylist()
    ]
