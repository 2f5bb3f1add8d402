"""Limits on the work one page may ask for, counted on its source so that every machine decides the same."""

from __future__ import annotations

import re

# Common Crawl cuts bodies at 1 MiB (5 MiB since 2025); a page above 16 MiB is a listing or a dump.
MAX_BYTES = 16 << 20
# resiliparse 2.0.1 takes time quadratic in the depth of these blocks to find main content: 0.02 s for 1,000
# div, 2 s for 10,000, minutes for 100,000. Browsers stop at 512 (Blink), but tags left open look deeper than
# they are: of 1,124 real pages two count more than 100, the worst 313.
MAX_DEPTH = 1024
# Its parser takes time quadratic in the attributes of one tag: 0.2 s at 10,000, 40 s at 100,000.
MAX_ATTRIBUTES = 10_000
# Below this many characters a page cannot cost more than some seconds, and skips the dearer check.
UNCHECKED_CHARS = 1 << 17

_BLOCK = re.compile(r"<(/?)(?:div|article|blockquote|section|form|[uod]l|table)\b", re.IGNORECASE)
# A tag as the HTML tokenizer reads it: '>' may stand inside a quoted value. Possessive, hence linear.
_TAG = re.compile(r"""<[a-zA-Z](?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')|[="'])*+""")
_VALUE = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')""")
_BETWEEN = re.compile(r"[\s/]+")


def excess(html: str) -> str | None:
    """Say in one sentence which limit a page's source breaks, or None; linear in its length."""
    blocks = _BLOCK.findall(html)
    if len(blocks) > MAX_DEPTH and (depth := _depth(blocks)) > MAX_DEPTH:
        return f"The page nests {depth:,} blocks in one another; the limit is {MAX_DEPTH:,}."
    if len(html) > UNCHECKED_CHARS:
        for tag in _TAG.finditer(html):
            if tag.end() - tag.start() > 2 * MAX_ATTRIBUTES:
                attributes = len(_BETWEEN.findall(_VALUE.sub(" ", tag[0])))
                if attributes > MAX_ATTRIBUTES:
                    return (
                        f"A tag of the page has {attributes:,} attributes; the limit is {MAX_ATTRIBUTES:,}."
                    )
    return None


def _depth(blocks: list[str]) -> int:
    """Greatest number of blocks open at once, from the slashes of their tags in order."""
    depth = deepest = 0
    for closing in blocks:
        depth = max(0, depth - 1) if closing else depth + 1
        deepest = max(deepest, depth)
    return deepest
