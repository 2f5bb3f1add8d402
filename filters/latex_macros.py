"""Macros: what they take, and what they become."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NO_VALUE = "-NoValue-"  # what xparse puts for an optional argument that is not given
TRUE, FALSE = "\\BooleanTrue", "\\BooleanFalse"

_NAME = re.compile(r"\\([A-Za-z]+|[^A-Za-z])", re.S)
_PARAMETER = re.compile(r"##|#([1-9])")
_DEFINED = re.compile(r"#([1-9])")
_ENDS_IN_WORD = re.compile(r"\\[A-Za-z@]+\Z")


class Parameter(NamedTuple):
    """One thing a macro takes.

    `kind`: "argument" (a group or one token), "until" (all before the text `value`), "literal" (the text
    `value`, which must stand there and is no argument), "star" (the character `value` or nothing), "option"
    (in the two brackets `value`, else `default`), "group" (in braces, else `default`).
    """

    kind: str
    value: str = ""
    default: str = NO_VALUE


@dataclass(slots=True)
class Macro:
    """A macro or one half of an environment.

    `letters`: which characters made names where it was defined. `final`: the body is output and not read
    again, as of a name that was `\\let` to one of LaTeX's own. `plain`: it takes nothing but arguments.
    """

    name: str
    parameters: tuple[Parameter, ...]
    body: str
    letters: str = "ordinary"
    final: bool = False
    ends_in_word: bool = False
    plain: bool = False
    _names: frozenset[str] | None = None
    _parts: list[str] | None = None
    _places: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ends_in_word = ends_in_word(self.body)
        self.plain = all(parameter.kind == "argument" for parameter in self.parameters)

    def is_flat(self, table: Mapping[str, object]) -> bool:
        """Whether nothing in the body is a control sequence of `table`, nor internal to a package."""
        if self._names is None:
            names = frozenset(_NAME.findall(self.body)) if "\\" in self.body else frozenset()
            self._names = names | {"@"} if "@" in self.body else names
        return not self._names or ("@" not in self._names and table.keys().isdisjoint(self._names))

    def expanded(self, arguments: Sequence[str]) -> str:
        """The body with the arguments in their places; words are kept from running into each other."""
        if self._parts is None:
            pieces = _PARAMETER.split(self.body)
            self._parts = [text or "" for text in pieces[::2]]
            self._places = [-1 if number is None else int(number) - 1 for number in pieces[1::2]]
        result = self._parts[0]
        if not self._places:
            return result
        for place, text in zip(self._places, self._parts[1:], strict=True):
            if place < 0:
                argument = "#"
            else:
                argument = arguments[place] if place < len(arguments) else ""
            if argument[:1].isalpha() and ends_in_word(result):
                result += " "
            result += argument
            if text[:1].isalpha() and ends_in_word(result):
                result += " "
            result += text
        return result


def ends_in_word(text: str) -> bool:
    """Whether the text ends in a control word, so that a letter behind it would make it another."""
    last = text[-1:]
    if not last.isalpha() and last != "@":
        return False
    found = _ENDS_IN_WORD.search(text, max(0, len(text) - 60))
    if found is None:
        return False
    before = text[: found.start()]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def latex_parameters(count: int, default: str | None) -> tuple[Parameter, ...]:
    """What `\\newcommand{\\x}[count][default]` takes."""
    plain = [Parameter("argument")] * min(count, 9)
    if default is not None and plain:
        plain[0] = Parameter("option", "[]", default)
    return tuple(plain)


def tex_parameters(text: str) -> tuple[Parameter, ...]:
    """What `\\def\\x` takes, `text` being all between the name and the body."""
    if "#" not in text:
        # A space behind the name is no part of it; a star is what `\\def\\x*{}` wants to see.
        return (Parameter("literal", text),) if text.strip() else ()
    pieces = _DEFINED.split(text)
    parameters = [Parameter("literal", pieces[0])] if pieces[0].strip() else []
    for delimiter in pieces[2::2]:
        parameters.append(Parameter("until", delimiter) if delimiter else Parameter("argument"))
    return tuple(parameters)


def xparse_parameters(text: str) -> tuple[Parameter, ...] | None:
    """What `\\NewDocumentCommand` takes by its argument specification, None for one not known (xparse,
    section 1)."""
    parameters: list[Parameter] = []
    at = 0

    def value() -> str:
        nonlocal at
        while text[at : at + 1].isspace():
            at += 1
        if text[at : at + 1] != "{":
            at += 1
            return text[at - 1 : at]
        depth, start = 0, at + 1
        while at < len(text):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
            if not depth:
                break
        return text[start : at - 1]

    while at < len(text):
        kind = text[at]
        at += 1
        if kind in " \n\t+!":
            continue
        if kind == ">":
            value()
        elif kind in "mv":
            parameters.append(Parameter("argument"))
        elif kind == "s":
            parameters.append(Parameter("star", "*"))
        elif kind == "t":
            parameters.append(Parameter("star", value()))
        elif kind in "oO":
            parameters.append(Parameter("option", "[]", value() if kind == "O" else NO_VALUE))
        elif kind in "dDrR":
            brackets = value() + value()
            parameters.append(Parameter("option", brackets, value() if kind in "DR" else NO_VALUE))
        elif kind in "gG":
            parameters.append(Parameter("group", "", value() if kind == "G" else NO_VALUE))
        else:
            return None
    return tuple(parameters) if all(len(p.value) == 2 for p in parameters if p.kind == "option") else None
