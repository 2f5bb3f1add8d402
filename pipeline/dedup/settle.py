"""The last word on duplicates: for each batch one list of who goes and why, every survivor one that stays.

An exact duplicate names the copy that stayed; that copy may then lose to a document that says nearly the
same. `Redirect` brings the two together, `SettleBatch` writes the list and the cluster table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.dedup.exchange import batch_answer
from pipeline.dedup.meeting import Part, Step, Tables, bucket_path
from pipeline.dedup.near_clusters import VERDICT
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds import Array, keyed
from pipeline.dedup.rounds_documents import ASK, DuplicateTexts, join_hex
from pipeline.files import join
from pipeline.packed import pack, read_packed
from pipeline.parquet import to_parquet
from pipeline.schema import CLUSTER_FIELDS, CURATED
from pipeline.transforms.judging import Judging
from pipeline.units import Outputs, Unit

# Rules by number in a settled list; 0 is a member of a cluster that stays.
RULES = ("", DuplicateTexts.name, NearDuplicates.verdict)
SETTLED = np.dtype([("rule", "|u1"), *VERDICT.descr])
ASKED = np.dtype([*ASK.descr, ("number", "<u8")])
TELL = np.dtype([("key", "<u8"), ("low", "<u8"), *VERDICT.descr])
HALVES = ("high", "low")
# Where all sources meet, so that a page in CommonCrawl and in C4 is found.
EVERYONE = "all"
REDIRECT = "duplicates/redirect"


@dataclass(frozen=True)
class GatherVerdicts:
    """The work of one batch: what the components of all buckets decided of its members."""

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the batch's list: verdicts by row, and by id for those who lost to one of them."""
        payload = unit.payload
        paths = [
            join(outputs.out, bucket_path(payload["room"], unit.source, n)) for n in range(payload["buckets"])
        ]
        parts = batch_answer(paths, payload["number"])
        verdicts = np.sort(np.concatenate(parts), order="row") if parts else np.zeros(0, VERDICT)
        tells = _copied(verdicts, TELL)
        tells["key"], tells["low"] = verdicts["id_high"], verdicts["id_low"]
        arrays = {"removals": verdicts} | keyed("tells", tells)
        outputs.write(payload["list"], pack(arrays), rows=len(verdicts))
        return {"source": payload["source"], "batch": payload["batch"], "round": NearDuplicates.name}


@dataclass(frozen=True)
class Redirect(Step):
    """What became of the documents that others lost to."""

    takes = ("asks", "tells")

    def entries(self, out: str, part: Part, place: tuple[int, int]) -> Tables:
        """Who asks, with the number of its batch, and who tells."""
        tables = super().entries(out, part, place)
        if "asks" in tables:
            tables["asks"] = _copied(tables["asks"], ASKED)
            tables["asks"]["number"] = part.number
        return tables

    def decide(self, out: str, tables: Tables) -> tuple[Tables, dict[str, Any]]:
        """For each that asks the verdict on its survivor, in the form of a bucket's answer."""
        asks, tells = tables.get("asks", np.zeros(0, ASKED)), tables.get("tells", np.zeros(0, TELL))
        told = {(int(tell["key"]), int(tell["low"])): place for place, tell in enumerate(tells)}
        places = [told.get(key, -1) for key in zip(asks["key"].tolist(), asks["low"].tolist(), strict=True)]
        heard = np.array(places, np.int64)
        asks, heard = asks[heard >= 0], heard[heard >= 0]
        answers = _copied(tells[heard], VERDICT)
        answers["row"] = asks["row"]
        order = np.lexsort((asks["row"], asks["number"]))
        numbers, starts = np.unique(asks["number"][order], return_index=True)
        return {
            "numbers": numbers.astype(np.uint32),
            "starts": np.append(starts, len(order)).astype(np.uint64),
            "removals": answers[order],
        }, {}


@dataclass(frozen=True)
class SettleBatch:
    """The work of one batch: its lists of all rounds put together."""

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write lists/duplicates/settled/ and, where there is anything in it, clusters/."""
        payload = unit.payload
        parts = []
        if payload["texts"]:
            paths = [bucket_path(REDIRECT, EVERYONE, bucket) for bucket in range(payload["redirects"])]
            answer = batch_answer([join(outputs.out, path) for path in paths], payload["number"])
            told = np.concatenate(answer) if answer else np.zeros(0, VERDICT)
            parts.append(_equal(read_packed(join(outputs.out, payload["texts"]))["removals"], told))
        if payload["near"]:
            verdicts = read_packed(join(outputs.out, payload["near"]))["removals"]
            settled = _copied(verdicts, SETTLED)
            settled["rule"] = np.where(verdicts["kept"], 0, RULES.index(NearDuplicates.verdict))
            parts.append(settled)
        settled = np.concatenate(parts)
        settled = settled[np.argsort(settled["row"], kind="stable")]
        name, source = payload["batch"], unit.source
        outputs.write(payload["list"], pack({"removals": settled}), rows=len(settled))
        if len(settled):
            table = clusters(settled)
            outputs.write(f"clusters/{source}/{name}.parquet", to_parquet(table), rows=table.num_rows)
        return {"batch": name}


def _copied(entries: Array, dtype: np.dtype[Any]) -> Array:
    """The fields that both types have, the others zero."""
    copied = np.zeros(len(entries), dtype)
    for name in set(dtype.names or ()) & set(entries.dtype.names or ()):
        copied[name] = entries[name]
    return copied


def _equal(removals: Array, told: Array) -> Array:
    """Rows of equal text: what they lost to, or what that lost to."""
    settled = np.zeros(len(removals), SETTLED)
    settled["row"], settled["rule"] = removals["row"], RULES.index(DuplicateTexts.name)
    settled["similarity"], settled["threshold"] = 1.0, np.nan
    for half in HALVES:
        settled[f"id_{half}"] = settled[f"one_{half}"] = removals[f"id_{half}"]
        for name in ("survivor", "other", "cluster"):
            settled[f"{name}_{half}"] = removals[f"survivor_{half}"]
    at = np.searchsorted(settled["row"], told["row"])
    for half in HALVES:
        settled[f"cluster_{half}"][at] = told[f"cluster_{half}"]
    at, told = at[~told["kept"]], told[~told["kept"]]
    for name in ("similarity", "threshold", "shared"):
        settled[name][at] = told[name]
    for half in HALVES:
        for name in ("survivor", "one", "other"):
            settled[f"{name}_{half}"][at] = told[f"{name}_{half}"]
    return settled


def clusters(settled: Array) -> pa.Table:
    """The cluster table of a batch: a row for each member, also for those that stay (survivor null).

    `cluster` is the id of the cluster's best member; `pair_first` and `pair_second` are the two documents
    whose comparison decided.
    """
    ids = {
        name: join_hex(settled[f"{name}_high"], settled[f"{name}_low"])
        for name in ("id", "survivor", "one", "other", "cluster")
    }
    rules = [RULES[number] or None for number in settled["rule"].tolist()]

    def of_lost(values: list[Any]) -> list[Any]:
        return [value if rule else None for value, rule in zip(values, rules, strict=True)]

    return pa.table(
        {
            "cluster": pa.array(ids["cluster"], pa.string()),
            "member": pa.array(ids["id"], pa.string()),
            "survivor": pa.array(of_lost(ids["survivor"]), pa.string()),
            "rule": pa.array(rules, pa.string()),
            "similarity": pa.array(_or_none(settled["similarity"]), pa.float64()),
            "threshold": pa.array(of_lost(_or_none(settled["threshold"])), pa.float64()),
            "pair_first": pa.array(of_lost(ids["one"]), pa.string()),
            "pair_second": pa.array(of_lost(ids["other"]), pa.string()),
        }
    )


def with_verdicts(judged: pa.Table, settled: Array) -> pa.Table:
    """A judged batch with the verdicts and clusters of its settled list: a table of the CURATED schema."""
    batch = Judging(judged)
    cluster: list[str | None] = [None] * judged.num_rows
    shared: list[bool | None] = [None] * judged.num_rows
    places = zip(settled["row"].tolist(), settled["shared"].tolist(), strict=True)
    for (row, several), member in zip(places, clusters(settled).to_pylist(), strict=True):
        cluster[row], shared[row] = member["cluster"], several
        if member["rule"]:
            value = member["similarity"] if member["threshold"] is not None else None
            batch.lose(row, member["rule"], member["survivor"], value, member["threshold"])
    table = batch.verdicts_on(judged)
    for field, values in zip(CLUSTER_FIELDS, (cluster, shared), strict=True):
        table = table.append_column(field, pa.array(values, field.type))
    return table.cast(CURATED)


def _or_none(values: Array) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
