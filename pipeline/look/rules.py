"""The rules of a run that hold a recorded value against a threshold, and the columns their values are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pj

from pipeline.look.finished import FinishedRun
from pipeline.look.stages import judge_stages
from pipeline.manifest import read_manifest
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.rules import RuleStage

# The columns that `values_of` needs.
COLUMNS = ("language_score", "perplexity", "reference_score", "rule_values")
_BLOCK = 1 << 24


@dataclass(frozen=True)
class Measured:
    """A rule and the recorded value it decides by: what is under the threshold fails, over it without
    `upwards`.

    `threshold` is None for a score that has none, or whose threshold stands with the dropped documents.
    """

    rule: str
    value: str
    upwards: bool
    threshold: float | None = None


def measured_rules(run: FinishedRun, source: str) -> list[Measured]:
    """The rules of `judge` whose values are recorded for documents that pass too, in their order."""
    if read_manifest(run.out, "judge", source) is None:
        return []
    found: list[Measured] = []
    for stage in judge_stages(run, source):
        if isinstance(stage, RuleStage):
            for rule in stage.rules().rules:
                value = f"{stage.name}.{rule.value}"
                if rule.minimum is not None:
                    found.append(Measured(rule.name, value, True, rule.minimum))
                if rule.maximum is not None:
                    found.append(Measured(rule.name, value, False, rule.maximum))
        elif isinstance(stage, Language):
            found.append(Measured("language_score", "language_score", True, stage.min_score))
        elif isinstance(stage, WikipediaReference):
            found.append(Measured(stage.name, "reference_score", True, stage.min_score))
        elif isinstance(stage, Perplexity):
            # Each language has a cutoff of its own, which its model brings.
            found.append(Measured("perplexity.tail", "perplexity", False))
    return found


def values_of(table: pa.Table) -> Mapping[str, npt.NDArray[np.float64]]:
    """Every recorded value of a table's rows by its name, NaN where a row has none.

    The table has COLUMNS.
    """
    found = {
        name: table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in COLUMNS[:3]
    }
    written = table.column("rule_values")
    rows = np.flatnonzero(written.is_valid().to_numpy(zero_copy_only=False))
    if not len(rows):
        return found
    lines = "\n".join(written.drop_null().to_pylist()).encode()
    # Threads might outlive the call with `lines` in hand: see pipeline/parquet_bytes.py.
    options = pj.ReadOptions(use_threads=False, block_size=max(_BLOCK, len(lines) + 1))
    for name, column in _columns(lines, options).items():
        values = np.full(table.num_rows, np.nan)
        values[rows] = column
        found[name] = values
    return found


def _columns(lines: bytes, options: pj.ReadOptions) -> dict[str, npt.NDArray[np.float64]]:
    table = pj.read_json(pa.BufferReader(lines), read_options=options)
    return {
        name: column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    }
