"""Checks of one source's token shards: files, index, tokens, documents, provenance, texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import sentencepiece

from mixtures.check_files import Content, Shard, check_folder, named_files
from mixtures.check_sidecars import check_sidecars
from mixtures.opened import read_json
from pipeline.files import join, list_folder
from pipeline.manifest import read_manifest
from pipeline.parquet import read_parquet
from tokenizer.assemble import PROVENANCE
from tokenizer.tokens_file import order_keys

TEXT_EVERY = 1000  # of so many documents, one is encoded again from its text and compared
HEADER = ("source", "tokenizer", "vocabulary", "dtype", "bos", "eos", "order", "shards", "validation")


@dataclass
class Source:
    """What the checks of one source leave for those that follow."""

    manifest: dict[str, Any]
    held_out: set[str] = field(default_factory=set)
    documents: int = 0
    texts: dict[str, dict[str, npt.NDArray[Any]]] = field(default_factory=dict)  # by input, then id


def check_source(
    out: str, source: str, processor: sentencepiece.SentencePieceProcessor | None
) -> Iterator[str]:
    """A sentence for each fault of tokens/`source`; texts are compared where `processor` is given and the
    run still has its curated documents.
    """
    folder = f"tokens/{source}"
    manifest = read_json(join(out, folder, "manifest.json"), f"{folder} has no manifest")
    missing = [key for key in HEADER if key not in manifest]
    if missing:
        yield f"{folder}/manifest.json lacks {', '.join(missing)}"
        return
    if manifest["source"] != source:
        yield f"{folder}/manifest.json is of source {manifest['source']}"
    state = Source(manifest)
    entries = [*manifest["shards"], *manifest["validation"]]
    sidecars = manifest.get("sidecar_files", [])
    yield from check_folder(out, "tokenize", source, folder, named_files([*entries, *sidecars]))
    yield from check_sidecars(out, folder, manifest)
    yield from _same_entries(out, source, manifest)
    # Held out first: what must not stand among the others has to be known before they are read.
    for side in ("validation", "shards"):
        last: tuple[int, str] = (-1, "")
        for entry in manifest[side]:
            shard = Shard(out, folder, entry, manifest)
            yield from shard.findings
            if shard.content is None:
                continue
            yield from _documents(f"{folder}/{entry['name']}", shard.content, manifest)
            faults, last = _provenance(f"{folder}/{entry['name']}", shard.content, source, last)
            yield from faults
            yield from _sides(folder, entry["name"], shard.content, state, side == "validation")
            _sample(shard.content, state)
    yield from _against_curated(out, source, state, processor)


def _same_entries(out: str, source: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    """The folder's manifest and the run's own say the same of every shard."""
    phase = read_manifest(out, "tokenize", source)
    if phase is None:
        return
    facts = {_entry_name(unit.facts): unit.facts for unit in phase.units if unit.facts}
    listed = [*manifest["shards"], *manifest["validation"], *manifest.get("sidecar_files", [])]
    entries = {_entry_name(entry): entry for entry in listed}
    for name in sorted(facts.keys() | entries.keys()):
        if facts.get(name) != entries.get(name):
            yield f"tokens/{source}/manifest.json and manifests/tokenize/{source}.json differ about {name}"
    for key, value in phase.config.items():
        if manifest.get(key) != value:
            yield f"tokens/{source}/manifest.json and manifests/tokenize/{source}.json differ about {key}"


def _entry_name(entry: Mapping[str, Any]) -> str:
    """A name of a shard, or of what stands beside it for one trainer."""
    return entry["name"] if "name" in entry else f"{entry['sidecars_of']}.{entry['trainer']}"


def _documents(path: str, content: Content, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Every document begins with BOS and ends with EOS, and neither stands inside one."""
    ends = np.cumsum(content.lengths)
    for name, places in (("bos", ends - content.lengths), ("eos", ends - 1)):
        marks = np.flatnonzero(content.tokens == manifest[name])
        if not np.array_equal(marks, places):
            wrong = np.setxor1d(marks, places)
            edge = "begin" if name == "bos" else "end"
            yield (
                f"{path}.bin: {name.upper()} stands at {len(marks):,} tokens, not at the {len(places):,} "
                f"where documents {edge}; the first difference is at token {wrong[0]:,}"
            )


def _provenance(
    path: str, content: Content, source: str, last: tuple[int, str]
) -> tuple[list[str], tuple[int, str]]:
    """The table names every document where it is, in the order of hashes over all shards of one side."""
    table, place = content.table, f"{path}.provenance.parquet"
    if table.schema.names != PROVENANCE.names:
        return [f"{place} has the columns {', '.join(table.schema.names)}"], last
    faults = []
    ends = np.cumsum(content.lengths)
    wanted = {
        "document": np.arange(len(ends)),
        "start": ends - content.lengths,
        "end": ends,
        "tokens": content.lengths,
    }
    for name, values in wanted.items():
        if not np.array_equal(table.column(name).to_numpy(), values):
            faults.append(f"{place}: column {name} does not agree with the index")
    if table.num_rows and pc.unique(table.column("source")).to_pylist() != [source]:
        faults.append(f"{place} names another source than {source}")
    ids = table.column("id").to_pylist()
    ordered = [last, *zip(order_keys(ids).tolist(), ids, strict=True)]
    for before, after in pairwise(ordered):
        if before >= after:
            faults.append(f"{place}: document {after[1]} is out of the order of hashes, or there twice")
            break
    return faults, ordered[-1]


def _sides(folder: str, name: str, content: Content, state: Source, held_out: bool) -> Iterator[str]:
    """No document is both held out and trained on."""
    ids = set(content.table.column("id").to_pylist())
    state.documents += len(ids)
    if held_out:
        state.held_out |= ids
    elif both := sorted(ids & state.held_out):
        yield f"{folder}/{name}: {len(both):,} held-out documents are trained on, as {both[0]}"


def _sample(content: Content, state: Source) -> None:
    """Keep the tokens of one document of TEXT_EVERY, to compare with its text."""
    begins = np.cumsum(content.lengths) - content.lengths
    for number in range(0, min(len(begins), content.table.num_rows), TEXT_EVERY):
        row = content.table.slice(number, 1).to_pylist()[0]
        tokens = content.tokens[begins[number] : begins[number] + content.lengths[number]]
        state.texts.setdefault(row["input"], {})[row["id"]] = tokens.copy()


def _against_curated(
    out: str, source: str, state: Source, processor: sentencepiece.SentencePieceProcessor | None
) -> Iterator[str]:
    """Every curated document is in one shard, and the tokens of those sampled are those of their texts."""
    curated = read_manifest(out, "curate", source)
    if curated is None:
        return
    files = curated.files(f"curated/{source}")
    documents = sum(file.rows for file in files)
    if documents != state.documents:
        yield f"tokens/{source} holds {state.documents:,} documents, {documents:,} were curated"
    if processor is None:
        return
    bos, eos = state.manifest["bos"], state.manifest["eos"]
    for file in files:
        name = file.path.rsplit("/", 1)[1].rsplit("-", 1)[0]  # <input>-<batch>.parquet
        wanted = state.texts.get(name)
        if not wanted:
            continue
        for row in read_parquet(join(out, file.path), ["id", "text"]).to_pylist():
            tokens = wanted.pop(row["id"], None)
            if tokens is not None and tokens.tolist() != [bos, *processor.encode(row["text"]), eos]:
                yield f"tokens/{source}: the tokens of document {row['id']} are not those of its text"
    for name, missing in state.texts.items():
        yield from (f"tokens/{source}: {number} of {name} was not curated" for number in missing)


def sources_of(out: str) -> list[str]:
    """The sources with token shards below `out`, by name."""
    folders = {name.split("/", 1)[0] for name in list_folder(join(out, "tokens")) if "/" in name}
    return sorted(folders)
