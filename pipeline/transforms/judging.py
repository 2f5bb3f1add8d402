"""A batch while it is judged: texts, scores and verdicts side by side, rows never removed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from pipeline.models import Model
from pipeline.schema import JUDGED, SCORE_FIELDS
from pipeline.transforms.read import ReadStage
from pipeline.transforms.stage import Stage

_SCORE_TYPES = {field.name: field.type for field in SCORE_FIELDS}


class Check(NamedTuple):
    """A rule held against one document: what was measured, the threshold it met, whether the document
    passes."""

    rule: str
    value: float | None
    threshold: float | None
    passed: bool


class Judging:
    """One batch of documents on its way through `judge`.

    `texts`, `languages`, `urls`: a list each, one entry a row. `score_all`: score rows that have failed
    already too, so that thresholds can be moved afterwards; the first failing rule stays the verdict.
    """

    def __init__(self, table: pa.Table, score_all: bool = False) -> None:
        self._table = table
        self.score_all = score_all
        self.texts: list[str] = table.column("text").to_pylist()
        self.urls: list[str] = table.column("url").to_pylist()
        self.languages: list[str] = table.column("language").to_pylist()
        self._scores: dict[str, list[Any]] = {name: [None] * table.num_rows for name in _SCORE_TYPES}
        self._rules: list[str | None] = table.column("verdict").to_pylist()
        self._values: list[float | None] = table.column("verdict_value").to_pylist()
        self._thresholds: list[float | None] = table.column("verdict_threshold").to_pylist()
        self._survivors: list[str | None] = table.column("survivor").to_pylist()
        self._rule_values: dict[int, dict[str, float]] = {}

    def rows(self) -> npt.NDArray[np.int64]:
        """The rows to score: all, or those without a verdict so far."""
        if self.score_all:
            return np.arange(len(self.texts))
        return np.flatnonzero([rule is None for rule in self._rules])

    def wants(self, row: int) -> bool:
        """Whether `rows` has this one."""
        return self.score_all or self._rules[row] is None

    def record(self, column: str, rows: Sequence[int] | npt.NDArray[Any], values: Sequence[Any]) -> None:
        """Write one value a row into a score column."""
        target = self._scores[column]
        for row, value in zip(rows, values, strict=True):
            target[row] = value

    def record_values(self, row: int, values: Mapping[str, float]) -> None:
        """Add to the values, by name, that rules without a score column of their own measured on a row."""
        self._rule_values.setdefault(row, {}).update(values)

    def drop(self, row: int, rule: str, value: float | None = None, threshold: float | None = None) -> None:
        """Give a row its verdict; the first one stays."""
        if self._rules[row] is None:
            self._rules[row], self._values[row], self._thresholds[row] = rule, value, threshold

    def settle(self, row: int, checks: Iterable[Check]) -> None:
        """Drop a row by the first of `checks` that it fails."""
        for check in checks:
            if not check.passed:
                self.drop(row, check.rule, check.value, check.threshold)
                return

    def lose(
        self,
        row: int,
        rule: str,
        survivor: str,
        value: float | None = None,
        threshold: float | None = None,
    ) -> None:
        """Drop a row as a duplicate of `survivor`, whatever rule it had failed before."""
        self._rules[row], self._values[row], self._thresholds[row] = rule, value, threshold
        self._survivors[row] = survivor

    def lost(self) -> npt.NDArray[np.bool_]:
        """For each row, whether it lost as a duplicate of another."""
        return np.array([survivor is not None for survivor in self._survivors], bool)

    def kept(self) -> npt.NDArray[np.bool_]:
        """For each row, whether it has no verdict."""
        return np.array([rule is None for rule in self._rules], bool)

    def table(self) -> pa.Table:
        """The batch as a table of the JUDGED schema."""
        measured = sorted(self._rule_values)
        self.record(
            "rule_values", measured, [orjson.dumps(self._rule_values[row]).decode() for row in measured]
        )
        columns: dict[str, Any] = {name: self._table.column(name) for name in self._table.column_names}
        columns |= {name: pa.array(self._scores[name], _SCORE_TYPES[name]) for name in self._scores}
        columns |= self._verdict_columns()
        columns |= {
            "text": pa.array(self.texts, pa.large_string()),
            "bytes": pa.array([len(text.encode()) for text in self.texts], pa.int64()),
            "language": pa.array(self.languages, pa.string()),
        }
        return pa.table([columns[field.name] for field in JUDGED], schema=JUDGED)

    def verdicts_on(self, table: pa.Table) -> pa.Table:
        """`table`, of the same rows, with this batch's verdicts and all else as it was."""
        for name, column in self._verdict_columns().items():
            table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
        return table

    def _verdict_columns(self) -> dict[str, pa.Array]:
        return {
            "verdict": pa.array(self._rules, pa.string()),
            "verdict_value": pa.array(self._values, pa.float64()),
            "verdict_threshold": pa.array(self._thresholds, pa.float64()),
            "survivor": pa.array(self._survivors, pa.string()),
        }


class JudgeStage(Stage, ABC):
    """A stage that scores the rows of a batch and gives verdicts.

    `decides`: the fields that only decide on scores. A document's recorded scores hold for a stage that
    differs in nothing else.
    """

    decides: ClassVar[frozenset[str]] = frozenset()

    def load(self, models: dict[str, Model]) -> None:
        """Load what `judge` will need, so that a wrong file is found before any data is read."""

    def settled(self, read: ReadStage, records: Mapping[str, int]) -> JudgeStage:
        """The stage with what it must know of the whole source, before any batch is judged.

        `records` has how many `read` met in each input. What is settled is part of the stage's settings, and
        so of the phase's key and manifest.
        """
        del read, records
        return self

    @classmethod
    def recorded(cls) -> type[JudgeStage]:
        """The kind of stage whose settings a manifest holds: what `settled` returns."""
        return cls

    @abstractmethod
    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Score `batch.rows()`, record the values, drop what misses a threshold.

        `models` has each of `model_paths()`, fetched.
        """

    def checks(self, row: Mapping[str, Any], models: dict[str, Model]) -> list[Check] | None:
        """The stage's rules held against a document's recorded scores, in order.

        `row` has the score columns and `language` as `judged/` holds them. None where what the stage decides
        by is not recorded, or not for this document.
        """
        return None

    def gives(self, rule: str) -> bool:
        """Whether `rule` is a verdict of this stage."""
        return rule == self.name or rule.startswith(f"{self.name}.")
