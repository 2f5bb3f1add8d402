"""A page as a list of blocks of text, each with the boxes that it stands in."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

# One tag and the text after it, as a parser writes HTML out: names in lower case, values in double quotes.
_TOKEN = re.compile(r'<(/?[a-z][^\s>]*+)((?:[^>"]++|"[^"]*+")*+)>([^<]*+)')
# Elements that browsers set apart from the text around them.
_BOXES = """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hgroup label legend li main menu ol p pre search section
    summary table tbody td tfoot th thead tr ul
"""
# A link over more characters than this was never closed: what it covers is no label.
MAX_LINK_CHARS = 500


class Box:
    """A block element: its tag, its attributes as written, the box around it.

    `size` and `linked` count the characters in it and those of links; `images` says whether images stand
    directly in it, `listed` whether it stands in a list item; `good`, `bad`, `aside` belong to html_winnow.
    """

    __slots__ = ("aside", "attributes", "bad", "good", "images", "linked", "listed", "parent", "size", "tag")

    def __init__(self, tag: str, attributes: str, parent: Box | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.images = self.aside = self.bad = False
        self.size = self.linked = 0
        self.good = 0.0
        self.listed: bool = parent is not None and (parent.listed or parent.tag == "li")


class Block:
    """A run of text between two borders of boxes: the text, how many of its characters are links, its box."""

    __slots__ = ("box", "linked", "text")

    def __init__(self, text: str, linked: int, box: Box) -> None:
        self.text = text
        self.linked = linked
        self.box = box


def read_blocks(serialized: str) -> tuple[list[Block], list[Box]]:
    """Cut well-formed HTML into blocks, in order, and boxes, each after the one around it.

    `serialized` is what an HTML parser writes for a body; raw text elements (script, style) must be gone.
    White space is collapsed outside of <pre>; <br> is a newline. Linear in the input, whatever the depth.
    """
    reader = _Reader()
    for name, attributes, text in _TOKEN.findall(serialized):
        handle = _HANDLERS.get(name)
        if handle is not None:
            handle(reader, name, attributes)
        if text:
            reader.parts.append(text)
            if reader.target:
                reader.count_link(len(text))
    reader.end_block()
    for block in reader.blocks:
        block.box.size += len(block.text)
        block.box.linked += block.linked
    for box in reversed(reader.boxes):
        if box.parent is not None:
            box.parent.size += box.size
            box.parent.linked += box.linked
    return reader.blocks, reader.boxes


class _Reader:
    """Blocks and boxes read so far, the open box, the open link, and the text since the last border."""

    def __init__(self) -> None:
        self.box = Box("body", "", None)
        self.boxes = [self.box]
        self.blocks: list[Block] = []
        self.parts: list[str] = []
        self.linked = 0
        self.pre = 0
        self.target = ""
        self.reach: dict[str, int] = {}

    def open(self, name: str, attributes: str) -> None:
        self.end_block()
        self.box = Box(name, attributes, self.box)
        self.boxes.append(self.box)
        self.pre += name == "pre"

    def close(self, name: str, _: str) -> None:
        self.end_block()
        if self.box.parent is not None and self.box.tag == name[1:]:
            self.pre -= self.box.tag == "pre"
            self.box = self.box.parent

    def rule(self, _: str, __: str) -> None:
        self.end_block()

    def line_break(self, _: str, __: str) -> None:
        self.parts.append("\n" if self.pre else "\0")

    def link(self, _: str, attributes: str) -> None:
        self.target = attributes if "href=" in attributes else ""

    def image(self, _: str, __: str) -> None:
        self.box.images = True

    def count_link(self, chars: int) -> None:
        """Count characters of a link; one left open is written again in each box, with the same target."""
        self.reach[self.target] = reach = self.reach.get(self.target, 0) + chars
        if reach < MAX_LINK_CHARS:
            self.linked += chars

    def end_block(self) -> None:
        if self.parts:
            text = "".join(self.parts)
            text = _plain(text) if not self.pre else html.unescape(text)
            if text and not text.isspace():
                self.blocks.append(Block(text, self.linked, self.box))
            self.parts = []
        self.linked = 0


def _plain(text: str) -> str:
    """Resolve references, collapse white space, and put line breaks (a zero byte each) as newlines."""
    text = " ".join(text.split())
    if "&" in text:
        text = " ".join(html.unescape(text).split())
    if "\0" in text:
        text = "\n".join([line for part in text.split("\0") if (line := part.strip())])
    return text


_HANDLERS: dict[str, Callable[[_Reader, str, str], None]] = {
    **dict.fromkeys(_BOXES.split(), _Reader.open),
    **dict.fromkeys([f"/{tag}" for tag in _BOXES.split()], _Reader.close),
    "hr": _Reader.rule,
    "br": _Reader.line_break,
    "a": _Reader.link,
    "/a": _Reader.link,
    "img": _Reader.image,
    "picture": _Reader.image,
}
