"""C4's page cleaning: Raffel et al. 2020, section 2.2, and the Beam code that made the data set.

That is `clean_page` of tensorflow-datasets, text/c4_utils.py; constants without another source are its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

PageRule = Literal["loremipsum", "squigglybracket", "too_few_sentences"]

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_LOREM_IPSUM = "lorem ipsum"
_JAVASCRIPT = "javascript"
_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
# One of them is in every page with a phrase.
_HINTS = (_LOREM_IPSUM, _JAVASCRIPT, "terms of use", "privacy policy", "cookie")
_CURLY_BRACKET = "{"
_ELLIPSIS = "..."


class CountSentences(Protocol):
    """Counts the sentences of a line, up to `enough` (filters.punkt.Punkt.count)."""

    def __call__(self, text: str, enough: int | None = None) -> int: ...


@dataclass(frozen=True)
class C4Rules:
    """The thresholds of `clean_page`, and where tools differ in how they apply them.

    `whole_page`: lorem ipsum and curly brackets are looked for in all lines, as the paper says, and not
    only in those that no rule before them removed. `words_before_citations`: words are counted with
    citation marks still in the line. `strip_again`: spaces left at a line's end by a removed citation mark
    go.
    """

    min_words_per_line: int = 5
    min_sentences: int = 3
    max_word_length: int = 1000
    end_marks: tuple[str, ...] = (".", "?", "!", '"')
    whole_page: bool = False
    words_before_citations: bool = False
    strip_again: bool = False


# End marks as the paper has them, "a period, exclamation mark, question mark, or end quotation mark", in the
# scripts that write them differently (Unicode 15.1, Sentence_Terminal, of the scripts with living languages).
_WORLD_END_MARKS = tuple('.?!"”»」』。．！？｡؟۔।॥።፧၊။។៕։܀܁܂߹᙮᠃᠉꓿꘎꘏')

C4_PRESETS: Mapping[str, C4Rules] = MappingProxyType(
    {
        "c4@tfds": C4Rules(),
        "c4": C4Rules(end_marks=_WORLD_END_MARKS, whole_page=True, strip_again=True),
        # datatrove 0.10, C4QualityFilter: 3 and 5 swapped, an end mark more, words counted first.
        "c4@datatrove": C4Rules(
            min_words_per_line=3,
            min_sentences=5,
            end_marks=(".", "?", "!", '"', "'"),
            words_before_citations=True,
        ),
        # Dodge et al. 2021, "Documenting Large Webtext Corpora", section 2: the same two numbers swapped.
        "c4@dodge": C4Rules(min_words_per_line=3, min_sentences=5),
    }
)


@dataclass(slots=True)
class CleanedPage:
    """What `clean_page` found.

    `text` is the lines that stay (empty where a page rule stopped the work), `dropped_by` the rule the page
    fails, `sentences` their number, exact where it is under the minimum, else at least that; `lines` how
    many lines passed or were removed, by rule; `removed` the bytes of UTF-8 that a page that stays has lost:
    by the rule that took a line, the line's end included, as `citations`, and all else as `white_space`.
    """

    text: str = ""
    dropped_by: PageRule | None = None
    sentences: int = 0
    lines: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)


def clean_page(text: str, rules: C4Rules, count_sentences: CountSentences) -> CleanedPage:
    """Remove a page's lines that are no sentences, and name the rule by which the page is dropped, if any.

    The order of rules is that of the original, since it decides which of them counts a line. Raises
    UnicodeEncodeError for lone surrogates.
    """
    lower = text.lower()
    if rules.whole_page and (page_rule := _page_rule(text, lower)):
        return CleanedPage(dropped_by=page_rule)
    # One look at the page tells of most that no line needs a look for phrases. Removing a citation mark may
    # put one together, so that pages with brackets are never told.
    brackets = "[" in text
    phrases = brackets or _CURLY_BRACKET in text or any(map(lower.__contains__, _HINTS))
    size = len if text.isascii() else _utf8_bytes
    longest, least, end_marks = rules.max_word_length, rules.min_words_per_line, rules.end_marks
    gone: list[tuple[str, str]] = []
    citations = 0
    kept: list[str] = []
    for untrimmed in text.splitlines(keepends=True):
        line = whole = untrimmed.strip()
        if brackets:
            line = _without_citations(whole, rules)
        rule = None
        if len(whole) > longest and max(map(len, whole.split())) > longest:
            rule = "too_long_word"
        elif not line.endswith(end_marks) or line.endswith(_ELLIPSIS):
            rule = "no_endmark"
        elif len((whole if rules.words_before_citations else line).split(None, least - 1)) < least:
            rule = "too_short"
        elif phrases:
            lower = line.lower()
            page_rule = None if rules.whole_page else _page_rule_of_line(line, lower)
            if page_rule:
                return CleanedPage(dropped_by=page_rule, lines=_counts(kept, gone))
            rule = _phrase_rule(lower)
        if rule:
            gone.append((rule, untrimmed))
            continue
        if line is not whole:
            citations += size(whole) - size(line)
        kept.append(line)
    counts = _counts(kept, gone)
    sentences = sentences_at_least(kept, rules.min_sentences, count_sentences)
    left = "\n".join(kept).strip()
    if sentences < rules.min_sentences:
        return CleanedPage(left, "too_few_sentences", sentences, counts)
    removed = _removed(gone, citations, size(text) - size(left), size)
    return CleanedPage(left, None, sentences, counts, removed)


def _removed(
    gone: list[tuple[str, str]], citations: int, total: int, size: Callable[[str], int]
) -> dict[str, int]:
    removed = {"citations": citations} if citations else {}
    for rule, untrimmed in gone:
        removed[rule] = removed.get(rule, 0) + size(untrimmed)
    if white_space := total - sum(removed.values()):
        removed["white_space"] = white_space
    return removed


def _counts(kept: list[str], gone: list[tuple[str, str]]) -> dict[str, int]:
    # Plain dictionaries: collections.Counter would cost a tenth of the page.
    counts = {"passed": len(kept)} if kept else {}
    for rule, _ in gone:
        counts[rule] = counts.get(rule, 0) + 1
    return counts


def _without_citations(line: str, rules: C4Rules) -> str:
    left = _CITATION.sub("", line)
    if left == line:
        return line
    return left.strip() if rules.strip_again else left


def _utf8_bytes(text: str) -> int:
    return len(text.encode())


def _page_rule_of_line(line: str, lower: str) -> PageRule | None:
    rule = _page_rule(line, lower)
    # The original looks for JavaScript between the two.
    return None if rule == "squigglybracket" and _JAVASCRIPT in lower else rule


def _page_rule(text: str, lower: str) -> PageRule | None:
    if _LOREM_IPSUM in lower:
        return "loremipsum"
    return "squigglybracket" if _CURLY_BRACKET in text else None


def _phrase_rule(lower: str) -> str | None:
    if _JAVASCRIPT in lower:
        return _JAVASCRIPT
    return "policy" if any(phrase in lower for phrase in _POLICY) else None


def sentences_at_least(lines: Sequence[str], enough: int, count_sentences: CountSentences) -> int:
    """The number of sentences in `lines`, none of them blank, counted no further than `enough`.

    A line holds at least one, so that most pages need no counting.
    """
    if len(lines) >= enough:
        return len(lines)
    sentences = 0
    for line in lines:
        sentences += count_sentences(line, enough - sentences)
        if sentences >= enough:
            break
    return sentences


def has_long_paragraphs(text: str, paragraphs: int = 3, min_characters: int = 200) -> bool:
    """mC4's rule in place of `clean_page`: as many lines as `paragraphs` have `min_characters` or more.

    Source: c4_utils.py, `paragraph_filter`; Xue et al. 2021, section 3.1.
    """
    return sum(len(line) >= min_characters for line in text.split("\n")) >= paragraphs


def is_too_long(text: str, max_characters: int = 190_000) -> bool:
    """Whether a page is above C4's length, asked before `clean_page` (c4_utils.py, `is_valid_length`)."""
    return len(text) > max_characters
