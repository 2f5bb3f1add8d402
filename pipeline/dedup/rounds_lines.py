"""Rounds of duplicate lines: what they have in common, and CCNet's, in which shared lines go from all
documents."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from filters.lines import LinesLeft, line_hashes, remove_lines
from pipeline.dedup.kernels import (
    Keep,
    LineEntries,
    Removal,
    document_lines,
    removed_lines,
    shared,
    unique_with_flag,
)
from pipeline.dedup.rounds import Array, EarlierRun, Round, Scope, key_index
from pipeline.packed import PackedFile
from pipeline.transforms.judging import Judging

ENTRY = np.dtype([("key", "<u8"), ("in_two", "?")])
REMOVAL = np.dtype([("key", "<u8"), ("first_stays", "?")])


class LineRound(Round):
    """A round that takes lines out of documents.

    Repeats inside one document keep the first. A document of which nothing is left is dropped by this rule.
    """

    name: ClassVar[str] = "duplicate_lines"
    removal: ClassVar[np.dtype[Any]] = REMOVAL

    @property
    def rule(self) -> str:
        """What the books call it."""
        return self.name

    @abstractmethod
    def goes(self, batch: Judging, removal: Removal, fingerprint: PackedFile) -> tuple[Array, Array]:
        """For each line of the batch's texts, in order, whether it goes (bool), and where the lines of each
        row start, with their number at the end (int64)."""

    def left(self, text: str, goes: Array) -> LinesLeft:
        """A text without the lines that go."""
        return remove_lines(text, goes)

    def apply(self, batch: Judging, removals: Array, fingerprint: PackedFile | None) -> None:
        """Take the listed lines out of the batch's texts, by the ordinals its fingerprint has for them."""
        assert fingerprint is not None
        removal = Removal(removals["key"].copy(), removals["first_stays"].copy())
        goes, starts = self.goes(batch, removal, fingerprint)
        counts = np.diff(np.concatenate([[0], np.cumsum(goes)])[starts])
        batch.record("lines_removed", range(len(batch.texts)), counts.tolist())
        batch.record("bytes_removed", range(len(batch.texts)), [0] * len(batch.texts))
        for row in np.flatnonzero(counts).tolist():
            left = self.left(batch.texts[row], goes[starts[row] : starts[row + 1]])
            batch.texts[row] = left.text
            batch.record("bytes_removed", [row], [left.duplicate_bytes + left.blank_bytes])
            if not left.text.strip():
                batch.drop(row, self.rule, 0, 1)

    def lines(self, file: PackedFile, start: int, stop: int) -> LineEntries:
        """Entries `start` to `stop` of a fingerprint file."""
        return LineEntries(
            file.read(f"{self.name}.key", start, stop),
            file.read(f"{self.name}.ordinals", start, stop),
            file.read(f"{self.name}.row_starts"),
        )

    def line_arrays(self, lines: LineEntries) -> dict[str, Array]:
        """What a fingerprint file holds for `lines`."""
        return {
            f"{self.name}.key": lines.hashes,
            f"{self.name}.index": key_index(lines.hashes),
            f"{self.name}.ordinals": lines.ordinals,
            f"{self.name}.row_starts": lines.row_starts,
        }


class DuplicateLines(LineRound):
    """Lines that two or more documents of the scope share go: from all of them, or from all but the first."""

    scope: Scope = Field("snapshot", description="CCNet: within a dump")
    files_in_group: int = Field(50, gt=0, description="of scope `files`; cc_net, mine.py: hash_in_mem=50")
    keep: Keep = Field("none", description="cc_net, dedup.py: every copy of a shared line goes")
    against: tuple[EarlierRun, ...] = Field(
        (), description="output folders of finished runs: the lines they read are theirs in every scope"
    )

    def settings(self) -> dict[str, Any]:
        """All but where earlier runs lie: what they hold is in the key of `lines`, and no folder's name."""
        return {name: value for name, value in super().settings().items() if name != "against"}

    def fingerprint_settings(self) -> dict[str, Any]:
        """Scope and keep come after the fingerprint."""
        return {"stage": self.name, "lines": "cc_net"}

    def earlier_runs(self) -> tuple[EarlierRun, ...]:
        """Those of `against`."""
        return self.against

    def group(self, snapshot: str, file: int) -> str:
        """With scope `files`, groups of `files_in_group` inputs in the order of their names."""
        return str(file // self.files_in_group) if self.scope == "files" else super().group(snapshot, file)

    def fingerprint(self, table: pa.Table) -> dict[str, Array]:
        """The hashes of the lines of rows without a verdict, sorted, and where each line stands."""
        hashes, counts = line_hashes(table.column("text").to_pylist())
        failed = table.column("verdict").is_valid().to_numpy()
        return self.line_arrays(document_lines(hashes, counts, failed))

    def entries(self, file: PackedFile, start: int, stop: int, lost: Array, priority: int) -> Array:
        """Each hash once, with whether two documents of the batch have it."""
        hashes, in_two = unique_with_flag(self.lines(file, start, stop), lost)
        entries = np.zeros(len(hashes), ENTRY)
        entries["key"], entries["in_two"] = hashes, in_two
        return entries

    def resolve(self, slices: list[tuple[int, Array]]) -> dict[int, Array]:
        """The hashes that two documents have; the total order of `keep: first` is that of batches, then
        rows, and the batches of earlier runs have the smallest numbers."""
        slices = sorted(slices, key=lambda piece: piece[0])
        columns = [(piece["key"].copy(), piece["in_two"].copy()) for _, piece in slices]
        answer: dict[int, Array] = {}
        for (number, _), removal in zip(slices, shared(columns, self.keep), strict=True):
            if len(removal.hashes):
                removals = np.zeros(len(removal.hashes), REMOVAL)
                removals["key"], removals["first_stays"] = removal.hashes, removal.first_stays
                answer[number] = removals
        return answer

    def goes(self, batch: Judging, removal: Removal, fingerprint: PackedFile) -> tuple[Array, Array]:
        """What `LineRound.goes` says."""
        lines = self.lines(fingerprint, 0, fingerprint.length(f"{self.name}.key"))
        return removed_lines(lines, removal, batch.lost()), lines.row_starts.astype(np.int64)
