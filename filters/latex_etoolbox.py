"""Conditions and lists of the package etoolbox, by which papers choose among their own parts."""

from __future__ import annotations

from filters.latex_expand import Expander
from filters.latex_scan import Frame
from filters.latex_state import Handler, Stuck


def _declare(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\newtoggle{x}`, `\\toggletrue{x}` and their kin."""
    name = frame.group()
    if name is None:
        return False
    name = expander.evaluated(name, frame.letters).strip()
    if command in ("toggletrue", "togglefalse"):
        expander.toggles[name] = command == "toggletrue"
    else:
        expander.toggles.setdefault(name, False)
    expander.drop_line(frame)
    return True


def _toggle(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\iftoggle{x}{…}{…}` where the paper has set x."""
    name = frame.group()
    value = expander.toggles.get(expander.evaluated(name, frame.letters).strip()) if name else None
    return _choose(expander, frame, None if value is None else value == (command == "iftoggle"))


def _empty(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\ifstrempty{…}{…}{…}`, `\\ifblank` and `\\notblank`."""
    text = frame.group()
    if text is None:
        return False
    holds = not text if command == "ifstrempty" else not text.strip()
    return _choose(expander, frame, holds != (command == "notblank"))


def _choose(expander: Expander, frame: Frame, holds: bool | None) -> bool:
    if holds is None:
        if frame.macro:
            raise Stuck(frame.macro)
        return False
    yes, no = frame.token(), frame.token()
    if yes is None or no is None:
        return False
    expander.push(yes if holds else no, frame.macro or "iftoggle", frame.letters)
    return True


def _list(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\docsvlist{a,b}` is `\\do{a}\\do{b}`."""
    items = frame.group()
    if items is None:
        return False
    text = expander.evaluated(items, frame.letters)
    each = "".join(f"\\do{{{item.strip()}}}" for item in text.split(",") if item.strip())
    expander.push(each, frame.macro or command, frame.letters)
    return True


ETOOLBOX: dict[str, Handler] = {
    **dict.fromkeys(("newtoggle", "providetoggle", "toggletrue", "togglefalse"), _declare),
    **dict.fromkeys(("iftoggle", "nottoggle"), _toggle),
    **dict.fromkeys(("ifstrempty", "ifblank", "notblank"), _empty),
    "docsvlist": _list,
}
