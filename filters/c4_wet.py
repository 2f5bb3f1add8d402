"""A page of a WET file as the code that made C4 reads it (c4_utils.py, `split_wet_file`), defects too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PageFault = Literal["no_url", "no_content", "no_timestamp"]

_DELIMITER = "WARC/1.0"
_URL = "WARC-Target-URI:"
_DATE = "WARC-Date:"
_HEADERS = ("WARC", "CONTENT-", "Content-")


@dataclass(slots=True)
class WetPage:
    """What `split_wet_file` makes of a page.

    `removed` has the bytes of UTF-8 that went: of lines taken for headers (`headers`), of all from a line
    taken for the next record's first (`after_delimiter`), and of blank lines and spaces at the ends of lines
    (`white_space`). `fault` is why it passes the page over, `texts_cut` how many pages without an address it
    counts beyond this one.
    """

    url: str
    date: str
    text: str
    fault: PageFault | None = None
    removed: dict[str, int] = field(default_factory=dict)
    texts_cut: int = 0


def split_wet_page(text: str, url: str, date: str) -> WetPage:
    """The page of one record, whose headers name `url` and `date` and whose block is `text`.

    The original goes through a file line by line and does not know where a record's headers end. So lines of
    the text that begin like headers go, and those that give an address or a date are believed; a line
    `WARC/1.0` ends the page, and what follows it is a page without an address (with one, if the text holds a
    whole record of its own; here it goes all the same). Raises UnicodeEncodeError for lone surrogates.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept: list[str] = []
    headers = cut = texts_cut = 0
    for number, untrimmed in enumerate(lines):
        line = untrimmed.strip()
        if line == _DELIMITER:
            cut = len("\n".join(lines[number:]).encode())
            texts_cut = sum(later.strip() == _DELIMITER for later in lines[number:])
            break
        if line.startswith(_URL):
            url = line[len(_URL) :].strip()
        if line.startswith(_DATE):
            date = line[len(_DATE) :].strip()
        if line.startswith(_HEADERS):
            headers += len(line.encode())
        elif line:
            kept.append(line)
    left = "\n".join(kept)
    fault: PageFault | None = None
    if not url:
        fault = "no_url"
    elif not left:
        fault = "no_content"
    elif not date:
        fault = "no_timestamp"
    removed = {"headers": headers, "after_delimiter": cut}
    removed["white_space"] = len(text.encode()) - len(left.encode()) - sum(removed.values())
    return WetPage(url, date, left, fault, {rule: size for rule, size in removed.items() if size}, texts_cut)
