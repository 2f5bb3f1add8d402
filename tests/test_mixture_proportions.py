"""Shares as exact fractions, largest remainders, and periods."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.proportions import MAX_PERIOD, apportion, parts, shares
from pipeline.errors import WinnowError

LLAMA = {
    "commoncrawl": 67.0,
    "c4": 15.0,
    "github": 4.5,
    "wikipedia": 4.5,
    "books": 4.5,
    "arxiv": 2.5,
    "stackexchange": 2.0,
}

weights = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2), st.fractions(1, 1000), min_size=1, max_size=8
)


@pytest.mark.parametrize("unit", [1, 100])
def test_shares_are_exact_decimals_of_percent_or_of_one(unit: int) -> None:
    given_as = {source: Fraction(str(value)) * unit / 100 for source, value in LLAMA.items()}
    assert shares(given_as)["github"] == Fraction(9, 200)
    assert shares({"a": 0.1, "b": 0.9}) == {"a": Fraction(1, 10), "b": Fraction(9, 10)}


@pytest.mark.parametrize(
    ("proportions", "sentence"),
    [
        ({"a": 60, "b": 30}, "the proportions sum to 90, they must sum to 100 (or to 1)"),
        ({"a": 101, "b": -1}, "the proportion of b is -1, it must be above zero"),
        ({}, "a mixture needs at least one source"),
    ],
)
def test_wrong_proportions_are_one_sentence(proportions: dict[str, int], sentence: str) -> None:
    with pytest.raises(WinnowError) as error:
        shares(proportions)
    assert str(error.value) == sentence


def test_renormalising_keeps_ratios() -> None:
    assert shares({"a": 60, "b": 30}, renormalise=True) == {"a": Fraction(2, 3), "b": Fraction(1, 3)}


def test_a_rounded_table_still_sums_to_one() -> None:
    assert shares({"a": 33.3333, "b": 33.3333, "c": 33.3333})["a"] == Fraction(1, 3)


@pytest.mark.parametrize(
    ("seats", "expected"),
    [
        (200, [134, 30, 9, 9, 9, 5, 4]),
        (10, [7, 2, 0, 0, 1, 0, 0]),  # remainders .7, .5, three times .45: of these books, by name
        (1, [1, 0, 0, 0, 0, 0, 0]),
        (0, [0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_largest_remainders_of_llama(seats: int, expected: list[int]) -> None:
    assert list(apportion(shares(LLAMA), seats).values()) == expected


@given(weights, st.integers(0, 10**13))
def test_apportioning_deals_every_seat_within_one_of_exact(
    proportions: dict[str, Fraction], seats: int
) -> None:
    exact = shares(proportions, renormalise=True)
    dealt = apportion(proportions, seats)
    assert sum(dealt.values()) == seats
    assert all(abs(dealt[source] - share * seats) < 1 for source, share in exact.items())
    assert apportion(dict(reversed(proportions.items())), seats) == dealt


def test_parts_of_llama_are_a_period_of_200_rows() -> None:
    assert list(parts(shares(LLAMA)).values()) == [134, 30, 9, 9, 9, 5, 4]


def test_parts_round_a_long_period_to_millionths_and_lose_no_source() -> None:
    rounded = parts(shares({"a": "33.3333333", "b": "66.6666666", "c": "0.0000001"}))
    assert rounded == {"a": 333_333, "b": 666_667, "c": 1}
    assert sum(rounded.values()) <= MAX_PERIOD + 1
