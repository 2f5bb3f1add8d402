"""Rounds that take whole documents: one record read twice, one text in several documents."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import xxhash
from pydantic import Field

from pipeline.dedup.kernels import losers
from pipeline.dedup.rounds import Array, Round, key_index, keyed
from pipeline.packed import PackedFile
from pipeline.transforms.judging import Judging

Quality = Literal["language_score", "perplexity", "reference_score"]
ENTRY = np.dtype(
    [
        ("key", "<u8"),
        ("low", "<u8"),
        ("first", "<i8"),
        ("second", "<f8"),
        ("third", "<i8"),
        ("id_high", "<u8"),
        ("id_low", "<u8"),
        ("row", "<u4"),
    ]
)
ASK = np.dtype([("key", "<u8"), ("low", "<u8"), ("row", "<u8")])
REMOVAL = np.dtype(
    [("row", "<u4"), ("id_high", "<u8"), ("id_low", "<u8"), ("survivor_high", "<u8"), ("survivor_low", "<u8")]
)


class Keyed(NamedTuple):
    """What documents are compared by: 128-bit keys, the rows that have them, and the order of the winners.

    `orders`: three columns, smaller wins, compared in turn before the document's id, its batch and its row.
    """

    high: Array
    low: Array
    rows: Array
    orders: tuple[Array, Array, Array]


class DocumentRound(Round):
    """A round in which of all documents with one key the first in a total order stays."""

    removal: ClassVar[np.dtype[Any]] = REMOVAL

    @abstractmethod
    def keys(self, table: pa.Table) -> Keyed:
        """The documents of a batch that take part."""

    def fingerprint(self, table: pa.Table) -> dict[str, Array]:
        """One entry a document, sorted by key, then row."""
        keyed = self.keys(table)
        order = np.lexsort((keyed.rows, keyed.low, keyed.high))
        id_high, id_low = split_hex(table.column("id").to_pylist())
        entries = np.zeros(len(order), ENTRY)
        entries["key"], entries["low"] = keyed.high[order], keyed.low[order]
        for column, values in zip(("first", "second", "third"), keyed.orders, strict=True):
            entries[column] = values[order]
        rows = keyed.rows[order]
        entries["row"], entries["id_high"], entries["id_low"] = rows, id_high[rows], id_low[rows]
        return {
            f"{self.name}.key": entries["key"].copy(),
            f"{self.name}.index": key_index(entries["key"]),
            f"{self.name}.entries": entries,
        }

    def entries(self, file: PackedFile, start: int, stop: int, lost: Array, priority: int) -> Array:
        """The entries of rows that earlier rounds left; a document's source comes first in its order."""
        entries = file.read(f"{self.name}.entries", start, stop).copy()
        entries["first"] += priority << 32
        remaining: Array = entries[~lost[entries["row"]]]
        return remaining

    def resolve(self, slices: list[tuple[int, Array]]) -> dict[int, Array]:
        """Of the documents with one key all but the first in the total order go, each naming that one."""
        slices = sorted(slices, key=lambda piece: piece[0])
        entries = np.concatenate([piece for _, piece in slices]) if slices else np.zeros(0, ENTRY)
        sizes = [len(piece) for _, piece in slices]
        batch = np.repeat(np.array([number for number, _ in slices], np.uint32), sizes)
        # `losers` names rows by (batch, row); here a row is its place in `entries`.
        place = np.arange(len(entries), dtype=np.uint32)
        order = [entries[name] for name in ("first", "second", "third", "id_high", "id_low")]
        lost = losers([entries["key"], entries["low"]], [*order, batch], np.zeros_like(place), place)
        owner = batch[lost.row]
        answer: dict[int, Array] = {}
        # Places come sorted, and batches one after the other in them: each batch's losers are a range.
        numbers, starts = np.unique(owner, return_index=True)
        stops = np.append(starts, len(owner))[1:]
        for number, start, stop in zip(numbers.tolist(), starts, stops, strict=True):
            loser, winner = entries[lost.row[start:stop]], entries[lost.winner_row[start:stop]]
            removals = np.zeros(len(loser), REMOVAL)
            removals["row"] = loser["row"]
            for half in ("high", "low"):
                removals[f"id_{half}"] = loser[f"id_{half}"]
                removals[f"survivor_{half}"] = winner[f"id_{half}"]
            answer[number] = removals
        return answer

    def apply(self, batch: Judging, removals: Array, fingerprint: PackedFile | None) -> None:
        """The listed rows lose: that is their verdict, whatever rule they had failed before."""
        survivors = join_hex(removals["survivor_high"], removals["survivor_low"])
        for row, survivor in zip(removals["row"].tolist(), survivors, strict=True):
            batch.lose(row, self.name, survivor)


class DuplicateIds(DocumentRound):
    """One record read twice, by its id: the copy in the first of `forms` stays, then the first by input
    and place."""

    name: ClassVar[str] = "duplicate_id"
    forms: tuple[str, ...] = Field(
        (), description="values of metadata.form, the preferred first: a page in WARC and in WET is one"
    )

    def keys(self, table: pa.Table) -> Keyed:
        """Every row takes part, one that failed a rule of `prepare` too."""
        high, low = split_hex(table.column("id").to_pylist())
        rank = {form: place for place, form in enumerate(self.forms)}
        metadata = [orjson.loads(text) for text in table.column("metadata").to_pylist()]
        forms = np.array([rank.get(fields.get("form"), len(rank)) for fields in metadata], np.int64)
        nothing = np.zeros(table.num_rows)
        return Keyed(high, low, np.arange(table.num_rows), (forms, nothing, nothing))


class OlderVersions(DocumentRound):
    """Versions of one paper, by `metadata.arxiv_id`: the latest that is kept so far stays.

    A version that is not said is the latest: arXiv's bulk archives and addresses without one have that.
    """

    name: ClassVar[str] = "older_version"

    def keys(self, table: pa.Table) -> Keyed:
        """The rows that are kept so far and have an arXiv id."""
        metadata = [orjson.loads(text) for text in table.column("metadata").to_pylist()]
        kept = table.column("verdict").is_null().to_pylist()
        rows = np.array(
            [row for row, fields in enumerate(metadata) if kept[row] and "arxiv_id" in fields], int
        )
        high, low = split_hex([xxhash.xxh3_128_hexdigest(metadata[row]["arxiv_id"].encode()) for row in rows])
        versions = np.array([metadata[row].get("version", np.inf) for row in rows], np.float64)
        nothing = np.zeros(len(rows), np.int64)
        return Keyed(high, low, rows, (nothing, -versions, nothing))


class DuplicateTexts(DocumentRound):
    """Documents of equal text, within and across sources: that of the first source in the config stays, then
    the better one by `quality`, then the smaller id."""

    name: ClassVar[str] = "duplicate_text"
    quality: Quality | None = Field(None, description="a score column; the larger value stays")

    def keys(self, table: pa.Table) -> Keyed:
        """The rows that are kept so far, by the hash of their text."""
        rows = np.flatnonzero(table.column("verdict").is_null().to_numpy())
        texts = table.column("text").take(pa.array(rows)).to_pylist()
        high, low = split_hex([xxhash.xxh3_128_hexdigest(text.encode()) for text in texts])
        quality = np.zeros(len(rows))
        if self.quality is not None:
            values = table.column(self.quality).take(pa.array(rows)).fill_null(-np.inf).to_numpy()
            quality = -values.astype(np.float64)
        nothing = np.zeros(len(rows))
        return Keyed(high, low, rows, (nothing, quality, nothing))

    def list_tables(self, removals: Array) -> dict[str, Array]:
        """The removals by their survivor, who may lose in turn to one that says nearly the same."""
        asks = np.zeros(len(removals), ASK)
        asks["key"], asks["low"] = removals["survivor_high"], removals["survivor_low"]
        asks["row"] = removals["row"]
        return keyed("asks", asks)


def split_hex(ids: list[str]) -> tuple[Array, Array]:
    """Ids of 32 hex digits as two uint64 arrays, the high and the low half."""
    raw = np.frombuffer(bytes.fromhex("".join(ids)), ">u8").reshape(-1, 2)
    return raw[:, 0].astype(np.uint64), raw[:, 1].astype(np.uint64)


def join_hex(high: Array, low: Array) -> list[str]:
    """The ids that `split_hex` took apart."""
    return [f"{a:016x}{b:016x}" for a, b in zip(high.tolist(), low.tolist(), strict=True)]
