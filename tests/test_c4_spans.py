"""Spans of sentences that several pages have: one copy stays, whatever the batches and the order."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from conftest import SENTENCES, RunJob
from hypothesis import given, settings
from hypothesis import strategies as st
from owning import page, run_round
from test_c4_from_web import dated, web_run

from filters.c4_spans import remove_sentences, sentences, sentences_that_go, span_hashes
from filters.lines import BLANK_LINE
from filters.punkt import Punkt
from pipeline.config import parse_config
from pipeline.dedup.rounds_c4 import OwnedLines
from pipeline.ledger import read_ledger

PUNKT = Punkt.parse((Path(__file__).parent.parent / "models/punkt-en/punkt.json").read_bytes())
ALL = SENTENCES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One came. Two went!\n\nThree stayed? Yes.", ["One came.", "Two went!", "Three stayed?", "Yes."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Mr. Smith paid 3.50 for it. Good.", ["Mr. Smith paid 3.50 for it.", "Good."]),
        (" \t\n", []),
        ("a line without a mark\nanother", ["a line without a mark", "another"]),
    ],
)
def test_sentences_are_those_of_each_line(text: str, expected: list[str]) -> None:
    assert sentences(text, PUNKT.sentences) == expected


@given(st.text(alphabet=st.sampled_from("ab. ?!\"')A\n\t"), max_size=60))
def test_a_text_has_as_many_sentences_as_are_counted_in_its_lines(text: str) -> None:
    lines = [line for line in text.split("\n") if line.strip()]
    found = [list(PUNKT.sentences(line)) for line in lines]
    assert [len(bounds) for bounds in found] == [PUNKT.count(line) for line in lines]
    assert all(bounds for bounds in found)
    flat = [place for bounds in found for pair in bounds for place in pair]
    assert sum(map(len, sentences(text, PUNKT.sentences))) <= len(text)
    for bounds in found:
        flat = [place for pair in bounds for place in pair]
        assert flat == sorted(flat)


def test_spans_are_equal_where_their_sentences_are() -> None:
    hashes, counts = span_hashes(
        ["A b. C d. E f. G h.", "a B.\nc d.  E F.", "A b. C d.", "A bC. d. E f."], PUNKT.sentences
    )
    assert counts.tolist() == [2, 1, 0, 1]
    assert len(set(hashes.tolist())) == 3
    assert hashes[0] == hashes[2]
    assert BLANK_LINE not in hashes


@pytest.mark.parametrize(
    ("lost", "kept", "goes"),
    [
        ([0, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1, 0, 0]),
        ([0, 1, 1, 0], [0, 0, 0, 0], [0, 1, 1, 1, 1, 0]),
        ([0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1, 0, 0]),
        ([0, 1], [1, 0], [0, 0, 0, 1]),
    ],
)
def test_what_is_in_a_copy_that_stays_stays(lost: list[int], kept: list[int], goes: list[int]) -> None:
    found = sentences_that_go(np.array(lost, bool), np.array(kept, bool))
    assert found.astype(int).tolist() == goes


@pytest.mark.parametrize(
    ("text", "removed", "left"),
    [
        ("One a. Two b.  Three c.", [0, 1, 0], "One a. Three c."),
        ("One a. Two b.", [0, 1], "One a."),
        ("One a. Two b.", [1, 0], "Two b."),
        ("One a.\n\nTwo b.\n\nThree c.", [0, 1, 0], "One a.\n\nThree c."),
        ("One a.\nTwo b. Three c.", [1, 1, 0], "Three c."),
        ("One a.\n \n", [1], ""),
    ],
)
def test_sentences_go_with_the_space_behind_them(text: str, removed: list[int], left: str) -> None:
    found = remove_sentences(text, np.array(removed, bool), PUNKT.sentences)
    assert found.text == left
    assert found.duplicate_bytes + found.blank_bytes == len(text.encode()) - len(left.encode())


def test_flags_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 flags for a text of 2 sentences"):
        remove_sentences("One a. Two b.", np.array([True]), PUNKT.sentences)


WORDS = st.sampled_from(["One came.", "one came.", "Two went.", "Three sat.", "Four ran.", "Five é fell."])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=4)
PAGES = st.lists(st.tuples(LINES, st.sampled_from(["", "", "", "lost", "failed"])), min_size=1, max_size=7)
Lines = list[list[str]]


def by_md5(url: str) -> str:
    return hashlib.md5(url.encode()).hexdigest()


def reference(pages: dict[str, Lines], span: int) -> dict[str, Lines]:
    """The definition: of each span the copy in the first page by MD5, there the first one, stays whole."""
    copies = defaultdict(list)
    for url in sorted(pages, key=by_md5):
        flat = [sentence.lower() for line in pages[url] for sentence in line]
        for start in range(len(flat) - span + 1):
            copies[tuple(flat[start : start + span])].append((url, start))
    goes: set[tuple[str, int]] = set()
    stays: set[tuple[str, int]] = set()
    for places in copies.values():
        for number, (url, start) in enumerate(places):
            if len(places) > 1:
                (goes if number else stays).update((url, start + place) for place in range(span))
    left: dict[str, Lines] = {}
    for url, lines in pages.items():
        numbered = iter(range(10**6))
        kept = [[s for s in line if (url, next(numbered)) not in goes - stays] for line in lines]
        left[url] = [line for line in kept if line]
    return left


def text_of(lines: Lines) -> str:
    return "\n".join(" ".join(line) for line in lines)


@settings(max_examples=150, deadline=None)
@given(PAGES, st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_one_copy_of_each_span_stays_whatever_the_batches(
    tmp_path_factory: pytest.TempPathFactory,
    pages: list[tuple[Lines, str]],
    size: int,
    span: int,
    random: object,
) -> None:
    given_lines = {f"https://example.org/{n}": lines for n, (lines, _) in enumerate(pages)}
    states = {f"https://example.org/{n}": state for n, (_, state) in enumerate(pages)}
    documents = [
        page(url, text_of(lines), verdict="c4.loremipsum" if states[url] == "failed" else "")
        for url, lines in given_lines.items()
    ]
    random.shuffle(documents)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    taking_part = {url: lines for url, lines in given_lines.items() if not states[url]}
    left = reference(taking_part, span)
    expected: dict[str, tuple[str, str | None]] = {}
    for url, lines in given_lines.items():
        if url in taking_part:
            expected[url] = (text_of(left[url]), None if left[url] else "duplicate_spans")
        else:
            verdict = {"lost": "duplicate_url", "failed": "c4.loremipsum"}[states[url]]
            expected[url] = (text_of(lines), verdict)
    batches = [documents[start : start + size] for start in range(0, len(documents), size)]
    round_ = OwnedLines(compare="spans", span=span)
    lost = {url for url, state in states.items() if state == "lost"}
    assert run_round(round_, batches, lost, tmp_path_factory.mktemp("spans")) == expected
    # Of each span that some page had, one page still has it, sentence after sentence.
    spans = [
        {tuple(flat[n : n + span]) for n in range(len(flat) - span + 1)}
        for side in (taking_part, left)
        for flat in ([s.lower() for line in side[url] for s in line] for url in side)
    ]
    before, after = spans[: len(taking_part)], spans[len(taking_part) :]
    twice = {s for one in before for s in one if sum(s in other for other in before) > 1}
    assert twice <= set().union(*after)


def test_a_run_with_spans_in_both_ways(tmp_path: Path, run_job: RunJob) -> None:
    day = "2019-04-20T00:00:00Z"
    files = [
        dated("https://example.org/a", day, " ".join(ALL[:4]), ALL[4]),
        dated("https://example.org/b", day, ALL[5], *ALL[:3], ALL[6], ALL[7]),
        dated("https://example.org/c", day, ALL[0], ALL[5] + " It is " + ALL[7].lower(), ALL[1]),
    ]
    block = "duplicate_lines: {compare: spans}"
    rows = web_run(tmp_path, run_job, files, block)
    first = min(("https://example.org/a", "https://example.org/b"), key=by_md5)
    assert first == "https://example.org/b"
    assert [row["text"].split("\n") for row in rows] == [
        [ALL[3], ALL[4]],
        [ALL[5], *ALL[:3], ALL[6], ALL[7]],
        [ALL[0], ALL[5] + " It is " + ALL[7].lower(), ALL[1]],
    ]
    assert [row["verdict"] for row in rows] == ["c4_sentences", None, None]
    assert [row["lines_removed"] for row in rows] == [3, 0, 0]
    removed = sum(map(len, ALL[:3])) + 3
    books = read_ledger(str(tmp_path / "out"), "judge", "c4_from_web")
    went = [(line.rule, line.bytes) for line in books if line.entry == "removed" and line.bytes]
    assert went == [("duplicate_spans", removed)]
    assert web_run(tmp_path, run_job, files, block, "300", "--exchange", "shuffle") == rows


def test_the_model_of_spans_is_part_of_what_the_round_does() -> None:
    made = [
        parse_config(f"sources:\n  c4_from_web:\n    proportion: 1\n    duplicate_lines: {block}\n", "c")[1]
        for block in ("{compare: lines}", "{compare: spans}", "{compare: spans, span: 5}")
    ]
    found = [source["c4_from_web"].flow for source in made]
    rounds = [flow.rounds[-1].settings() for flow in found if flow]
    assert "sentences_digest" not in rounds[0]
    assert rounds[1]["sentences_digest"]
    assert rounds[1] != rounds[2]
