"""Gopher's rules as datatrove and dolma measure them, and all presets by name.

Words are what white space separates here too; datatrove asks spaCy, whose tokens cut marks off.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from filters import gopher_values as v
from filters.gopher import GOPHER, QUALITY_RULES, REPETITION_RULES
from filters.textview import TextView
from filters.thresholds import Measure, Preset

_PARAGRAPH_BREAK = re.compile(r"\n{2,}")
_LINE_BREAKS = re.compile(r"\n+")
_ELLIPSES = ("...", "…")
_TOP_NGRAMS = (2, 3, 4)
_DUPLICATE_NGRAMS = (5, 6, 7, 8, 9, 10)


def _is_marks(word: str) -> bool:
    """Whether a word is punctuation and control characters alone, most ASCII symbols among them."""
    return all(c in "$+<=>^`|~" or unicodedata.category(c) in ("Cc", *_PUNCTUATION) for c in word)


_PUNCTUATION = ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po")


def _symbol_words(view: TextView) -> set[str]:
    return {word for word in view.first_places if not word.isalpha() and _is_marks(word)}


def _datatrove_words(view: TextView) -> float:
    symbols = _symbol_words(view)
    return len(view.words) - sum(map(symbols.__contains__, view.words))


def _datatrove_word_length(view: TextView) -> float:
    symbols = _symbol_words(view)
    in_symbols = sum(len(word) for word in view.words if word in symbols) if symbols else 0
    return v.share(v.word_characters(view) - in_symbols, _datatrove_words(view))


def _datatrove_bullet_lines(view: TextView) -> float:
    return v.lines_starting([line.lstrip() for line in view.text.splitlines()], ("•", "-"))


def _datatrove_ellipsis_lines(view: TextView) -> float:
    return v.lines_ending([line.rstrip() for line in view.text.splitlines()], _ELLIPSES)


def _datatrove_lines(view: TextView) -> list[str]:
    return _LINE_BREAKS.split(view.text)


def _datatrove_paragraphs(view: TextView) -> list[str]:
    return _PARAGRAPH_BREAK.split(view.text.strip())


def _datatrove_duplicate_lines(view: TextView) -> float:
    return v.repeated(_datatrove_lines(view))


def _datatrove_duplicate_line_characters(view: TextView) -> float:
    return v.share(v.repeated_characters(_datatrove_lines(view)), len(view.text))


def _datatrove_duplicate_paragraphs(view: TextView) -> float:
    return v.repeated(_datatrove_paragraphs(view))


def _datatrove_duplicate_paragraph_characters(view: TextView) -> float:
    return v.share(v.repeated_characters(_datatrove_paragraphs(view)), len(view.text))


def _datatrove_top_ngram(view: TextView, n: int) -> float:
    return v.share(v.top_ngram_characters(view, n, least=1, spaces=True), len(view.text))


def _datatrove_duplicate_ngrams(view: TextView, n: int) -> float:
    return v.share(v.skipped_ngram_characters(view, n), len(view.text))


def _dolma_bullet_lines(view: TextView) -> float:
    return v.lines_starting(view.lines, ("*", "-"))


def _dolma_ellipsis_lines(view: TextView) -> float:
    return v.lines_ending(view.lines, ("…",))


def _dolma_duplicate_lines(view: TextView) -> float:
    return v.copied(view.lines)


def _dolma_duplicate_line_characters(view: TextView) -> float:
    return v.share(v.copied_characters(view.lines), v.word_characters(view))


def _dolma_top_ngram(view: TextView, n: int) -> float:
    return v.share(v.top_ngram_characters(view, n, least=1, spaces=False), v.word_characters(view))


_DATATROVE: dict[str, Measure] = {
    **GOPHER.measures,
    "words": _datatrove_words,
    "word_length": _datatrove_word_length,
    "bullet_lines": _datatrove_bullet_lines,
    "ellipsis_lines": _datatrove_ellipsis_lines,
    "stop_words": v.exact_stop_words,
    "duplicate_paragraphs": _datatrove_duplicate_paragraphs,
    "duplicate_paragraph_characters": _datatrove_duplicate_paragraph_characters,
    "duplicate_lines": _datatrove_duplicate_lines,
    "duplicate_line_characters": _datatrove_duplicate_line_characters,
    **{f"top_{n}_gram": partial(_datatrove_top_ngram, n=n) for n in _TOP_NGRAMS},
    **{f"duplicate_{n}_grams": partial(_datatrove_duplicate_ngrams, n=n) for n in _DUPLICATE_NGRAMS},
}

_DOLMA: dict[str, Measure] = {
    "words": v.words,
    "word_length": v.median_word_length,
    "hashes": partial(v.words_with_symbol, symbols=("#", "…")),  # both in one share
    "bullet_lines": _dolma_bullet_lines,
    "ellipsis_lines": _dolma_ellipsis_lines,
    "alphabetic_words": v.alphabetic_words,
    "stop_words": v.stop_word_occurrences,
    "duplicate_lines": _dolma_duplicate_lines,
    "duplicate_line_characters": _dolma_duplicate_line_characters,
    **{f"top_{n}_gram": partial(_dolma_top_ngram, n=n) for n in _TOP_NGRAMS},
    **{f"duplicate_{n}_grams": partial(v.copied_ngrams, n=n) for n in _DUPLICATE_NGRAMS},
}

GOPHER_PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "gopher@2112.11446": GOPHER,
        # datatrove 0.10, GopherRepetitionFilter and GopherQualityFilter.
        "gopher@datatrove": Preset(_DATATROVE, GOPHER.rules),
        # dolma 1.2, taggers/gopher.py; it measures no paragraphs.
        "gopher@dolma": Preset(
            _DOLMA,
            tuple(rule for rule in REPETITION_RULES + QUALITY_RULES if rule.value in _DOLMA),
        ),
    }
)
