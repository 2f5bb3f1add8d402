"""Counting sentences with Punkt, after Kiss and Strunk 2006.

"Unsupervised Multilingual Sentence Boundary Detection", Computational Linguistics 32 (4). For the same
model, counts are those of NLTK's `PunktSentenceTokenizer` of the years in which C4 was made (up to 3.9).
Only the words around a full stop, question or exclamation mark are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import orjson

# Orthographic context (section 4.1.1): how a word was seen, at a sentence's start, inside one, or either.
_START_UPPER, _INSIDE_UPPER, _EITHER_UPPER, _START_LOWER, _INSIDE_LOWER, _EITHER_LOWER = (
    1 << bit for bit in range(1, 7)
)
_UPPER = _START_UPPER | _INSIDE_UPPER | _EITHER_UPPER
_LOWER = _START_LOWER | _INSIDE_LOWER | _EITHER_LOWER

_WORD_END = r"""[)";}\]*:@'({\[?!]"""  # ends a word without a space
_RUN = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"  # of dashes or dots, a token of its own
_TOKEN = re.compile(
    rf"""{_RUN}|(?![("`{{\[:;&#*@)}}\]\-,])\S+?(?=\s|$|{_WORD_END}|{_RUN}|,(?=$|\s|{_WORD_END}|{_RUN}))|\S"""
)
_CANDIDATE = re.compile(rf"[.?!](?=(?P<after>{_WORD_END}|\s+(?P<next>\S+)))")
_CLOSING = re.compile(r"""["')\]}]+?(?:\s+|(?=--)|$)""", re.MULTILINE)
_CLOSING_MARKS = frozenset("\"')]}")
_SPACES = " \t\n\r\x0b\x0c"
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?$")
_INITIAL = re.compile(r"[^\W\d]\.$")
_DOTS = re.compile(r"\.\.+$")
_NEVER_STARTERS = frozenset(";:,.!?")
_NUMBER_TYPE = "##number##"


@dataclass(frozen=True)
class Punkt:
    """A trained model.

    `abbreviations` are lower case without their full stop, `collocations` pairs of words with one between
    them, `starters` words that often start sentences, `contexts` for each word the bits of how it was seen.
    """

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    starters: frozenset[str]
    contexts: dict[str, int]

    @classmethod
    def parse(cls, data: bytes) -> Punkt:
        """Read a model from JSON that has these four fields; raises ValueError for anything else."""
        try:
            fields: dict[str, Any] = orjson.loads(data)
            return cls(
                frozenset(fields["abbreviations"]),
                frozenset((first, second) for first, second in fields["collocations"]),
                frozenset(fields["starters"]),
                {word: int(bits) for word, bits in fields["contexts"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a Punkt model: {error}") from error

    def count(self, text: str, enough: int | None = None) -> int:
        """The number of sentences in `text`; counting stops at `enough`, where that is given.

        Closing quotes and brackets after a boundary belong to the sentence before it, and are none
        themselves.
        """
        count = 0
        for _ in self.sentences(text):
            count += 1
            if count == enough:
                break
        return count

    def sentences(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where each sentence of `text` starts and ends, white space around it left out."""
        before: tuple[int, int] | None = None
        for start, end in self._cuts(text):
            if before is not None:
                closing = _CLOSING.match(text, start, end) if text[start] in _CLOSING_MARKS else None
                if closing is not None:
                    yield before[0], start + len(closing[0].rstrip())
                elif before[0] < before[1]:
                    yield before
                before = (start if closing is None else closing.end()), end
            else:
                before = start, end
        if before is not None and before[0] < before[1]:
            yield before

    def _cuts(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of the pieces between boundaries, closing marks not yet moved."""
        start = 0
        for word_start, match in _candidates(text):
            if self._is_boundary(text, word_start, match):
                yield start, match.end()
                start = match.end() if match["next"] is None else match.start("next")
        yield start, len(text.rstrip())

    def _is_boundary(self, text: str, word_start: int, match: re.Match[str]) -> bool:
        if match[0] != ".":
            return True  # a mark that is a token of its own, with another after it
        word = text[word_start : match.start()]
        if match["next"] is not None and len(word) > 1 and word.isalpha():
            word = word.lower()
            if word not in self.abbreviations and word not in self._collocating:
                return True
        return self._has_boundary(text[word_start : match.end("after")])

    @cached_property
    def _collocating(self) -> frozenset[str]:
        return frozenset(first for first, _ in self.collocations)

    def _has_boundary(self, context: str) -> bool:
        """Whether a token of `context` other than the last one ends a sentence."""
        tokens = [_Token(token, self) for line in context.split("\n") for token in _TOKEN.findall(line)]
        return any(self._ends_sentence(token, following) for token, following in pairwise(tokens))

    def _ends_sentence(self, token: _Token, following: _Token) -> bool:
        """Section 4: what the two words say about the full stop between them."""
        if not token.text.endswith("."):
            return token.ends_sentence
        kind = token.kind[:-1] if len(token.kind) > 1 and token.kind.endswith(".") else token.kind
        following_kind = following.kind
        if following.ends_sentence and len(following_kind) > 1 and following_kind.endswith("."):
            following_kind = following_kind[:-1]
        if (kind, following_kind) in self.collocations:
            return False
        starter = self._is_starter(following.text, following_kind)
        upper = following.text[0].isupper()
        initial = _INITIAL.match(token.text) is not None
        if (
            (token.abbreviation or token.dots)
            and not initial
            and (starter or (upper and following_kind in self.starters))
        ):
            return True
        if initial or kind == _NUMBER_TYPE:
            if starter is False:
                return False
            if starter is None and initial and upper and not self.contexts.get(following_kind, 0) & _LOWER:
                return False
        return token.ends_sentence

    def _is_starter(self, text: str, kind: str) -> bool | None:
        """Section 4.1.1: whether a word starts a sentence; None where its letters do not tell."""
        if text in _NEVER_STARTERS:
            return False
        seen = self.contexts.get(kind, 0)
        if text[0].isupper() and seen & _LOWER and not seen & _INSIDE_UPPER:
            return True
        if text[0].islower() and (seen & _UPPER or not seen & _START_LOWER):
            return False
        return None


class _Token:
    """A token and what it says by itself: section 3, type-based classification."""

    __slots__ = ("abbreviation", "dots", "ends_sentence", "kind", "text")

    def __init__(self, text: str, model: Punkt) -> None:
        lower = text.lower()
        self.text = text
        self.kind = _NUMBER_TYPE if _NUMBER.match(lower) else lower
        self.dots = _DOTS.match(text) is not None
        word = lower[:-1] if text.endswith(".") and not text.endswith("..") else ""
        self.abbreviation = bool(word) and (
            word in model.abbreviations or word.rsplit("-", 1)[-1] in model.abbreviations
        )
        self.ends_sentence = text in ("?", "!", ".") or (bool(word) and not self.abbreviation)


def _candidates(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield where a word starts and the mark in it that may end a sentence, of several the last."""
    start = 0
    before: re.Match[str] | None = None
    for match in _CANDIDATE.finditer(text):
        low = before.start() if before else 0
        space = max(text.rfind(space, low, match.start()) for space in _SPACES)
        word_start = space + 1 if space > low else start
        if before and low <= word_start:
            yield start, before
        start, before = word_start, match
    if before:
        yield start, before
