"""What C4's paper compares pages by, where its code compares lines: spans of three sentences.

"We discarded all but one of any three-sentence span occurring more than once in the data set" (Raffel et al.
2020, section 2.2). Sentences are those of each line, in the order of the text: none crosses a line's end, a
span may. Two spans are equal where their sentences are, trimmed and in lower case, as C4 compares lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from filters.lines import BLANK_LINE, ONE_PAST_BLANK, LinesLeft, remove_lines

# Where each sentence of a line starts and ends (filters.punkt.Punkt.sentences).
CutSentences = Callable[[str], Iterable[tuple[int, int]]]


def sentences(text: str, cut: CutSentences) -> list[str]:
    """The sentences of `text`, in order."""
    return [
        line[start:end]
        for line in text.split("\n")
        if line and not line.isspace()
        for start, end in cut(line)
    ]


def span_hashes(
    texts: Sequence[str], cut: CutSentences, length: int = 3
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash each span of `length` successive sentences of each text, by xxh3_64.

    Returns the hashes of all spans in order (uint64, never `BLANK_LINE`) and the number of spans of each text
    (int64), 0 for a text of fewer sentences. Raises UnicodeEncodeError for lone surrogates.
    """
    digest = xxhash.xxh3_64_intdigest
    hashes: list[int] = []
    counts = np.zeros(len(texts), np.int64)
    for place, text in enumerate(texts):
        parts = b"".join(
            xxhash.xxh3_128_digest(sentence.strip().lower().encode()) for sentence in sentences(text, cut)
        )
        starts = range(0, len(parts) - 16 * (length - 1), 16)
        hashes += [digest(parts[start : start + 16 * length]) for start in starts]
        counts[place] = len(starts)
    found = np.array(hashes, np.uint64)
    found[found == BLANK_LINE] = ONE_PAST_BLANK
    return found, counts


def sentences_that_go(lost: NDArray[np.bool_], kept: NDArray[np.bool_], length: int = 3) -> NDArray[np.bool_]:
    """For each sentence of a text, whether it goes: it is in a span that goes and in none that must stay.

    `lost`, `kept`: for each span of the text, whether this copy of a repeated span goes, or is the one that
    stays. So a copy that stays, stays whole, however other spans overlap it.
    """
    inside = np.ones(length, np.int64)
    goes: NDArray[np.bool_] = (np.convolve(lost, inside) > 0) & (np.convolve(kept, inside) == 0)
    return goes


def remove_sentences(text: str, removed: NDArray[np.bool_], cut: CutSentences) -> LinesLeft:
    """Take the flagged sentences out of `text`, each with the white space behind it.

    `removed` has one flag for each of `sentences(text, cut)`. Lines of which no sentence stays go as
    `remove_lines` has it. Raises ValueError when the number of flags is another.
    """
    lines = text.split("\n")
    gone = np.zeros(len(lines), np.bool_)
    flags = removed.tolist()
    place = 0
    for number, line in enumerate(lines):
        bounds = list(cut(line)) if line and not line.isspace() else []
        here = flags[place : place + len(bounds)]
        place += len(bounds)
        if any(here):
            gone[number] = all(here)
            lines[number] = line if gone[number] else _without(line, bounds, here)
    if place != len(flags):
        raise ValueError(f"{len(flags)} flags for a text of {place} sentences")
    left = remove_lines("\n".join(lines), gone)
    went = len(text.encode()) - len(left.text.encode())
    return LinesLeft(left.text, went - left.blank_bytes, left.blank_bytes)


def _without(line: str, bounds: list[tuple[int, int]], removed: list[bool]) -> str:
    starts = [start for start, _ in bounds]
    ends = [*starts[1:], len(line)]
    starts[0] = 0
    parts = zip(starts, ends, removed, strict=True)
    left = "".join(line[start:end] for start, end, goes in parts if not goes)
    return left.rstrip() if removed[-1] else left
