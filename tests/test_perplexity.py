"""Perplexity in both modes, buckets and cutoffs, on a toy model of Lincoln's inaugural addresses."""

import importlib.resources
import json
import math
from pathlib import Path
from typing import Any

import kenlm
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from filters.perplexity import (
    NOT_JUDGED,
    Cutoffs,
    LanguageModel,
    bucket,
    judge,
    keeps,
    percentiles,
    read_ccnet_cutoffs,
    read_cutoffs,
)

DATA = Path(__file__).parent / "data" / "perplexity"
CUTOFFS = Cutoffs(30.0, 60.0)


def toy(**options: Any) -> LanguageModel:
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    processor = sentencepiece.SentencePieceProcessor(model_file=str(DATA / "toy.sp.model"))
    return LanguageModel(processor, kenlm.Model(str(DATA / "toy.arpa"), config), **options)


MODEL = toy()


@pytest.mark.parametrize(
    ("text", "expected"),
    # What cc_net's own MultiSentencePiece(normalize=True) and DocLM(normalize=False) answer (bda555b).
    [
        ("Four score and seven years ago our fathers brought forth", 27.3),
        ("The Union is perpetual.\nIt was formed in 1774,\tin fact.", 23.8),
        ("ÉTÉ “quoted” text — with … and １２３ full-width", 58.2),
        ("   ", None),
        ("   leading and trailing   ", 34.8),
        ("zażółć gęślą jaźń", 262.6),
        ("a", 245.3),
        ("日本語の文。", 74.1),
        ("word\u00a0word\u2028word\u3000word", 21.2),
        ("x" * 50, 1908.9),
        ("\x00\x01", None),
        ("tab\tand\nline\r\nend", 51.7),
    ],
)
def test_mode_ccnet_equals_cc_net(text: str, expected: float | None) -> None:
    assert toy(mode="ccnet").judge(text).rounded == expected


def test_mode_lines_sums_lines_and_skips_blank_ones() -> None:
    first, second = "We are not enemies, but friends.", "We must not be enemies."
    one, two, both = MODEL.lines(first), MODEL.lines(second), MODEL.lines(f"{first}\n\n  \n{second}\n")
    assert both.length == one.length + two.length
    assert both.log10 == pytest.approx(one.log10 + two.log10)
    assert both.perplexity == pytest.approx(10 ** (-both.log10 / both.length))


def test_mode_lines_scores_what_the_native_calls_score() -> None:
    line = "we are not enemies"
    pieces = [piece for word in line.split() for piece in MODEL.processor.encode(word, out_type=str)]
    answer = MODEL.lines(line)
    assert answer.length == len(pieces) + 1
    assert answer.log10 == pytest.approx(MODEL.kenlm.score(" ".join(pieces), bos=True, eos=True))


@pytest.mark.parametrize("memory", [0, 20_000, 1 << 20])
def test_what_is_remembered_of_words_changes_no_likelihood(memory: int) -> None:
    words = [f"word{number} Our,fathers{number % 7}" for number in range(900)]
    text = "\n".join(" ".join(words[start : start + 30]) for start in range(0, len(words), 30))
    model = toy(memory=memory)
    pieces = [
        [piece for word in line.split() for piece in MODEL.processor.encode(word.lower(), out_type=str)]
        for line in "".join("0" if c.isdigit() else c for c in text).split("\n")
    ]
    expected = sum(MODEL.kenlm.score(" ".join(line)) for line in pieces)
    for _ in range(2):
        answer = model.lines(text)
        assert answer.log10 == pytest.approx(expected)
        assert answer.length == sum(len(line) + 1 for line in pieces)


def test_mode_lines_keeps_words_apart_where_cc_net_glues_them() -> None:
    assert MODEL.lines("a b\tc") == MODEL.lines("a b c")
    assert MODEL.ccnet("a b\tc") == MODEL.ccnet("a bc") != MODEL.ccnet("a b c")


@given(st.lists(st.text(alphabet="ab é1“\t\x01日\n"), max_size=8))
def test_what_is_remembered_never_changes_a_score(texts: list[str]) -> None:
    forgetful = toy_sharing_models(memory=1)
    assert [MODEL.lines(text) for text in texts] == [forgetful.lines(text) for text in texts]


def toy_sharing_models(memory: int) -> LanguageModel:
    return LanguageModel(MODEL.processor, MODEL.kenlm, memory=memory)


def test_memory_is_bounded() -> None:
    model = toy_sharing_models(memory=10_000)
    model.lines(" ".join(f"word{number}" for number in range(1_000)))
    assert len(model._pieces) < 50


@pytest.mark.parametrize(
    ("perplexity", "expected"), [(29.9, "head"), (30.0, "middle"), (59.9, "middle"), (60.0, "tail")]
)
def test_bucket(perplexity: float, expected: str) -> None:
    assert bucket(perplexity, CUTOFFS) == expected
    assert bucket(perplexity, None) == "none"


def test_mode_ccnet_compares_the_rounded_value_as_cc_net_does() -> None:
    text = "The Union is perpetual.\nIt was formed in 1774,\tin fact."
    exact = toy(mode="ccnet").judge(text)
    assert exact.perplexity is not None and exact.perplexity < 23.8
    assert toy(mode="ccnet", cutoffs=Cutoffs(23.8, 60.0)).judge(text).bucket == "middle"


def test_a_language_without_model_or_text_without_pieces_is_bucket_none() -> None:
    answers = judge({"en": toy(cutoffs=CUTOFFS)}, ["en", "xx", "en"], ["We are friends.", "We are.", "\x01"])
    assert answers[0].bucket in ("head", "middle", "tail")
    assert answers[1] == answers[2] == NOT_JUDGED


@pytest.mark.parametrize(
    ("judged", "unjudged", "kept"),
    [
        ("head", "drop", True),
        ("tail", "keep", False),
        ("none", "keep", True),
        ("none", "drop", False),
    ],
)
def test_keeps(judged: Any, unjudged: Any, kept: bool) -> None:
    assert keeps(judged, ("head", "middle"), unjudged) is kept


def test_percentiles() -> None:
    assert percentiles([float(number) for number in range(1000, 0, -1)])[30:62:30] == [301.0, 601.0]
    assert len(percentiles([5.0])) == 100
    with pytest.raises(ValueError, match="empty"):
        percentiles([])


def test_ccnet_table() -> None:
    table = (importlib.resources.files("models") / "ccnet-cutoff.csv").read_text()
    cutoffs = read_ccnet_cutoffs(table)
    assert len(cutoffs) == 48
    # The figures of CCNet's paper and code for the percentiles 30 and 60 (cc_net `data/cutoff.csv`).
    assert [cutoffs[language] for language in ("en", "uk", "hr")] == [(340, 520), (140, 220), (720, 910)]
    assert cutoffs.keys().isdisjoint({"sl", "sr", "sv"})
    assert read_ccnet_cutoffs(table, 0, 99)["de"][0] == 0


@pytest.mark.parametrize("table", ["", "a,b\n1,2\n", ",en\n30,340\n", ",en\n30,x\n60,520\n"])
def test_a_file_that_is_no_table(table: str) -> None:
    with pytest.raises(ValueError, match="percentiles 30 and 60"):
        read_ccnet_cutoffs(table)


def test_own_cutoffs() -> None:
    document = json.dumps({"percentiles": {"lines": [float(p) for p in range(100)]}})
    assert read_cutoffs(document, "lines", 10, 20) == (10, 20)
    for bad in (document.replace("lines", "other"), "[]", "{", '{"percentiles": {"lines": [1]}}'):
        with pytest.raises(ValueError, match="mode lines"):
            read_cutoffs(bad, "lines")


def test_a_word_of_no_pieces_counts_nothing() -> None:
    assert MODEL.lines("\x01 \x02").length == 0
    assert MODEL.lines("\x01").perplexity is None
    assert math.isfinite(MODEL.lines("ok \x01").log10)
