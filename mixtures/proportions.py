"""Proportions as exact fractions, and whole numbers that follow them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import lcm

from pipeline.errors import WinnowError

Proportion = int | float | str | Decimal | Fraction

TOLERANCE = Fraction(1, 10**6)  # sums of published, rounded tables: LLaMA-1's Table 1 sums to 100.0
MAX_PERIOD = 10**6  # rows after which an interleaving repeats itself; its table is held in memory


def as_fraction(value: Proportion) -> Fraction:
    """The decimal number a person wrote, exactly: 4.5 is 9/2, and 0.1 is 1/10 though no float is."""
    return value if isinstance(value, Fraction) else Fraction(str(value))


def shares(proportions: Mapping[str, Proportion], *, renormalise: bool = False) -> dict[str, Fraction]:
    """Shares that sum to exactly 1, from proportions that sum to 1 or to 100 (within a millionth of the
    whole).

    With `renormalise` any positive sum is accepted. Raises WinnowError for a proportion that is not above
    zero and for any other sum.
    """
    exact = {source: as_fraction(value) for source, value in proportions.items()}
    for source, value in exact.items():
        if value <= 0:
            raise WinnowError(f"the proportion of {source} is {float(value):g}, it must be above zero")
    total = sum(exact.values(), Fraction(0))
    if not exact:
        raise WinnowError("a mixture needs at least one source")
    if not renormalise and all(abs(total / whole - 1) > TOLERANCE for whole in (1, 100)):
        raise WinnowError(f"the proportions sum to {float(total):g}, they must sum to 100 (or to 1)")
    return {source: value / total for source, value in exact.items()}


def apportion(weights: Mapping[str, Fraction], seats: int) -> dict[str, int]:
    """Deal `seats` by weight: whole parts first, then one each to the largest remainders, ties by source
    name.

    Hamilton's method: the result sums to `seats`, and each source is within one of its exact part.
    """
    total = sum(weights.values(), Fraction(0))
    exact = {source: weight * seats / total for source, weight in weights.items()}
    dealt = {source: value.numerator // value.denominator for source, value in exact.items()}
    by_remainder = sorted(exact, key=lambda source: (dealt[source] - exact[source], source))
    for source in by_remainder[: seats - sum(dealt.values())]:
        dealt[source] += 1
    return dealt


def parts(weights: Mapping[str, Fraction]) -> dict[str, int]:
    """The shares as whole parts of one period of rows, in lowest terms: LLaMA-1's are 134, 30, 9, 9, 9, 5, 4
    of 200.

    Shares that need a period above MAX_PERIOD rows are rounded to millionths, by `apportion`, but never to
    none.
    """
    total = sum(weights.values(), Fraction(0))
    exact = {source: weight / total for source, weight in weights.items()}
    period = lcm(*(share.denominator for share in exact.values()))
    if period <= MAX_PERIOD:
        return {source: int(share * period) for source, share in exact.items()}
    return {source: max(part, 1) for source, part in apportion(exact, MAX_PERIOD).items()}
