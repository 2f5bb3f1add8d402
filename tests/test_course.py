"""mixtures.course: stages take over at their row, each exact by itself, sources going on where they stood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.course import NEVER, Course, Order, Stage
from mixtures.interleave import Interleave, Schedule
from pipeline.config import parse_config
from pipeline.errors import WinnowError

stages = st.lists(
    st.tuples(st.integers(1, 60), st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1)),
    min_size=1,
    max_size=4,
)


def course_of(drawn: list[tuple[int, dict[str, int]]]) -> Course:
    firsts = np.cumsum([0, *(rows for rows, _ in drawn)]).tolist()
    return Course([Stage(first, parts) for first, (_, parts) in zip(firsts, drawn, strict=False)])


@given(stages, st.integers(1, 250), st.integers(0, 2))
def test_every_stage_is_exact_and_every_source_goes_on(
    drawn: list[tuple[int, dict[str, int]]], rows: int, seed: int
) -> None:
    course = course_of(drawn)
    order = Order(course, rows, seed)
    sources, ordinals = order.block(0, rows)
    names = np.array(order.sources)[sources]
    assert course.counts(rows) == {name: int((names == name).sum()) for name in order.sources}
    for name in order.sources:
        own = np.flatnonzero(names == name)
        assert ordinals[own].tolist() == list(range(len(own)))
        for ordinal, row in enumerate(own.tolist()):
            first, last = order.window(name, ordinal)
            assert first <= row < last <= rows
            turn = course.position(name, ordinal)
            assert course.counts(turn)[name] == ordinal
            assert course.counts(turn + 1)[name] == ordinal + 1
    ends = [*course.firsts[1:], rows]
    for stage, end in zip(course.stages, ends, strict=True):
        period = sum(stage.parts.values())
        inside = names[stage.first_row : min(end, rows)]
        for name in order.sources:
            exact = np.arange(1, len(inside) + 1) * stage.parts.get(name, 0)
            assert (np.abs(np.cumsum(inside == name) * period - exact) < period).all()


@given(stages, st.integers(0, 200), st.integers(0, 200))
def test_blocks_are_the_same_wherever_one_starts(
    drawn: list[tuple[int, dict[str, int]]], one: int, two: int
) -> None:
    order = Order(course_of(drawn), 200, 1)
    start, stop = sorted((one, two))
    for part, whole in zip(order.block(start, stop), order.block(0, 200), strict=True):
        assert np.array_equal(part, whole[start:stop])


def test_one_stage_is_the_plain_interleaving() -> None:
    parts = {"a": 5, "b": 2}
    order, plain = Order(Course([Stage(0, parts)]), 300, 3), Interleave(Schedule(parts), 300, 3)
    for one, two in zip(order.block(10, 290), plain.block(10, 290), strict=True):
        assert np.array_equal(one, two)


def test_a_turn_that_never_comes() -> None:
    course = Course([Stage(0, {"a": 1, "b": 1}), Stage(10, {"b": 1})])
    assert course.position("a", 4) < 10
    assert course.position("a", 5) == NEVER
    assert course.position("c", 0) == NEVER
    assert course.position("b", 5) == 10


@pytest.mark.parametrize("firsts", [[], [1], [0, 5, 5], [0, 7, 3]])
def test_stages_run_upwards_from_the_beginning(firsts: list[int]) -> None:
    with pytest.raises(ValueError, match="begin at 0 and run upwards"):
        Course([Stage(first, {"a": 1}) for first in firsts])


SPEC = """\
sources:
  commoncrawl: {proportion: 60}
  books: {proportion: 40}
curriculum:
  - from_tokens: 1M
    proportions: {commoncrawl: 0.5, books: 0.5}
  - from_tokens: 2M
    proportions: {books: 100}
"""


def test_a_curriculum_in_a_spec() -> None:
    config, _ = parse_config(SPEC, "spec.yaml")
    assert [stage.from_tokens for stage in config.curriculum] == [10**6, 2 * 10**6]
    assert config.curriculum[1].proportions == {"books": 100}


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("2M", "1M", "spec.yaml, line 7: curriculum.1.from_tokens: stages begin one after the other"),
        ("books: 100", "bocks: 100", "spec.yaml, line 8: curriculum.1.proportions.bocks: unknown source"),
        (
            "books: 0.5",
            "books: 0.6",
            "spec.yaml, line 6: curriculum.0.proportions: the proportions sum to",
        ),
        ("books: 100", "books: -1", "spec.yaml, line 8: curriculum.1.proportions.books: input should be"),
        (
            "    proportions: {books: 100}",
            "    share: 1",
            "line 8: curriculum.1.share: unknown key",
        ),
    ],
)
def test_a_wrong_curriculum_is_one_sentence(old: str, new: str, sentence: str) -> None:
    with pytest.raises(WinnowError) as error:
        parse_config(SPEC.replace(old, new), "spec.yaml")
    assert sentence in str(error.value)
