"""What is done at LaTeX's own commands while a paper is read: environments, verbatim text, conditionals."""

from __future__ import annotations

import re

from filters.latex_arguments import arguments, is_given
from filters.latex_comments import INLINE, VERBATIM
from filters.latex_definitions import DEFINITIONS, decide
from filters.latex_etoolbox import ETOOLBOX
from filters.latex_expand import Expander
from filters.latex_inputs import INPUTS, is_package
from filters.latex_macros import TRUE, Macro, Parameter
from filters.latex_scan import Frame
from filters.latex_state import Handler, Stuck

_INLINE = re.compile(rf"\\(?:{INLINE})", re.X)
_VERBATIM = frozenset(name + star for name in VERBATIM.split("|") for star in ("", "*"))
_AT_CATEGORY = re.compile(r"\s*`\\?@\s*(?:=\s*)?(\d+)")
_NAME = re.compile(r"[A-Za-z@]+")
_AFTER_XSPACE = re.compile(r"[A-Za-z0-9($\\]")


def _begin(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    start = frame.at - len("\\begin")
    name = frame.group()
    if name is None:
        return False
    if name == "document":
        if expander.document_at < 0 and not frame.silent:
            expander.document_at = len(expander.out)
        expander.memo.drop()
        return True
    if name in _VERBATIM:
        end = frame.text.find(f"\\end{{{name}}}", frame.at)
        frame.at = end + len(f"\\end{{{name}}}")
        expander.emit(frame.text[start : frame.at] if end >= 0 else "", frame)
        return end >= 0
    environment = expander.environments.get(name)
    given = arguments(expander, environment.begin.parameters) if environment else None
    if environment is not None:
        expander.memo.drop()
    if environment is None or given is None:
        return False
    expander.open_environments.append((name, given))
    expander.expand(environment.begin, given, name)
    return True


def _end(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    name = frame.group()
    if name is None:
        return False
    if name == "document":
        expander.memo.drop()
        files = [f for f in expander.frames if not f.macro]
        if len(files) > 1 and not frame.macro:
            frame.at = len(frame.text)
        else:
            expander.ended = True
        return True
    if expander.open_environments and expander.open_environments[-1][0] == name:
        expander.memo.drop()
        _, given = expander.open_environments.pop()
        environment = expander.environments.get(name)
        if environment is not None:
            expander.expand(environment.end, given, name)
            return True
    return False


def _inline(expander: Expander, frame: Frame, command: str) -> bool:
    """Verbatim text and addresses pass as they are."""
    start = frame.at - len(command) - 1
    found = _INLINE.match(frame.text, start)
    if found is None:
        return False
    expander.emit(found[0], frame)
    frame.at = found.end()
    return True


def _jump(expander: Expander, frame: Frame, command: str) -> bool:
    """An `\\else` or `\\fi` of a conditional that is decided; of others they stay."""
    del expander
    to = frame.jumps.get(frame.at - len(command) - 1) if frame.jumps else None
    if to is None:
        return False
    frame.at = to
    return True


def _false(expander: Expander, frame: Frame, command: str) -> bool:
    return decide(expander, frame, command, False)


def _true(expander: Expander, frame: Frame, command: str) -> bool:
    return decide(expander, frame, command, True)


def _in_math(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\ifmmode a\\else $a$\\fi` in a macro is `\\ensuremath{a}`."""
    branches = frame.conditional(frame.at - len(command) - 1)
    if not frame.macro:
        return False
    if branches is None:
        raise Stuck(frame.macro)
    else_start, _, fi_start, fi_end = branches
    content = frame.text[frame.at : else_start if else_start >= 0 else fi_start].strip()
    frame.at = fi_end
    expander.push(f"\\ensuremath{{{content}}}", frame.macro, frame.letters)
    return True


def _no_value(expander: Expander, frame: Frame, command: str) -> bool:
    """xparse's tests of an argument: `\\IfNoValueTF{#1}{…}{…}` and its kin."""
    value = frame.group()
    if value is None:
        return False
    if command.startswith("IfBoolean"):
        holds = value.strip() == TRUE
    else:
        holds = is_given(value) == command.startswith("IfValue")
    branches = {which: frame.token() or "" for which in ("TF" if command.endswith("TF") else command[-1])}
    expander.push(branches.get("T" if holds else "F", ""), frame.macro or command, frame.letters)
    return True


def _csname(expander: Expander, frame: Frame, command: str) -> bool:
    """A name put together from pieces."""
    letters = frame.letters
    if command == "csname":
        end = frame.text.find("\\endcsname", frame.at, frame.at + 500)
        pieces = frame.text[frame.at : end] if end >= 0 else None
        frame.at = end + len("\\endcsname")
    else:
        pieces = frame.group()
    name = expander.evaluated(pieces, letters).strip() if pieces is not None else ""
    if not _NAME.fullmatch(name):
        return _programming(expander, frame, command)
    expander.push(f"\\{name}", frame.macro or command, "at")
    return True


def _if_star(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\@ifstar{…}{…}` and `\\@ifnextchar[{…}{…}` look at what is to come."""
    wanted = "*" if command == "@ifstar" else (frame.token() or "")
    yes, no = frame.token(), frame.token()
    if yes is None or no is None:
        return False
    top = expander.top()
    top.skip_space()
    holds = bool(wanted) and top.text.startswith(wanted, top.at)
    shared = len(wanted)
    while not top.text.startswith(wanted[:shared], top.at):
        shared -= 1
    top.look(shared + (not holds))
    if holds and command == "@ifstar":
        top.at += 1
    expander.push(yes if holds else no, frame.macro or command, "at")
    return True


def _programming(expander: Expander, frame: Frame, command: str) -> bool:
    """TeX's programming is not run: what comes to it is left as it was used."""
    del expander, command
    if frame.macro:
        raise Stuck(frame.macro)
    return False


def _expandafter(expander: Expander, frame: Frame, command: str) -> bool:
    return DEFINITIONS["long"](expander, frame, command) or _programming(expander, frame, command)


def _catcode(expander: Expander, frame: Frame, command: str) -> bool:
    found = _AT_CATEGORY.match(frame.text, frame.at)
    if found is None:
        return _programming(expander, frame, command)
    frame.at = found.end()
    expander.file().letters = "at" if found[1] == "11" else "ordinary"
    return True


def _set_letters(expander: Expander, frame: Frame, command: str) -> bool:
    file = expander.file()
    usual = "at" if is_package(file.path) else "ordinary"
    names = {"makeatletter": "at", "makeatother": "ordinary", "ExplSyntaxOn": "expl3", "ExplSyntaxOff": usual}
    file.letters = names[command]
    expander.drop_line(frame)
    return True


def _group(expander: Expander, frame: Frame, command: str) -> bool:
    """Definitions hold to the end of their group. Braces are not followed for that: few define in them."""
    del frame
    if command == "begingroup":
        expander.groups.append({})
    else:
        expander.close_group()
    return False


def _xspace(expander: Expander, frame: Frame, command: str) -> bool:
    """A space where text follows at once (xspace); spaces behind a macro are kept anyway."""
    del command
    top = expander.top()
    top.look(2 if top.text.startswith("{", top.at) else 1)
    if top.text.startswith("{}", top.at):
        top.at += 2
    elif _AFTER_XSPACE.match(top.text, top.at) and top is not frame:
        expander.emit(" ", frame)
    return True


def _one_dot(expander: Expander, frame: Frame, command: str) -> bool:
    """The dot behind "e.g" in many conference styles, which is not set where one follows."""
    del command
    top = expander.top()
    top.look(1)
    if not top.text.startswith(".", top.at):
        expander.emit(".", frame)
    return True


_TWO = (Parameter("argument"), Parameter("argument"))

COMMANDS: dict[str, Handler | Macro] = {
    **DEFINITIONS,
    **ETOOLBOX,
    **INPUTS,
    "begin": _begin,
    "end": _end,
    **dict.fromkeys(("verb", "Verb", "lstinline", "mintinline", "url", "path", "nolinkurl", "href"), _inline),
    "iffalse": _false,
    "iftrue": _true,
    "ifmmode": _in_math,
    **dict.fromkeys(("else", "fi"), _jump),
    **dict.fromkeys(
        tuple(
            f"{test}{which}" for test in ("IfNoValue", "IfValue", "IfBoolean") for which in ("TF", "T", "F")
        ),
        _no_value,
    ),
    **dict.fromkeys(("csname", "csuse", "@nameuse"), _csname),
    **dict.fromkeys(("@ifstar", "@ifnextchar"), _if_star),
    "expandafter": _expandafter,
    **dict.fromkeys(
        (
            *("futurelet", "setbox", "afterassignment", "aftergroup", "loop", "lowercase", "uppercase"),
            *("ifx", "ifnum", "ifdim", "ifcase", "if", "ifcat", "ifodd", "ifvmode", "ifhmode", "ifinner"),
            *("ifdefined", "ifcsname", "ifvoid", "unless", "ifthenelse", "whiledo"),
        ),
        _programming,
    ),
    "catcode": _catcode,
    **dict.fromkeys(("begingroup", "endgroup"), _group),
    **dict.fromkeys(("makeatletter", "makeatother", "ExplSyntaxOn", "ExplSyntaxOff"), _set_letters),
    "xspace": _xspace,
    **dict.fromkeys(("onedot", "@onedot"), _one_dot),
    "@firstoftwo": Macro("@firstoftwo", _TWO, "#1"),
    "@secondoftwo": Macro("@secondoftwo", _TWO, "#2"),
    "@gobble": Macro("@gobble", _TWO[:1], ""),
}

LOCAL: frozenset[Handler] = frozenset((_begin, _end, _in_math, _no_value, _if_star, _xspace, _one_dot))
"""Handlers that change nothing but what is read and written, or say so (`Memo.drop`)."""
