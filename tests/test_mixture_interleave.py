"""The order of sources: within a row of exact at every prefix, for any shares, seed and block."""

import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.interleave import SHUFFLED_PERIOD, Interleave, Schedule
from mixtures.proportions import apportion

LLAMA = {
    "commoncrawl": 134,
    "c4": 30,
    "github": 9,
    "wikipedia": 9,
    "books": 9,
    "arxiv": 5,
    "stackexchange": 4,
}
UNEVEN = {"a": 100, "b": 100, "c": 10, "d": 10, "e": 10, "f": 1, "g": 1}

part_lists = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def named(numbers: list[int]) -> dict[str, int]:
    return {f"s{index:02}": number for index, number in enumerate(numbers)}


def worst_deviation(sources: np.ndarray, parts: dict[str, int]) -> Fraction:
    period = sum(parts.values())
    rows = np.arange(1, len(sources) + 1)
    worst = [
        int(np.abs(np.cumsum(sources == source) * period - rows * part).max())
        for source, part in enumerate(parts.values())
    ]
    return Fraction(max(worst, default=0), period)


@pytest.mark.parametrize("parts", [LLAMA, UNEVEN, {"only": 1}, {"a": 1, "b": 99_999}])
def test_every_prefix_is_within_a_row_of_exact(parts: dict[str, int]) -> None:
    rows = 3 * sum(parts.values()) + 17
    for seed in (0, 1):
        sources, _ = Interleave(Schedule(parts), rows, seed).block(0, rows)
        assert worst_deviation(sources, parts) < 1


def test_the_source_furthest_behind_is_not_rule_enough() -> None:
    """Megatron's greedy choice strays by more than a row, which is why the schedule goes by deadlines."""
    dealt = np.zeros(len(UNEVEN))
    shares = np.array(list(UNEVEN.values())) / sum(UNEVEN.values())
    sources = []
    for row in range(1, sum(UNEVEN.values()) + 1):
        sources.append(int(np.argmax(shares * row - dealt)))
        dealt[sources[-1]] += 1
    assert worst_deviation(np.array(sources), UNEVEN) > Fraction(12, 10)


@given(part_lists, st.integers(1, 700), st.integers(0, 5))
def test_prefixes_of_any_mixture(numbers: list[int], rows: int, seed: int) -> None:
    parts = named(numbers)
    schedule = Schedule(parts)
    sources, ordinals = Interleave(schedule, rows, seed).block(0, rows)
    assert worst_deviation(sources, parts) < 1
    assert schedule.counts(rows) == {
        name: int(np.count_nonzero(sources == source)) for source, name in enumerate(parts)
    }
    for source in range(len(parts)):
        own = ordinals[sources == source]
        assert own.tolist() == list(range(len(own)))


@given(part_lists, st.integers(0, 1000))
def test_a_larger_budget_never_takes_a_row_back(numbers: list[int], rows: int) -> None:
    schedule = Schedule(named(numbers))
    less, more = schedule.counts(rows), schedule.counts(rows + 1)
    assert sum(more.values()) == sum(less.values()) + 1 == rows + 1
    assert all(more[source] >= less[source] for source in less)


def test_largest_remainders_would_take_a_row_back() -> None:
    """The Alabama paradox, and why rows are counted off the schedule."""
    parts = {"a": 6, "b": 6, "c": 2}
    shares = {source: Fraction(part) for source, part in parts.items()}
    assert (apportion(shares, 10)["c"], apportion(shares, 11)["c"]) == (2, 1)
    counts = [Schedule(parts).counts(rows)["c"] for rows in range(15)]
    assert counts == sorted(counts)
    assert counts[-1] == 2


@given(part_lists, st.integers(0, 300))
def test_position_is_the_row_of_a_turn(numbers: list[int], rows: int) -> None:
    schedule = Schedule(named(numbers))
    for source in schedule.sources:
        ordinal = schedule.counts(rows)[source]
        row = schedule.position(source, ordinal)
        assert row >= rows
        assert schedule.counts(row)[source] == ordinal
        assert schedule.counts(row + 1)[source] == ordinal + 1


@settings(max_examples=30)
@given(st.integers(0, 200_000), st.integers(0, 70_000), st.integers(0, 2))
def test_a_block_is_the_same_wherever_one_starts(start: int, length: int, seed: int) -> None:
    rows = 3 * SHUFFLED_PERIOD + 1234
    order = Interleave(Schedule(LLAMA), rows, seed)
    stop = min(start + length, rows)
    start = min(start, stop)
    sources, ordinals = order.block(0, rows)
    block_sources, block_ordinals = order.block(start, stop)
    assert np.array_equal(block_sources, sources[start:stop])
    assert np.array_equal(block_ordinals, ordinals[start:stop])


def test_a_block_far_out_is_as_cheap_as_a_near_one() -> None:
    rows = 683_593_750  # 1.4e12 tokens in rows of 2048
    order = Interleave(Schedule(LLAMA), rows, 0)
    sources, ordinals = order.block(rows - 3, rows)
    counts = order.schedule.counts(rows)
    last = dict(zip(sources.tolist(), ordinals.tolist(), strict=True))
    assert all(counts[order.schedule.sources[source]] == ordinal + 1 for source, ordinal in last.items())
    start = time.process_time()
    order.block(300_000_000, 303_000_000)
    assert time.process_time() - start < 3  # a million rows a second


def test_the_seed_moves_rows_and_nothing_else() -> None:
    schedule = Schedule(LLAMA)
    one, two = (Interleave(schedule, 5000, seed).block(0, 5000)[0] for seed in (0, 1))
    assert not np.array_equal(one, two)
    assert np.array_equal(np.bincount(one), np.bincount(two))
    assert np.array_equal(one, Interleave(schedule, 5000, 0).block(0, 5000)[0])


def test_budgets_share_their_order_up_to_the_last_few_rows() -> None:
    schedule = Schedule(LLAMA)
    small = Interleave(schedule, 1000, 0).block(0, 984)
    large = Interleave(schedule, 7000, 0).block(0, 984)
    assert np.array_equal(small[0], large[0])
    assert np.array_equal(small[1], large[1])


def test_rows_beyond_the_budget_are_refused() -> None:
    with pytest.raises(IndexError, match="rows 5 to 11 of 10"):
        Interleave(Schedule(LLAMA), 10, 0).block(5, 11)
