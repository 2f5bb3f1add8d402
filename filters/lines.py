"""Line hashes for duplicate lines, bit-compatible with CCNet's code, and taking lines out of a text."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from filters.ccnet_text import CONTROLS, UNICODE_PUNCTUATION, normalize_for_dedup

# The hash of every line without a visible character (Python's str.strip leaves nothing of it). CCNet hashes
# such lines too, finds them in every document and so loses all paragraph breaks; here they are never
# duplicates. A line whose own hash is this value gets ONE_PAST_BLANK in its place: it stays a line like any
# other, at the price of one more chance in 2**64 to be taken for another.
BLANK_LINE = np.uint64(0)
ONE_PAST_BLANK = np.uint64(1)

_HASH_BYTES = 8  # cc_net, dedup.py: HASH_SIZE, the first bytes of the SHA-1
_CHUNK_CHARACTERS = 1 << 18  # arrays of a chunk stay in the processor's cache
_DELETED = 0xFFFFFFFF
_PLANES = 0x20000  # the two planes that hold all cased letters and decimal digits; a test says so


class _Tables(NamedTuple):
    ascii: bytes
    ascii_deleted: bytes
    wide: NDArray[np.uint32]


class LinesLeft(NamedTuple):
    """A text without its duplicate lines, and the UTF-8 bytes that went, by what took them."""

    text: str
    duplicate_bytes: int
    blank_bytes: int


def line_hashes(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash each line of each text as CCNet does, after its normalisation.

    Returns the hashes of all lines in order (uint64, `BLANK_LINE` for lines without a visible character) and
    the number of lines of each text (int64, at least 1). Lines are what `split("\\n")` gives. Other hashes
    are the first 8 bytes, little-endian, of the SHA-1 of `normalize_for_dedup(line)` in UTF-8. Raises
    UnicodeEncodeError for lone surrogates. Source: facebookresearch/cc_net, cc_net/dedup.py, compute_hashes.
    """
    counts = np.fromiter((text.count("\n") + 1 for text in texts), np.int64, len(texts))
    hashes = [_hash_chunk(chunk) for chunk in _chunks(texts)]
    return (np.concatenate(hashes) if hashes else np.empty(0, np.uint64)), counts


def remove_lines(text: str, removed: NDArray[np.bool_]) -> LinesLeft:
    """Take the flagged lines out of `text`, and the blank lines that then separate nothing any more.

    `removed` has one flag a line of `split("\\n")`; flags of blank lines are ignored. Between two lines that
    stay, the longest run of blank lines that stood there stays; before the first and after the last, what
    stood at the very beginning and end. A text of which no other line stays is "". A line's bytes include one
    newline each, save the last one of a text that goes whole, so that len(in) = len(out) + duplicate_bytes +
    blank_bytes in UTF-8. Raises ValueError when the number of flags is not the number of lines.
    """
    lines = text.split("\n")
    if len(lines) != len(removed):
        raise ValueError(f"{len(removed)} flags for a text of {len(lines)} lines")
    kept: list[str] = []
    blank_bytes = 0
    runs: list[list[str]] = []  # of blank lines, each before a duplicate, since the last line that stayed
    run: list[str] = []  # of blank lines since the last other line
    taken = False
    for line, flag in zip(lines, removed.tolist(), strict=True):
        if not line or line.isspace():
            run.append(line)
        elif flag:
            taken = True
            if run or not kept:
                runs.append(run)
                run = []
        else:
            if runs:
                runs.append(run)
                run = max(runs, key=len) if kept else runs[0]
                blank_bytes += sum(map(_line_bytes, runs)) - _line_bytes(run)
                runs = []
            if run:
                kept += run
                run = []
            kept.append(line)
    if not taken:
        return LinesLeft(text, 0, 0)
    blank_bytes += sum(map(_line_bytes, runs))
    if kept:
        left = "\n".join(kept + run)
    else:
        left = ""
        blank_bytes += _line_bytes(run)
    return LinesLeft(left, len(text.encode()) - len(left.encode()) - blank_bytes, blank_bytes)


def _line_bytes(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _chunks(texts: Sequence[str]) -> Iterator[str]:
    first = size = 0
    for position, text in enumerate(texts):
        size += len(text)
        if size >= _CHUNK_CHARACTERS:
            yield "\n".join(texts[first : position + 1])
            first, size = position + 1, 0
    if first < len(texts):
        yield "\n".join(texts[first:])


def _hash_chunk(chunk: str) -> NDArray[np.uint64]:
    # Stripping comes first and line by line: it must not see past a control character that is deleted later.
    lines = list(map(str.strip, chunk.split("\n")))
    sha1 = hashlib.sha1
    digests = b"".join([sha1(line).digest() for line in _normalize("\n".join(lines)).split(b"\n")])
    starts = np.frombuffer(digests, np.uint8).reshape(len(lines), -1)[:, :_HASH_BYTES]
    hashes = np.ascontiguousarray(starts).view("<u8").ravel().astype(np.uint64)
    hashes[hashes == BLANK_LINE] = ONE_PAST_BLANK
    hashes[~np.fromiter(map(bool, lines), np.bool_, len(lines))] = BLANK_LINE
    return hashes


def _normalize(lines: str) -> bytes:
    """Return the UTF-8 of `normalize_for_dedup` of many stripped lines at once, newlines in their places."""
    tables = _tables()
    if lines.isascii():
        return lines.encode().translate(tables.ascii, tables.ascii_deleted)
    if "Σ" in lines or "İ" in lines:
        # The only letters that a table cannot lower: a sigma looks at its neighbours (never past a newline,
        # which is neither cased nor case-ignorable), and the dotted I becomes two characters.
        lines = lines.lower()
    characters = tables.wide.take(np.frombuffer(lines.encode("utf-32-le"), np.uint32))
    kept: bytes = characters[characters != _DELETED].tobytes()
    return kept.decode("utf-32-le").encode()


@functools.cache
def _tables() -> _Tables:
    wide = np.arange(0x110000, dtype=np.uint32)
    changed = {character for character in map(chr, range(_PLANES)) if character.lower() != character}
    changed |= {character for character in map(chr, range(_PLANES)) if character.isdecimal()}
    for character in changed.union(UNICODE_PUNCTUATION, map(chr, CONTROLS)) - {"\n", "İ"}:
        normalized = normalize_for_dedup(f"a{character}a")[1:-1]
        wide[ord(character)] = ord(normalized) if normalized else _DELETED
    narrow = wide[:256].tolist()
    deleted = bytes(byte for byte in range(128) if narrow[byte] == _DELETED)
    return _Tables(bytes(narrow[b] if b < 128 and b not in deleted else b for b in range(256)), deleted, wide)
