"""The stage that finds near-duplicates: its settings, and what a batch's fingerprint holds for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from filters.minhash import PRESETS, Preset, signatures
from filters.shingles import Shingles, Shingling, distinct, lowest, mix, sample, shingles
from pipeline.dedup.bands import band_keys, expected_containment_recall, expected_recall
from pipeline.dedup.rounds import Array, keyed
from pipeline.dedup.rounds_documents import Quality, split_hex
from pipeline.dedup.verify import Measure, sampling_error, set_keys
from pipeline.transforms.stage import Stage

# What meets: a band of a signature (even key) or a sampled shingle (odd key) of the document in `row`; `set`
# is equal for equal shingle sets, `sampled` the number of the document's sampled shingles.
POINT = np.dtype([("key", "<u8"), ("set", "<u8"), ("row", "<u4"), ("sampled", "<u4")])
# For each row of a batch where its shingle hashes lie, and what decides who survives; with `size` 0 it takes
# no part.
NODE = np.dtype(
    [
        ("size", "<u8"),
        ("start", "<u8"),
        ("kept", "<u8"),
        ("quality", "<f8"),
        ("bytes", "<i8"),
        ("id_high", "<u8"),
        ("id_low", "<u8"),
    ]
)
POINTS, NODES, HASHES = "near.points", "near.nodes", "near.hashes"
BAND = np.uint64(0)
SAMPLED = np.uint64(1)


class NearDuplicates(Stage):
    """Documents that say nearly the same: candidates by MinHash bands and sampled shingles, then verified."""

    name: ClassVar[str] = "near_duplicates"
    verdict: ClassVar[str] = "near_duplicate"
    preset: Literal["web", "books", "datatrove", "redpajama-v2", "nemo-curator"] = Field(
        "web", description="filters/minhash.py says where each comes from"
    )
    shingle: int | None = Field(None, ge=1, description="words or characters, instead of the preset's")
    permutations: int | None = Field(None, ge=1, description="instead of the preset's")
    rows: int | None = Field(None, ge=1, description="permutations in a band, instead of the preset's")
    threshold: float = Field(0.9, gt=0, le=1, description='the paper: "more than 90% content overlap"')
    measure: Measure = Field("jaccard", description="overlap of the union, or of the smaller document")
    verify: Literal["exact", "sampled", "none"] = Field(
        "exact", description="by all shingles, by the `sketch` lowest hashes, or by nothing but the bands"
    )
    sketch: int = Field(1024, ge=16, description="hashes a document that `verify: sampled` compares")
    one_in: int = Field(64, ge=1, description="share of shingles that look for containment")
    scope: str = Field("source", description="`source`, or the name of a group of sources that meet")
    quality: Quality | None = Field(None, description="a score column; the larger value stays")
    edges_in_memory: int = Field(
        10_000_000,
        ge=0,
        description="more pairs than this are clustered by rounds of stars, not in one array",
    )

    @model_validator(mode="after")
    def _checks(self) -> Self:
        if self.verify == "none" and self.measure != "jaccard":
            raise ValueError("`verify: none` leaves it to the bands, which see `measure: jaccard` alone")
        _ = self.chosen
        return self

    @property
    def chosen(self) -> Preset:
        """The preset with what replaces parts of it; raises ValueError where bands and rows do not fit."""
        preset = PRESETS[self.preset]
        if self.shingle is not None:
            preset = replace(preset, shingling=replace(preset.shingling, size=self.shingle))
        if self.permutations is not None or self.rows is not None:
            permutations = self.permutations or preset.permutations
            rows = self.rows or preset.rows
            if rows > permutations:
                raise ValueError(f"a band of {rows} rows needs as many permutations, not {permutations}")
            preset = replace(preset, permutations=permutations, rows=rows, bands=permutations // rows)
        return preset

    @property
    def shingling(self) -> Shingling:
        """What is compared."""
        return self.chosen.shingling

    def meeting_settings(self) -> dict[str, Any]:
        """What documents must have in common to meet: all settings but those of one source's own."""
        return {key: value for key, value in self.settings().items() if key not in ("quality", "stage")}

    def fingerprint_settings(self) -> dict[str, Any]:
        """What the fingerprint of a batch depends on, for the key of `judge`."""
        chosen = self.chosen
        shape = [chosen.shingling.unit, chosen.shingling.size, chosen.shingling.fold_case]
        shape += [chosen.shingling.zero_digits, chosen.shingling.strip_accents]
        bands = [chosen.bands, chosen.rows, chosen.permutations, chosen.seed]
        contains = self.one_in if self.measure != "jaccard" else 0
        kept = {"exact": -1, "sampled": self.sketch, "none": 0}[self.verify]
        return {
            "shingling": shape,
            "bands": bands,
            "one_in": contains,
            "hashes": kept,
            "quality": self.quality,
        }

    def fingerprint(self, table: pa.Table) -> dict[str, Array]:
        """The points of a judged batch's kept rows, the hashes that verify them, and a node for every row."""
        rows = np.flatnonzero(table.column("verdict").is_null().to_numpy())
        sets = distinct(shingles(table.column("text").take(pa.array(rows)).to_pylist(), self.shingling))
        kept = self._verified_by(sets)
        nodes = np.zeros(table.num_rows, NODE)
        nodes["size"][rows], nodes["kept"][rows] = np.diff(sets.starts), np.diff(kept.starts)
        nodes["start"][rows] = kept.starts[:-1]
        nodes["bytes"] = table.column("bytes").to_numpy()
        nodes["id_high"], nodes["id_low"] = split_hex(table.column("id").to_pylist())
        if self.quality is not None:
            nodes["quality"] = table.column(self.quality).fill_null(-np.inf).to_numpy()
        return {**keyed(POINTS, self._points(sets, rows)), NODES: nodes, HASHES: kept.hashes}

    def _verified_by(self, sets: Shingles) -> Shingles:
        if self.verify == "exact":
            return sets
        return lowest(sets, self.sketch if self.verify == "sampled" else 0)

    def _points(self, sets: Shingles, rows: Array) -> Array:
        chosen = self.chosen
        keys, of = band_keys(signatures(sets, chosen.permutations, chosen.seed), chosen.bands, chosen.rows)
        count = np.zeros(len(rows), np.int64)
        kinds = [(keys, of, BAND)]
        if self.measure != "jaccard":
            sampled = sample(sets, self.one_in)
            count = np.diff(sampled.starts)
            kinds.append((mix(sampled.hashes), np.repeat(np.arange(len(rows)), count), SAMPLED))
        identity = set_keys(sets)[0]
        points = np.zeros(sum(len(keys) for keys, _, _ in kinds), POINT)
        points["key"] = np.concatenate([keys & ~np.uint64(1) | kind for keys, _, kind in kinds])
        of = np.concatenate([of for _, of, _ in kinds])
        points["set"], points["row"], points["sampled"] = identity[of], rows[of], count[of]
        return points[np.lexsort((points["row"], points["key"]))]

    def expected(self) -> dict[str, Any]:
        """What a user should know of the method: expected recall at the threshold, and its error.

        `recall`: of pairs whose Jaccard similarity is the threshold. `contained_from`: a text of so many
        shingles that is contained to the threshold is met with a chance of 99.9%. `error`: how far a
        similarity of long documents may be off, with 99.9% confidence; short ones are compared in full.
        """
        chosen = self.chosen
        found: dict[str, Any] = {"recall": expected_recall(self.threshold, chosen.bands, chosen.rows)}
        if self.measure != "jaccard":
            found["contained_from"] = _contained_from(self.one_in, self.threshold)
        if self.verify == "sampled":
            found["error"] = sampling_error(self.sketch)
        return found


def _contained_from(one_in: int, threshold: float, chance: float = 0.999) -> int:
    """The smallest number of shingles, to a hundredth, from which containment is met with this chance."""
    shingle_count = 1
    while expected_containment_recall(shingle_count, threshold, one_in, threshold) < chance:
        shingle_count += 1 + shingle_count // 100
    return shingle_count
