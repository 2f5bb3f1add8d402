"""No regular expression of ours takes more than linear time on text made against it.

Every compiled pattern is found, strings are derived from its parse tree, and its time is held to its growth.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import re._constants as op  # type: ignore[import-untyped]  # the standard library's own parser
import re._parser as parser  # type: ignore[import-untyped]
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("filters", "pipeline", "tokenizer", "mixtures")
SCANS = {"search", "finditer", "findall", "sub", "subn", "split", "scanner"}
# Characters of an attack (a doubling shows the growth) and what of them is no time (seconds).
SIZE = 6000
FAST = 0.02
LIMIT = 1.0
# Kept in tables or in objects, from which they are matched at one place.
AT_ONE_PLACE = ("filters.code_comments.", "filters.gutenberg._MARKS", "filters.latex_definitions._USUAL")
# Tried at every place of a text that cannot be long: what bounds it.
SHORT = {
    "filters.code_language._OBJECTIVE_C": "the first 4,096 characters of a file",
    "filters.code_secrets._VERSION": "the characters just before an address",
    "filters.html_blocks._TOKEN": "serialised HTML, where every < has its >",
    "filters.html_charset._COMMENT": "the part of a page that is looked at for its charset",
    "filters.html_charset._META": "the part of a page that is looked at for its charset",
    "filters.html_charset._XML": "the part of a page that is looked at for its charset",
    "filters.license_text._NAME": "the name of a file",
    "pipeline.readers.stackexchange_dump._NAMES": "the name of a file",
    "pipeline.sizes._AMOUNT": "a value of the config",
    "filters/wikitext.py": "the title of a page",
}
TRIED = " \n\ta0Z-_=<>{}[]|:./\\\"'*#;,&%é\u4e00"


@dataclass(frozen=True)
class Found:
    """A pattern and where it is; `scans`: it is tried at every position of a text, and not at one;
    `whole`: it is asked to match all of it."""

    name: str
    pattern: re.Pattern[str] | re.Pattern[bytes]
    scans: bool
    whole: bool = False


def modules() -> Iterator[ModuleType]:
    """Every module of ours that can be imported here."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        yield root
        for info in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not info.name.endswith("__main__"):
                with suppress(ModuleNotFoundError):  # of what an extra brings
                    yield importlib.import_module(info.name)


def compiled(value: Any, depth: int = 4) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value of a module: itself, or inside containers and our own objects."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, Mapping):
        for part in [*value.keys(), *value.values()]:
            yield from compiled(part, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from compiled(part, depth - 1)
    elif depth and str(type(value).__module__).startswith(PACKAGES) and hasattr(value, "__dict__"):
        yield from compiled(vars(value), depth - 1)
    elif depth and isinstance(value, type) and str(value.__module__).startswith(PACKAGES):
        yield from compiled(dict(vars(value)), depth - 1)


def uses(sources: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """By the name of a variable, the methods called on it."""
    found: dict[str, set[str]] = {}
    for tree in sources.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                name = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                found.setdefault(name, set()).add(node.attr)
    return found


def literal_patterns(path: Path, tree: ast.Module) -> Iterator[Found]:
    """Patterns written out in calls of re's functions, inside functions too."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str | bytes)
        ):
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            if node.func.attr != "compile":
                yield Found(place, re.compile(node.args[0].value), node.func.attr in SCANS)


def all_patterns() -> list[Found]:
    """Every pattern of ours, each once."""
    sources = {
        path: ast.parse(path.read_text())
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    called = {path: uses({path: tree}) for path, tree in sources.items()}
    anywhere = uses(sources)
    found: dict[tuple[Any, int], Found] = {}
    for module in modules():
        here = called.get(Path(module.__file__ or ""), {})
        for name, value in vars(module).items():
            for pattern in compiled(value):
                methods = here.get(name, anywhere.get(name, set())) & (SCANS | {"match", "fullmatch"})
                scans = not methods or bool(methods & SCANS)
                scans = scans and not f"{module.__name__}.{name}".startswith(AT_ONE_PLACE)
                key = (pattern.pattern, pattern.flags)
                if key not in found or (scans and not found[key].scans):
                    found[key] = Found(f"{module.__name__}.{name}", pattern, scans, "fullmatch" in methods)
    for path, tree in sources.items():
        for one in literal_patterns(path, tree):
            found.setdefault((one.pattern.pattern, one.pattern.flags), one)
    return list(found.values())


def attacks(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Strings of about SIZE characters made against a pattern: each repetition turned often, with what leads
    to it and with an end that fails; and each beginning repeated."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE if _bytes(pattern) else pattern.flags)
    seen = set()
    for prefix, pump in pumps(list(tree), pattern.flags):
        if not pump:
            continue
        times = SIZE // len(pump)
        for text in (
            prefix + pump * times,
            prefix + pump * times + "\0",
            prefix + pump * times + "\n!",
            ((prefix + pump) * (SIZE // len(prefix + pump) + 1)),
            (prefix * (SIZE // len(prefix) + 1) if prefix else ""),
        ):
            if text and text not in seen:
                seen.add(text)
                yield text


def pumps(nodes: list[Any], flags: int, before: str = "") -> Iterator[tuple[str, str]]:
    """(what leads to it, one turn of it) for each open repetition below `nodes`."""
    prefix = before
    for kind, value in nodes:
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            _, most, body = value
            if most > 20:
                for character in characters(list(body), flags):
                    yield prefix, character
                yield prefix, example(list(body), flags)
            yield from pumps(list(body), flags, prefix)
        elif kind == op.SUBPATTERN:
            yield from pumps(list(value[3]), flags, prefix)
        elif kind == op.BRANCH:
            for branch in value[1]:
                yield from pumps(list(branch), flags, prefix)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from pumps(list(value[1]), flags, prefix)
        elif kind == op.ATOMIC_GROUP:
            yield from pumps(list(value), flags, prefix)
        prefix += example([(kind, value)], flags)
    if prefix != before:
        yield before, prefix[len(before) :]


def characters(nodes: list[Any], flags: int) -> list[str]:
    """For the body of a repetition that is one class, some characters in it; what may also be white first."""
    if len(nodes) != 1 or nodes[0][0] not in (op.IN, op.ANY, op.NOT_LITERAL, op.LITERAL):
        return []
    return [c for c in TRIED if matches(nodes[0], c, flags)][:5]


def matches(node: Any, character: str, flags: int) -> bool:
    """Whether a node of one character takes `character`."""
    kind, value = node
    if kind == op.LITERAL:
        return bool(value == ord(character))
    if kind == op.NOT_LITERAL:
        return bool(value != ord(character))
    if kind == op.ANY:
        return character != "\n" or bool(flags & re.DOTALL)
    negated = value[0][0] == op.NEGATE
    inside = any(_in_class(part, character) for part in value[1 if negated else 0 :])
    return inside != negated


_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}


def _in_class(part: Any, character: str) -> bool:
    kind, value = part
    if kind == op.LITERAL:
        return bool(value == ord(character))
    if kind == op.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    return re.match(_CATEGORIES[value], character) is not None


def example(nodes: list[Any], flags: int) -> str:
    """A short text that `nodes` match, as far as one is easily found."""
    text = ""
    for kind, value in nodes:
        if kind == op.LITERAL:
            text += chr(value)
        elif kind in (op.IN, op.ANY, op.NOT_LITERAL):
            wanted = "a0 " + TRIED + "".join(map(chr, range(1, 256)))
            text += next((c for c in wanted if matches((kind, value), c, flags)), _first_of(value))
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            text += example(list(value[2]), flags) * max(value[0], min(value[1], 1))
        elif kind == op.SUBPATTERN:
            text += example(list(value[3]), flags)
        elif kind == op.ATOMIC_GROUP:
            text += example(list(value), flags)
        elif kind == op.BRANCH:
            text += example(list(value[1][0]), flags)
    return text


def _first_of(value: Any) -> str:
    parts = [part for part in value if part[0] in (op.LITERAL, op.RANGE)] if isinstance(value, list) else []
    if not parts:
        return "x"
    first = parts[0][1]
    return chr(first[0] if isinstance(first, tuple) else first)


def _bytes(pattern: re.Pattern[Any]) -> bool:
    return isinstance(pattern.pattern, bytes)


class TooLong(Exception):
    """A pattern has used LIMIT seconds."""


def seconds(found: Found, text: str) -> float:
    """CPU seconds of the pattern over `text`, LIMIT at most."""
    subject: Any = text.encode("latin-1", "replace") if _bytes(found.pattern) else text

    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    start = time.process_time()
    try:
        if found.scans:
            for _ in found.pattern.finditer(subject):
                pass
        else:
            (found.pattern.fullmatch if found.whole else found.pattern.match)(subject)
    except TooLong:
        return LIMIT
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return time.process_time() - start


def slow_on(found: Found) -> str | None:
    """An attack on which the pattern takes more than linear time, None where there is none."""
    for text in attacks(found.pattern):
        once = seconds(found, text)
        if once <= FAST:
            continue
        quarter = len(text) // 4
        half = (
            0.0 if once >= LIMIT else min(seconds(found, text[:quarter] + text[-quarter:]) for _ in range(3))
        )
        whole = once if once >= LIMIT else min(seconds(found, text) for _ in range(3))
        if whole >= LIMIT or (whole > FAST and whole > 3 * half):
            took = f"{half * 1000:.1f} ms, then {whole * 1000:.1f} ms of twice the text"
            return f"{found.name} takes {took}, {text[:40]!r}…{text[-6:]!r}: {found.pattern.pattern!r:.300}"
    return None


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"\s+$", r"<!--.*?-->", r"(\w+\s?)*!", r"(a|a)*b"])
def test_the_check_finds_what_it_should(pattern: str) -> None:
    assert slow_on(Found("known", re.compile(pattern), scans=True))


@pytest.mark.parametrize("pattern", [r"a+b", r"(?:[^<]|<!)+"])
def test_the_check_accepts_what_is_anchored(pattern: str) -> None:
    assert slow_on(Found("known", re.compile(pattern), scans=False)) is None


def test_no_pattern_backtracks_catastrophically() -> None:
    found = all_patterns()
    assert len(found) > 200
    assert {name for name in SHORT if not any(one.name.startswith(name) for one in found)} == set()
    long = [one for one in found if not one.name.startswith(tuple(SHORT))]
    slow = [message for one in long if (message := slow_on(one))]
    assert not slow, "\n".join(slow)
