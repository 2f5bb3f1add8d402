"""Blocks of a page to plain text that keeps lists, tables and code readable."""

from __future__ import annotations

from typing import NamedTuple

from filters.html_blocks import Block, Box

# A cell of a table of data has fewer characters than this; larger ones lay a page out.
CELL_CHARS = 200
# Deeper lists are not indented further: white space must not grow with the square of a page.
MAX_INDENT = 8


class _Place(NamedTuple):
    """Where a box stands: in which list item, how deep in lists, in which cell, row, and list or table."""

    item: Box | None = None
    depth: int = 0
    numbered: bool = False
    cell: Box | None = None
    row: Box | None = None
    group: Box | None = None


def render(blocks: list[Block]) -> str:
    """Write blocks as text.

    Blank lines between paragraphs; a line for each list item, with a dash or its number, indented by depth,
    and for each table row, with tabs between cells; <pre> as it is.
    """
    out: list[str] = []
    before = _Place()
    places: dict[Box | None, _Place] = {None: before}
    numbers: dict[Box | None, int] = {}
    begun: set[Box] = set()
    for block in blocks:
        place = _place(block.box, places)
        text = block.text
        if block.box.tag == "pre":
            text = text.strip("\n").rstrip()
        elif place.item is not None and place.depth:
            indent = "  " * min(place.depth - 1, MAX_INDENT)
            if place.item in begun:
                text = f"{indent}  {text}"
            else:
                begun.add(place.item)
                number = numbers[place.item.parent] = numbers.get(place.item.parent, 0) + 1
                text = f"{indent}{number}. {text}" if place.numbered else f"{indent}- {text}"
        elif place.cell is not None:
            text = " ".join(text.split())
        if out:
            out.append(_between(before, place))
        out.append(text)
        before = place
    return "".join(out)


def _between(before: _Place, place: _Place) -> str:
    if place.group is None or before.group is not place.group:
        return "\n\n"
    if place.row is None or before.row is not place.row:
        return "\n"
    return " " if before.cell is place.cell else "\t"


def _place(box: Box, places: dict[Box | None, _Place]) -> _Place:
    """Find a box's place from that of the nearest box around it that is known, and remember those between."""
    path: list[Box] = []
    around: Box | None = box
    while around not in places and around is not None:
        path.append(around)
        around = around.parent
    place = places[around]
    for inner in reversed(path):
        place = places[inner] = _step_into(place, inner)
    return place


def _step_into(place: _Place, box: Box) -> _Place:
    match box.tag:
        case "ul" | "ol" as tag:
            group = place.group if place.depth else box
            place = place._replace(depth=place.depth + 1, numbered=tag == "ol", group=group, row=None)
        case "dl":
            place = place._replace(group=place.group or box)
        case "li" | "dt" | "dd":
            place = place._replace(item=box)
        case "table":
            place = _Place(group=box)
        case "tr" if place.group is not None:
            place = place._replace(row=box)
        case "td" | "th" if place.row is not None:
            place = place._replace(cell=box) if box.size < CELL_CHARS else _Place()
    return place
