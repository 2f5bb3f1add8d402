"""Cutting text where no piece of a model reaches across, and remembering the tokens of distinct words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, repeat

import numpy as np
from numpy.typing import NDArray

SPACE = "\u2581"  # how SentencePiece writes a space inside pieces
LONGEST_WORD = 48  # bytes: longer words hardly come again

_BLANK, _LONE, _FIRST, _LAST = 0, 1, 2, 255
_BLOCK = 1 << 16  # runs gathered at once, so that the index stays in the processor's cache
_NAME_BYTES, _ROW_BYTES = (
    140,
    32,
)  # of a remembered word beside its letters and tokens: object and slot, table row

Ints = NDArray[np.int64]
# (brief words, long words) -> (tokens of all of them in a row, number of tokens of each)
EncodeWords = Callable[[Sequence[bytes], Sequence[bytes]], tuple[NDArray[np.generic], Ints]]


class WordCutter:
    """Cuts UTF-8 text into words whose tokens do not depend on their neighbours.

    Merges of BPE only ever build pieces of the vocabulary, so two neighbouring characters that no piece holds
    side by side are never merged, nor is anything left of them with anything right. Characters that some
    piece holds side by side therefore share a class, and a text can be cut wherever the class changes. A
    space opens a piece and never ends one that began otherwise, so spaces stay with what follows them.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        """Learn the classes from `pieces`, a model's normal pieces as SentencePiece writes them.

        Raises ValueError where a piece holds a space behind another character.
        """
        pairs: set[tuple[str, str]] = set()
        for piece in pieces:
            body = piece.lstrip(SPACE)
            if SPACE in body:
                raise ValueError(f"the piece {piece!r} holds a space behind another character")
            pairs.update(pairwise(body))
        self._classes = _classes_of(pairs)

    def is_alone(self, char: str) -> bool:
        """Whether no piece holds `char` beside another character, itself included (the space apart)."""
        return bool(self._classes[ord(char)] == _LONE)

    def starts(self, data: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Where a word starts in `data`, UTF-8 bytes: bool of the same length, true at a first byte."""
        classes = self._classes[data]
        leads = np.flatnonzero(data >= 0xC0)
        if len(leads):
            self._classify_wide(data, leads, classes)
        starts = np.empty(len(data), np.bool_)
        starts[:1] = True
        np.not_equal(classes[1:], classes[:-1], out=starts[1:])
        starts[1:] &= classes[:-1] != _BLANK
        return starts

    def _classify_wide(self, data: NDArray[np.uint8], leads: Ints, classes: NDArray[np.uint8]) -> None:
        """Give every byte of a character outside ASCII that character's class, in place."""
        first = data[leads]
        for low, high, width in ((0xC0, 0xE0, 2), (0xE0, 0xF0, 3), (0xF0, 0x100, 4)):
            at = leads[(first >= low) & (first < high)]
            code = data[at].astype(np.int32) & (0x7F >> width)
            for k in range(1, width):
                code = (code << 6) | (data[at + k] & 0x3F)
            value = self._classes[code]
            for k in range(width):
                classes[at + k] = value


def _classes_of(pairs: set[tuple[str, str]]) -> NDArray[np.uint8]:
    """Class of every code point: 0 for space, 1 for what no piece joins, a number for each joined group."""
    parent: dict[str, str] = {}

    def root(char: str) -> str:
        while (above := parent.setdefault(char, char)) != char:
            parent[char] = parent[above]
            char = above
        return char

    for left, right in sorted(pairs):
        a, b = sorted((root(left), root(right)))
        parent[b] = a
    numbers = {char: i for i, char in enumerate(sorted(char for char in parent if root(char) == char))}
    classes = np.full(0x110000, _LONE, np.uint8)
    for char in parent:
        # Groups beyond the last number share it: that makes fewer cuts, never wrong ones.
        classes[ord(char)] = min(_FIRST + numbers[root(char)], _LAST)
    classes[ord(" ")] = _BLANK
    return classes


class WordMemory:
    """The tokens of words met before, within a limit of bytes.

    What is forgotten changes speed only, never tokens. Over the limit the words used longest ago go, down to
    half of it, in an order that depends only on the words asked for.
    """

    def __init__(self, encode: EncodeWords, dtype: np.dtype[np.generic], limit_bytes: int) -> None:
        """Remember what `encode` answers, tokens of `dtype`."""
        self._encode = encode
        self._limit = limit_bytes
        self._rows: dict[bytes, int] = {}
        self._tokens: NDArray[np.generic] = np.zeros(0, dtype)
        self._starts, self._lengths = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._used, self._cost = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._turn = 0

    @property
    def bytes_held(self) -> int:
        """About how many bytes the memory takes."""
        return int(self._cost.sum())

    def __len__(self) -> int:
        return len(self._rows)

    def look_up(self, words: Sequence[bytes], sizes: Ints) -> tuple[NDArray[np.generic], Ints, Ints]:
        """Tokens of distinct `words` of `sizes` bytes: a table, each word's first index there and count."""
        rows = np.fromiter(map(self._rows.get, words, repeat(-1)), np.int64, len(words))
        missing = np.flatnonzero(rows < 0)
        self._turn += 1
        self._used[rows[rows >= 0]] = self._turn
        if len(missing):
            brief = sizes[missing] <= LONGEST_WORD
            missing = np.concatenate([missing[brief], missing[~brief]])
            rows[missing] = self._learn(
                [words[i] for i in missing.tolist()], sizes[missing], int(brief.sum())
            )
        answer = self._tokens, self._starts[rows], self._lengths[rows]
        if self.bytes_held > self._limit:
            self._forget()
        return answer

    def _learn(self, words: list[bytes], sizes: Ints, brief: int) -> Ints:
        """Rows of new words, the first `brief` of which are worth a name in the memory."""
        tokens, lengths = self._encode(words[:brief], words[brief:])
        first = len(self._starts)
        self._rows.update(zip(words[:brief], range(first, first + brief), strict=True))
        self._starts = np.concatenate([self._starts, len(self._tokens) + np.cumsum(lengths) - lengths])
        self._tokens = np.concatenate([self._tokens, tokens])
        self._lengths = np.concatenate([self._lengths, lengths])
        # A long word has a row for this turn alone: nothing names it, so it is the first to go.
        named = np.arange(len(words)) < brief
        self._used = np.concatenate([self._used, np.where(named, self._turn, -1)])
        cost = _ROW_BYTES + lengths * tokens.itemsize + np.where(named, sizes + _NAME_BYTES, 0)
        self._cost = np.concatenate([self._cost, cost])
        return np.arange(first, first + len(words))

    def _forget(self) -> None:
        latest_first = np.argsort(-self._used, kind="stable")
        fits = np.cumsum(self._cost[latest_first]) <= self._limit // 2
        kept = np.sort(latest_first[fits & (self._used[latest_first] >= 0)])
        place = np.full(len(self._used), -1, np.int64)
        place[kept] = np.arange(len(kept))
        self._tokens = gather(self._tokens, self._starts[kept], self._lengths[kept])
        self._lengths = self._lengths[kept]
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._used, self._cost = self._used[kept], self._cost[kept]
        places = place.tolist()
        self._rows = {word: places[row] for word, row in self._rows.items() if places[row] >= 0}


def gather(table: NDArray[np.generic], starts: Ints, lengths: Ints) -> NDArray[np.generic]:
    """The runs `table[starts[i] : starts[i] + lengths[i]]`, one behind the other."""
    ends = np.cumsum(lengths)
    out = np.empty(int(ends[-1]) if len(ends) else 0, table.dtype)
    done = 0
    for block in range(0, len(starts), _BLOCK):
        some = slice(block, block + _BLOCK)
        until = int(ends[some][-1])
        index = np.repeat(starts[some] - (ends[some] - lengths[some]), lengths[some])
        index += np.arange(done, until)
        np.take(table, index, out=out[done:until], mode="clip")
        done = until
    return out
