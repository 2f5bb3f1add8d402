"""Text as an extractor gives it to text as documents keep it, and the title that stands above it."""

from __future__ import annotations

import re

# Control characters other than tab and newline, noncharacters, soft hyphens and byte order marks: nothing
# a reader sees. Zero-width joiners and spaces stay: Persian, Hindi, Thai and Khmer need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\ufeff\ufffe\uffff\ufdd0-\ufdef\U0001fffe-\U0001ffff]"
)
_NEWLINE = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
_MANY = re.compile("\n{4,}")
_CELLS = re.compile(r"(?<=\S)\t{2,}(?=\S)")
_NOT_WORD = re.compile(r"[\W_]+")


def tidy(text: str) -> str:
    """Clean text: LF newlines, no control characters, no trailing or no-break spaces, few blank lines.

    Indentation at line starts stays, and so do single tabs; idempotent.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    lines = [line if line.isprintable() else _clean(line) for line in text.split("\n")]
    text = "\n".join(map(str.rstrip, "\n".join(lines).split("\n")))
    if "\n\n\n\n" in text:
        text = _MANY.sub("\n\n\n", text)
    return text.strip("\n")


def _clean(line: str) -> str:
    return _CELLS.sub("\t", _INVISIBLE.sub("", _NEWLINE.sub("\n", line)).replace("\xa0", " "))


def one_line(text: str) -> str:
    """Clean a text and put it on one line with single spaces."""
    return " ".join(tidy(text).split())


def headline(title: str, heading: str) -> str:
    """Choose the title: the first heading if <title> repeats it beside a site's name, else <title>."""
    whole, part = _letters(title), _letters(heading)
    repeated = len(part) * 3 >= len(whole) and part in whole
    return heading if heading and repeated else title or heading


def with_title(title: str, body: str) -> str:
    """Put the title above the text, unless the text begins with it (case, spaces and punctuation aside)."""
    if not title or not body:
        return body
    if _letters(body[: 4 * len(title) + 40]).startswith(_letters(title)):
        return body
    return f"{title}\n\n{body}"


def _letters(text: str) -> str:
    return _NOT_WORD.sub("", text).casefold()
