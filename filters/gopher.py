"""Gopher's rules for quality and repetition: Rae et al. 2021, arXiv 2112.11446, section A.1.1 and table A1.

Where the paper leaves room: words are what white space separates; blank lines are none; a duplicate is a
later copy; characters in n-grams are a share of the characters of words, and count once however many
n-grams they are in; the top n-gram must stand twice. `filters.gopher_tools` has what other tools do.
"""

from __future__ import annotations

from functools import partial

from filters import gopher_values as v
from filters.textview import TextView
from filters.thresholds import Measure, Preset, Rule

_QUALITY = "Rae et al. 2021, A.1.1, quality filtering"
_REPETITION = "Rae et al. 2021, table A1"
_ELLIPSES = ("...", "…")
_BULLETS = ("•", "‣", "◦", "▪", "●", "·", "-", "*")
_TOP_NGRAMS = {2: 0.20, 3: 0.18, 4: 0.16}
_DUPLICATE_NGRAMS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}

QUALITY_RULES = (
    Rule("gopher.words", "words", 50, 100_000, _QUALITY),
    Rule("gopher.word_length", "word_length", 3, 10, _QUALITY),
    Rule("gopher.hashes", "hashes", maximum=0.1, origin=_QUALITY),
    Rule("gopher.ellipses", "ellipses", maximum=0.1, origin=_QUALITY),
    Rule("gopher.bullet_lines", "bullet_lines", maximum=0.9, origin=_QUALITY),
    Rule("gopher.ellipsis_lines", "ellipsis_lines", maximum=0.3, origin=_QUALITY),
    Rule("gopher.alphabetic_words", "alphabetic_words", minimum=0.8, origin=_QUALITY),
    Rule("gopher.stop_words", "stop_words", minimum=2, origin=_QUALITY),
)
REPETITION_RULES = (
    Rule("gopher.duplicate_paragraphs", "duplicate_paragraphs", maximum=0.30, origin=_REPETITION),
    Rule("gopher.duplicate_paragraph_characters", "duplicate_paragraph_characters", None, 0.20, _REPETITION),
    Rule("gopher.duplicate_lines", "duplicate_lines", maximum=0.30, origin=_REPETITION),
    Rule("gopher.duplicate_line_characters", "duplicate_line_characters", None, 0.20, _REPETITION),
    *(Rule(f"gopher.top_{n}_gram", f"top_{n}_gram", None, m, _REPETITION) for n, m in _TOP_NGRAMS.items()),
    *(
        Rule(f"gopher.duplicate_{n}_grams", f"duplicate_{n}_grams", None, m, _REPETITION)
        for n, m in _DUPLICATE_NGRAMS.items()
    ),
)


def _bullet_lines(view: TextView) -> float:
    return v.lines_starting(view.trimmed_lines, _BULLETS)


def _ellipsis_lines(view: TextView) -> float:
    return v.lines_ending(view.trimmed_lines, _ELLIPSES)


def _duplicate_lines(view: TextView) -> float:
    return v.repeated(view.trimmed_lines)


def _duplicate_line_characters(view: TextView) -> float:
    return v.share(v.repeated_characters(view.trimmed_lines), sum(map(len, view.trimmed_lines)))


def _duplicate_paragraphs(view: TextView) -> float:
    return v.repeated(view.paragraphs)


def _duplicate_paragraph_characters(view: TextView) -> float:
    return v.share(v.repeated_characters(view.paragraphs), sum(map(len, view.paragraphs)))


def _top_ngram(view: TextView, n: int) -> float:
    return v.share(v.top_ngram_characters(view, n, least=2, spaces=False), v.word_characters(view))


def _duplicate_ngrams(view: TextView, n: int) -> float:
    return v.share(v.repeated_ngram_characters(view, n), v.word_characters(view))


_QUALITY_MEASURES: dict[str, Measure] = {
    "words": v.words,
    "word_length": v.mean_word_length,
    "hashes": partial(v.symbols_per_word, spellings=("#",)),
    "ellipses": partial(v.symbols_per_word, spellings=_ELLIPSES),
    "bullet_lines": _bullet_lines,
    "ellipsis_lines": _ellipsis_lines,
    "alphabetic_words": v.alphabetic_words,
    "stop_words": v.distinct_stop_words,
}
_REPETITION_MEASURES: dict[str, Measure] = {
    "duplicate_paragraphs": _duplicate_paragraphs,
    "duplicate_paragraph_characters": _duplicate_paragraph_characters,
    "duplicate_lines": _duplicate_lines,
    "duplicate_line_characters": _duplicate_line_characters,
    **{f"top_{n}_gram": partial(_top_ngram, n=n) for n in _TOP_NGRAMS},
    **{f"duplicate_{n}_grams": partial(_duplicate_ngrams, n=n) for n in _DUPLICATE_NGRAMS},
}

GOPHER_QUALITY = Preset(_QUALITY_MEASURES, QUALITY_RULES)
GOPHER_REPETITION = Preset(_REPETITION_MEASURES, REPETITION_RULES)
GOPHER = Preset(
    _REPETITION_MEASURES | _QUALITY_MEASURES,
    REPETITION_RULES + QUALITY_RULES,
)
