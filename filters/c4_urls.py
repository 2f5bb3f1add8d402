"""C4's names of pages: URLs that differ in nothing that matters are one, and the newest page stays."""

from __future__ import annotations

import hashlib
import re

_SCHEME = re.compile(r"https?://(www\.)?")
_TFDS_TRACKING = re.compile(r"\?(utm_|ref|feed).*")
_TRACKING = re.compile(r"utm_\w*|ref|feed")


def normalize_url(url: str) -> str:
    """`url` without scheme, `www.`, parameters that only tell where a visitor came from, and slashes at the
    end.

    c4_utils.py, `normalize_url`, but for its defects: a parameter goes by its whole name (`refund_id`
    stays) and without those behind it, and only a scheme at the beginning is one.
    """
    match = _SCHEME.match(url)
    rest = url[match.end() :] if match else url
    page, mark, query = rest.partition("?")
    if mark:
        parameters = [
            part for part in query.split("&") if part and not _TRACKING.fullmatch(part.partition("=")[0])
        ]
        page += mark + "&".join(parameters) if parameters else ""
    return page.rstrip("/")


def normalize_url_tfds(url: str) -> str:
    """c4_utils.py, `normalize_url`, as it is."""
    return _TFDS_TRACKING.sub("", _SCHEME.sub("", url)).rstrip("/")


def keeps_bad_page(normalized_url: str, drop_share: float) -> bool:
    """Whether a page with a bad word stays all the same, as all but `drop_share` of them do, by the URL's
    hash.

    Source: c4_utils.py, `get_badwords_filter_fn`.
    """
    numerator, denominator = drop_share.as_integer_ratio()
    return _hash(normalized_url) % denominator >= numerator


def is_validation(normalized_url: str) -> bool:
    """Whether a page is in C4's validation split, one of 1,000 by the URL's hash (c4.py)."""
    return _hash(normalized_url) % 1000 == 0


def _hash(normalized_url: str) -> int:
    return int(hashlib.md5(normalized_url.encode(), usedforsecurity=False).hexdigest(), 16)
