"""Which licence a licence file holds."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import askalono

from filters.code_language import code_language
from filters.spdx import spdx

# What GitHub's own detector takes for licence files by name (licensee, project_files/license_file.rb).
_NAME: Final = re.compile(
    r"(?:un)?licen[cs]es?(?:[-_. ].*)?|copying(?:[-_. ].*)?|[\w.]+[-_]licen[cs]e(?:\.\w+)?", re.IGNORECASE
)
_NOT_CODE: Final = {None, "Text", "Markdown", "reStructuredText", "HTML"}
# askalono's score is the Dice coefficient of word bigrams against each text of SPDX's list; its own threshold
# is 0.8. At 0.965 an Apache licence without its appendix (0.972) is one; two licences in a file, or one with
# the Commons Clause before it (0.95 to 0.957), are none.
_MIN_SCORE: Final = 0.965
# A few words that turn a licence into another one move the score by a hundredth.
_RESTRICTED: Final = re.compile(
    r"commons clause|(?<!commercial or )non-?commercial\b|commercial (?:use|purposes?)|"
    r"(?:research|educational|evaluation|personal) (?:use|purposes?) only|shall be used for good",
    re.IGNORECASE,
)
_COPYRIGHT: Final = re.compile(
    r"^\W{0,40}(?:copyright\b[^\n]{0,20}(?:\d{4}|\(c\)|©)|\(c\)|©).*$", re.MULTILINE | re.IGNORECASE
)
_SAYS: Final = re.compile(
    r"licen[cs]|permi|rights|proprietary|confidential|redistribut|warrant", re.IGNORECASE
)
# A page of documentation that takes its text from the licence file: Sphinx, mdBook, MkDocs.
_INCLUDES: Final = re.compile(r"include::|\{\{#include|--8<--|\{!")
_PAGE: Final = 400


def is_license_file(path: str) -> bool:
    """Whether the file at `path` is one of those that hold a project's licence: LICENSE, COPYING.md, ..."""
    name = path.rsplit("/", 1)[-1]
    return bool(_NAME.fullmatch(name)) and code_language(name) in _NOT_CODE


def license_of(text: str) -> str | None:
    """The SPDX identifier of the licence that `text` is; "" where it is another, or several; None where it
    says nothing of a licence (R's LICENSE of year and holder) or includes another file."""
    if not _SAYS.search(text) or (len(text) < _PAGE and _INCLUDES.search(text)):
        return None
    return _identified(_COPYRIGHT.sub("", text).strip())


@lru_cache(maxsize=1024)  # askalono takes 0.2 s, and most licences differ in their holder only
def _identified(text: str) -> str:
    found = askalono.identify(text)
    if found.score < _MIN_SCORE or _RESTRICTED.search(text):
        return ""
    return spdx(found.name)
