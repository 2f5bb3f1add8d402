"""Licence names brought to SPDX expressions, and whether an expression is among those allowed."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from license_expression import (
    ExpressionError,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    get_spdx_licensing,
)

# Other names of licences of which it is clear what is meant; "BSD" alone may be any of four.
_ALIASES: Final = {
    "Apache-2.0": ("apache 2", "apache 2.0", "apache license 2.0", "apache license version 2.0", "asl 2.0"),
    "BSD-2-Clause": ("bsd 2 clause", "bsd 2 clause license", "simplified bsd", "freebsd"),
    "BSD-3-Clause": (
        *("bsd 3 clause", "bsd 3 clause license"),
        *("new bsd", "revised bsd", "modified bsd", "bsd3"),
    ),
    "GPL-2.0-only": ("gplv2", "gpl2"),
    "GPL-3.0-only": ("gplv3", "gpl3"),
    "ISC": ("isc license",),
    "MIT": ("mit license", "the mit license", "expat", "x11 mit"),
    "MPL-2.0": ("mpl 2.0", "mozilla public license 2.0"),
    "Unlicense": ("the unlicense", "unlicence"),
}
_BY_ALIAS: Final = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}
_SEPARATORS: Final = re.compile(r"[\s_,-]+")
_OPERATORS: Final = re.compile(r"((?<!\s)\s+(?:AND|OR|WITH)\s+|[()])", re.IGNORECASE)
_SLASH: Final = re.compile(r"(?:(?<!\s)\s+)?/\s*")  # Cargo's OR
_REMEMBERED: Final = 4096
# A comment's line of its own, as SPDX has it (specification 2.3, annex E); what closes the comment follows.
_DECLARED: Final = re.compile(
    r"^(?:[^\w\n]{0,16}|dnl |rem |@)SPDX-License-Identifier:[ \t]*([\w.+() -]+)", re.MULTILINE | re.IGNORECASE
)
_DECLARED_IN: Final = 4096


@lru_cache(maxsize=1)
def _licensing() -> Licensing:
    return get_spdx_licensing()


@lru_cache(maxsize=_REMEMBERED)
def spdx(name: str) -> str:
    """The SPDX expression for a licence `name`: identifiers joined by AND, OR, WITH; empty where unknown.

    Case does not matter, nor spaces and hyphens in usual names ("MIT License"); of an expression every part
    has to be on SPDX's list (the one license-expression ships). A slash between two names means OR. SPDX's
    older names become the present ones (GPL-2.0: GPL-2.0-only).
    """
    parts = _OPERATORS.split(_SLASH.sub(" OR ", name.strip()))
    parts[::2] = [_BY_ALIAS.get(_SEPARATORS.sub(" ", part).strip().lower(), part) for part in parts[::2]]
    parsed = _parsed("".join(parts))
    return parsed.render() if parsed is not None else ""


@lru_cache(maxsize=_REMEMBERED)
def _parsed(expression: str) -> Any:
    try:
        return _licensing().parse(expression, validate=True)
    except (ExpressionError, TypeError):  # TypeError is what boolean.py makes of some malformed ones
        return None


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether an expression of `spdx` is within `allowed`: one part joined by OR is enough, AND needs all.

    WITH adds a permission, so that the licence before it decides.
    """
    return _holds(_parsed(expression), allowed)


def _holds(part: Any, allowed: Collection[str]) -> bool:
    if isinstance(part, LicenseWithExceptionSymbol):
        return part.render() in allowed or _holds(part.license_symbol, allowed)
    if isinstance(part, LicenseSymbol):
        return str(part.key) in allowed
    if part is None:
        return False
    holds = [_holds(argument, allowed) for argument in part.args]
    return all(holds) if isinstance(part, _licensing().AND) else any(holds)


def declared_license(text: str) -> str:
    """What the SPDX-License-Identifier lines in the first 4,096 characters say, joined by AND; else empty."""
    if "dx-license-identifier" not in text[:_DECLARED_IN].lower():
        return ""
    named = [match[1].strip(" -") for match in _DECLARED.finditer(text[:_DECLARED_IN])]
    return joined([name for name in named if name])


def joined(names: Collection[str]) -> str:
    """Several names that all hold, each once, as one."""
    distinct = sorted(set(names))
    return distinct[0] if len(distinct) == 1 else " AND ".join(f"({name})" for name in distinct)
