"""Budgets dealt to sources: exact rows, epochs, limits, and every policy for too little data."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mixtures.allocation import Supply, allocate
from mixtures.proportions import as_fraction, shares
from pipeline.errors import WinnowError

# Table 1 of the LLaMA paper: per cent, epochs at 1.4e12 tokens.
PUBLISHED = {
    "commoncrawl": (67.0, 1.10),
    "c4": (15.0, 1.06),
    "github": (4.5, 0.64),
    "wikipedia": (4.5, 2.45),
    "books": (4.5, 2.23),
    "arxiv": (2.5, 1.06),
    "stackexchange": (2.0, 1.03),
}


def supplies(table: dict[str, tuple[float, int]], max_epochs: float = 4) -> dict[str, Supply]:
    exact = shares({source: proportion for source, (proportion, _) in table.items()}, renormalise=True)
    return {
        source: Supply(exact[source], tokens, as_fraction(max_epochs))
        for source, (_, tokens) in table.items()
    }


def test_llama_at_its_own_budget() -> None:
    """Sources as large as the paper's table implies are drawn as often as it says."""
    unique = {
        source: (percent, round(1.4e12 * percent / 100 / epochs))
        for source, (percent, epochs) in PUBLISHED.items()
    }
    plan = allocate(supplies(unique), 2048, 1_400_000_000_000)
    assert plan.rows == 683_593_750
    assert plan.limit is None
    for source, (percent, epochs) in PUBLISHED.items():
        draw = plan.draws[source]
        assert abs(draw.rows - as_fraction(percent) / 100 * plan.rows) < 1
        assert float(draw.epochs + draw.fraction) == pytest.approx(epochs, rel=1e-6)
    assert plan.largest_rows * 2048 > 2.2e12  # wikipedia's 25.7e9 tokens, four times, are 4.5 %


def test_the_largest_budget_stops_before_the_first_row_that_a_source_cannot_give() -> None:
    plan = allocate(supplies({"a": (75, 1000), "b": (25, 100)}, 2), 10, None)
    assert plan.limit == "b"
    assert plan.requested is None
    assert plan.draws["b"].rows == plan.draws["b"].capacity == 20
    assert plan.rows == plan.largest_rows
    assert 80 <= plan.rows < 84
    assert plan.draws["b"].epochs == 2
    assert plan.draws["b"].fraction == 0
    assert plan.draws["a"].epochs == 0
    assert plan.draws["a"].fraction == Fraction(plan.draws["a"].tokens, 1000)
    with pytest.raises(WinnowError):
        allocate(supplies({"a": (75, 1000), "b": (25, 100)}, 2), 10, plan.tokens + 10)


def test_too_little_data_names_source_need_and_have() -> None:
    with pytest.raises(WinnowError) as error:
        allocate(supplies({"a": (50, 5000), "wikipedia": (50, 300)}, 2.5), 10, 3000)
    assert str(error.value) == (
        "too little data for this budget: wikipedia needs 1,500 tokens and has 300, at most 750 in 2.5 "
        "epochs. The largest budget of these proportions is 1,510 tokens; or set too_little "
        "to cap, redistribute or shrink"
    )


@pytest.mark.parametrize(
    ("policy", "rows", "drawn"),
    [
        ("shrink", 151, {"a": 76, "b": 75}),
        ("cap", 225, {"a": 150, "b": 75}),
        ("redistribute", 300, {"a": 225, "b": 75}),
    ],
)
def test_policies_for_too_little_data(policy: str, rows: int, drawn: dict[str, int]) -> None:
    plan = allocate(supplies({"a": (50, 5000), "b": (50, 300)}, 2.5), 10, 3000, policy)  # type: ignore[arg-type] # parametrised literals
    assert plan.rows == rows
    assert {source: draw.rows for source, draw in plan.draws.items()} == drawn
    assert plan.limit == "b"


def test_a_policy_changes_nothing_while_there_is_enough() -> None:
    table = {"a": (50.0, 5000), "b": (50.0, 5000)}
    assert allocate(supplies(table), 10, 3000, "redistribute") == allocate(supplies(table), 10, 3000)


@pytest.mark.parametrize(
    ("table", "budget", "sentence"),
    [
        (
            {"a": (50, 99), "b": (50, 0)},
            100,
            "source b has no tokens; give it inputs or leave it out of the mixture",
        ),
        ({"a": (50, 99), "b": (50, 2)}, 20, "source b has 2 tokens, too few for one row of 10 in 4 epochs"),
        (
            {"a": (99, 9999), "b": (1, 99)},
            500,
            "source b gets no row: the budget is 50 rows of 10 tokens and its share 1.0000%; every source "
            "has one from 1,000 tokens on",
        ),
    ],
)
def test_every_source_gets_a_row_or_a_sentence(
    table: dict[str, tuple[float, int]], budget: int, sentence: str
) -> None:
    with pytest.raises(WinnowError) as error:
        allocate(supplies(table), 10, budget)
    assert str(error.value) == sentence


def test_redistributing_more_than_there_is_says_so() -> None:
    with pytest.raises(WinnowError, match="all sources together can give 48 rows, the budget is 50"):
        allocate(supplies({"a": (50, 60), "b": (50, 60)}), 10, 500, "redistribute")


def test_caps_hold_where_a_million_rows_are_not_enough_for_exact_parts() -> None:
    plan = allocate(supplies({"a": (50, 10**9), "b": (50, 12_345_678)}, 1), 1, 100_000_000, "redistribute")
    assert plan.rows == 100_000_000
    assert plan.draws["b"].capacity - 100 <= plan.draws["b"].rows <= plan.draws["b"].capacity


def test_a_budget_of_all_there_is_stays_within_every_cap() -> None:
    table: dict[str, tuple[float, int]] = {"a": (50, 1_234_567), "b": (30, 2_345_678), "c": (20, 3_456_789)}
    total = sum(tokens for _, tokens in table.values())
    plan = allocate(supplies(table, 1), 1, total, "redistribute")
    assert total - 10 < plan.rows <= total
    assert all(draw.rows <= draw.capacity for draw in plan.draws.values())


tables = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.integers(1, 50), st.integers(40, 5000)), min_size=1
)


@given(
    tables, st.integers(1, 900), st.sampled_from(["cap", "redistribute", "shrink"]), st.sampled_from([1, 2.5])
)
def test_no_policy_passes_a_cap_or_loses_a_row(
    table: dict[str, tuple[float, int]], rows: int, policy: str, max_epochs: float
) -> None:
    try:
        plan = allocate(supplies(table, max_epochs), 10, rows * 10, policy)  # type: ignore[arg-type] # sampled literals
    except WinnowError as error:
        assume("gets no row" not in str(error))
        assert "all sources together" in str(error)
        assert policy == "redistribute"
        return
    assert sum(draw.rows for draw in plan.draws.values()) == plan.rows <= rows
    assert policy != "redistribute" or plan.rows == rows
    for draw in plan.draws.values():
        assert 0 < draw.rows <= draw.capacity
        assert (
            draw.tokens
            == (draw.epochs + draw.fraction) * draw.available
            <= as_fraction(max_epochs) * draw.available
        )


@given(tables, st.integers(1, 400), st.integers(0, 400))
def test_a_smaller_budget_is_nested_in_a_larger(
    table: dict[str, tuple[float, int]], rows: int, more: int
) -> None:
    plenty = {source: (proportion, 10**6) for source, (proportion, _) in table.items()}
    try:
        less = allocate(supplies(plenty), 10, rows * 10)
    except WinnowError as error:
        assume("gets no row" not in str(error))
        raise
    larger = allocate(supplies(plenty), 10, (rows + more) * 10)
    assert all(larger.draws[source].rows >= draw.rows for source, draw in less.draws.items())
