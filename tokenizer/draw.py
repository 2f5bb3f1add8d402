"""Drawing training text by hash: the same documents whatever the order, number or names of the files."""

from __future__ import annotations

import gzip
import heapq
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
import zstandard

from pipeline.errors import WinnowError
from pipeline.files import open_file
from tokenizer.flags import MAX_LINE_BYTES, RESERVED

UNNAMED = "text"  # source of a text that no one names
_ROWS_AT_ONCE = 256


class Text(NamedTuple):
    """A document to draw from: the source it counts for, what it is named by, its text."""

    source: str
    name: str
    text: str


def read_texts(path: str, source: str | None = None) -> Iterator[Text]:
    """The documents of one file, in file order and a few at a time.

    `.parquet` needs a `text` column, and `id` and `source` count where they are; `.jsonl` the same keys; of
    any other file each line is a document. `.gz` and `.zst` behind these are unpacked. `source` overrides
    what the file says. Raises WinnowError where the file cannot be read or holds something else.
    """
    with open_file(path) as stored:
        try:
            if path.endswith(".parquet"):
                rows = _parquet_rows(stored, path)
            else:
                rows = _line_rows(stored, path)
            for row in rows:
                text, name = row.get("text"), row.get("id")
                if not isinstance(text, str):
                    raise WinnowError(f"{path} holds a row without a text")
                yield Text(source or str(row.get("source") or UNNAMED), str(name) if name else text, text)
        except (pa.ArrowException, zstandard.ZstdError, OSError, EOFError) as error:
            raise WinnowError(
                f"cannot read {path}: {str(error).splitlines()[0] or 'it is cut short'}"
            ) from error


def _parquet_rows(stored: BinaryIO, path: str) -> Iterator[dict[str, Any]]:
    file = pq.ParquetFile(stored)
    columns = [name for name in ("id", "source", "text") if name in file.schema_arrow.names]
    if "text" not in columns:
        raise WinnowError(f"{path} has no column named text")
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns, use_threads=False):
        yield from (row for row in batch.to_pylist() if row["text"] is not None)


def _line_rows(stored: BinaryIO, path: str) -> Iterator[dict[str, Any]]:
    stream: Any = stored
    plain = path
    if path.endswith(".gz"):
        stream, plain = gzip.GzipFile(fileobj=stored), path.removesuffix(".gz")
    elif path.endswith(".zst"):
        unpacked = zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True)
        stream, plain = io.BufferedReader(unpacked), path.removesuffix(".zst")
    for number, line in enumerate(stream, 1):
        if plain.endswith(".jsonl"):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                row = None
            if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                raise WinnowError(f'{path} line {number} is not a JSON object with a string named "text"')
            yield row
        else:
            try:
                yield {"text": line.decode().rstrip("\r\n")}
            except UnicodeDecodeError:
                raise WinnowError(f"{path} line {number} is not UTF-8 text") from None


@dataclass
class Drawn:
    """What a source gave: documents, lines and bytes of UTF-8 for the trainer, and what was left out, why."""

    documents: int = 0
    lines: int = 0
    bytes: int = 0
    long_lines: int = 0
    long_bytes: int = 0
    reserved_lines: int = 0
    reserved_bytes: int = 0


class _Held(NamedTuple):
    rank: int  # minus the key, so that a heap's first entry is the one to give up
    text: bytes
    source: str


@dataclass
class _Pool:
    """The documents with the smallest keys, no more of them than fill the budget (a line end behind each)."""

    budget: int
    size: int = 0
    heap: list[_Held] = field(default_factory=list)

    def add(self, held: _Held) -> None:
        if not self.budget or (self.size >= self.budget and held.rank <= self.heap[0].rank):
            return
        heapq.heappush(self.heap, held)
        self.size += len(held.text) + 1
        while self.size - len(self.heap[0].text) - 1 >= self.budget:
            self.size -= len(heapq.heappop(self.heap).text) + 1


class Draw:
    """A sample of documents by the hash of their names, within a budget of bytes for each source.

    A source's part of `budget` (bytes of UTF-8) is its proportion; without proportions all sources share one
    pool. What is held in memory is the budget, one document, and some 300 bytes for each document held.
    """

    def __init__(self, budget: int, proportions: Mapping[str, Fraction] | None = None) -> None:
        if proportions is None:
            self._pools = {"": _Pool(budget)}
        else:
            total = sum(proportions.values())
            self._pools = {name: _Pool(int(budget * share / total)) for name, share in proportions.items()}
        self._by_source = proportions is not None
        self.drawn: dict[str, Drawn] = {}

    def add(self, document: Text) -> None:
        """Offer a document; raises WinnowError where its source has no proportion."""
        pool = self._pools.get(document.source if self._by_source else "")
        if pool is None:
            raise WinnowError(f"the inputs hold texts of source {document.source}, which has no proportion")
        text = document.text.encode(errors="replace")
        if text:
            # The text's own hash behind the name's: two texts of one name must not leave their order to
            # chance.
            key = (order_key(document.name) << 64) | xxhash.xxh3_64_intdigest(text)
            pool.add(_Held(-key, text[: pool.budget], document.source))

    def short(self) -> dict[str, tuple[int, int]]:
        """The bytes held and the bytes wanted of each source that has fewer than its proportion asks for."""
        if not self._by_source:
            return {}
        return {name: (p.size, p.budget) for name, p in sorted(self._pools.items()) if p.size < p.budget}

    def lines(self) -> Iterator[str]:
        """The lines of the documents drawn, in order of their keys, up to each budget to a line.

        Lines that the trainer would skip without a word are left out here; afterwards `drawn` counts them and
        everything else by source.
        """
        left = {id(pool): pool.budget for pool in self._pools.values()}
        held = sorted(((entry, pool) for pool in self._pools.values() for entry in pool.heap), key=_by_key)
        for entry, pool in held:
            if left[id(pool)] <= 0:
                continue
            drawn = self.drawn.setdefault(entry.source, Drawn())
            drawn.documents += 1
            for line in entry.text.split(b"\n"):
                if left[id(pool)] <= 0:
                    break
                left[id(pool)] -= len(line) + 1
                if len(line) > MAX_LINE_BYTES:
                    drawn.long_lines += 1
                    drawn.long_bytes += len(line)
                elif RESERVED.encode() in line:
                    drawn.reserved_lines += 1
                    drawn.reserved_bytes += len(line)
                elif line:
                    drawn.lines += 1
                    drawn.bytes += len(line)
                    yield line.decode(errors="ignore")  # the end of a document cut to its budget


def _by_key(held: tuple[_Held, _Pool]) -> tuple[int, bytes]:
    return -held[0].rank, held[0].text


def order_key(name: str) -> int:
    """Where a document named `name` stands in hash order: 64 bits."""
    return xxhash.xxh3_64_intdigest(name.encode(errors="replace"))
