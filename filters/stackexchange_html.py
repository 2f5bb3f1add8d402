"""The HTML of Stack Exchange posts as text that reads as the page does."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import unescape

_BLOCKS = frozenset(
    ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "tr", "hr", "dl", "dt", "dd")
)
_CONTAINERS = frozenset(("blockquote", "ul", "ol", "li"))
_LISTS = frozenset(("ul", "ol"))
_TIGHT = frozenset(("tr", "dt", "dd"))  # no blank line before them
_CELLS = frozenset(("td", "th"))
# A tag, a comment or what is never shown. No match goes on beyond the next "<", or from there to the text's
# end and is not tried again, so that time is linear; Python's HTMLParser takes quadratic time on tags that
# never close, and gives up on `<![`.
_TAG = re.compile(
    r"""<!--(?:.*?-->|.*)
      | <(?P<hidden>script|style)\b(?:.*?</(?P=hidden)\s*>|.*)
      | <(?P<end>/?)(?P<name>[a-z][^\s/<>]*+)(?P<rest>(?>[^<>"']|"[^"<]*"|'[^'<]*')*+|[^<>]*)>
      | <[!?/][^<>]*>""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_START = re.compile(r"""\bstart\s*=\s*["']?([0-9]{1,9})\b""", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f]+")  # not the no-break space, which its writer chose
_EXPONENT = re.compile(r"[+\-−]?\w")
_MAX_DEPTH = 100  # of quotes and lists; those further in are written at this depth


def html_to_text(html: str) -> str:
    """The text of a post's HTML.

    Paragraphs are apart by a blank line; `- ` or a number stands before items, `> ` before the lines of
    quotes; what is in `pre` stays as it is to the space. Of links and formatting the text stays, of
    formulas their TeX, of images nothing; raised figures become `^2`. Of broken HTML what can be read is.
    """
    writer = _Writer()
    at = 0
    for match in _TAG.finditer(html):
        if match.start() > at:
            writer.data(unescape(html[at : match.start()]))
        at = match.end()
        if match["name"]:
            tag = match["name"].lower()
            if not match["end"]:
                writer.start(tag, match["rest"])
            if match["end"] or match["rest"].endswith("/"):
                writer.end(tag)
    writer.data(unescape(html[at:]))
    return writer.text()


@dataclass(slots=True)
class _Container:
    """An open quote, list or item: what stands before its first line, and before the others."""

    tag: str
    first: str = ""
    rest: str = ""
    number: int = 0  # of a list's next item; 0 where it has none
    written: bool = False  # whether a line of it was


class _Writer:
    """Writes blocks line by line, each behind the margins of the quotes and items it is in."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._inline: list[str] = []  # of the block that is being read
        self._open: list[_Container] = []
        self._too_deep: Counter[str] = Counter()  # open containers by tag, beyond the depth that is shown
        self._gap = False  # whether a blank line goes before the next line
        self._pre = 0
        self._raised = False

    def text(self) -> str:
        self._write()
        return "\n".join(self._lines)

    def start(self, tag: str, attributes: str) -> None:
        if tag in _CONTAINERS:
            self._write()
            self._enter(tag, _START.search(attributes))
        elif tag in _BLOCKS:
            self._block(tag)
            self._pre += tag == "pre"
        elif tag in _CELLS and self._inline:
            self._inline.append(" | ")
        elif tag == "br":
            self._inline.append("\n")
        elif tag == "sup":
            self._raised = True

    def end(self, tag: str) -> None:
        if self._too_deep[tag]:
            self._write()
            self._too_deep[tag] -= 1
        elif tag in _CONTAINERS and any(container.tag == tag for container in self._open):
            self._write()
            while self._leave() != tag:
                pass
        elif tag in _BLOCKS:
            self._block(tag)
            self._pre = max(0, self._pre - (tag == "pre"))
        elif tag == "sup":
            self._raised = False

    def data(self, data: str) -> None:
        if self._raised and _EXPONENT.fullmatch(data):
            data = f"^{data}"
        self._inline.append(data if self._pre else _SPACE.sub(" ", data))

    def _block(self, tag: str) -> None:
        self._write()
        new_item = self._open and self._open[-1].tag == "li" and not self._open[-1].written
        self._gap = self._gap or not (tag in _TIGHT or new_item)

    def _enter(self, tag: str, start: re.Match[str] | None) -> None:
        if len(self._open) >= _MAX_DEPTH:
            self._too_deep[tag] += 1
            return
        within_item = any(container.tag == "li" for container in self._open)
        new_item = within_item and not self._open[-1].written
        container = _Container(tag)
        if tag == "li":
            above = self._open[-1] if self._open and self._open[-1].tag in _LISTS else _Container("ul")
            self._gap = self._gap and not above.written
            container.first = f"{above.number}. " if above.number else "- "
            container.rest = " " * len(container.first)
            above.number += above.number > 0
        elif tag == "blockquote":
            self._gap = not new_item
            container.first = container.rest = "> "
        else:
            self._gap = not within_item
            container.number = int(start[1]) if start else 1
            container.number *= tag == "ol"
        self._open.append(container)

    def _leave(self) -> str:
        tag = self._open.pop().tag
        if tag != "li":
            self._gap = not any(container.tag == "li" for container in self._open)
        return tag

    def _write(self) -> None:
        """Write the block that was read, if there is anything in it."""
        text = "".join(self._inline)
        self._inline.clear()
        if not text.strip():
            return
        if self._pre:
            lines = text.strip("\n").split("\n")
        else:
            lines = [_SPACE.sub(" ", line).strip(" ") for line in text.strip().split("\n")]
        if self._gap and self._lines:
            self._lines.append("".join(c.rest for c in self._open if c.written).rstrip())
        self._gap = False
        for line in lines:
            margin = "".join(c.rest if c.written else c.first for c in self._open)
            self._lines.append(margin + line if line else margin.rstrip())
            for container in self._open:
                container.written = True
