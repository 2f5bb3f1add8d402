"""Rounds: what documents may share, and what becomes of those that do.

A round takes from each batch a set of entries, each with a 64-bit key. Entries that have the same key meet in
one bucket of the key space (pipeline/dedup/exchange.py), where the round decides; its answer is, for each
batch, the list of what that batch must remove.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.packed import PackedFile
from pipeline.transforms.judging import Judging
from pipeline.transforms.stage import Stage

Array = npt.NDArray[Any]
Scope = Literal["global", "snapshot", "files"]

# Fingerprint files index their sorted keys by this many top bits, so that a bucket's slice is one range to
# read.
INDEX_BITS = 12


class EarlierRun(BaseModel):
    """One source of an earlier run by its output folder, in a config that alone or with the source's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    output: str = Field(min_length=1)
    source: str = Field("", description="its name in that run's config, where that is another")

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, value: Any) -> Any:
        return {"output": value} if isinstance(value, str) else value


class Round(Stage, ABC):
    """One round of deduplication: what a batch's fingerprint holds for it, and how a bucket is decided."""

    scope: Scope = "global"
    removal: ClassVar[np.dtype[Any]]

    @abstractmethod
    def fingerprint(self, table: pa.Table) -> dict[str, Array]:
        """The round's arrays for one batch, their names starting with the round's own.

        `<name>.key` is sorted (uint64), `<name>.index` is `key_index` of it.
        """

    @abstractmethod
    def entries(self, file: PackedFile, start: int, stop: int, lost: Array, priority: int) -> Array:
        """Entries `start` to `stop` of a fingerprint file as a structured array, key first.

        `lost`: a bool for each row of the batch, true where an earlier round took the row. `priority`: the
        place of the batch's source in the config, the first wins.
        """

    @abstractmethod
    def resolve(self, slices: list[tuple[int, Array]]) -> dict[int, Array]:
        """Decide one bucket: from (batch number, entries) to what each batch must remove, arrays of type
        `removal`.

        Batches that lose nothing are left out. The answer depends on the set of slices, not on their order.
        """

    @abstractmethod
    def apply(self, batch: Judging, removals: Array, fingerprint: PackedFile | None) -> None:
        """Take from a batch what its list says; `fingerprint` is the file the entries came from."""

    def fingerprint_settings(self) -> dict[str, Any]:
        """What decides the arrays of `fingerprint`, as JSON: all settings unless a round says less."""
        return self.settings()

    def earlier_runs(self) -> tuple[EarlierRun, ...]:
        """The finished runs whose entries own what they share with this one's."""
        return ()

    def group(self, snapshot: str, file: int) -> str:
        """Which batches meet: those of one group. `file`: the place of the batch's input among all."""
        return {"global": "", "snapshot": snapshot, "files": str(file)}[self.scope]

    def list_tables(self, removals: Array) -> dict[str, Array]:
        """What a batch's list holds beside its removals, for a step after the round."""
        return {}


def lost_rows(removals: Array) -> Array:
    """The rows of a batch that its list takes whole; none, unless the list is of a round of documents."""
    documents = "row" in (removals.dtype.names or ())
    return removals["row"].astype(np.int64) if documents else np.zeros(0, np.int64)


def key_index(keys: Array) -> Array:
    """Where each of the 2^INDEX_BITS ranges of the key space starts in sorted `keys`: uint32, one more
    at the end."""
    edges = np.arange(1 << INDEX_BITS, dtype=np.uint64) << np.uint64(64 - INDEX_BITS)
    return np.append(np.searchsorted(keys, edges), len(keys)).astype(np.uint32)


def bucket_slice(file: PackedFile, name: str, bucket: int, buckets: int) -> tuple[int, int]:
    """The positions between which a bucket's keys lie; `buckets` is a power of two, at most 2^INDEX_BITS."""
    width = (1 << INDEX_BITS) // buckets
    first = file.read(f"{name}.index", bucket * width, bucket * width + 1)
    last = file.read(f"{name}.index", (bucket + 1) * width, (bucket + 1) * width + 1)
    return int(first[0]), int(last[0])


def keyed(name: str, entries: Array) -> dict[str, Array]:
    """A table as a file holds it: entries sorted by key, and the index of their keys."""
    entries = entries[np.argsort(entries["key"], kind="stable")]
    return {f"{name}.index": key_index(entries["key"].copy()), f"{name}.entries": entries}
