"""Stages of `judge` that compare what they measure on a text with thresholds: Gopher's rules, FineWeb's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, ClassVar, Literal

import orjson
from pydantic import Field, ValidationInfo, field_validator

from filters.fineweb import FINEWEB_PRESETS
from filters.gopher_tools import GOPHER_PRESETS
from filters.textview import TextView
from filters.thresholds import Preset, Rule
from pipeline.models import Model, resolve
from pipeline.transforms.judging import Check, JudgeStage, Judging

Bound = Literal["minimum", "maximum"]


class RuleStage(JudgeStage):
    """A preset of rules: every value of a text is recorded, and the first rule that it fails drops it.

    `thresholds` changes single rules: `{words: {minimum: 20}}`, null for no bound on that side.
    """

    presets: ClassVar[Mapping[str, Preset]]
    decides: ClassVar[frozenset[str]] = frozenset({"thresholds"})
    preset: str
    thresholds: dict[str, dict[Bound, float | None]] = Field(
        {}, description="bounds in place of the preset's, by rule"
    )

    @field_validator("thresholds")
    @classmethod
    def _known(
        cls, thresholds: dict[str, dict[Bound, float | None]], info: ValidationInfo
    ) -> dict[str, dict[Bound, float | None]]:
        preset = info.data.get("preset", "")
        names = [cls._short(rule) for rule in cls.presets[preset].rules] if preset else []
        if preset and not thresholds.keys() <= set(names):
            raise ValueError(f"the rules of {preset} are {', '.join(names)}")
        return thresholds

    @classmethod
    def _short(cls, rule: Rule) -> str:
        return rule.name.removeprefix(f"{cls.name}.")

    def rules(self) -> Preset:
        """The preset, with this stage's thresholds."""
        preset = self.presets[self.preset]
        return replace(preset, rules=tuple(map(self._changed, preset.rules)))

    def _changed(self, rule: Rule) -> Rule:
        bounds = self.thresholds.get(self._short(rule), {})
        minimum, maximum = bounds.get("minimum", rule.minimum), bounds.get("maximum", rule.maximum)
        return rule._replace(minimum=minimum, maximum=maximum)

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Record the values as `<stage>.<value>` in `rule_values`; rules by the names in the preset."""
        judge_rules(batch, [self])

    def checks(self, row: Mapping[str, Any], models: dict[str, Model]) -> list[Check] | None:
        """By the values of this stage in `rule_values`."""
        measured = orjson.loads(row["rule_values"] or "{}")
        prefix = f"{self.name}."
        values = {
            name.removeprefix(prefix): number for name, number in measured.items() if name.startswith(prefix)
        }
        preset = self.rules()
        if any(rule.value not in values for rule in preset.rules):
            return None
        failed = {failure.rule: failure for failure in preset.failures(values)}
        return [
            Check(
                rule.name,
                values[rule.value],
                failed[rule.name].threshold if rule.name in failed else _bound(rule),
                rule.name not in failed,
            )
            for rule in preset.rules
        ]


class Gopher(RuleStage):
    """Gopher's rules for repetition and quality, all of them (Rae et al. 2021, section A.1.1)."""

    name: ClassVar[str] = "gopher"
    presets: ClassVar[Mapping[str, Preset]] = GOPHER_PRESETS
    preset: Literal["gopher@2112.11446", "gopher@datatrove", "gopher@dolma"] = "gopher@2112.11446"


class FineWeb(RuleStage):
    """FineWeb's own rules (Penedo et al. 2024, section 3.6, and the code that made it)."""

    name: ClassVar[str] = "fineweb"
    presets: ClassVar[Mapping[str, Preset]] = FINEWEB_PRESETS
    preset: Literal["fineweb@1"] = "fineweb@1"


def _bound(rule: Rule) -> float | None:
    return rule.maximum if rule.minimum is None else rule.minimum


# In every flow, until a config names them.
PAGE_RULES: tuple[JudgeStage, ...] = (Gopher(on=False), FineWeb(on=False))


def judge_rules(batch: Judging, stages: Sequence[RuleStage]) -> None:
    """Do several rule stages, one after the other, with one analysis of each text.

    Row by row, so that one analysis is in memory at a time: those of a whole batch would be many times its
    text.
    """
    presets = [(stage.name, stage.rules()) for stage in stages]
    for row in batch.rows().tolist():
        view = TextView(batch.texts[row])
        for name, preset in presets:
            if not batch.wants(row):
                break
            values = preset.values(view)
            batch.record_values(row, {f"{name}.{value}": number for value, number in values.items()})
            for failure in preset.failures(values)[:1]:
                batch.drop(row, *failure)


def run_stages(stages: Sequence[JudgeStage], batch: Judging) -> None:
    """Do all stages of `judge` in their order; rule stages that follow each other share their analysis."""
    for kind, group in groupby(stages, key=lambda stage: isinstance(stage, RuleStage)):
        run = list(group)
        if kind:
            judge_rules(batch, [stage for stage in run if isinstance(stage, RuleStage)])
            continue
        for stage in run:
            stage.judge(batch, {path: resolve(path) for path in stage.model_paths()})
