"""Rules that compare a measured value with a threshold: measuring comes first, deciding after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from filters.textview import TextView

Measure = Callable[[TextView], float]


class Rule(NamedTuple):
    """A page fails where the named value is under `minimum` or over `maximum`, unless these are None.

    `origin` says where the number comes from.
    """

    name: str
    value: str
    minimum: float | None = None
    maximum: float | None = None
    origin: str = ""


class Failure(NamedTuple):
    """A rule that a page fails, what was measured, and the threshold that it misses."""

    rule: str
    value: float
    threshold: float


@dataclass(frozen=True)
class Preset:
    """Values to measure, by name, and the rules that decide on them, in their order."""

    measures: Mapping[str, Measure]
    rules: tuple[Rule, ...]

    def values(self, view: TextView) -> dict[str, float]:
        """Every value of the text, by name."""
        return {name: measure(view) for name, measure in self.measures.items()}

    def failures(self, values: Mapping[str, float]) -> list[Failure]:
        """Every rule that `values` fail, in order; raises KeyError for a value that was not measured."""
        return list(_failures(values, self.rules))

    def first_failure(self, view: TextView) -> Failure | None:
        """The first rule that the text fails, None where it fails none; what comes after is not measured."""
        for rule in self.rules:
            for failure in _failures({rule.value: self.measures[rule.value](view)}, [rule]):
                return failure
        return None


def _failures(values: Mapping[str, float], rules: Iterable[Rule]) -> Iterable[Failure]:
    for rule in rules:
        value = values[rule.value]
        if rule.minimum is not None and value < rule.minimum:
            yield Failure(rule.name, value, rule.minimum)
        elif rule.maximum is not None and value > rule.maximum:
            yield Failure(rule.name, value, rule.maximum)
