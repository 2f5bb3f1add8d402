"""One linear pass over wikitext that cuts what no reader sees and leaves only balanced markup.

A parser that backtracks takes quadratic time on brackets that never close; after this pass there are none.
The order is that of MediaWiki's preprocessor: comments and extension tags before templates and links, so a
`<ref>` ends at the first `</ref>` whatever stands inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from filters.wikitext_extensions import without_extensions
from filters.wikitext_marks import BREAK, CUT, LESS, NO_MARKS, SUB_CLOSE, SUB_OPEN, SUP_CLOSE, SUP_OPEN

# HTML tags, by what they do to the lines around them (MediaWiki, includes/parser/Sanitizer.php).
_INLINE = """
abbr b bdi bdo big cite code data del dfn em font i ins kbd mark q rb rp rt rtc ruby s samp small span strike
strong time tt u var wbr nobr noinclude onlyinclude a center poem table
"""
_PARAGRAPHS = ("p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr")
_LINES = ("div", "ul", "ol", "dl", "dd", "dt", "caption", "tr", "thead", "tbody", "tfoot", "section")
_REPLACEMENT = (
    dict.fromkeys(_INLINE.split(), "")
    | dict.fromkeys(_PARAGRAPHS, "\n\n")
    | dict.fromkeys(_LINES, "\n")
    | {"td": " ", "th": " ", "li": "\n* ", "br": BREAK}
)
_SCRIPTS = {"sup": SUP_OPEN, "/sup": SUP_CLOSE, "sub": SUB_OPEN, "/sub": SUB_CLOSE}
_PAIRED = frozenset(("div", "span", "table", "sup", "sub", "poem"))
_TAG_NAMES = "|".join(
    sorted({*_REPLACEMENT, *_SCRIPTS} - {"/sup", "/sub"}, key=lambda name: (-len(name), name))
)

_TOKEN = re.compile(
    r"(?P<brace>\{\{+)|(?P<unbrace>\}\}+)|(?P<link>\[\[(?!\[))|(?P<unlink>\]\])"
    r"|(?P<table>^[ \t:]*\{\|)|(?P<untable>^[ \t]*\|\}(?!\}))"
    # An external link's label holds at most whole links and ends on its line.
    r"|\[(?P<url>(?:https?:|ftp:|irc:|news:)?//[^\s\[\]<>]++|mailto:[^\s\[\]<>]++)[ \t]*+"
    r"(?P<label>(?:[^\[\]\n]++|\[\[[^\[\]\n]*+\]\])*+)\]"
    r"|(?P<stray>\[)(?=(?:https?:|ftp:|irc:|news:)?//|mailto:)"
    rf"|<(?P<slash>/?)(?P<tag>{_TAG_NAMES})(?=[\s/>])(?P<attributes>[^<>]*)>",
    re.IGNORECASE | re.MULTILINE,
)
_DISPLAY_NONE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_TABLE_ENDS = frozenset(("end", "table end", "tableend", "s-end", "col-end"))

# A closing token reaches over weaker open ones, never over stronger: a stray `]]` cannot end a template.
_STRENGTH = {"{": 3, "|": 2, "<table": 2, "[": 1}
_OPENING = {"brace": "{", "link": "[", "table": "|"}
_LOOK_BACK = 64  # open tokens a closing one looks over

MAX_BYTES = 2 << 20  # MediaWiki $wgMaxArticleSize (2048 KiB): no honest page is larger
MAX_TOKENS = 250_000  # brackets and tags; MediaWiki stops at 1,000,000 preprocessor nodes ($wgMaxPPNodeCount)
MAX_DEPTH = 32  # nested templates and links; mwparserfromhell gives up at 40 (tokenizer MAX_DEPTH)


class WikitextLimit(ValueError):
    """A page asks for more work than any honest one: its size or its number of brackets is over the limit."""


class Scanned(NamedTuple):
    """`text` with its marks, the `verbatim` texts they number, and how many nested parts went for depth."""

    text: str
    verbatim: list[str]
    too_deep: int


class _Open(NamedTuple):
    kind: str
    start: int
    end: int
    hidden: bool = False


def scan(wikitext: str, keep_template: Callable[[str], bool], hides: Callable[[str], bool]) -> Scanned:
    """Cut comments, extension tags, tables, HTML tags, hidden links, and templates that are not kept.

    `keep_template` is asked with a template's name as written, `hides` with a link's target. Raises
    WikitextLimit above MAX_BYTES of UTF-8 or MAX_TOKENS.
    """
    if len(wikitext) > MAX_BYTES or len(wikitext.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise WikitextLimit(f"the page's wikitext is over {MAX_BYTES} bytes")
    verbatim: list[str] = []
    text = without_extensions(wikitext.translate(NO_MARKS), verbatim)
    cuts = _Cuts(text, keep_template, hides)
    return Scanned(cuts.apply(), verbatim, cuts.too_deep)


class _Cuts:
    """Matches brackets with one stack and collects the spans to cut or replace."""

    def __init__(self, text: str, keep_template: Callable[[str], bool], hides: Callable[[str], bool]) -> None:
        self.text = text
        self.keep_template = keep_template
        self.hides = hides
        self.too_deep = 0
        self._cuts: list[tuple[int, int, str]] = []
        self._stack: list[_Open] = []
        self._depth = 0
        self._label_end = -1  # of the external link whose label is being read

    def apply(self) -> str:
        """The text with every cut made; of nested cuts the outermost counts."""
        self._match_brackets()
        pieces: list[str] = []
        position = 0
        for start, end, replacement in sorted(self._cuts, key=lambda cut: (cut[0], -cut[1])):
            if start < position:
                continue
            pieces += (self.text[position:start], replacement)
            position = end
        pieces.append(self.text[position:])
        return "".join(pieces).replace("<", LESS)

    def _match_brackets(self) -> None:
        position = tokens = 0
        while match := _TOKEN.search(self.text, position):
            tokens += 1
            if tokens > MAX_TOKENS:
                raise WikitextLimit(f"the page has over {MAX_TOKENS} brackets and tags")
            position = self._take(match)
        for opened in self._stack:
            self._drop(opened)

    def _take(self, match: re.Match[str]) -> int:
        """Handle one token; returns where to look for the next."""
        start, end = match.span()
        kind = match.lastgroup or ""
        if kind in _OPENING:
            self._push(_Open(_OPENING[kind], start, end))
        elif kind == "unbrace":
            self._close_braces(start, end)
        elif kind == "unlink" and start == self._label_end:
            return start + 1
        elif kind == "unlink":
            self._close_link(start, end)
        elif kind == "untable":
            if (opened := self._pop_to("|")) is not None:
                self._cut(opened.start, end, "\n" + CUT + "\n")
        elif kind == "stray":
            self._cut(start, end)
        elif kind == "label":
            return self._external_link(match)
        else:
            self._tag(match)
        return end

    def _external_link(self, match: re.Match[str]) -> int:
        """Cut all but the label, in which the search goes on; without one a reader sees a number at most."""
        if not match["label"]:
            self._cut(match.start(), match.end(), CUT)
            return match.end()
        self._cut(match.start(), match.start("label"))
        self._label_end = match.end() - 1
        self._cut(self._label_end, match.end())
        return match.start("label")

    def _push(self, opened: _Open) -> None:
        self._stack.append(opened)
        self._depth += opened.kind in "{["

    def _pop(self) -> _Open:
        opened = self._stack.pop()
        self._depth -= opened.kind in "{["
        return opened

    def _pop_to(self, kind: str) -> _Open | None:
        """The innermost open token of `kind`, those left open inside it dropped; None where there is none."""
        strength = _STRENGTH.get(kind, 0)
        for i in range(len(self._stack) - 1, max(-1, len(self._stack) - 1 - _LOOK_BACK), -1):
            if self._stack[i].kind == kind:
                while len(self._stack) > i + 1:
                    self._drop(self._pop())
                return self._pop()
            if _STRENGTH.get(self._stack[i].kind, 0) > strength:
                return None
        return None

    def _drop(self, opened: _Open) -> None:
        """Cut the token of something that never closes; its content stays."""
        end = opened.end
        if opened.kind == "|":  # a table's first line is attributes
            end = self.text.find("\n", end)
            end = len(self.text) if end < 0 else end
        self._cut(opened.start, end)

    def _cut(self, start: int, end: int, replacement: str = "") -> None:
        self._cuts.append((start, end, replacement))

    def _close_braces(self, start: int, end: int) -> None:
        while end - start >= 2:
            opened = self._pop_to("{")
            if opened is None:
                self._cut(start, end)
                return
            width = 3 if end - start >= 3 and opened.end - opened.start >= 3 else 2
            first = opened.end - width
            if width == 3:  # a template's parameter, which an article does not have
                self._cut(first, start + 3, CUT)
            else:
                self._close_template(first, start)
            start += width
            if first - opened.start >= 2:
                self._push(_Open("{", opened.start, first))
            elif first > opened.start:
                self._cut(opened.start, first)

    def _close_template(self, start: int, end: int) -> None:
        pipe = self.text.find("|", start, end)
        name = self.text[start + 2 : end if pipe < 0 else pipe]
        if self._depth >= MAX_DEPTH:
            self.too_deep += 1
        elif self.keep_template(name):
            return
        self._cut(start, end + 2, CUT)
        if name.strip().lower() in _TABLE_ENDS and (opened := self._pop_to("|")) is not None:
            self._cut(opened.start, end + 2, "\n" + CUT + "\n")

    def _close_link(self, start: int, end: int) -> None:
        opened = self._pop_to("[")
        if opened is None:
            self._cut(start, end)
            return
        pipe = self.text.find("|", opened.end, start)
        target = self.text[opened.end : start if pipe < 0 else pipe].strip()
        if self._depth >= MAX_DEPTH:
            self.too_deep += 1
            self._cut(opened.start, end, CUT)
        elif self.hides(target):
            self._cut(opened.start, end, CUT)
        elif not target or "\n" in target or "[" in target:
            self._cut(opened.start, opened.end)
            self._cut(start, end)

    def _tag(self, match: re.Match[str]) -> None:
        name = match["tag"].lower()
        start, end = match.span()
        if name not in _PAIRED:
            closing_item = match["slash"] and name == "li"
            self._cut(start, end, "\n" if closing_item else _REPLACEMENT[name])
            return
        kind = "<" + name
        if not match["slash"]:
            if match["attributes"].endswith("/"):
                self._cut(start, end)
            elif not (name == "poem" and any(opened.kind == kind for opened in self._stack[-_LOOK_BACK:])):
                hidden = name == "table" or _DISPLAY_NONE.search(match["attributes"]) is not None
                self._push(_Open(kind, start, end, hidden))
            return
        opened = self._pop_to(kind)
        if opened is None:
            self._cut(start, end)
        elif opened.hidden:
            self._cut(opened.start, end, CUT)
        else:
            self._cut(opened.start, opened.end, _SCRIPTS.get(name, _REPLACEMENT.get(name, "")))
            self._cut(start, end, _SCRIPTS.get("/" + name, _REPLACEMENT.get(name, "")))
            if name == "poem":
                body = self.text[opened.end : start]
                for line in re.finditer("\n", body.rstrip("\n")):
                    if line.start() > 0:
                        self._cut(opened.end + line.start(), opened.end + line.end(), BREAK)
