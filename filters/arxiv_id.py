"""arXiv's identifiers, as papers and their files are named by them."""

from __future__ import annotations

import re
from typing import NamedTuple

# https://info.arxiv.org/help/arxiv_identifier.html: 0704.0001 to 1412.9999, 1501.00001 since; before April
# 2007 archive (with or without subject class), year, month and number.
_ID = re.compile(
    r"(?:(?P<new>\d{4}\.\d{4,5})|(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.(?P<subject>[A-Z]{2}))?/?(?P<number>\d{7}))"
    r"(?:v(?P<version>[1-9]\d{0,3}))?"
)


class ArxivId(NamedTuple):
    """A paper's name: `name` without version, as arXiv writes it; `version` is 0 where it is not said.

    `category` is what ids before April 2007 begin with, "" for later ones. `month` is "YYYY-MM", when the
    number was given.
    """

    name: str
    version: int
    category: str
    month: str

    @property
    def versioned(self) -> str:
        """Name and version, as arXiv writes both."""
        return f"{self.name}v{self.version}" if self.version else self.name


def arxiv_id(text: str) -> ArxivId | None:
    """The identifier that `text` is, as in 1707.08043, 1707.08043v2, hep-th9901001, math.GT/0309136v1; None
    for any other text."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    version = int(found["version"] or 0)
    if found["new"]:
        digits, name, category = found["new"], found["new"], ""
    else:
        digits = found["number"]
        name = f"{found['archive']}/{digits}"
        category = found["archive"] + (f".{found['subject']}" if found["subject"] else "")
    year, month = int(digits[:2]), int(digits[2:4])
    if not 1 <= month <= 12:
        return ArxivId(name, version, category, "")
    return ArxivId(name, version, category, f"{1900 + year if year > 90 else 2000 + year}-{month:02}")
