"""HTML that cannot be broken out of: whatever is not markup already is escaped where it is put in."""

from __future__ import annotations

import html
from collections.abc import Iterable

from pipeline.look.show import printable

_VOID = frozenset({"input", "meta", "rect", "line", "path"})


class Markup(str):
    """A piece of HTML, made by `tag` or `join`; any other string is text."""

    __slots__ = ()

    def __add__(self, other: str) -> Markup:
        """Both behind each other, `other` escaped unless it is markup."""
        return Markup(str(self) + str(text(other)))


def text(value: object) -> Markup:
    """`value` as text: markup characters escaped, controls and direction marks written out."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(printable(value), quote=True))


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Pieces one behind the other, those that are no markup escaped."""
    return Markup(text(between).join(text(part) for part in parts))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element; `class_` stands for `class`, `_` in other names for `-`; None and False leave an attribute
    out, True writes it without a value."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>" if name in ("input", "meta") else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def table(
    caption: str, head: Iterable[str], rows: Iterable[Iterable[object]], numbers: Iterable[int] = ()
) -> Markup:
    """A table that scrolls sideways where it is too wide; the first cell of a row is its heading, the columns
    in `numbers` (from 0) are set right."""
    right = set(numbers)

    def classes(place: int) -> str | None:
        return "n" if place in right else None

    heads = [tag("th", cell, scope="col", class_=classes(place)) for place, cell in enumerate(head)]
    lines = [
        tag(
            "tr",
            *(
                tag("th", cell, scope="row", class_=classes(place))
                if place == 0
                else tag("td", cell, class_=classes(place))
                for place, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    body = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *lines), aria_label=caption)
    wide = tag("div", body, class_="wide", tabindex="0", role="region", aria_label=caption)
    return tag("figure", tag("figcaption", caption), wide)
