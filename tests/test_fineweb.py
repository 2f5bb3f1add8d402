"""FineWeb's own rules: datatrove's verdicts, and the edges of each rule."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.fineweb import FINEWEB, FINEWEB_RULES, TERMINAL_MARKS
from filters.textview import TextView

DATA = Path(__file__).parent / "data" / "gopher"
NAMES = {"fineweb.dup": "duplicate_line_characters", "line_feeds": "line_feeds"}  # in the goldens


def test_verdicts_are_those_of_datatrove() -> None:
    pages = gzip.decompress((DATA / "pages.jsonl.gz").read_bytes()).splitlines()
    goldens = (DATA / "datatrove.jsonl").read_bytes().splitlines()
    failing = set()
    for page, golden in zip(pages, goldens, strict=True):
        expected = orjson.loads(golden)["failures"][2]
        failure = FINEWEB.first_failure(TextView(orjson.loads(page)["text"]))
        assert (failure.rule if failure else None) == (
            expected and f"fineweb.{NAMES.get(expected, expected)}"
        )
        failing.add(expected)
    assert failing >= {None, "ended_lines", "short_lines", "fineweb.dup"}


LONG = "This line has more than thirty characters"


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("ended_lines", f"{LONG}.\n\n  \n{LONG}", 0.5),
        ("ended_lines", f"{LONG}。\n{LONG}។\n{LONG}!\n{LONG}?", 1),
        ("ended_lines", f"{LONG}. \n{LONG}.”", 0),
        ("short_lines", "a" * 30 + "\n" + "a" * 31 + "\n\n", 0.5),
        ("duplicate_line_characters", "aa\nb\naa\n", 0.4),
        ("duplicate_line_characters", "aa\nb\naa \n", 0),
        ("line_feeds_per_word", "a b\n\nc d", 0.5),
        ("line_feeds_per_word", "\n\n", 2),
        ("ended_lines", "", 0),
    ],
)
def test_values(value: str, text: str, expected: float) -> None:
    assert FINEWEB.measures[value](TextView(text)) == pytest.approx(expected)


def test_thresholds_are_the_released_ones() -> None:
    assert [(rule.name, rule.minimum, rule.maximum) for rule in FINEWEB_RULES] == [
        ("fineweb.ended_lines", 0.12, None),
        ("fineweb.short_lines", None, 0.67),
        ("fineweb.duplicate_line_characters", None, 0.01),
        ("fineweb.line_feeds", None, 0.3),
    ]


def test_terminal_marks_are_of_every_script() -> None:
    assert len(TERMINAL_MARKS) == 159
    assert set(".?!。؟।።។") <= TERMINAL_MARKS
    assert not TERMINAL_MARKS & set(",;:…”'\"")


@given(st.text(alphabet=st.sampled_from("ab.\n \u2028"), max_size=100))
def test_shares_stay_shares(text: str) -> None:
    values = FINEWEB.values(TextView(text))
    assert all(0 <= values[name] <= 1 for name in ("ended_lines", "short_lines", "duplicate_line_characters"))
