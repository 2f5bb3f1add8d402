"""The main content of a page, by rules of our own; docs/extraction.md says what each gains."""

from __future__ import annotations

import re
from functools import lru_cache

from filters.html_blocks import Block, Box

# Elements, and words in class, id, role and itemprop, by which pages call what is not their text, in whatever
# language that is. They only make a box suspect: a site may call the box of its article what it likes.
_ASIDE_TAGS = frozenset(("figcaption", "form", "fieldset", "label", "figure", "aside", "footer"))
_ASIDES = """
    ad ads advert advertisement advertising adverts author authors breadcrumb breadcrumbs byline caption
    comment comments consent cookie cookies copyright credits dateline dialog disclaimer dsgvo footer gallery
    gdpr login menu modal nav navbar navigation newsletter outbrain pager pagination popular popup promo
    promoted promotion recirc recommend recommendation recommendations recommended related share sharing
    sidebar signup slideshow sponsor sponsored sponsors subscribe subscriber subscription taboola teaser
    teasers toolbar trending
"""
_ASIDE_WORDS = frozenset(_ASIDES.split())
_NAMES = re.compile(r'(?:class|id|role|itemprop)="([^"]*)"')
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")
_INVISIBLE = re.compile(
    r"""style="[^"]*(?:display\s*:\s*none|visibility\s*:\s*hidden)|aria-hidden="true"|\shidden(?:=|\s|$)""",
    re.IGNORECASE,
)
# A suspect box is left out when it holds less than this share of the page's good text, or less than this many
# times the good text in no suspect box.
SUSPECT_SHARE = 0.35
SUSPECT_TIMES = 3

# A block of this many bytes of UTF-8, less than this share of them links, is good: sentences, not labels.
# Bytes rather than characters, since one of Chinese says as much as three of English.
GOOD_BYTES = 80
GOOD_LINKED = 0.4
# Good text counts whole in paragraphs, less in the items and boxes that overviews of pages are made of.
ITEM_WEIGHT, OTHER_WEIGHT = 0.6, 0.4
# Programs and data that a broken page shows are told from sentences from this many characters on.
NOISE_CHARS = 300

# The content's box is the innermost that holds this share of the good text of each box around it; <article>
# and <main> need less to start from.
CONTENT_SHARE = 0.7
ARTICLE_SHARE = 0.45
# Articles come in pieces: good paragraphs beside the content's box are content up to so many boxes above it.
LEVELS_BEFORE, LEVELS_AFTER = 2, 1

# Blocks with a larger share of links are not content; paragraphs and items among good ones may have more.
MAX_LINKED, MAX_LINKED_INSIDE = 0.5, 0.8
LABEL_CHARS = 40  # up to which they may not
# Items of a list with less than this share of links are content when they have this many characters.
LIST_LINKED, LIST_ITEM_CHARS = 0.2, 15
# Text beside an image in a box of fewer characters than this is its caption.
CAPTION_CHARS = 200

_TEXT_TAGS = frozenset(("p", "li", "blockquote", "dd", "pre"))
_CELL_TAGS = frozenset(("td", "th"))
_PART_TAGS = frozenset(("ul", "ol", "dl", "li", "blockquote", "table", "tbody", "thead", "tr"))
_INSIDE_TAGS = _TEXT_TAGS | _CELL_TAGS
_ROW_TAGS = frozenset(("li", "td", "th", "tr", "tbody", "thead"))
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def select(blocks: list[Block], boxes: list[Box]) -> list[Block]:
    """Choose the blocks that are main content, in order."""
    _place(boxes)
    weights = [_weight(block) for block in blocks]
    _mark_asides(blocks, boxes, weights)
    chosen = _in_content_box(blocks, boxes, weights)
    homes = {_home(block) for block, good in chosen if good}
    kept: list[Block] = []
    first = last = None  # content begins and ends with text that is surely content
    for block, good in chosen:
        if block.box.tag != "pre" and _is_noise(block.text):
            continue
        at_home = _home(block) in homes
        if not (at_home and block.box.tag in _HEADINGS):
            inside = at_home and block.box.tag in _INSIDE_TAGS
            share = _linked_share(block)
            if share > (MAX_LINKED_INSIDE if inside and len(block.text) > LABEL_CHARS else MAX_LINKED):
                continue
            if _is_caption(block):
                continue
            if good or (inside and share < MAX_LINKED) or _is_item(block, share):
                first = len(kept) if first is None else first
                last = len(kept) + 1
        kept.append(block)
    return kept[first:last]


def _weight(block: Block) -> float:
    """How much good text a block has: 0 unless it looks like sentences."""
    text, tag = block.text, block.box.tag
    size = len(text) if text.isascii() else len(text.encode())
    if size < GOOD_BYTES or block.linked >= GOOD_LINKED * len(text) or tag in ("h1", "h2"):
        return 0.0
    if (text.isascii() and text.count(" ") < size // 20) or _is_noise(text):
        return 0.0  # an address or a program
    if tag in ("p", "blockquote"):
        return size
    if tag in ("li", "dd"):
        return ITEM_WEIGHT * size
    return OTHER_WEIGHT * size


def _place(boxes: list[Box]) -> None:
    """Say of each box whether its name makes it or a box around it suspect, and what list it is in."""
    for box in boxes:
        box.bad = False
        box.suspect = box.aside = box.tag in _ASIDE_TAGS or (
            box.attributes != "" and _is_suspect(box.attributes)
        )
        parent = box.parent
        if parent is not None:
            box.aside = box.suspect or parent.aside
            if box.tag in _PART_TAGS:
                box.home = parent.home or parent


def _mark_asides(blocks: list[Block], boxes: list[Box], weights: list[float]) -> None:
    """Mark boxes that are not content as bad, with all inside, and sum up the good text of the others."""
    _sum_up(blocks, boxes, weights)
    everything = boxes[0].good
    outside = sum(weight for block, weight in zip(blocks, weights, strict=True) if not block.box.aside)
    enough = max(SUSPECT_SHARE * everything, SUSPECT_TIMES * outside)
    for box in boxes:
        if box.parent is not None:
            box.bad = box.parent.bad or (box.suspect and box.good < enough)
    _sum_up(blocks, boxes, weights)
    if everything and not boxes[0].good:  # rules that leave nothing are wrong about this page
        for box in boxes:
            box.bad = False
        _sum_up(blocks, boxes, weights)


@lru_cache(maxsize=1 << 14)  # sites and frameworks repeat themselves
def _is_suspect(attributes: str) -> bool:
    names = " ".join(_NAMES.findall(attributes))
    if ":" in names:  # print:hidden and the like say how, not what
        names = " ".join([name for name in names.split() if ":" not in name])
    if not _ASIDE_WORDS.isdisjoint(map(str.lower, _WORD.findall(names))):
        return True
    return ("hidden" in attributes or "none" in attributes) and _INVISIBLE.search(attributes) is not None


def _sum_up(blocks: list[Block], boxes: list[Box], weights: list[float]) -> None:
    for box in boxes:
        box.good = 0.0
    for block, weight in zip(blocks, weights, strict=True):
        if not block.box.bad:
            block.box.good += weight
    for box in reversed(boxes):
        if box.parent is not None:
            box.parent.good += box.good


def _in_content_box(blocks: list[Block], boxes: list[Box], weights: list[float]) -> list[tuple[Block, bool]]:
    """The blocks of the content's box, and good paragraphs beside it; with each, whether it is good."""
    root = _content_box(boxes)
    # 3 inside the content's box, 2 where good paragraphs after it count, 1 where only those before it do
    ranks = {_around(root, LEVELS_BEFORE): 1, _around(root, LEVELS_AFTER): 2, root: 3}
    for box in boxes:
        parent = box.parent
        box.rank = ranks.get(box, 0)
        if parent is not None and parent.rank > box.rank and not box.bad:
            box.rank = parent.rank
    chosen: list[tuple[Block, bool]] = []
    wanted = 1
    for block, weight in zip(blocks, weights, strict=True):
        if block.box.rank == 3:
            wanted = 2
            chosen.append((block, weight > 0))
        elif weight and block.box.tag == "p" and block.box.rank >= wanted:
            chosen.append((block, True))
    return chosen


def _around(box: Box, levels: int) -> Box:
    """The box `levels` above, or <article> or <main> if that is nearer."""
    for _ in range(levels):
        if box.parent is None or box.tag in ("article", "main"):
            break
        box = box.parent
    return box


def _content_box(boxes: list[Box]) -> Box:
    """Find the box of the main content: down from the body, or the article, to where the good text parts."""
    root = boxes[0]
    best: dict[Box, Box] = {}
    for box in boxes:
        if box.good and box.parent is not None:
            other = best.get(box.parent)
            if other is None or other.good < box.good:
                best[box.parent] = box
    articles = [box for box in boxes if box.tag in ("article", "main")]
    if articles:
        article = max(articles, key=lambda box: box.good)
        if article.good >= ARTICLE_SHARE * root.good:
            root = article
    while (inner := best.get(root)) is not None:
        if inner.good < CONTENT_SHARE * root.good or inner.tag == "p":
            break
        root = inner
    return root


def _home(block: Block) -> Box:
    """The box that a block's paragraph, list or table stands in."""
    box = block.box
    if (box.tag in _INSIDE_TAGS or box.tag in _HEADINGS) and box.parent is not None:
        box = box.parent
    return box.home or box


def _linked_share(block: Block) -> float:
    """The share of links in a block, or in the list or table whose item or cell it is."""
    box: Box | None = block.box
    while box is not None and box.tag in _ROW_TAGS:
        box = box.parent
    if box is not None and box is not block.box and box.tag in ("ul", "ol", "table"):
        return box.linked / box.size
    return block.linked / len(block.text)


def _is_item(block: Block, share: float) -> bool:
    return block.box.tag == "li" and share < LIST_LINKED and len(block.text) >= LIST_ITEM_CHARS


def _is_noise(text: str) -> bool:
    """Whether a text is a program or data that a broken page shows."""
    if len(text) < NOISE_CHARS:
        return False
    if text.isascii() and text.count(" ") < len(text) // 40:
        return True
    return sum(map(text.count, "{}();=")) > len(text) // 12


def _is_caption(block: Block) -> bool:
    """Whether a block is a label in a small box around an image."""
    box = block.box
    if box.tag in _TEXT_TAGS:
        return False
    if box.images and box.size < CAPTION_CHARS:
        return True
    return box.parent is not None and box.parent.images and box.parent.size < CAPTION_CHARS
