"""Project Gutenberg's own words around a book: found by their marks, taken off, read for what they say."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from filters.gutenberg_notes import lines_with, without_notes


class Book(NamedTuple):
    """The book alone, and what Gutenberg's header says of it.

    `fields` has those of number, title, author, editor, translator, illustrator, language and release that
    the header gives, and rights "copyrighted" for the few books that are given away under copyright.
    """

    text: str
    fields: dict[str, str]


class _Mark(Enum):
    START = auto()  # what comes is the book
    SMALL_PRINT = auto()  # what comes is licence text
    SMALL_PRINT_END = auto()
    END = auto()  # the book is over


# Lines that Gutenberg sets around the book, 1990 to today. The licence text quotes none of them.
_MARKS = (
    (_Mark.START, re.compile(r"\W*START OF (?:THE |THIS )?PROJECT GUTENBERG\b", re.I)),
    (_Mark.SMALL_PRINT_END, re.compile(r"\W*END\W{0,3}(?:OF )?THE SMALL PRINT\b", re.I)),
    (_Mark.SMALL_PRINT, re.compile(r"\W*START\W{0,3}(?:OF )?THE SMALL PRINT\b", re.I)),
    (_Mark.END, re.compile(r"\W*END OF (?:THE |THIS )?PROJECT GUTENBERG(?:\b|['’]S\b)", re.I)),
    (_Mark.END, re.compile(r"\W*(?:FIN|ENDE) (?:DE|DIESES) (?:THE |THIS )?PROJECT GUTENBERG\b", re.I)),
    (_Mark.END, re.compile(r"\W*START: FULL LICENSE\b", re.I)),
)
_HINTS = ("gutenberg", "small print", "full license")
_MARK_LINES = 5  # a title in a mark may run over so many lines before the closing stars

# What a stretch of Gutenberg's own text is full of; its licence has such a word in every second line.
_OWN_WORDS = re.compile(
    r"project gutenberg|gutenberg-tm|gutenberg™|\be-?texts?\b|\be-?books?\b|small print|electronic works?\b"
    r"|literary archive foundation|\bdonations?\b|public domain|\blicen[cs]e\b|should be named",
    re.I,
)
_OWN_SHARE = 0.05  # of non-blank lines, at least
_BOOK_LINES = 100  # non-blank lines that a part of an omnibus has between two marks, at least

_FIELD = re.compile(
    r"(title|author|editor|translator|illustrator|language|release date|posting date)\s*:\s*(.*)", re.I
)
_NUMBER = re.compile(r"\[\s*e-?(?:book|text)\s*(?:#\s*)?(\d{1,6})\s*\]", re.I)
_HEADER_LINES = 120  # the longest header of the samples names the number in line 22
_FIRST_LINE = re.compile(
    r"\W*(?:the )?project gutenberg(?:['’]s)?(?: (?:e-?text|e-?book|edition) of)? (?P<title>.+?)"
    r"(?:,? by (?P<author>[^*]+?))?\W*$",
    re.I,
)
_DATED = re.compile(r"\s*([A-Z][a-z]+,? (?:\d{1,2}, )?(?:19|20)\d\d)\s*\[", re.I)


def book(text: str) -> Book:
    """Take Gutenberg's header, footer, licence, credits and transcriber's notes off a book.

    `text` has LF line ends. Without Gutenberg's marks all of it is the book. Of several books in one text,
    each with marks of its own, all bodies stay. Returns a Book, whose text has no blank lines at its ends.
    Raises nothing.
    Forms: docs/sources/books.md, from gutenberg.org's files of 1991 to 2025.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    marks = list(_marks(lines))
    bodies = [lines[begin:end] for begin, end in _bodies(lines, marks)]
    header = lines[: marks[0][1]] if marks else []
    if not marks and _is_headed(lines):
        header = lines
    cleaned = [without_notes(body, bool(marks)) for body in bodies]
    return Book("\n\n\n".join(part for part in cleaned if part), _fields(header) if header else {})


def number(text: str) -> str:
    """The number that Gutenberg gives the book in its header, "" where there is none.

    The place is the same for 30 years: "[eBook #84]" or "[Etext #236]" behind the release date.
    """
    lines = text[: 200 * _HEADER_LINES].split("\n")[:_HEADER_LINES]
    return _number(lines) if _is_headed(lines) else ""


def _number(lines: list[str]) -> str:
    found = next((match for line in lines if (match := _NUMBER.search(line))), None)
    return found[1].lstrip("0") if found else ""


def _is_headed(lines: list[str]) -> bool:
    return any("project gutenberg" in line.lower() for line in lines[:_HEADER_LINES])


def _marks(lines: list[str]) -> Iterator[tuple[_Mark, int, int]]:
    """Each mark with its first line and the line after its last."""
    for at in lines_with(lines, _HINTS):
        line = lines[at]
        kind = next((kind for kind, form in _MARKS if form.match(line)), None)
        if kind is None:
            continue
        after = at + 1
        if line.lstrip().startswith("***") and not line.rstrip().endswith("*"):
            closing = (n for n in range(after, min(len(lines), after + _MARK_LINES)) if lines[n].strip())
            after = next((n + 1 for n in closing if lines[n].rstrip().endswith("***")), after)
        yield kind, at, after


def _bodies(lines: list[str], marks: list[tuple[_Mark, int, int]]) -> Iterator[tuple[int, int]]:
    """The stretches between marks that are book."""
    edges = [(None, 0, 0), *marks, (None, len(lines), len(lines))]
    for (before, _, begin), (behind, end, _) in itertools.pairwise(edges):
        if before is _Mark.SMALL_PRINT:
            continue
        part = lines[begin:end]
        if behind is _Mark.START or before is _Mark.END:
            # A header, or what follows a footer; but an omnibus goes on after the end of its parts.
            is_book = sum(1 for line in part if line.strip()) >= _BOOK_LINES and not _is_own(part)
        elif before is _Mark.START or (before is None and behind is None):
            is_book = True
        else:
            # Before or behind the small print, which may stand at the book's start or end; or no header.
            is_book = not _is_own(part)
        if is_book:
            yield begin, end


def _is_own(lines: list[str]) -> bool:
    filled = [line for line in lines if line.strip()]
    return sum(1 for line in filled if _OWN_WORDS.search(line)) > _OWN_SHARE * len(filled)


def _fields(header: list[str]) -> dict[str, str]:
    """What the header says, by name; the first statement of each counts."""
    fields: dict[str, str] = {}
    name = ""
    for line in header[:_HEADER_LINES]:
        match = _FIELD.match(line)
        if match:
            name = match[1].lower().replace("release date", "release").replace("posting date", "posting")
            if name in fields:
                name = ""
            elif value := match[2].strip():
                fields[name] = value
        elif name in fields and line[:1].isspace() and line.strip() and "updated" not in line.lower():
            fields[name] += (" " if name in ("title", "release", "language") else "; ") + line.strip()
        elif line.strip():
            name = ""
    posting = fields.pop("posting", "")
    release = fields.get("release", posting)
    if not release:
        release = next((match[1] for line in header if (match := _DATED.match(line))), "")
    if release:
        fields["release"] = release.split("[")[0].strip()
    if gutenberg := _number(header[:_HEADER_LINES]):
        fields["number"] = gutenberg
    if any("COPYRIGHTED Project Gutenberg" in line for line in header):
        fields["rights"] = "copyrighted"
    first = _FIRST_LINE.match(next((line for line in header if line.strip()), ""))
    if first and "title" not in fields:
        fields |= {key: value for key, value in first.groupdict().items() if value}
    return fields
