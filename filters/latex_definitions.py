"""Definitions of macros and environments, in all the forms that LaTeX has for them."""

from __future__ import annotations

import re

from filters.latex_expand import Expander
from filters.latex_macros import Macro, Parameter, latex_parameters, tex_parameters, xparse_parameters
from filters.latex_scan import NEAR, WITHIN, Frame
from filters.latex_state import Environment, Handler

_PROGRAMMING = re.compile(
    r"\\(?:csname|expandafter|futurelet|catcode|setbox|BODY|collect@body|lrbox|afterassignment"
    r"|if(?!thenelse)[a-zA-Z@]+|[A-Za-z]*@[A-Za-z@]+)(?![A-Za-z])"
)
_DEFINER = re.compile(
    r"\s*\\(?:[gex]?def|let|long|global|protected|outer|(?:re)?newcommand|providecommand)(?![A-Za-z@])"
)
_PARAMETER_TEXT = re.compile(r"[^{}\\]*(?:\\.[^{}\\]*)*", re.S)
# `\newcommand{\x}[1]{…}` as most are written, without a default.
_USUAL = {
    letters: re.compile(
        rf"\s*+(?:\*\s*+)?(?:\{{\s*+\\({name})\s*+\}}|\\({name}))\s*+(?:\[([0-9])\]\s*+)?\{{({WITHIN})\}}",
        re.S,
    )
    for letters, name in (("ordinary", "[A-Za-z]+"), ("at", "[A-Za-z@]+"), ("expl3", "[A-Za-z@_:]+"))
}
_LET = re.compile(r"\s*=?\s?")


def _define(expander: Expander, macro: Macro, everywhere: bool = False) -> None:
    """Take a macro for what it now is; LaTeX's structure is nobody's to redefine."""
    known = expander.table.get(macro.name)
    if (known is None or isinstance(known, Macro)) and macro.name not in PROTECTED and not expander.limited:
        expander.stuck.discard(macro.name)
        expander.define(macro.name, macro, everywhere)


def _end(expander: Expander, frame: Frame) -> bool:
    expander.drop_line(frame)
    return True


def _star(frame: Frame) -> None:
    frame.skip_space()
    if frame.text.startswith("*", frame.at):
        frame.at += 1


def _newcommand(expander: Expander, frame: Frame, command: str) -> bool:
    usual = _USUAL[frame.letters].match(frame.text, frame.at, frame.at + NEAR)
    if usual is not None:
        in_braces, bare, number, body = usual.groups()
        frame.at = usual.end()
        return _new(
            expander,
            frame,
            command,
            Macro(in_braces or bare, latex_parameters(int(number or 0), None), body, frame.letters),
        )
    _star(frame)
    name = frame.name()
    count = frame.bracketed() if name else None
    default = frame.bracketed() if count is not None else None
    body = frame.token() if name else None
    if name is None or body is None:
        return False
    number = int(count) if count is not None and count.strip().isdigit() else 0
    return _new(expander, frame, command, Macro(name, latex_parameters(number, default), body, frame.letters))


def _new(expander: Expander, frame: Frame, command: str, macro: Macro) -> bool:
    if command not in ("providecommand", "providerobustcmd") or macro.name not in expander.table:
        _define(expander, macro)
    return _end(expander, frame)


def _def(expander: Expander, frame: Frame, command: str) -> bool:
    frame.skip_space()
    name = _defined_name(expander, frame)
    if name is None:
        return False
    begin = frame.at
    found = _PARAMETER_TEXT.match(frame.text, begin, begin + 200)
    frame.at = found.end() if found else begin
    parameters = tex_parameters(frame.text[begin : frame.at])
    body = frame.group()
    if body is None:
        return False
    if command in ("edef", "xdef"):
        body = expander.evaluated(body, frame.letters)
    _define(expander, Macro(name, parameters, body, frame.letters), command in ("gdef", "xdef"))
    return _end(expander, frame)


def _defined_name(expander: Expander, frame: Frame) -> str | None:
    """The name to be defined, also one that `\\csname` builds."""
    if not frame.text.startswith("\\csname", frame.at):
        return frame.name()
    end = frame.text.find("\\endcsname", frame.at, frame.at + 200)
    if end < 0:
        return None
    name = expander.evaluated(frame.text[frame.at + len("\\csname") : end].strip(), "at")
    frame.at = end + len("\\endcsname")
    return name


def _let(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    name = frame.name()
    if name is None:
        return False
    found = _LET.match(frame.text, frame.at)
    frame.at = found.end() if found else frame.at
    begin = frame.at
    target = frame.name() if frame.text.startswith("\\", begin) else None
    if target is None:
        frame.at += 1
        body = frame.text[begin : begin + 1]
        if body not in "{}":
            _define(expander, Macro(name, (), body, final=True))
        return _end(expander, frame)
    if name in PROTECTED or name == target:
        return _end(expander, frame)
    known = expander.table.get(target)
    if isinstance(known, Macro):
        _define(expander, Macro(name, known.parameters, known.body, known.letters, known.final))
    elif known is not None:
        if not callable(expander.table.get(name)):
            expander.define(name, known, everywhere=True)
    elif target in ("relax", "empty"):
        _define(expander, Macro(name, (), "", final=True))
    else:
        _define(expander, Macro(name, (), f"\\{target}", final=True))
    return _end(expander, frame)


def _operator(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    frame.skip_space()
    star = "*" if frame.text.startswith("*", frame.at) else ""
    frame.at += len(star)
    name, body = frame.name(), frame.group()
    if name is None or body is None:
        return False
    _define(expander, Macro(name, (), f"\\operatorname{star}{{{body}}}", frame.letters))
    return _end(expander, frame)


def _delimiter(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    name, left, right = frame.name(), frame.group(), frame.group()
    if name is None or left is None or right is None:
        return False
    body = (
        f"\\IfBooleanTF{{#1}}{{\\left{left} #3 \\right{right}}}"
        f"{{\\IfNoValueTF{{#2}}{{{left} #3 {right}}}{{#2{left} #3 #2{right}}}}}"
    )
    parameters = (Parameter("star", "*"), Parameter("option", "[]"), Parameter("argument"))
    _define(expander, Macro(name, parameters, body, frame.letters))
    return _end(expander, frame)


def _document_command(expander: Expander, frame: Frame, command: str) -> bool:
    name, specification, body = frame.name(), frame.group(), frame.group()
    parameters = xparse_parameters(specification) if specification is not None else None
    if name is None or body is None:
        return False
    if parameters is not None and (not command.startswith("Provide") or name not in expander.table):
        _define(expander, Macro(name, parameters, body, frame.letters))
    return _end(expander, frame)


def _newenvironment(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    _star(frame)
    name = frame.group()
    count = frame.bracketed() if name else None
    default = frame.bracketed() if count is not None else None
    begin, end = (frame.group(), frame.group()) if name else (None, None)
    if name is None or begin is None or end is None:
        return False
    number = int(count) if count is not None and count.strip().isdigit() else 0
    parameters = latex_parameters(number, default)
    _define_environment(expander, name, parameters, (begin, end), frame.letters)
    return _end(expander, frame)


def _document_environment(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    name, specification, begin, end = frame.group(), frame.group(), frame.group(), frame.group()
    parameters = xparse_parameters(specification) if specification is not None else None
    if name is None or begin is None or end is None:
        return False
    if parameters is not None:
        _define_environment(expander, name, parameters, (begin, end), frame.letters)
    return _end(expander, frame)


def _define_environment(
    expander: Expander, name: str, parameters: tuple[Parameter, ...], bodies: tuple[str, str], letters: str
) -> None:
    begin, end = bodies
    expander.environments.pop(name, None)
    expander.memo.clear()
    if name in PROTECTED or _PROGRAMMING.search(begin + end):
        return
    expander.environments[name] = Environment(
        Macro(name, parameters, begin, letters), Macro(name, parameters, end, letters)
    )


def _newif(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\newif\\ifdraft` makes three names."""
    del command
    name = frame.name()
    if name is None or not name.startswith("if"):
        return False
    if name not in PROTECTED:
        flag = name[2:]
        expander.flags[flag] = False
        expander.define(name, _user_conditional, everywhere=True)
        for value in ("true", "false"):
            expander.define(f"{flag}{value}", _set_flag, everywhere=True)
    return _end(expander, frame)


def _set_flag(expander: Expander, frame: Frame, command: str) -> bool:
    for value in ("true", "false"):
        if command.endswith(value) and command.removesuffix(value) in expander.flags:
            expander.flags[command.removesuffix(value)] = value == "true"
            return _end(expander, frame)
    return False


def _user_conditional(expander: Expander, frame: Frame, command: str) -> bool:
    return decide(expander, frame, command, expander.flags[command[2:]])


def decide(expander: Expander, frame: Frame, command: str, holds: bool) -> bool:
    """Read one branch of the conditional whose name was just read, and jump over the other."""
    branches = frame.conditional(frame.at - len(command) - 1)
    if branches is None:
        top = expander.top()
        branches = top.open_conditional() if top is not frame else None
        if branches is None:
            return False
        frame = top
    else_start, else_end, fi_start, fi_end = branches
    frame.jumps = jumps = frame.jumps or {}
    if holds:
        jumps[fi_start] = fi_end
        if else_start >= 0:
            jumps[else_start] = fi_end
    elif else_start >= 0:
        frame.at = else_end
        jumps[fi_start] = fi_end
    else:
        frame.at = fi_end
        expander.drop_line(frame)
    return True


def _prefix(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\long` and the like before a definition, and `\\expandafter` before one whose name is built."""
    del expander, command
    return _DEFINER.match(frame.text, frame.at) is not None


DEFINITIONS: dict[str, Handler] = {
    **dict.fromkeys(
        (
            *("newcommand", "renewcommand", "providecommand", "DeclareRobustCommand"),
            *("newrobustcmd", "renewrobustcmd", "providerobustcmd"),
        ),
        _newcommand,
    ),
    **dict.fromkeys(("def", "gdef", "edef", "xdef"), _def),
    "let": _let,
    "DeclareMathOperator": _operator,
    "DeclarePairedDelimiter": _delimiter,
    **dict.fromkeys(
        tuple(f"{how}DocumentCommand" for how in ("New", "Renew", "Provide", "Declare")), _document_command
    ),
    **dict.fromkeys(
        tuple(f"{how}ExpandableDocumentCommand" for how in ("New", "Renew", "Provide", "Declare")),
        _document_command,
    ),
    **dict.fromkeys(
        tuple(f"{how}DocumentEnvironment" for how in ("New", "Renew", "Provide", "Declare")),
        _document_environment,
    ),
    **dict.fromkeys(("newenvironment", "renewenvironment"), _newenvironment),
    "newif": _newif,
    **dict.fromkeys(("long", "global", "protected", "outer"), _prefix),
}

HEADINGS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
# What the paper's structure is known by, which stays whatever a class or a paper makes of it.
PROTECTED = frozenset(
    (
        *HEADINGS,
        *("begin", "end", "document", "title", "author", "abstract", "maketitle", "appendix"),
        *("bibliography", "printbibliography", "thebibliography", "references", "bibitem", "cite"),
        *("label", "ref", "item", "caption", "footnote", "par", "relax", "\\"),
    )
)
