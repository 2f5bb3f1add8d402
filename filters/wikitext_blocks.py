"""Lines of rendered wikitext to blocks: headings, paragraphs and list items, and what of them stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from filters.wikitext_headings import is_back_matter
from filters.wikitext_marks import BREAK, CUT

HEADING = "\x06"  # before a heading's level and text, on a line of its own
ITEM = "\x07"  # before a line's list marks, which keeps the parser from making a node of each

_PREFIX = re.compile(f"{ITEM}([*#:;]+)")
_DEFINITION = re.compile(r"\s:\s")


class Block(NamedTuple):
    """A paragraph or list item (level 0) or a heading (level 1 to 6)."""

    level: int
    text: str
    item: bool = False


def blocks_of(text: str) -> Iterator[Block]:
    """Blocks in order: lines without a blank one between are one paragraph, as in MediaWiki.

    Lines that begin with a space keep their breaks and indents, being shown as typed. List items get "- " or
    their number; the lines that a broken table or template leaves, which start with a pipe, are left out.
    """
    paragraph: list[str] = []
    separator = " "
    numbers: list[int] = []
    for line in text.split("\n"):
        stripped = line.strip()
        prefix = _PREFIX.match(line)
        plain = prefix is None and _shows(stripped)
        as_typed = line.startswith(" ")
        if paragraph and (not plain or line.startswith((HEADING, "|")) or (separator == "\n") != as_typed):
            yield Block(0, separator.join(paragraph))
            paragraph = []
        if plain and not line.startswith((HEADING, "|")):
            separator = "\n" if as_typed else " "
            paragraph.append(line[1:].rstrip() if as_typed else stripped)
            numbers = []
            continue
        if line.startswith(HEADING):
            numbers = []
            yield Block(int(line[1]), line[2:].strip())
        elif prefix is not None:
            yield from _item(prefix[1], line[prefix.end() :].strip(), numbers)
            continue
        numbers = []
    if paragraph:
        yield Block(0, separator.join(paragraph))


def _shows(content: str) -> bool:
    """Whether anything is left to read; of `{{citation}}.` the full stop alone is not."""
    return bool(content.strip(CUT + BREAK + (" .,;:–—。、，；-" if CUT in content else " ")))


def _item(prefix: str, content: str, numbers: list[int]) -> Iterator[Block]:
    """One list item; `numbers` counts the numbered items of each depth of the list it stands in."""
    if not _shows(content):
        return
    depth = len(prefix)
    del numbers[depth:]
    numbers += [0] * (depth - len(numbers))
    indent = "  " * max(0, sum(mark in "*#" for mark in prefix) - 1)
    if prefix[-1] == "#":
        numbers[-1] += 1
        yield Block(0, f"{indent}{numbers[-1]}. {content}", True)
    elif prefix[-1] == "*":
        yield Block(0, f"{indent}- {content}", True)
    elif prefix[-1] == ";":
        yield Block(0, _DEFINITION.sub(": ", content, count=1), True)
    else:
        yield Block(0, content, True)


def without_back_matter(blocks: Iterable[Block], language: str) -> list[Block]:
    """Blocks without the sections at the end that only list references, notes, links or further reading.

    From the end backwards a section goes while its heading is of that kind and only list items and labels
    stand in it; the first section that stays ends this.
    """
    kept = list(blocks)
    end = len(kept)
    for i, inside in reversed(list(enumerate(_inside_back_matter(kept, language)))):
        block = kept[i]
        if (block.level == 0 and (block.item or _is_label(block.text))) or (
            block.level and (inside or i + 1 == end)
        ):
            if block.level:
                end = i
        else:
            break
    return kept[:end]


def _is_label(text: str) -> bool:
    """Whether a paragraph is a short line without a full stop, as before a group of links ("Media")."""
    return len(text) <= 80 and not text.rstrip().endswith((".", "!", "?", "…"))


def _inside_back_matter(blocks: list[Block], language: str) -> Iterator[bool]:
    """For each block whether it stands in a section of back matter, or in one below it."""
    level = 0  # of the section of back matter that the block stands in
    for block in blocks:
        if block.level and (level == 0 or block.level <= level):
            level = block.level if is_back_matter(block.text, language) else 0
        yield level > 0


def without_empty_sections(blocks: Iterable[Block]) -> list[Block]:
    """Blocks without the headings that nothing stands under, at any depth."""
    kept: list[Block] = []
    following = 1  # the level of the heading after this place, 0 for text; the end is like a new article
    for block in reversed(list(blocks)):
        if block.level and (not block.text or 0 < following <= block.level):
            continue
        following = block.level
        kept.append(block)
    return kept[::-1]


def joined(blocks: Iterable[Block]) -> str:
    """The text: items of a list on lines of their own, all else with a blank line between."""
    pieces: list[str] = []
    after_item = False
    for block in blocks:
        if pieces:
            pieces.append("\n" if block.item and after_item else "\n\n")
        pieces.append(block.text)
        after_item = block.item
    return "".join(pieces)
