"""Gopher's rules: each value as the paper says it, and as datatrove and dolma compute it."""

from __future__ import annotations

import gzip
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import gopher_values as v
from filters.gopher import GOPHER, QUALITY_RULES, REPETITION_RULES
from filters.gopher_tools import GOPHER_PRESETS
from filters.textview import TextView
from filters.thresholds import Failure, Preset, Rule

DATA = Path(__file__).parent / "data" / "gopher"


def rows(name: str) -> list[Any]:
    data = (DATA / name).read_bytes()
    return [
        orjson.loads(row) for row in (gzip.decompress(data) if name.endswith(".gz") else data).splitlines()
    ]


def value(name: str, text: str, preset: str = "gopher@2112.11446") -> float:
    return GOPHER_PRESETS[preset].measures[name](TextView(text))


def first_failure(text: str, preset: str, rules: tuple[Rule, ...]) -> str | None:
    found = Preset(GOPHER_PRESETS[preset].measures, rules).first_failure(TextView(text))
    return found.rule.removeprefix("gopher.") if found else None


def test_verdicts_and_values_are_those_of_datatrove() -> None:
    pages, goldens = rows("pages.jsonl.gz"), rows("datatrove.jsonl")
    assert len(pages) == len(goldens) == 42
    for page, golden in zip(pages, goldens, strict=True):
        text = page["text"]
        assert first_failure(text, "gopher@datatrove", REPETITION_RULES) == golden["failures"][0]
        assert first_failure(text, "gopher@datatrove", QUALITY_RULES) == golden["failures"][1]
        values = {name: value(name, text, "gopher@datatrove") for name in golden["values"]}
        assert values == pytest.approx(golden["values"], abs=1e-12)


def test_values_are_those_of_dolma() -> None:
    pages, goldens = rows("pages.jsonl.gz"), rows("dolma.jsonl")
    assert len(pages) == len(goldens) == 42
    for page, golden in zip(pages, goldens, strict=True):
        values = GOPHER_PRESETS["gopher@dolma"].values(TextView(page["text"]))
        assert {name: values[name] for name in golden} == pytest.approx(golden, abs=1e-12)


SENTENCE = "The quick brown fox jumps over the lazy dog today."


# Where the paper leaves room: peers differ as documented in docs/parity.md.
@pytest.mark.parametrize(
    ("name", "text", "paper", "datatrove", "dolma"),
    [
        ("words", "One - two, 3!", 4, 3, 4),
        ("word_length", "a bb ccccccccc --", 3.5, 4, 2),
        ("word_length", "a bbb", 2, 2, 2),
        ("hashes", "##a b", 1, 1, 0.5),
        ("bullet_lines", "* a\n\n- b\n  • c\nd", 0.75, 0.4, 0.4),
        ("ellipsis_lines", "a...\nb… \nc…\n\n", 1, 0.75, 0.2),
        ("alphabetic_words", "a1 2 3. é!", 0.5, 0.5, 0.5),
        ("stop_words", "The cat, of, the and the", 3, 2, 3),
        ("stop_words", "With that!", 2, 0, 0),
        ("duplicate_lines", "a\n\na\nb\n\nc", 0.25, 0.25, 4 / 6),
        ("duplicate_lines", "a\na ", 0.5, 0, 0),
        ("duplicate_line_characters", "aa\nb\naa", 0.4, 2 / 7, 0.8),
        ("top_2_gram", "ab c ab c d", 6 / 7, 8 / 11, 6 / 7),
        ("top_3_gram", "ab c d e", 0, 6 / 8, 4 / 5),
        ("duplicate_5_grams", "a b c d e a b c d e", 0.5, 5 / 19, 10 / 30),
        ("duplicate_5_grams", "a b c d e f a b c d e f", 0.5, 5 / 23, 20 / 40),
        ("duplicate_5_grams", "a a a a a a a a a a", 0.9, 5 / 19, 1),
        ("duplicate_5_grams", "a b c d", 0, 0, 0),
    ],
)
def test_tools_measure_otherwise(name: str, text: str, paper: float, datatrove: float, dolma: float) -> None:
    assert value(name, text) == pytest.approx(paper)
    assert value(name, text, "gopher@datatrove") == pytest.approx(datatrove)
    assert value(name, text, "gopher@dolma") == pytest.approx(dolma)


def test_an_ordinary_sentence_is_not_repetitious_for_us() -> None:
    assert first_failure(SENTENCE, "gopher@2112.11446", REPETITION_RULES) is None
    assert first_failure(SENTENCE, "gopher@datatrove", REPETITION_RULES) == "top_3_gram"


@pytest.mark.parametrize(
    ("text", "share"),
    [("a\n\nb\n\na", 1 / 3), ("a\nb\n\n \n\na\nb", 1 / 2), ("a\nb", 0), ("", 0)],
)
def test_paragraphs_are_between_blank_lines(text: str, share: float) -> None:
    assert value("duplicate_paragraphs", text) == pytest.approx(share)
    assert value("duplicate_paragraph_characters", text) == pytest.approx(share)


def passing_words(count: int) -> str:
    """A text of `count` words without a fault, none of its word pairs twice."""
    return " ".join(["the", "of", *(f"word{i}x" for i in range(count - 2))])


ELLIPSES = f"{passing_words(40)}…\n" * 3


# Just inside and just outside each threshold.
@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        ("words", passing_words(50), passing_words(49)),
        ("words", passing_words(100_000), passing_words(100_001)),
        ("word_length", "the and " + "ab abcd " * 49, "the and " + "ab abc " * 49),
        ("word_length", "abcdefghij " * 60, "abcdefghij " * 60 + "abcdefghijk"),
        ("hashes", passing_words(100) + "#" * 10, passing_words(100) + "#" * 11),
        ("ellipses", passing_words(100) + "… " * 9, passing_words(100) + "…" * 11),
        ("bullet_lines", f"• {passing_words(9)}\n" * 9 + "the", f"• {passing_words(9)}\n" * 10),
        ("ellipsis_lines", ELLIPSES + "x\n" * 7, ELLIPSES + "x\n" * 6),
        ("alphabetic_words", passing_words(80) + " 1234" * 20, passing_words(80) + " 1234" * 21),
        ("stop_words", passing_words(60), passing_words(60).replace("of ", "")),
    ],
)  # fmt: skip
def test_quality_thresholds_are_the_papers(rule: str, inside: str, outside: str) -> None:
    assert first_failure(inside, "gopher@2112.11446", QUALITY_RULES) != rule
    assert first_failure(outside, "gopher@2112.11446", QUALITY_RULES) == rule


def test_repetition_thresholds_are_those_of_table_a1() -> None:
    assert {rule.value: rule.maximum for rule in REPETITION_RULES} == {
        "duplicate_paragraphs": 0.30,
        "duplicate_paragraph_characters": 0.20,
        "duplicate_lines": 0.30,
        "duplicate_line_characters": 0.20,
        "top_2_gram": 0.20,
        "top_3_gram": 0.18,
        "top_4_gram": 0.16,
        "duplicate_5_grams": 0.15,
        "duplicate_6_grams": 0.14,
        "duplicate_7_grams": 0.13,
        "duplicate_8_grams": 0.12,
        "duplicate_9_grams": 0.11,
        "duplicate_10_grams": 0.10,
    }


def test_measuring_comes_first_and_names_every_failure() -> None:
    values = GOPHER.values(TextView("word " * 20))
    failures = GOPHER.failures(values)
    assert [failure.rule for failure in failures][-2:] == ["gopher.words", "gopher.stop_words"]
    assert failures[-2] == Failure("gopher.words", 20, 50)
    assert failures[0] == GOPHER.first_failure(TextView("word " * 20))
    with pytest.raises(KeyError):
        GOPHER.failures({})


@given(st.lists(st.sampled_from(["a", "b", "cc", "d"]), max_size=40), st.integers(1, 10))
def test_repeated_ngrams_are_all_and_only_those_that_stand_twice(words: list[str], n: int) -> None:
    ngrams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    counts = Counter(ngrams)
    expected = [(i, ngrams.index(ngram)) for i, ngram in enumerate(ngrams) if counts[ngram] > 1]
    repeats = TextView(" ".join(words)).repeats(n)
    assert list(zip(repeats.positions.tolist(), repeats.firsts.tolist(), strict=True)) == expected


@given(st.lists(st.sampled_from(["a", "b", "cc"]), max_size=40), st.integers(2, 10))
def test_each_character_of_a_later_copy_counts_once(words: list[str], n: int) -> None:
    seen: set[tuple[str, ...]] = set()
    covered: set[int] = set()
    for i in range(len(words) - n + 1):
        ngram = tuple(words[i : i + n])
        if ngram in seen:
            covered.update(range(i, i + n))
        seen.add(ngram)
    expected = sum(len(words[i]) for i in covered)
    assert v.repeated_ngram_characters(TextView(" ".join(words)), n) == expected


@given(st.text(max_size=200))
def test_any_text_has_values_and_shares_stay_shares(text: str) -> None:
    for preset in GOPHER_PRESETS.values():
        values = preset.values(TextView(text))
        assert values == preset.values(TextView(text))
        assert all(number >= 0 for number in values.values())
        preset.failures(values)
    shares = {rule.value for rule in REPETITION_RULES} | {
        "bullet_lines",
        "ellipsis_lines",
        "alphabetic_words",
    }
    assert all(number <= 1 for name, number in GOPHER.values(TextView(text)).items() if name in shares)


def test_presets_travel_to_workers() -> None:
    for preset in GOPHER_PRESETS.values():
        again: Preset = pickle.loads(pickle.dumps(preset))
        assert again.values(TextView(SENTENCE)) == preset.values(TextView(SENTENCE))
