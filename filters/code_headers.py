"""Licence and copyright notices taken out of the comments that a source file begins with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from filters.code_comments import Block, CommentSyntax, comment_syntax
from filters.code_notices import notice_lines

# A comment without any of these has no notice (filters/code_notices.py), and is not looked at by line.
_HINT: Final = re.compile(
    r"copyright|copr\.|licen[cs]|©|\(c\)|spdx|rights reserved|permission|warrant|redistribut|free software"
    r"|part of|terms|public domain|\bMIT\b|\bBSD\b|\bapache\b",
    re.IGNORECASE,
)

# What may stand before the first comment and always stays.
_PREAMBLE: Final = re.compile(
    r"""[ \t]*+(?:
    \#!(?!\[).*
    |(?>.*?-\*-.*?-\*-).*
    |\#.*\bcoding[:=].*
    |\#[ ]*(?:frozen_string_literal|typed|warn_indent|syntax|escape)[ ]*[:=].*
    |<\?(?:php|xml)\b[^>\n]*+>?
    |<!DOCTYPE\b[^>]*>
    |<html\b[^>]*>
    |(?:'use[ ]strict'|"use[ ]strict");?
    |declare\(strict_types=1\);
    |@charset\b.*
    |@echo[ ]off
    |\#[ ]*(?:pragma[ ]once|ifndef[ ]\w+|define[ ]\w+)
    |package[ ][\w.:]+;?
    |%YAML.*|---
    )[ \t]*\r?(?:\n|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_BLANK: Final = re.compile(r"[ \t\r\f]*(?:\n|$)")
_SPACES: Final = re.compile(r"[ \t]+")
_RULER: Final = re.compile(r"[\s\-=*#/~_+;%!.|'\"]*")
_STARS: Final = re.compile(r"[ \t]*[*|]+(?![*/])")


class _Line(NamedTuple):
    """A line of a comment: where it begins and ends, where its words do, and those words."""

    start: int
    end: int
    words_start: int
    words_end: int
    words: str
    marked: bool = False  # a block's opening or closing mark is on it


class _Comment(NamedTuple):
    """A comment or a run of comment lines; where code follows on its last line, `end` is before that."""

    end: int
    lines: list[_Line]


def header_spans(text: str, language: str | None) -> list[tuple[int, int]]:
    """Where, in `text`, the notices of its first comments stand: (start, end) in characters, in order.

    `language` is a name of `code_language`; a language whose comments are not known has none. The first
    comments are those before any code, after what must come first in a file (shebang, encoding, `<?php`, XML
    declaration, include guard, package). A comment of nothing but notices goes as a whole, with the blank
    lines that would be left double; of any other comment its notices go and its marks stay. Time is linear.
    """
    syntax = comment_syntax(language)
    if syntax is None:
        return []
    spans: list[tuple[int, int]] = []
    for comment in _first_comments(text, syntax):
        if not _HINT.search(text, comment.lines[0].start, comment.end):
            continue
        for start, end in _notice_spans(comment):
            if spans and spans[-1][1] >= start:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        if spans and spans[-1][1] == comment.end and _blank_before(text, spans[-1][0]):
            spans[-1] = (spans[-1][0], _after_blank_lines(text, comment.end))
    return spans


def strip_header(text: str, language: str | None) -> str:
    """`text` without its `header_spans`."""
    kept, last = [], 0
    for start, end in header_spans(text, language):
        kept.append(text[last:start])
        last = end
    return "".join([*kept, text[last:]]) if last else text


def _blank_before(text: str, at: int) -> bool:
    """Whether nothing, or a blank line, is before the line that begins at `at`."""
    previous = text.rfind("\n", 0, max(at - 1, 0)) + 1
    return not text[:at].strip("\ufeff") or (text[at - 1] == "\n" and not text[previous:at].strip())


def _after_blank_lines(text: str, at: int) -> int:
    while text[at - 1] == "\n" and at < len(text) and (blank := _BLANK.match(text, at)):
        at = blank.end()
    return at


def _first_comments(text: str, syntax: CommentSyntax) -> Iterator[_Comment]:
    """Yield the comments before the first code."""
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        skipped = _PREAMBLE.match(text, at) or _BLANK.match(text, at)
        if skipped:
            at = max(skipped.end(), at + 1)
            continue
        comment = _block_comment(text, at, syntax.blocks) or _line_comments(text, at, syntax)
        if comment is None:
            return
        yield comment
        at = comment.end
        if text[at - 1] != "\n":
            return


def _line_comments(text: str, at: int, syntax: CommentSyntax) -> _Comment | None:
    if syntax.line is None:
        return None
    lines: list[_Line] = []
    while at < len(text):
        mark = syntax.line.match(text, at)
        if mark is None or any(block.opening.match(text, at) for block in syntax.blocks):
            break
        if not lines and mark[0].isspace():  # the indented rest of a comment that is not one
            break
        end = _line_end(text, at)
        lines.append(_line(text, (at, end), (mark.end(), end)))
        at = end
    return _Comment(at, lines) if lines else None


def _block_comment(text: str, at: int, blocks: tuple[Block, ...]) -> _Comment | None:
    for block in blocks:
        opening = block.opening.match(text, at)
        if opening is None:
            continue
        close = _closing(text, opening.end(), block)
        if close < 0:
            return None
        lines = []
        begin, words = at, opening.end()
        while True:
            end = _line_end(text, begin)
            if end > close:
                break
            lines.append(_line(text, (begin, end), (words, end), marked=begin == at))
            begin = end
            stars = _STARS.match(text, begin) if block.closing == "*/" else None
            words = stars.end() if stars and stars.end() <= close else begin
        end = close + len(block.closing)
        rest = _BLANK.match(text, end) or _SPACES.match(text, end)  # code follows, or nothing
        end = rest.end() if rest else end
        lines.append(_line(text, (begin, end), (words, close), marked=True))
        return _Comment(end, lines)
    return None


def _closing(text: str, at: int, block: Block) -> int:
    """Where the mark that closes the comment begins, -1 where none does."""
    if not block.nested:
        return text.find(block.closing, at)
    marks = re.compile(f"{re.escape(block.nested)}|{re.escape(block.closing)}")
    depth = 1
    for mark in marks.finditer(text, at):
        depth += 1 if mark[0] == block.nested else -1
        if depth == 0:
            return mark.start()
    return -1


def _line_end(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)


def _line(text: str, line: tuple[int, int], words_in: tuple[int, int], marked: bool = False) -> _Line:
    words = text[slice(*words_in)].rstrip()
    words_start, words_end = words_in[0], words_in[0] + len(words)
    words = "" if _RULER.fullmatch(words) else words.rstrip(" *|#")
    return _Line(*line, words_start, words_end, words, marked)


def _notice_spans(comment: _Comment) -> list[tuple[int, int]]:
    """The parts of a comment that go: all of it, or its notices and the blank lines that belong to them."""
    lines = comment.lines
    gone = notice_lines([line.words for line in lines])
    if not any(gone):
        return []
    if all(notice or not line.words for notice, line in zip(gone, lines, strict=True)):
        return [(lines[0].start, comment.end)]
    spans = []
    for number in _with_blank_lines(lines, gone):
        line = lines[number]
        whole = (line.words_start, line.words_end) if line.marked else (line.start, line.end)
        spans.append(whole)
    return spans


def _with_blank_lines(lines: list[_Line], gone: list[bool]) -> list[int]:
    """The numbers of the lines that go: the notices, and blank lines that no longer separate anything.

    Of those between a line that stays and a notice the ones before the notice go; those after it go where
    nothing that stays is before them.
    """
    numbers: list[int] = []
    blank: list[int] = []
    stays = False  # whether a line before stays
    after_notice = False
    for number, line in enumerate(lines):
        if not line.words:
            if not line.marked:
                blank.append(number)
            continue
        if gone[number]:
            numbers += blank
            numbers.append(number)
        elif after_notice and not stays:
            numbers += blank
        stays = stays or not gone[number]
        after_notice = gone[number]
        blank = []
    return numbers + blank if after_notice else numbers
