"""What is done to a page's source before it is parsed: programs are cut out, excess is refused."""

from __future__ import annotations

import re
from collections import Counter

# Common Crawl cuts bodies at 1 MiB (5 MiB since 2025); a page above 16 MiB is a listing or a dump.
MAX_BYTES = 16 << 20
# resiliparse 2.0.1 takes time quadratic in the attributes of one tag: 0.2 s for 10,000, 40 s for 100,000.
MAX_ATTRIBUTES = 10_000
# Below this many characters a page cannot cost more than some seconds, and skips that check.
UNCHECKED_CHARS = 1 << 18
# Its rules for main content take time quadratic in the depth of these blocks: 0.02 s for 1,000 div, 2 s for
# 10,000, minutes for 100,000. Browsers stop at 512 (Blink), but tags left open look deeper than they are: of
# 1,124 real pages two count more than 100, the worst 313. Our own rules are linear and need no such limit.
MAX_DEPTH = 1024
# Formatting that is left open is opened anew in each block, and looked through at each end of a link:
# quadratic, 2.9 s for 150,000 tags, an hour for a page of MAX_BYTES. Of 1,581 real pages the worst leaves 62.
MAX_OPEN = 1024
# Above this share of characters that no text has, bytes are something else than a page.
MAX_NOISE = 0.1

_NOISE = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
# Letter by letter rather than IGNORECASE, which searches at a third of the speed.
_PROGRAM = re.compile(rb"<(?:!--|[sS](?:[cC][rR][iI][pP][tT]|[tT][yY][lL][eE])\b)")
_END = {
    b"!": re.compile(b"--(?=>)"),
    b"c": re.compile(b"</[sS][cC][rR][iI][pP][tT]"),
    b"t": re.compile(b"</[sS][tT][yY][lL][eE]"),
}
_BLOCK = re.compile(r"<(/?)(?:div|article|blockquote|section|form|[uod]l|table)\b", re.IGNORECASE)
_FORMATTING = re.compile(
    r"<(/?)(a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE
)
# A tag as the HTML tokenizer reads it: '>' may stand inside a quoted value. Possessive, hence linear.
_TAG = re.compile(r"""<[a-zA-Z](?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')|[="'])*+""")
_VALUE = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_BETWEEN = re.compile(r"[\s/]+")


def without_programs(content: bytes) -> bytes:
    """Cut scripts, style sheets and comments out of a page's bytes: half of them, and none of its text.

    It works in every charset that writes ASCII as ASCII; a page in another (UTF-16) stays as it is. What is
    left open stays too, for the parser to judge.
    """
    kept = []
    done = 0
    while found := _PROGRAM.search(content, done):
        start = found.start()
        kind = content[start + 1 : start + 2]
        if kind == b"!":
            end = _END[kind].search(content, start + 2)  # "<!-->" is a whole comment
        else:
            end = _END[content[start + 2 : start + 3].lower()].search(content, found.end())
        closed = content.find(b">", end.end()) if end else -1
        if closed < 0:
            break
        kept.append(content[done:start])
        done = closed + 1
    kept.append(content[done:])
    return b"".join(kept)


def not_text(html: str) -> str | None:
    """Say in one sentence that a decoded content is no text, judging by its beginning, or None."""
    sample = html[:1024]
    if len(_NOISE.findall(sample)) > MAX_NOISE * len(sample):
        return (
            "The content is not text: too many of its first characters are control characters or undecodable."
        )
    return None


def too_many_attributes(html: str) -> str | None:
    """Say in one sentence that a tag of a page has too many attributes to be parsed, or None."""
    if len(html) > UNCHECKED_CHARS:
        for tag in _TAG.finditer(html):
            if tag.end() - tag.start() > 2 * MAX_ATTRIBUTES:
                attributes = len(_BETWEEN.findall(_VALUE.sub(" ", tag[0])))
                if attributes > MAX_ATTRIBUTES:
                    return (
                        f"A tag of the page has {attributes:,} attributes; the limit is {MAX_ATTRIBUTES:,}."
                    )
    return None


def too_much_open(html: str) -> str | None:
    """Say in one sentence that a page leaves more formatting open than can be carried on, or None."""
    if len(html) <= UNCHECKED_CHARS:
        return None
    count: Counter[str] = Counter()
    now = most = 0
    for closing, name in _FORMATTING.findall(html):
        tag = name.lower()
        if not closing and not (tag == "a" and count[tag]):  # a link ends the one before
            count[tag] += 1
            now += 1
            most = max(most, now)
        elif closing and count[tag]:
            count[tag] -= 1
            now -= 1
    if most > MAX_OPEN:
        return f"The page leaves {most:,} tags of formatting open; the limit is {MAX_OPEN:,}."
    return None


def too_deep(html: str) -> str | None:
    """Say in one sentence that a page nests more blocks than resiliparse's main content can bear, or None."""
    depth = deepest = 0
    for closing in _BLOCK.findall(html):
        depth = max(0, depth - 1) if closing else depth + 1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"The page nests {deepest:,} blocks in one another; the limit is {MAX_DEPTH:,}."
    return None
