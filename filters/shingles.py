"""Shingles, the overlapping runs of words or characters by which texts are compared, as 64-bit hashes."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_CHUNK_CHARACTERS = 1 << 17  # arrays of a chunk stay in the processor's cache
_SEPARATOR = 0
_DELETED = 0xFFFFFFFF
_ALONE = 0x80000000  # flags a character that is a word of its own
_SPACE = 0x20
_AFTER_A_WORD = re.compile(r"(?<=\S)\s")
# Scripts written without spaces between words: each of their characters counts as a word.
_UNSPACED = (
    (0x0E01, 0x0F00),  # Thai, Lao
    (0x1000, 0x10A0),  # Myanmar
    (0x1780, 0x1800),  # Khmer
    (0x3041, 0x3100),  # Hiragana, Katakana
    (0x3400, 0x4DC0),  # Han
    (0x4E00, 0xA000),
    (0xF900, 0xFB00),
    (0x20000, 0x32000),
)
_CODES = 0x32000  # no letter or digit lies beyond; a test says so


@dataclass(frozen=True, slots=True)
class Shingling:
    """What is compared: runs of `size` words or characters, after normalisation.

    Words are runs of letters, marks, digits and connecting punctuation (categories L, M, N and Pc), and in
    scripts without spaces single characters. Characters are all characters, runs of white space counted as
    one space. `fold_case`: case is ignored; `zero_digits`: all decimal digits are equal; `strip_accents`: so
    are letters that differ in marks (category Mn) only.
    """

    unit: Literal["words", "characters"] = "words"
    size: int = 5
    fold_case: bool = True
    zero_digits: bool = False
    strip_accents: bool = False

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"shingles of {self.size} {self.unit}; the smallest size is 1")


class Shingles(NamedTuple):
    """The shingle hashes of several texts one after the other (uint64), and where those of each text start.

    `starts` is int64 and one longer than the number of texts; its last is the number of hashes.
    """

    hashes: Hashes
    starts: NDArray[np.int64]


def shingles(texts: Sequence[str], shingling: Shingling) -> Shingles:
    """Hash the shingles of each text, in order, repeated ones included.

    A text shorter than one shingle has none, so that no two such texts are ever taken for near-duplicates;
    equal ones are exact duplicates. Equal shingles have equal hashes on every machine; different ones share a
    hash with a chance of about 2**-64 a pair. Memory
    is 8 bytes for each word of all texts, and some arrays of the length of a chunk.
    """
    counts = np.zeros(len(texts), np.int64)
    tokens = [np.zeros(0, np.uint64)]
    for chunk in _chunks(texts):
        hashes, chunk_counts = _tokens([piece for _, piece in chunk], shingling)
        np.add.at(counts, [text for text, _ in chunk], chunk_counts)
        tokens.append(hashes)
    return _combine(np.concatenate(tokens), counts, shingling.size)


def distinct(every: Shingles) -> Shingles:
    """Return each text's shingle hashes sorted, each once: the sets that similarities are defined on."""
    sets = []
    for start, end in zip(every.starts[:-1].tolist(), every.starts[1:].tolist(), strict=True):
        hashes = np.sort(every.hashes[start:end])  # numpy.unique hashes, and is slower
        first = np.ones(len(hashes), np.bool_)
        np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
        sets.append(hashes[first])
    return Shingles(
        np.concatenate([np.zeros(0, np.uint64), *sets]), _starts([len(hashes) for hashes in sets])
    )


def sample(sets: Shingles, one_in: int) -> Shingles:
    """Keep the shingles whose hash is in the lowest `one_in`-th part: the same choice in every text.

    What two texts share, and what each has, is thinned alike, so that similarities can be estimated from
    samples of both (the modulo sketches of Broder, "On the resemblance and containment of documents", 1997).
    """
    keep = sets.hashes <= np.uint64((2**64 - 1) // one_in)
    before = np.concatenate([[0], np.cumsum(keep)])
    return Shingles(sets.hashes[keep], before[sets.starts])


def lowest(sets: Shingles, count: int) -> Shingles:
    """Keep the `count` lowest hashes of each text, all of a text that has no more.

    Up to the smaller of two texts' highest kept hash, both have all their hashes there are: a sample of both
    by which they can be compared (Broder, 1997, section 4; "bottom-k").
    """
    sizes = np.minimum(np.diff(sets.starts), count)
    starts = _starts(sizes)
    places = np.repeat(sets.starts[:-1] - starts[:-1], sizes) + np.arange(starts[-1])
    return Shingles(sets.hashes[places], starts)


def _starts(counts: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def _pieces(text: str) -> Iterator[str]:
    """Cut a text into chunks where a run of white space begins, so that no token lies in two."""
    text = text.strip()
    start = 0
    while len(text) - start > _CHUNK_CHARACTERS:
        cut = _AFTER_A_WORD.search(text, start + _CHUNK_CHARACTERS)
        if cut is None:
            break
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:]


def _chunks(texts: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    chunk: list[tuple[int, str]] = []
    size = 0
    for number, text in enumerate(texts):
        for piece in _pieces(text):
            chunk.append((number, piece))
            size += len(piece)
            if size >= _CHUNK_CHARACTERS:
                yield chunk
                chunk, size = [], 0
    if chunk:
        yield chunk


def _tokens(pieces: list[str], shingling: Shingling) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the token hashes of a chunk in order, and how many each piece has."""
    codes = np.frombuffer("".join(pieces).encode("utf-32-le", "surrogatepass"), np.uint32)
    bounds = _starts([len(piece) for piece in pieces])
    codes = _table(replace(shingling, size=1)).take(codes)
    if shingling.strip_accents:
        codes, bounds = _without(codes, bounds, codes == _DELETED)
    if shingling.unit == "characters":
        space = codes == _SPACE
        again = np.zeros(len(codes), np.bool_)
        again[1:] = space[1:] & space[:-1]
        codes, bounds = _without(codes, bounds, again)  # no text begins or ends with a space
        return codes.astype(np.uint64), np.diff(bounds)
    inside = codes != _SEPARATOR
    first = inside.copy()
    first[1:] &= ~inside[:-1]
    alone = codes >= _ALONE
    if alone.any():
        first |= alone
        first[1:] |= alone[:-1] & inside[1:]
    begins = bounds[bounds < len(codes)]  # empty pieces may stand at the very end
    first[begins] = inside[begins]
    starts = np.flatnonzero(first[inside])
    return _word_hashes(codes[inside], starts), np.diff(np.searchsorted(np.flatnonzero(first), bounds))


def _without(
    codes: NDArray[np.uint32], bounds: NDArray[np.int64], gone: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    if not gone.any():
        return codes, bounds
    return codes[~gone], bounds - np.concatenate([[0], np.cumsum(gone)])[bounds]


def _word_hashes(codes: NDArray[np.uint32], starts: NDArray[np.intp]) -> Hashes:
    """Hash words, given all their characters and where each starts: sum of code times multiplier of place."""
    if not len(starts):
        return np.zeros(0, np.uint64)
    lengths = np.diff(starts, append=len(codes))
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    return np.add.reduceat(multipliers(int(lengths.max()))[place] * codes, starts)


def _combine(tokens: Hashes, counts: NDArray[np.int64], size: int) -> Shingles:
    """Hash each run of `size` tokens that lies within one text."""
    ends = np.repeat(np.cumsum(counts), counts)
    whole = np.arange(size, len(tokens) + size) <= ends
    whole = whole[: max(len(tokens) - size + 1, 0)]
    hashes = np.zeros(len(whole), np.uint64)
    for place, multiplier in enumerate(multipliers(size)[:size]):
        hashes += tokens[place : place + len(whole)] * multiplier
    return Shingles(mix(hashes[whole]), _starts(np.maximum(counts - size + 1, 0)))


def mix(values: Hashes) -> Hashes:
    """Spread every bit over all bits: MurmurHash3's 64-bit finalizer, a bijection (A. Appleby)."""
    values = values ^ (values >> np.uint64(33))
    values *= np.uint64(0xFF51AFD7ED558CCD)
    values ^= values >> np.uint64(33)
    values *= np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def multipliers(count: int) -> Hashes:
    """Return at least `count` odd pseudo-random 64-bit numbers, always the same ones."""
    return _power_of_two_multipliers((count - 1).bit_length())


@functools.lru_cache(maxsize=32)
def _power_of_two_multipliers(bits: int) -> Hashes:
    golden = np.uint64(0x9E3779B97F4A7C15)  # splitmix64's increment (Steele, Lea, Flood, 2014)
    return mix(np.arange(1, (1 << bits) + 1, dtype=np.uint64) * golden) | np.uint64(1)


@functools.cache
def _table(shingling: Shingling) -> NDArray[np.uint32]:
    """Return what each code point counts as: a code, `_SEPARATOR`, `_DELETED`, or a code with `_ALONE`.

    The size means nothing here; with one size for all, tables are made once for each normalisation.
    """
    words = shingling.unit == "words"
    table = np.zeros(0x110000, np.uint32) if words else np.arange(0x110000, dtype=np.uint32)
    for code in range(_CODES):
        table[code] = _meaning(chr(code), shingling)
    if words:
        for first, last in _UNSPACED:
            table[first:last][table[first:last] != _SEPARATOR] |= (
                _ALONE  # and _DELETED, all ones, stays itself
            )
    return table


def _meaning(character: str, shingling: Shingling) -> int:
    category = unicodedata.category(character)
    if shingling.strip_accents:
        if category == "Mn":
            return _DELETED
        base = [
            part for part in unicodedata.normalize("NFD", character) if unicodedata.category(part) != "Mn"
        ]
        character = base[0] if len(base) == 1 else character
    if shingling.unit == "words" and category[0] not in "LMN" and category != "Pc":
        return _SEPARATOR
    if character.isspace():
        return _SPACE
    if shingling.zero_digits and character.isdecimal():
        return ord("0")
    # Letters whose folding is two (ß, İ) keep their lower case's first character.
    folded = character.casefold() if len(character.casefold()) == 1 else character.lower()[0]
    return ord(folded if shingling.fold_case else character)
