"""Files that a paper takes in: inputs where they stand, packages and what their options do."""

from __future__ import annotations

import re

from filters.latex_expand import Expander
from filters.latex_scan import Frame
from filters.latex_state import Handler

_BARE_NAME = re.compile(r"\s*([^\s\\{}\[\]$&#^_~%]+)")


def _input(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\input{name}` and `\\input name`."""
    name = frame.group()
    if name is None and command == "input":
        bare = _BARE_NAME.match(frame.text, frame.at)
        if bare is None:
            return False
        name = bare[1]
        frame.at = bare.end()
    return name is not None and _read(expander, frame, name)


def _read(expander: Expander, frame: Frame, name: str, own_folder: bool = False) -> bool:
    path = expander.evaluated(name, frame.letters).strip().strip('"')
    package = is_package(path)
    if expander.open_file(path, own_folder, package):
        return True
    if not package:
        expander.missing.append(path)
    return package


def is_package(path: str) -> bool:
    """Whether a file is read for its definitions alone."""
    return path.endswith((".sty", ".cls", ".def"))


def _subfile(expander: Expander, frame: Frame, command: str) -> bool:
    """A subfile's own inputs are looked for in its folder (subfiles, section 1)."""
    del command
    name = frame.group()
    return name is not None and _read(expander, frame, name, own_folder=True)


def _import(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\import{folder/}{file}` and its kin, whose own inputs are looked for in that folder (import)."""
    del command
    folder, name = frame.group(), frame.group()
    if folder is None or name is None:
        return False
    return _read(expander, frame, f"{folder}/{name}" if folder else name, own_folder=True)


def _input_if_exists(expander: Expander, frame: Frame, command: str) -> bool:
    name, there, absent = frame.group(), frame.group(), frame.group()
    if name is None or there is None or absent is None:
        return False
    if not _read(expander, frame, name):
        there = absent
    expander.push(there, frame.macro or command, frame.letters)
    return True


def _usepackage(expander: Expander, frame: Frame, command: str) -> bool:
    """Read the paper's own packages."""
    del command
    options = tuple(option.strip() for option in (frame.bracketed() or "").split(","))
    names = frame.group()
    if names is None:
        return False
    frame.bracketed()
    for name in reversed(names.split(",")):
        opened = expander.open_file(f"{name.strip()}.sty", package=True)
        if opened is not None:
            opened.options = options
    return True


def _declare_option(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\DeclareOption{draft}{…}` says what an option of a package does."""
    del command
    frame.literal("*")
    name, body = frame.group(), frame.group()
    if name is not None and body is not None:
        expander.options[name.strip()] = body
    return True


def _process_options(expander: Expander, frame: Frame, command: str) -> bool:
    """`\\ExecuteOptions{…}` does what options do, `\\ProcessOptions` what those given do."""
    given = expander.file().options
    if command == "ExecuteOptions":
        given = tuple(name.strip() for name in (frame.group() or "").split(","))
    else:
        frame.literal("*")
    expander.push("".join(expander.options.get(name, "") for name in given), command, frame.letters)
    return True


def _documentclass(expander: Expander, frame: Frame, command: str) -> bool:
    """With the class `subfiles` the preamble is that of the file in its option."""
    del command
    option, name = frame.bracketed(), frame.group()
    if name is None:
        return False
    if name.strip() == "subfiles" and option and (opened := expander.open_file(option)):
        opened.text = opened.text[: opened.at]
        opened.at = 0
        opened.silent = True
    return True


def _endinput(expander: Expander, frame: Frame, command: str) -> bool:
    del command
    if frame.macro:
        return False
    frame.at = len(frame.text)
    return True


INPUTS: dict[str, Handler] = {
    **dict.fromkeys(("input", "include", "@input"), _input),
    **dict.fromkeys(("subfile", "subfileinclude"), _subfile),
    **dict.fromkeys(
        ("import", "subimport", "inputfrom", "includefrom", "subinputfrom", "subincludefrom"), _import
    ),
    "InputIfFileExists": _input_if_exists,
    **dict.fromkeys(("usepackage", "RequirePackage"), _usepackage),
    "DeclareOption": _declare_option,
    **dict.fromkeys(("ExecuteOptions", "ProcessOptions"), _process_options),
    **dict.fromkeys(("documentclass", "documentstyle"), _documentclass),
    "endinput": _endinput,
}
