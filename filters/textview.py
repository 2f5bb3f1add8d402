"""One analysis of a text for all rules: each part is worked out when first asked for, and once."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

_BLANK_LINES = re.compile(r"\n\s*\n")


class Repeats(NamedTuple):
    """The n-grams that stand more than once in a text.

    `positions`: of each occurrence, the index of its first word, ascending. `firsts`: beside it, where the
    same n-gram stands for the first time.
    """

    positions: Indices
    firsts: Indices


_NONE = Repeats(np.empty(0, np.int64), np.empty(0, np.int64))


class TextView:
    """A text and what rules ask about it. Words are what white space separates, each with its marks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._repeats: dict[int, Repeats] = {}

    @cached_property
    def words(self) -> list[str]:
        """The words, in order."""
        return self.text.split()

    @cached_property
    def _index(self) -> tuple[dict[str, int], Indices]:
        """Where each different word stands first, by word, and of each word in order."""
        places: dict[str, int] = {}
        firsts = np.fromiter(map(places.setdefault, self.words, count()), np.int64, len(self.words))
        return places, firsts

    @property
    def first_places(self) -> dict[str, int]:
        """Each different word, and the index of its first occurrence."""
        return self._index[0]

    @cached_property
    def word_lengths(self) -> Indices:
        """The number of characters of each word."""
        return np.fromiter(map(len, self.words), np.int64, len(self.words))

    @cached_property
    def word_offsets(self) -> Indices:
        """How many characters of words come before each word, and in all: one entry more than words."""
        offsets = np.zeros(len(self.words) + 1, np.int64)
        np.cumsum(self.word_lengths, out=offsets[1:])
        return offsets

    @cached_property
    def lines(self) -> list[str]:
        """What line feeds separate, blank lines too."""
        return self.text.split("\n")

    @cached_property
    def full_lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.lines if line and not line.isspace()]

    @cached_property
    def trimmed_lines(self) -> list[str]:
        """The lines that are not blank, without white space around them."""
        return [line.strip() for line in self.full_lines]

    @cached_property
    def paragraphs(self) -> list[str]:
        """What blank lines separate, trimmed, empty ones left out."""
        return [part for part in map(str.strip, _BLANK_LINES.split(self.text)) if part]

    @cached_property
    def alphabetic_words(self) -> int:
        """The number of words with a letter in them."""
        return len(self.words) - self._without_letter

    @cached_property
    def _without_letter(self) -> int:
        bare = {word for word in self.first_places if not word.isalpha() and not any(map(str.isalpha, word))}
        return sum(map(bare.__contains__, self.words)) if bare else 0

    def repeats(self, n: int) -> Repeats:
        """The repeated n-grams of words, for n from 1.

        Two n-grams are equal where the (n-1)-grams at their first and at their second word are, so that
        each n looks only at what the one before it left over.
        """
        if n not in self._repeats:
            self._repeats[n] = self._longer_repeats(n) if n > 1 else self._repeated_words()
        return self._repeats[n]

    def _repeated_words(self) -> Repeats:
        firsts = self._index[1]
        repeated = np.bincount(firsts, minlength=len(firsts))[firsts] > 1
        return Repeats(repeated.nonzero()[0], firsts[repeated])

    def _longer_repeats(self, n: int) -> Repeats:
        positions, firsts = self.repeats(n - 1)
        followed = (positions[1:] - positions[:-1] == 1).nonzero()[0]
        if not len(followed):
            return _NONE
        keys = firsts[followed] * len(self.words) + firsts[followed + 1]
        order = keys.argsort(kind="stable")
        keys = keys[order]
        bounds = np.ones(len(keys) + 1, bool)  # whether another n-gram starts here, in the order of keys
        np.not_equal(keys[1:], keys[:-1], out=bounds[1:-1])
        once = bounds[1:] & bounds[:-1]
        if once.all():
            return _NONE
        positions = positions[followed]
        starts = positions[order[bounds[:-1]]]
        firsts = np.empty_like(positions)
        firsts[order] = starts[bounds[:-1].cumsum() - 1]
        repeated = np.empty(len(positions), bool)
        repeated[order] = ~once
        return Repeats(positions[repeated], firsts[repeated])
