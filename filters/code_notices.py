"""Which lines of a comment are licence and copyright notices."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final


def _spaced(patterns: Sequence[str]) -> str:
    """The alternatives of `patterns`, a space in them standing for any white space, line ends too."""
    return "|".join(f"(?:{pattern})" for pattern in patterns).replace(" ", r"\s{1,40}")


# Sentences of licence texts: from where one begins to the end of its paragraph all is licence.
_PROSE: Final = re.compile(
    _spaced(
        [
            r"licen[cs]ed (?:to .{1,80} )?under",
            r"licen[cs]ed (?:material|terms)",
            r"(?:distributed|released|available|provided|modified|published|covered) "
            r"(?:under|by|subject to)\b(?:[^.]|\.(?=\S)){0,120}?(?:licen[cs]e|terms|\b(?:MIT|BSD|A?L?GPL)\b)",
            r"(?:use|usage|redistribution) of this (?:source code|software|file) is (?:governed|subject)",
            r"permission (?:is )?(?:hereby )?(?:given|granted)",
            r"redistributions? (?:and use )?(?:in|of) (?:source|binary)",
            r"this (?:\w+ )?(?:program|file|library|software|code|work|module|script|package|project)"
            r" (?:is|was|may be|can be) (?:a )?(?:not )?(?:part of|free software|licen[cs]ed|distributed"
            r"|released|subject to|governed|provided|in the public domain|made available|used under)",
            r"is free software[;:,]",
            r"for (?:the |full )*(?:copyright and )?licen[cs]e (?:information|terms|details)",
            r"see (?:the )?(?:accompanying )?(?:files? )?\W?(?-i:LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)\b",
            r"(?-i:LICEN[CS]E|COPYING) file (?:in|at|for|distributed|that)",
            r"found in the (?-i:LICEN[CS]E|COPYING)",
            r"unless required by applicable law",
            r"you may (?:not use this file|obtain a copy|not remove this notice)",
            r"you must not remove this notice",
            r"without (?:any )?warrant(?:y|ies)",
            r"(?:the|this) (?:software|program|work) (?:and .{1,60} )?(?:is|are) provided",
            r"above copyright notice",
            r"you should have received a copy",
            r"under the (?:same )?terms (?:as perl|of (?:the|version|either))",
            r"in the hope that it will be useful",
            r"neither the names? of",
            r"limitations under the licen[cs]e",
            r"use and distribution terms",
            r"subject to the terms",
            r"licen[cs]e is (?:MIT|BSD|Apache|\w*GPL)",
            r"https?://www\.apache\.org/licenses/LICENSE",
        ]
    ),
    re.IGNORECASE,
)

_NAME_OF_LICENCE: Final = (
    r"(?:the )?(?i:MIT|(?:\d-clause |new |simplified |revised )?BSD|Apache(?:[- ]\d(?:\.\d)?)?|ISC"
    r"|[AL]?GPL\w*|MPL)(?:[- ]v?\d(?:\.\d)?)?(?: style)?(?i:[ -]licen[cs]ed?)?"
)
# Lines that are notices by themselves and say nothing of the lines around them.
_NOTICE: Final = re.compile(
    rf"""
    ^\W*(?:portions?\s)?(?i:copyright|copr\.|\(c\))[\s:,;(cC)©&-]*(?=[^a-z\s]|by\s|the\s|present)
    |(?i:copyright)\s*(?:\(c\)|©|\d{{4}})
    |(?i:\(c\)|©)\s*(?i:copyright|\d{{4}})
    |[|,;.]\s(?i:\(c\)|©)\s
    |(?i:all\srights\sreserved)
    |(?i:spdx-[a-z-]{{1,40}})\s*:
    |</?copyright\b
    |^\W*@(?i:copyright|licen[cs]e)\b
    |^\W*(?i:licen[cs]es?)\s*:\s*\S
    |^\W*(?i:original\s)?(?i:licen[cs]e)(?i:\s(?:information|terms|notice|header))?\s*[:.]?$
    |(?:^|\|\s)\W{{0,8}}{_NAME_OF_LICENCE.replace(" ", chr(92) + " ")}[.]?(?:$|\s\|)
    """,
    re.VERBOSE,
)
# Lines that say nothing without the notice they stand beside: file name, author, date, address.
_BESIDE: Final = re.compile(
    r"""
    ^[\w+./-]+$
    |^(?i:@?(?:authors?|created|modified|written|maintainers?|contributors?|contact|e?mail|file|filename|date))
     (?:\s*:|\sby\s|\son\s)
    |^\w\S*(?:\s\S+){0,3}\s[(|-]*\s?https?://\S+$
    |^https?://\S+$
    """,
    re.VERBOSE,
)
_SENTENCE_END: Final = re.compile(r"[.:!]\s+(?=\S)")


def notice_lines(lines: Sequence[str]) -> list[bool]:
    """For each line of one comment, whether it belongs to a licence or copyright notice.

    `lines` are without comment marks, blank where nothing is on them; paragraphs end at blank lines. A
    sentence of a licence takes the rest of its paragraph, a copyright line itself and what is indented under
    it; the file's name, author and address go where they stand beside nothing but notices. Blank lines are
    never notices here.
    """
    found = [False] * len(lines)
    paragraphs = list(_paragraphs(lines))
    for first, last in paragraphs:
        _mark_paragraph(lines, first, last, found)
    if any(found):
        for first, last in paragraphs:
            _mark_beside(lines, first, last, found)
    return found


def _paragraphs(lines: Sequence[str]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    first = None
    for number, line in enumerate([*lines, ""]):
        if line.strip():
            first = number if first is None else first
        elif first is not None:
            found.append((first, number))
            first = None
    return found


def _mark_paragraph(lines: Sequence[str], first: int, last: int, found: list[bool]) -> None:
    text = "\n".join(lines[first:last])
    prose = _PROSE.search(text)
    if prose is not None:
        begin = first + text.count("\n", 0, _sentence_start(text, prose.start()))
        found[begin:last] = [True] * (last - begin)
    indent = -1
    for number in range(first, last):
        line = lines[number]
        depth = len(line) - len(line.lstrip())
        if _NOTICE.search(line):
            found[number], indent = True, depth
        elif 0 <= indent < depth:
            found[number] = True
        else:
            indent = -1


def _sentence_start(text: str, at: int) -> int:
    """Where the sentence around `at` begins: at its line where only marks are before it, or a notice is."""
    line = text.rfind("\n", 0, at) + 1
    if _NOTICE.search(text[line:].split("\n", 1)[0]) or not any(map(str.isalnum, text[line:at])):
        return line
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, at)]
    return ends[-1] if ends else 0


def _mark_beside(lines: Sequence[str], first: int, last: int, found: list[bool]) -> None:
    """Mark lines between the paragraph's ends and its notices where all of them stand beside those.

    A paragraph without notices goes where it is nothing else.
    """
    for numbers in (range(first, last), range(last - 1, first - 1, -1)):
        outer = list(itertools.takewhile(lambda number: not found[number], numbers))
        if all(_BESIDE.search(lines[number].strip()) for number in outer):
            for number in outer:
                found[number] = True
