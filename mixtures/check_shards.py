"""Checks of the plan and the training shards: every row is what plan and token shards say it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from mixtures.check_exports import check_exports, named_exports
from mixtures.check_files import Content, Shard, check_file, check_folder, named_files
from mixtures.course import Order
from mixtures.opened import read_json
from mixtures.plan_file import ENCODING, order_of, streams_of
from mixtures.token_shards import StoredShards
from mixtures.training_shard import ROW_PIECES, training_shard
from pipeline.errors import WinnowError
from pipeline.files import exists, join, read_file

HEADER = (*ENCODING, "sequence_length", "seed", "rows", "tokens", "plan", "shards", "validation")


def check_training(out: str) -> Iterator[str]:
    """A sentence for each fault of shards/; nothing where the run has no training shards."""
    if not exists(join(out, "shards", "manifest.json")) and not exists(join(out, "shards", "plan.json")):
        return
    manifest = read_json(join(out, "shards", "manifest.json"), "shards has no manifest")
    plan = read_json(join(out, "shards", "plan.json"), "shards has no plan")
    missing = [key for key in HEADER if key not in manifest]
    if missing:
        yield f"shards/manifest.json lacks {', '.join(missing)}"
        return
    _, plan_file = check_file(out, "shards", manifest["plan"])
    yield from plan_file
    validation = {f"validation/{name}" for name in named_files(manifest["validation"])}
    named = {
        manifest["plan"]["file"],
        *named_files(manifest["shards"]),
        *validation,
        *named_exports(manifest),
    }
    yield from check_folder(out, "mix", "mixture", "shards", named)
    for key in (*ENCODING, "sequence_length", "seed", "rows", "tokens"):
        if manifest[key] != plan.get(key):
            yield f"shards/manifest.json says {key} is {manifest[key]}, the plan {plan.get(key)}"
    if plan_file:
        return  # an order that follows from a damaged plan says nothing about the rows
    yield from _plan(out, plan)
    yield from _validation(out, manifest, plan)
    yield from check_exports(out, manifest, plan)
    yield from _rows(out, manifest, plan)


def _plan(out: str, plan: Mapping[str, Any]) -> Iterator[str]:
    """The plan's arithmetic, and that its token shards are those that lie there."""
    sources = plan["sources"]
    if sum(Fraction(part["proportion"]) for part in sources.values()) != 1:
        yield "plan.json: the proportions do not sum to 1"
    if plan["tokens"] != plan["rows"] * plan["sequence_length"]:
        yield "plan.json: tokens are not rows times the sequence length"
    counts = order_of(plan).course.counts(plan["rows"])
    for source, part in sources.items():
        if part["rows"] != counts[source]:
            yield f"plan.json: {source} has {part['rows']:,} rows, the order deals it {counts[source]:,}"
        if part["tokens"] != part["rows"] * plan["sequence_length"]:
            yield f"plan.json: the tokens of {source} are not its rows times the sequence length"
        available = sum(shard["tokens"] for shard in part["shards"])
        if part["available_tokens"] != available:
            yield f"plan.json: {source} has {part['available_tokens']:,} tokens, its shards {available:,}"
        if part["epochs"] + Fraction(part["epoch_fraction"]) != Fraction(part["tokens"], available or 1):
            yield f"plan.json: the epochs of {source} are not its tokens by those available"
        if part["tokens"] > Fraction(str(plan["max_epochs"])) * available:
            yield f"plan.json: {source} is read more than {plan['max_epochs']} times"
        path = join(out, "tokens", source, "manifest.json")
        lying = read_json(path, f"the plan draws from {source}")
        named = [(shard["name"], shard["tokens"], shard["sha256"]) for shard in part["shards"]]
        if named != [(e["name"], e["tokens"], e["files"][0]["sha256"]) for e in lying["shards"]]:
            yield f"plan.json: the token shards of {source} are not those of tokens/{source}/manifest.json"
        for key in ENCODING:
            if plan[key] != lying[key]:
                yield f"plan.json: {key} is {plan[key]}, that of {source}'s tokens {lying[key]}"


def _validation(out: str, manifest: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    """shards/validation holds what every source held out, byte for byte."""
    placed = {entry["name"]: entry for entry in manifest["validation"]}
    for source in plan["sources"]:
        held = orjson.loads(read_file(join(out, "tokens", source, "manifest.json")))["validation"]
        for entry in held:
            name = entry["name"].replace("validation", source)
            found = placed.pop(name, None)
            if found is None:
                yield f"shards/validation/{name} is missing, though {source} has it"
            elif [file["sha256"] for file in found["files"]] != [file["sha256"] for file in entry["files"]]:
                yield f"shards/validation/{name} is not the tokens/{source}/{entry['name']} it was made from"
    yield from (f"shards/validation/{name} was held out of no source" for name in placed)
    for entry in manifest["validation"]:
        yield from Shard(out, "shards/validation", entry, manifest).findings


def _rows(out: str, manifest: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    order, streams = order_of(plan), streams_of(plan)
    stored = {
        source: StoredShards(out, source, [shard["name"] for shard in part["shards"]], plan["dtype"])
        for source, part in plan["sources"].items()
    }
    length, row = plan["sequence_length"], 0
    read: Counter[tuple[str, int]] = Counter()
    for entry in manifest["shards"]:
        path = f"shards/{entry['name']}"
        if entry["first_row"] != row:
            yield f"{path} begins at row {entry['first_row']:,}, the rows before it end at {row:,}"
        shard = Shard(out, "shards", entry, manifest)
        yield from shard.findings
        start, row = row, row + entry["sequences"]
        if shard.content is None or row > plan["rows"]:
            continue
        faults = list(_content(path, shard.content, start, length))
        yield from faults
        if faults:
            continue
        yield from _order(path, shard.content, order, start, row)
        try:
            block = training_shard(
                order,
                streams,
                stored,
                (start, row),
                sequence_length=length,
                dtype=np.dtype(plan["dtype"]),
                packing=plan["packing"],
            )
        except (WinnowError, ValueError, IndexError) as error:
            yield f"{path} cannot be compared with the token shards: {error}"
            continue
        if not np.array_equal(block.tokens, shard.content.tokens):
            wrong = int(np.flatnonzero(block.tokens != shard.content.tokens)[0])
            yield f"{path}.bin: row {start + wrong // length:,} is not what plan and token shards make of it"
        if not block.pieces.equals(shard.content.table.cast(ROW_PIECES)):
            yield f"{path}.rows.parquet does not say what the rows hold"
        _count(shard.content, read)
    if row != plan["rows"]:
        yield f"the training shards hold {row:,} rows, the plan has {plan['rows']:,}"
    else:
        yield from _epochs(plan, read)


def _content(path: str, content: Content, start: int, length: int) -> Iterator[str]:
    """Rows are full, and the table's pieces fill each from its beginning to its end, from one source."""
    table, place = content.table, f"{path}.rows.parquet"
    if (content.lengths != length).any():
        yield f"{path}.idx holds rows that are not {length:,} tokens long"
        return
    if table.schema.names != ROW_PIECES.names:
        yield f"{place} has the columns {', '.join(table.schema.names)}"
        return
    numbers: npt.NDArray[np.int64] = table.column("row").to_numpy() - start
    sizes = table.column("stop").to_numpy() - table.column("start").to_numpy()
    if not len(numbers) or (sizes < 1).any() or (np.diff(numbers) < 0).any():
        yield f"{place} holds empty pieces or rows out of order"
        return
    places = np.cumsum(sizes) - sizes
    if not np.array_equal(numbers * length + table.column("offset").to_numpy(), places):
        yield f"{place}: the pieces of a row do not follow one another"
    elif int(sizes.sum()) != len(content.tokens):
        yield f"{place}: the pieces hold {int(sizes.sum()):,} tokens, the rows {len(content.tokens):,}"


def _order(path: str, content: Content, order: Order, start: int, stop: int) -> Iterator[str]:
    """Each row is of the source whose turn it is, which is within a row of exact at every prefix."""
    turns, _ = order.block(start, stop)
    names = np.array(order.sources)[turns]
    numbers = content.table.column("row").to_numpy() - start
    sources = content.table.column("source").to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(sources != names[numbers])
    if len(wrong):
        row = start + int(numbers[wrong[0]])
        yield f"{path}: row {row:,} is of {sources[wrong[0]]}, the plan has {names[row - start]} there"


def _count(content: Content, read: Counter[tuple[str, int]]) -> None:
    # Threads might outlive the call with numpy's memory in hand: see pipeline/parquet_bytes.py.
    sizes = np.subtract(content.table.column("stop").to_numpy(), content.table.column("start").to_numpy())
    counted = (
        content.table.select(["source", "epoch"])
        .append_column("tokens", [sizes])
        .group_by(["source", "epoch"], use_threads=False)
        .aggregate([("tokens", "sum")])
    )
    for line in counted.to_pylist():
        read[line["source"], line["epoch"]] += line["tokens_sum"]


def _epochs(plan: Mapping[str, Any], read: Counter[tuple[str, int]]) -> Iterator[str]:
    """Every epoch but the last reads each of a source's tokens, and the last the rest."""
    for source, part in plan["sources"].items():
        rest = part["tokens"] - part["epochs"] * part["available_tokens"]
        wanted = [part["available_tokens"]] * part["epochs"] + ([rest] if rest else [])
        found = [read[source, epoch] for epoch in range(len(wanted))]
        if found != wanted or any(key[0] == source and key[1] >= len(wanted) for key in read):
            yield f"the rows of {source} hold {found} tokens by epoch, the plan has {wanted}"
