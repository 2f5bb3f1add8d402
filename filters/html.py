"""HTML to text by a named extractor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from filters.html_blocks import read_blocks
from filters.html_charset import decode
from filters.html_render import render
from filters.html_source import (
    MAX_BYTES,
    not_text,
    too_deep,
    too_many_attributes,
    too_much_open,
    without_programs,
)
from filters.html_tidy import headline, one_line, tidy, with_title
from filters.html_winnow import select


class ExtractionError(ValueError):
    """A page that cannot be processed; its message is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """A page's title (one line, may be empty), its main content, and the codec its bytes were read with."""

    title: str
    body: str
    charset: str

    @property
    def text(self) -> str:
        """The document: title, blank line, main content; the title only where the content lacks it."""
        return with_title(self.title, self.body)


def extract(content: bytes, charset: str | None = None, extractor: str = "winnow") -> Extracted:
    """Extract the main content of a page.

    `content` is the body as sent, transfer and content encodings removed; `charset` the label of its HTTP
    header. Paragraphs are separated by blank lines, list items and table rows have a line each, cells a tab
    between them, code keeps its indentation. A page without main content gives an empty body. Raises
    ExtractionError for bytes that are no text, pages over the limits of html_source, an unknown extractor, or
    one that is not installed.
    """
    if extractor not in EXTRACTORS:
        raise ExtractionError(f"There is no extractor {extractor!r}; there are {', '.join(EXTRACTORS)}.")
    if len(content) > MAX_BYTES:
        raise ExtractionError(f"The page has {len(content):,} bytes; the limit is {MAX_BYTES:,}.")
    html, codec = decode(without_programs(content), charset)
    if b"\0" in content:
        html = html.replace("\0", "")
    _refuse(not_text(html))
    _refuse(too_many_attributes(html))
    _refuse(too_much_open(html))
    tree = HTMLTree.parse(html)
    if tree.body is None:
        return Extracted("", "", codec)
    heading, body = EXTRACTORS[extractor](tree, html)
    return Extracted(headline(one_line(tree.title or ""), one_line(heading)), tidy(body), codec)


def _refuse(problem: str | None) -> None:
    if problem:
        raise ExtractionError(problem)


def _winnow(tree: Any, _: str) -> tuple[str, str]:
    """The first heading, and the main content by our own rules (html_winnow)."""
    blocks, boxes = read_blocks(tree.body.html)
    heading = next((block.text for block in blocks if block.box.tag == "h1"), "")
    return heading, render(select(blocks, boxes))


def _resiliparse(tree: Any, html: str) -> tuple[str, str]:
    """The first heading, and resiliparse's main content without alternative texts, as in DCLM."""
    _refuse(too_deep(html))
    return _first_heading(tree), str(extract_plain_text(tree, main_content=True, alt_texts=False))


def _first_heading(tree: Any) -> str:
    heading = tree.body.query_selector("h1")
    return str(heading.text or "") if heading else ""


def _trafilatura(tree: Any, html: str) -> tuple[str, str]:
    """The first heading, and trafilatura's text without its fallback extractors, which help little."""
    try:
        import trafilatura  # noqa: PLC0415 (optional, and slow to import)
    except ImportError:
        raise ExtractionError(
            "The extractor 'trafilatura' is not installed: pip install 'winnow[trafilatura]'."
        ) from None
    try:
        text = trafilatura.extract(html, fast=True, include_comments=False)
    except Exception as error:  # whatever lxml and it may raise on a stranger's page is that page's fault
        raise ExtractionError(f"trafilatura failed on the page with {type(error).__name__}.") from error
    return _first_heading(tree), _with_blank_lines(text or "")


_JOINED = re.compile(r"^(?:\s|- |\|)")


def _with_blank_lines(text: str) -> str:
    """Put a blank line between trafilatura's paragraphs; rows, items and indented lines stay together."""
    lines = text.split("\n")
    out = lines[:1]
    for previous, line in pairwise(lines):
        if not (_JOINED.match(line) and (line[0].isspace() or _JOINED.match(previous))):
            out.append("")
        out.append(line)
    return "\n".join(out)


EXTRACTORS: dict[str, Callable[[Any, str], tuple[str, str]]] = {
    "winnow": _winnow,
    "resiliparse": _resiliparse,
    "trafilatura": _trafilatura,
}
