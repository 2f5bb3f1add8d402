"""Phase `tokenize`: curated documents to token shards in hash order, and a holdout set apart.

Three rooms: `encode` turns each curated batch into a token file sorted by hash; `assemble` makes one shard a
unit from its range of the hash order; `sidecars` adds what other trainers want beside it, where the config
asks. No text and no token is shuffled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from mixtures.proportions import as_fraction
from pipeline.errors import WinnowError
from pipeline.files import join, read_file, write_file
from pipeline.ledger import Line
from pipeline.manifest import Manifest, UnitFiles, remove_unnamed
from pipeline.models import Model, load_sentencepiece
from pipeline.parquet import read_parquet
from pipeline.phases.curate import PHASE as CURATE
from pipeline.phases.encode import ROOM, checked_tokenizer, encode_job, encoded_folder, encoder_of
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
from pipeline.phases.shard_files import to_json, write_shard
from pipeline.phases.sidecars import ROOM as SIDECARS
from pipeline.phases.sidecars import sidecar_entries, sidecars_job
from pipeline.units import Outputs, Receipt, Unit, digest
from tokenizer.assemble import KeyRange, assemble, key_ranges
from tokenizer.holdout import Cut, cut
from tokenizer.tokens_file import KEYS

PHASE = "tokenize"
VERSION = 1
# Recorded with every shard: what stands around each document. LLaMA-1's paper does not say what it had.
POLICY = "[BOS] document [EOS]"


def tokenize(run: Run) -> Outcome:
    """Run the phase for every source."""
    with timed(Outcome(PHASE)) as outcome:
        if "validation" in run.flows:
            raise WinnowError(
                "a source cannot be called validation, the name of what is held out of all sources"
            )
        earlier = Earlier(run)
        curated = {source: earlier(CURATE, source) for source in run.flows}
        model = checked_tokenizer(run.config.tokenizer)
        config = _config(run, model)
        beside = _beside(run)
        keys = {source: wanted(run, source, earlier).key for source in run.flows}
        outcome.ran = [source for source in run.flows if not up_to_date(run, PHASE, source, keys[source])]
        encode = [encode_job(source, model, curated[source]) for source in outcome.ran]
        encoded = run_jobs(run, ROOM, encode)
        jobs = [_assemble_job(run, source, config, encoded[source]) for source in outcome.ran]
        shards = run_jobs(run, f"{PHASE}/assemble", jobs)
        sidecars: dict[str, list[Receipt]] = {source: [] for source in outcome.ran}
        if beside:
            asked = beside["sidecars"], beside["tokenizer_name"]
            sidecars = run_jobs(run, SIDECARS, [sidecars_job(s, *asked, shards[s]) for s in outcome.ran])
        for source in outcome.ran:
            books = _books(run, source, curated[source], shards[source])
            manifest = _manifest(run, source, config | beside, shards[source], sidecars[source])
            receipts = [*shards[source], *sidecars[source], manifest]
            kept = {output.path for receipt in encoded[source] for output in receipt.outputs}
            remove_unnamed(run.out, [encoded_folder(source)], kept)
            account = Account(
                source, keys[source], config | beside, receipts, books, [f"tokens/{source}"], bytes_too=False
            )
            commit(run, PHASE, account)
    return outcome


def wanted(run: Run, source: str, earlier: Earlier) -> Wanted:
    """The phase's config and key for `source`: of the tokenizer and of what was curated."""
    config = _config(run, checked_tokenizer(run.config.tokenizer)) | _beside(run)
    return Wanted(config, phase_key(VERSION, config, earlier(CURATE, source).content))


def _config(run: Run, model: Model) -> dict[str, Any]:
    processor = load_sentencepiece(model)
    return {
        "tokenizer": model.digest,
        "vocabulary": processor.vocab_size(),
        "dtype": encoder_of(model).dtype.name,
        "policy": POLICY,
        "bos": processor.bos_id(),
        "eos": processor.eos_id(),
        "shard_tokens": run.config.shard_tokens,
        "holdout": run.config.holdout.model_dump() if run.config.holdout else None,
    }


def _beside(run: Run) -> dict[str, Any]:
    """The part of the config that sidecars alone depend on: an edit of it assembles no shard again."""
    if not run.config.sidecars:
        return {}
    name = run.config.tokenizer_name or run.config.tokenizer.replace(":", "/").rsplit("/", 1)[-1]
    return {"sidecars": sorted(set(run.config.sidecars)), "tokenizer_name": name}


def _assemble_job(run: Run, source: str, config: dict[str, Any], encoded: list[Receipt]) -> Job:
    """The shards of a source: ranges of the hash order, of documents held out and of those to train on."""
    total = sum(receipt.facts["tokens"] for receipt in encoded)
    documents = sum(receipt.facts["documents"] for receipt in encoded)
    apart = _holdout(run, source, total, encoded)
    files = sorted((output for receipt in encoded for output in receipt.outputs), key=lambda file: file.path)
    listing = f"work/{PHASE}/{source}.files.json"
    write_file(join(run.out, listing), orjson.dumps([file.path for file in files]))
    key = digest([VERSION, config, [[file.path, file.digest] for file in files]])
    units = []
    for stem, held_out, tokens in (("validation", True, apart.tokens), (source, False, total - apart.tokens)):
        if not tokens:
            continue
        ranges = key_ranges(tokens, documents * tokens // total, run.config.shard_tokens)
        for number, (first, stop) in enumerate(ranges):
            # Edges lie beyond what JSON numbers can hold, so they travel as text.
            span = [str(first), str(stop), str(apart.limit), held_out]
            units.append(
                Unit(
                    room=f"{PHASE}/assemble",
                    source=source,
                    name=f"{stem}-{number:05d}",
                    key=digest([key, span]),
                    size=tokens * np.dtype(config["dtype"]).itemsize * (stop - first) // KEYS,
                    payload={"files": listing, "span": span},
                )
            )
    return Job(source, units, AssembleShard(source, config["dtype"]))


def _holdout(run: Run, source: str, total: int, encoded: list[Receipt]) -> Cut:
    holdout = run.config.holdout
    if holdout is None:
        return Cut(0, 0)
    wanted = holdout.tokens_per_source or math.ceil(as_fraction(holdout.share or 0) * total)
    apart = cut((receipt.facts["sketch"] for receipt in encoded), wanted)
    if total and apart.tokens >= total:
        raise WinnowError(
            f"holdout: {wanted:,} tokens of {source} are wanted for validation and it has {total:,}, so none "
            "would be left to train on; ask for fewer"
        )
    return apart


@dataclass(frozen=True)
class AssembleShard:
    """The work of one shard: merge its range of all token files, write it with its provenance."""

    source: str
    dtype: str

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write .bin, .idx and provenance; the facts are the shard's entry in the manifest.

        A range without documents leaves no files and no facts: trainers cannot map an empty file.
        """
        first, stop, limit, held_out = unit.payload["span"]
        paths = [
            join(outputs.out, path)
            for path in orjson.loads(read_file(join(outputs.out, unit.payload["files"])))
        ]
        span = KeyRange(int(first), int(stop), int(limit), held_out)
        shard = assemble(paths, self.source, span, np.dtype(self.dtype))
        if not len(shard.lengths):
            return {}
        base = f"tokens/{self.source}/{unit.name}"
        return write_shard(outputs, base, shard.tokens, shard.lengths, ("provenance", shard.provenance))


def _manifest(
    run: Run, source: str, config: dict[str, Any], shards: list[Receipt], sidecars: list[Receipt]
) -> Receipt:
    """tokens/<source>/manifest.json: what a reader of the shards needs to know, and to check them."""
    content = {
        "source": source,
        **config,
        "order": "xxh3_64 of the document id, then the id",
        "shards": shard_entries(shards),
        "validation": shard_entries(shards, validation=True),
    }
    if "sidecars" in config:
        content["sidecar_files"] = sidecar_entries(sidecars)
    outputs = Outputs(run.out)
    outputs.write(f"tokens/{source}/manifest.json", to_json(content))
    return Receipt("manifest", digest(content), outputs.written, {})


def _is_validation(name: str) -> bool:
    return name.startswith("validation-")


def shard_entries(units: Iterable[UnitFiles | Receipt], validation: bool = False) -> list[dict[str, Any]]:
    """The entries of a source's token shards, in order: of those to train on, or of those held out."""
    entries = [unit.facts for unit in units if "sequences" in unit.facts]
    chosen = [entry for entry in entries if _is_validation(entry["name"]) == validation]
    return sorted(chosen, key=lambda entry: str(entry["name"]))


def _books(run: Run, source: str, curated: Manifest, shards: list[Receipt]) -> list[Line]:
    """Every curated document is in one shard, to train on or held out."""
    given = [join(run.out, file.path) for file in curated.files(f"curated/{source}")]
    trained: list[str] = []
    apart: list[str] = []
    for receipt in shards:
        found = [join(run.out, o.path) for o in receipt.outputs if o.path.endswith(".parquet")]
        (apart if _is_validation(receipt.unit) else trained).extend(found)
    sides = ((given, "in", "rows"), (trained, "out", ""), (apart, "out", "holdout"))
    return [
        Line(line.input, entry, rule, line.documents, 0)
        for paths, entry, rule in sides
        for line in count_all(paths, _documents)
    ]


def _documents(path: str) -> list[Line]:
    counted = read_parquet(path, ["input"]).group_by("input").aggregate([([], "count_all")])
    return [Line(row["input"], "", "", row["count_all"], 0) for row in counted.to_pylist()]
