"""A page as a list of blocks of text, each with the boxes that it stands in."""

from __future__ import annotations

import re

# Elements that browsers set apart from the text around them.
_BOXES = """
    address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr label legend li main menu ol p pre search section summary
    table tbody td tfoot th thead tr ul
"""
# Elements that hold none of a page's text; rt and rp spell out the characters before them.
_SKIPPED = re.compile(
    "<(audio|button|canvas|dialog|iframe|math|nav|noembed|noframes|noscript|object|plaintext|rp|rt|script|select"
    "|style|svg|template|textarea|video|xmp)[ >]"
)
_OPEN, _CLOSE, _LINK, _BREAK, _IMAGE = range(5)
_ROLES = {
    **dict.fromkeys(_BOXES.split(), _OPEN),
    **dict.fromkeys([f"/{tag}" for tag in _BOXES.split()], _CLOSE),
    "a": _LINK,
    "/a": _LINK,
    "br": _BREAK,
    "img": _IMAGE,
    "picture": _IMAGE,
}
# One tag and the text after it, as resiliparse writes HTML out: names in lower case, '<' and '>' in values as
# references. With it the end of a link and the text after that: every third tag of a page is one of a link.
_TOKEN = re.compile("<([^\\s>]++)([^>]*+)>([^<]*+)(?:</a>([^<]*+))?")
# A link over more characters than this was never closed: what it covers is no label.
MAX_LINK_CHARS = 500


class Box:
    """A block element: its tag, its attributes as written, the box around it.

    `size` and `linked` count the characters in it and those of links; `images` says whether images stand
    directly in it. What else it says is for the rules of html_winnow, which set it.
    """

    __slots__ = (
        "aside",
        "attributes",
        "bad",
        "good",
        "home",
        "images",
        "linked",
        "parent",
        "rank",
        "size",
        "suspect",
        "tag",
    )
    aside: bool
    bad: bool
    good: float
    rank: int
    suspect: bool

    def __init__(self, tag: str, attributes: str, parent: Box | None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.home: Box | None = None
        self.images = False
        self.size = self.linked = 0


class Block:
    """A run of text between two borders of boxes: the text, how many of its characters are links, its box."""

    __slots__ = ("box", "linked", "text")

    def __init__(self, text: str, linked: int, box: Box) -> None:
        self.text = text
        self.linked = linked
        self.box = box


def read_blocks(  # noqa: PLR0912 (one loop, in which extraction spends a third of its time)
    serialized: str,
) -> tuple[list[Block], list[Box]]:
    """Cut well-formed HTML into blocks, in order, and the boxes with text, each after the one around it.

    `serialized` is what resiliparse writes for a body, always well formed. White space is collapsed outside
    of <pre>; <br> is a newline. Linear in the input, whatever its depth.
    """
    box = Box("body", "", None)
    boxes = [box]
    blocks: list[Block] = []
    parts: list[str] = []
    linked = pre = 0
    link = ""
    role_of = _ROLES.get
    reach: dict[str, int] = {}  # characters by link, since one left open is written again in each box
    tokens = _TOKEN.split(_without_skipped(serialized))
    for name, attributes, text, after in zip(*(tokens[i::5] for i in range(1, 5)), strict=True):
        role = role_of(name)
        if role is not None:
            if role <= _CLOSE:
                if parts:
                    _end_block(parts, linked, box, pre > 0, blocks)
                    parts = []
                linked = 0
                if role == _CLOSE:
                    pre -= name == "/pre"
                    box = box.parent or box
                elif name != "hr":
                    box = Box(name, attributes, box)
                    boxes.append(box)
                    pre += name == "pre"
            elif role == _LINK:
                link = attributes if "href=" in attributes else ""
            elif role == _BREAK:
                parts.append("\n" if pre else "\0")
            else:
                box.images = True
        if text and (parts or pre or not text.isspace()):
            parts.append(text)
            if link:
                reach[link] = so_far = reach.get(link, 0) + len(text)
                if so_far < MAX_LINK_CHARS:
                    linked += len(text)
        if after is not None:
            link = ""
            if after and (parts or pre or not after.isspace()):
                parts.append(after)
    if parts:
        _end_block(parts, linked, box, pre > 0, blocks)
    for block in blocks:
        block.box.size += len(block.text)
        block.box.linked += block.linked
    for box in reversed(boxes):
        if box.size and box.parent is not None:
            box.parent.size += box.size
            box.parent.linked += box.linked
    return blocks, [box for box in boxes if box.size or box.parent is None]


def _without_skipped(serialized: str) -> str:
    kept = []
    done = 0
    while found := _SKIPPED.search(serialized, done):
        kept.append(serialized[done : found.start()])
        opening, closing = f"<{found[1]}", f"</{found[1]}>"
        done = found.end()
        depth = 1
        while depth:
            end = serialized.find(closing, done)
            if end < 0:
                return "".join(kept)
            depth += serialized.count(opening, done, end) - 1
            done = end + len(closing)
    kept.append(serialized[done:])
    return "".join(kept)


def _end_block(parts: list[str], linked: int, box: Box, pre: bool, blocks: list[Block]) -> None:
    """Add the block that parts make: references resolved, white space collapsed, zero bytes as newlines."""
    text = "".join(parts) if len(parts) > 1 else parts[0]
    if "&" in text:  # the references that a serialized text has
        text = text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if pre:
        text = "" if text.isspace() else text
    else:
        text = " ".join(text.split())
        if "\0" in text:
            text = "\n".join([line for part in text.split("\0") if (line := part.strip())])
    if text:
        blocks.append(Block(text, linked, box))
