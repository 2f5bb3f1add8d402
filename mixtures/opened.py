"""The training shards of a run, opened for reading: rows of tokens by number, and what each row holds.

Local shards are memory-mapped, others are read by range through Beam's file systems, which is imported only
for them: a trainer with local shards needs numpy and pyarrow.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from pipeline.errors import WinnowError
from pipeline.parquet_bytes import table_of

Array = npt.NDArray[Any]
TABLES_KEPT = 8  # shards whose tables of pieces stay in memory
BLOCK_BYTES = 4 << 20  # read at once of a shard that is not local
BLOCKS_KEPT = 8


class Row(NamedTuple):
    """One row of the training order.

    `number` is its place in the order, `tokens` has the sequence length; piece i of the row is tokens
    `boundaries[i]` to `boundaries[i + 1]` (int32, from 0 to the sequence length) and belongs to one document;
    `continued` says that the first piece is not the beginning of its document.
    """

    number: int
    tokens: Array
    source: str
    boundaries: npt.NDArray[np.int32]
    continued: bool

    def segments(self) -> npt.NDArray[np.int32]:
        """For each token the number of its piece, from 0: tokens of one document have the same."""
        return np.repeat(np.arange(len(self.boundaries) - 1, dtype=np.int32), np.diff(self.boundaries))

    def positions(self) -> npt.NDArray[np.int32]:
        """For each token its place in its piece, from 0: position ids that begin anew with each document."""
        starts = np.repeat(self.boundaries[:-1], np.diff(self.boundaries))
        return np.arange(len(self.tokens), dtype=np.int32) - starts


class _Table(NamedTuple):
    """The pieces of one shard: the first of each row, all offsets, and each row's source and beginning."""

    firsts: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int32]
    sources: Array
    continued: npt.NDArray[np.bool_]


class TrainingShards:
    """The shards below `out`/shards, as a sequence of `Row`.

    `len(shards)` rows; `shards[n]` is row n, so it serves as a map-style dataset. Raises WinnowError where
    `out` holds no training shards, or a shard is not as long as its manifest says.
    """

    def __init__(self, out: str) -> None:
        self.folder = f"{out.rstrip('/')}/shards"
        manifest = read_json(f"{self.folder}/manifest.json", f"{out} holds no training shards")
        self.sequence_length: int = manifest["sequence_length"]
        self.vocabulary: int = manifest["vocabulary"]
        self.bos: int = manifest["bos"]
        self.eos: int = manifest["eos"]
        self.rows: int = manifest["rows"]
        plan = read_json(f"{self.folder}/plan.json", f"{out} holds no plan")
        self.sources: tuple[str, ...] = tuple(plan["sources"])
        self.dtype = np.dtype(manifest["dtype"]).newbyteorder("<")
        self._shards: list[dict[str, Any]] = manifest["shards"]
        self._validation: list[dict[str, Any]] = manifest["validation"]
        self._first_rows = np.array([shard["first_row"] for shard in self._shards], np.int64)
        self._maps: dict[str, Array] = {}
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._tables: OrderedDict[int, _Table] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: no maps and no tables, which it opens for itself."""
        return {**self.__dict__, "_maps": {}, "_blocks": OrderedDict(), "_tables": OrderedDict()}

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, number: int) -> Row:
        if not -self.rows <= number < self.rows:
            raise IndexError(f"row {number} of {self.rows}")
        number %= self.rows
        shard = int(np.searchsorted(self._first_rows, number, side="right")) - 1
        inside = number - int(self._first_rows[shard])
        table = self._table(shard)
        offsets = table.offsets[table.firsts[inside] : table.firsts[inside + 1]]
        return Row(
            number,
            self._tokens(self._shards[shard], inside * self.sequence_length, self.sequence_length),
            str(table.sources[inside]),
            np.append(offsets, np.int32(self.sequence_length)),
            bool(table.continued[inside]),
        )

    def validation(self, length: int | None = None) -> dict[str, Array]:
        """The held-out tokens of each source, as rows of `length` (the sequence length by default).

        Documents one behind the other, cut every `length`; what is left at a source's end is no whole row and
        stays out. Shape of each: (rows, length). Empty where the config held nothing out.
        """
        length = length or self.sequence_length
        streams: dict[str, list[Array]] = {}
        for entry in self._validation:
            source = entry["name"].rsplit("-", 1)[0]
            streams.setdefault(source, []).append(
                self._tokens(entry, 0, entry["tokens"], f"{self.folder}/validation")
            )
        joined = {source: np.concatenate(parts) for source, parts in streams.items()}
        return {
            source: tokens[: len(tokens) // length * length].reshape(-1, length)
            for source, tokens in joined.items()
        }

    def _tokens(self, entry: Mapping[str, Any], start: int, count: int, folder: str = "") -> Array:
        path = f"{folder or self.folder}/{entry['name']}.bin"
        if "://" in path:
            return self._remote_tokens(path, start, count, entry["tokens"])
        if path not in self._maps:
            self._maps[path] = _mapped(path, self.dtype, entry["tokens"])
        return self._maps[path][start : start + count]

    def _remote_tokens(self, path: str, start: int, count: int, tokens: int) -> Array:
        """Tokens of a shard that is not local, through blocks: rows one by one would be a request each."""
        size = self.dtype.itemsize
        first, stop = start * size, (start + count) * size
        parts = []
        for number in range(first // BLOCK_BYTES, -(-stop // BLOCK_BYTES)):
            begin = number * BLOCK_BYTES
            if (path, number) not in self._blocks:
                end = min(begin + BLOCK_BYTES, tokens * size)
                self._blocks[path, number] = _remote().read_range(path, begin, end - begin)
                if len(self._blocks) > BLOCKS_KEPT:
                    self._blocks.popitem(last=False)
            parts.append(self._blocks[path, number][max(first - begin, 0) : stop - begin])
        return np.frombuffer(b"".join(parts), self.dtype)

    def _table(self, shard: int) -> _Table:
        if shard in self._tables:
            self._tables.move_to_end(shard)
            return self._tables[shard]
        entry = self._shards[shard]
        rows = self.pieces(shard, ["row", "offset", "source", "start"])
        numbers = rows.column("row").to_numpy() - entry["first_row"]
        firsts = np.searchsorted(numbers, np.arange(entry["sequences"] + 1))
        begins = firsts[:-1]
        table = _Table(
            firsts,
            rows.column("offset").to_numpy().astype(np.int32),
            rows.column("source").take(pa.array(begins)).to_numpy(zero_copy_only=False),
            rows.column("start").to_numpy()[begins] > 0,
        )
        self._tables[shard] = table
        if len(self._tables) > TABLES_KEPT:
            self._tables.popitem(last=False)
        return table

    def pieces(self, shard: int, columns: list[str] | None = None) -> pa.Table:
        """The table beside shard `shard`: what its rows hold of which document (see ROW_PIECES)."""
        path = f"{self.folder}/{self._shards[shard]['name']}.rows.parquet"
        return table_of(read_bytes(path), columns)

    def shards_of(self, first: int, stop: int) -> list[int]:
        """The shards that hold rows `first` to `stop`."""
        if first >= stop:
            return []
        low = int(np.searchsorted(self._first_rows, first, side="right")) - 1
        return list(range(max(low, 0), int(np.searchsorted(self._first_rows, stop, side="left"))))


def _mapped(path: str, dtype: np.dtype[Any], tokens: int) -> Array:
    try:
        mapped: Array = np.memmap(path, dtype, mode="r")
    except (OSError, ValueError) as error:  # ValueError: an empty file, or a part of a token at the end
        raise WinnowError(f"cannot map {path}: {error}") from error
    if len(mapped) != tokens:
        raise WinnowError(f"{path} holds {len(mapped):,} tokens, its manifest says {tokens:,}")
    return mapped


def read_bytes(path: str) -> bytes:
    """The bytes of a local file, or of one on any of Beam's file systems; raises WinnowError."""
    if "://" in path:
        data: bytes = _remote().read_file(path)
        return data
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise WinnowError(f"cannot read {path}: {error.strerror}") from error


def read_json(path: str, missing: str) -> dict[str, Any]:
    """The JSON object at `path`; raises WinnowError, beginning with `missing` where there is none."""
    try:
        value = orjson.loads(read_bytes(path))
    except WinnowError as error:
        raise WinnowError(f"{missing}: {error}") from error
    except orjson.JSONDecodeError as error:
        raise WinnowError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise WinnowError(f"{path} holds no JSON object")
    return value


def _remote() -> Any:
    from pipeline import files  # noqa: PLC0415  # Beam: seconds to import, and only remote paths need it

    return files
