"""From rows of the training order to the documents they hold, and from a document to its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mixtures.opened import TrainingShards, read_bytes, read_json
from mixtures.plan_file import order_of, source_rows, streams_of
from pipeline.parquet_bytes import table_of
from tokenizer.megatron import read_index

TABLES_KEPT = 16


class Piece(NamedTuple):
    """Tokens `start` to `stop` of a document, which stand at `offset` of a row, in its source's `epoch`."""

    row: int
    offset: int
    source: str
    epoch: int
    id: str
    url: str
    input: str
    start: int
    stop: int
    document_tokens: int


class Document(NamedTuple):
    """A document of the token shards, by its place there; one that is held out is in no row."""

    source: str
    shard: int
    ordinal: int
    id: str
    url: str
    input: str
    tokens: int
    held_out: bool


class Places:
    """The provenance of the training shards below the output folder `out`.

    Raises WinnowError where shards or the token shards they were made from are not there.
    """

    def __init__(self, out: str) -> None:
        self.out = out.rstrip("/")
        self.shards = TrainingShards(out)
        self.plan = read_json(f"{self.shards.folder}/plan.json", f"{out} holds no plan")
        self._order = order_of(self.plan)
        self._streams = streams_of(self.plan)
        self._provenance = lru_cache(TABLES_KEPT)(_provenance)

    def pieces(self, first: int, stop: int) -> Iterator[Piece]:
        """What rows `first` to `stop` hold, by row and offset."""
        for number in self.shards.shards_of(first, stop):
            table = self.shards.pieces(number)
            row = table.column("row")
            inside = pc.and_(pc.greater_equal(row, first), pc.less(row, stop))
            yield from self._named(table.filter(inside))

    def find(self, name: str) -> Document | None:
        """The document whose id or url is `name`: of several with one url the first, sources by name."""
        for source, part in self.plan["sources"].items():
            held_out = read_json(f"{self.out}/tokens/{source}/manifest.json", f"no token shards of {source}")[
                "validation"
            ]
            names = [*(shard["name"] for shard in part["shards"]), *(entry["name"] for entry in held_out)]
            for shard, file in enumerate(names):
                table = self._provenance(f"{self.out}/tokens/{source}/{file}")
                known = pc.or_(pc.equal(table.column("id"), name), pc.equal(table.column("url"), name))
                for ordinal in np.flatnonzero(known.to_numpy()):
                    row = table.slice(ordinal, 1).to_pylist()[0]
                    apart = shard >= len(part["shards"])
                    return Document(
                        source, shard, int(ordinal), row["id"], row["url"], row["input"], row["tokens"], apart
                    )
        return None

    def occurrences(self, document: Document) -> list[Piece]:
        """Every piece of `document` in the training order, by row.

        Which rows come into question is computed, so only the tables of their shards are read.
        """
        if document.held_out:
            return []
        name = self.plan["sources"][document.source]["shards"][document.shard]["name"]
        index = read_index(read_bytes(f"{self.out}/tokens/{document.source}/{name}.idx"))
        drawn = self.plan["sources"][document.source]["tokens"]
        readings = self._streams[document.source].readings(
            document.shard, document.ordinal, index.lengths, drawn
        )
        wanted: set[int] = set()
        for _, start, stop in readings:
            rows = source_rows(self.plan, document.source, start, stop)
            first = self._order.window(document.source, rows[0])[0]
            last = self._order.window(document.source, rows[1] - 1)[1]
            wanted.update(self.shards.shards_of(first, last))
        found: list[Piece] = []
        for number in sorted(wanted):
            table = self.shards.pieces(number)
            same = pc.and_(
                pc.equal(table.column("source"), document.source),
                pc.and_(
                    pc.equal(table.column("shard"), document.shard),
                    pc.equal(table.column("document"), document.ordinal),
                ),
            )
            found.extend(self._named(table.filter(same)))
        return found

    def tokens(self, piece: Piece) -> list[int]:
        """The tokens of a piece, as they stand in its row."""
        row = self.shards[piece.row].tokens
        tokens: list[int] = row[piece.offset : piece.offset + piece.stop - piece.start].tolist()
        return tokens

    def _named(self, table: pa.Table) -> Iterator[Piece]:
        for line in table.to_pylist():
            shard = self.plan["sources"][line["source"]]["shards"][line["shard"]]["name"]
            known = _row(self._provenance(f"{self.out}/tokens/{line['source']}/{shard}"), line["document"])
            yield Piece(
                line["row"],
                line["offset"],
                line["source"],
                line["epoch"],
                known["id"],
                known["url"],
                known["input"],
                line["start"],
                line["stop"],
                known["tokens"],
            )


def _provenance(base: str) -> pa.Table:
    return table_of(read_bytes(f"{base}.provenance.parquet"), ["id", "url", "input", "tokens"])


def _row(table: pa.Table, number: int) -> Mapping[str, Any]:
    return {name: table.column(name)[number].as_py() for name in table.column_names}
