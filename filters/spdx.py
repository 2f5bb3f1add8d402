"""Licence names brought to SPDX, and whether a licence is among those allowed."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

# SPDX identifiers (spdx.org/licenses) of the licences that GitHub's own detector names, and of a few more;
# the names without -only or -or-later are SPDX's older ones, since BigQuery does not tell those apart.
_IDENTIFIERS: Final = """
    0BSD AFL-3.0 AGPL-3.0 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-2.0 BSD-2-Clause
    BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause BSL-1.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 CECILL-2.1 ECL-2.0
    EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 GPL-2.0 GPL-2.0-only GPL-2.0-or-later GPL-3.0 GPL-3.0-only
    GPL-3.0-or-later ISC LGPL-2.1 LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0 LGPL-3.0-only LGPL-3.0-or-later
    LPPL-1.3c MIT MIT-0 MPL-2.0 MS-PL MS-RL NCSA OFL-1.1 OSL-3.0 PostgreSQL PSF-2.0 Python-2.0 Unlicense
    UPL-1.0 WTFPL Zlib
"""
# Other names of those of which it is clear what is meant; "BSD" alone may be any of four licences.
_ALIASES: Final = {
    "Apache-2.0": ("apache 2", "apache 2.0", "apache license 2.0", "apache license version 2.0", "asl 2.0"),
    "BSD-2-Clause": ("bsd 2 clause", "bsd 2 clause license", "simplified bsd", "freebsd"),
    "BSD-3-Clause": (
        "bsd 3 clause",
        "bsd 3 clause license",
        "new bsd",
        "revised bsd",
        "modified bsd",
        "bsd3",
    ),
    "GPL-2.0": ("gplv2", "gpl2"),
    "GPL-3.0": ("gplv3", "gpl3"),
    "ISC": ("isc license",),
    "MIT": ("mit license", "the mit license", "expat", "x11 mit"),
    "MPL-2.0": ("mpl 2.0", "mozilla public license 2.0"),
    "Unlicense": ("the unlicense", "unlicence"),
}
_SEPARATORS: Final = re.compile(r"[\s_,()-]+")
_OPERATORS: Final = re.compile(r"\s+(AND|OR)\s+|\s*(/)\s*", re.IGNORECASE)


def _plain(name: str) -> str:
    return _SEPARATORS.sub(" ", name).strip().lower()


_BY_NAME: Final = {_plain(name): name for name in _IDENTIFIERS.split()} | {
    alias: name for name, aliases in _ALIASES.items() for alias in aliases
}


def spdx(name: str) -> str:
    """The SPDX expression for a licence `name`: identifiers joined by AND or OR; empty where it is unknown.

    Case, spaces and hyphens do not matter; of an expression every part has to be known. A slash between two
    names means OR, as Cargo has it. Expressions with parentheses or WITH are unknown.
    """
    parts = _OPERATORS.split(name.strip())
    found = [_BY_NAME.get(_plain(part), "") for part in parts[::3]]
    if not all(found):
        return ""
    operators = [(word or "OR").upper() for word in parts[1::3]]
    if len(set(operators)) > 1:
        return ""
    return f" {operators[0]} ".join(found) if operators else found[0]


def is_allowed(expression: str, allowed: Collection[str]) -> bool:
    """Whether an expression of `spdx` is within `allowed`: one part joined by OR is enough, AND needs all."""
    if " AND " in expression:
        return all(part in allowed for part in expression.split(" AND "))
    return any(part in allowed for part in expression.split(" OR "))
