"""What Gopher's rules measure, with the other ways in which tools measure it.

Each function of a TextView returns a number, or a share that is 0 where there is nothing to share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

import numpy as np

from filters.textview import TextView

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021, A.1.1
_STOP_WORD = re.compile(rf"\b(?:{'|'.join(STOP_WORDS)})\b")
_STOP_WORD_SET = frozenset(STOP_WORDS)


def words(view: TextView) -> float:
    """The number of words."""
    return len(view.words)


def mean_word_length(view: TextView) -> float:
    """The mean number of characters of a word."""
    return share(word_characters(view), len(view.words))


def median_word_length(view: TextView) -> float:
    """The median number of characters of a word."""
    return float(median(view.word_lengths.tolist())) if view.words else 0.0


def symbols_per_word(view: TextView, spellings: Sequence[str]) -> float:
    """How often a symbol, in one of its `spellings`, stands in the text for each word."""
    return share(sum(map(view.text.count, spellings)), len(view.words))


def words_with_symbol(view: TextView, symbols: Sequence[str]) -> float:
    """The share of words with one of `symbols` in them."""
    return share(sum(any(symbol in word for symbol in symbols) for word in view.words), len(view.words))


def lines_starting(lines: Sequence[str], marks: tuple[str, ...]) -> float:
    """The share of `lines` that start with one of `marks`."""
    return share(sum(line.startswith(marks) for line in lines), len(lines))


def lines_ending(lines: Sequence[str], marks: tuple[str, ...]) -> float:
    """The share of `lines` that end with one of `marks`."""
    return share(sum(line.endswith(marks) for line in lines), len(lines))


def alphabetic_words(view: TextView) -> float:
    """The share of words with a letter in them."""
    return share(view.alphabetic_words, len(view.words))


def distinct_stop_words(view: TextView) -> float:
    """How many of the stop words are in the text, in any case and beside any mark."""
    lower = view.text.lower()
    seen = {word for word in STOP_WORDS if f" {word} " in lower}  # nearly all of them in nearly all texts
    return len(seen) if len(seen) == len(STOP_WORDS) else len(seen.union(_STOP_WORD.findall(lower)))


def exact_stop_words(view: TextView) -> float:
    """How many of the stop words are words of the text just as they are."""
    return sum(word in view.first_places for word in STOP_WORDS)


def stop_word_occurrences(view: TextView) -> float:
    """How many words of the text are stop words just as they are."""
    return sum(map(_STOP_WORD_SET.__contains__, view.words))


def repeated(parts: Sequence[str]) -> float:
    """The share of `parts` that have stood before."""
    return share(len(parts) - len(set(parts)), len(parts))


def repeated_characters(parts: Sequence[str]) -> int:
    """The number of characters in those of `parts` that have stood before."""
    return sum(map(len, parts)) - sum(map(len, set(parts)))


def copied(parts: Sequence[str]) -> float:
    """The share of `parts` that stand more than once, the first of them too."""
    return share(sum(count for count in Counter(parts).values() if count > 1), len(parts))


def copied_characters(parts: Sequence[str]) -> int:
    """The number of characters in those of `parts` that stand more than once, the first of them too."""
    return sum(len(part) * count for part, count in Counter(parts).items() if count > 1)


def top_ngram_characters(view: TextView, n: int, least: int, spaces: bool) -> int:
    """The characters in all copies of the most frequent n-gram, the first one where several are.

    0 where it stands less than `least` times. With `spaces`, one between two words is a character too.
    """
    positions, firsts = view.repeats(n)
    first, count = 0, min(1, max(0, len(view.words) - n + 1))
    if len(positions):
        counts = np.bincount(firsts)
        first, count = int(np.argmax(counts)), int(counts.max())
    if count < max(least, 1):
        return 0
    offsets = view.word_offsets
    return count * (int(offsets[first + n] - offsets[first]) + (n - 1 if spaces else 0))


def repeated_ngram_characters(view: TextView, n: int) -> int:
    """The characters of words inside n-grams that have stood before, each counted once."""
    positions, firsts = view.repeats(n)
    if not len(positions):
        return 0
    later = positions[positions != firsts]
    starts = later.copy()
    np.maximum(starts[1:], later[:-1] + n, out=starts[1:])  # not again what the n-gram before it holds
    return int((view.word_offsets[later + n] - view.word_offsets[starts]).sum())


def skipped_ngram_characters(view: TextView, n: int) -> int:
    """The characters of n-grams that have stood before, going from left to right and on behind each.

    What is gone over has not stood before, for what comes after it (datatrove, find_all_duplicate).
    """
    offsets = view.word_offsets
    seen: set[int] = set()
    characters = go_on = 0
    for position, first in zip(*(part.tolist() for part in view.repeats(n)), strict=True):
        if position < go_on:
            continue
        if first in seen:
            characters += int(offsets[position + n] - offsets[position])
            go_on = position + n
        else:
            seen.add(first)
    return characters


def copied_ngrams(view: TextView, n: int) -> float:
    """The characters of n-grams that stand more than once, as a share of those of all n-grams.

    Characters count in each n-gram that they are in (dolma, gopher.py).
    """
    offsets = view.word_offsets
    positions = view.repeats(n).positions
    in_copies = int((offsets[positions + n] - offsets[positions]).sum())
    return share(in_copies, int((offsets[n:] - offsets[:-n]).sum()) if len(view.words) >= n else 0)


def word_characters(view: TextView) -> int:
    """The number of characters in all words."""
    return int(view.word_offsets[-1])


def share(part: float, whole: float) -> float:
    """`part` of `whole`; 0 where there is no whole."""
    return part / whole if whole else 0.0
