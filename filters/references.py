"""The web pages that a Wikipedia article cites, out of its wikitext."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

# A nowiki that is not closed before the next one is none: looking on from each to the end would be quadratic.
_HIDDEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<nowiki\s*>(?:(?!<nowiki).)*?</nowiki\s*>", re.DOTALL | re.IGNORECASE
)

# A reference begins with a tag that does not close itself; a tag without an end lasts until the next one.
_REFERENCE: Final = re.compile(
    r"<ref(?:\s[^<>]*)?(?<!/)>(.*?)(?=</ref\s*>|<ref[\s>/]|\Z)", re.DOTALL | re.IGNORECASE
)

# Templates of a citation: `{{cite web`, `{{Citation`, `{{Internetquelle`, `{{Lien web`, `{{Cita web`, ...
_BRACES: Final = re.compile(
    r"\{\{(\s*(?:cit[aeo]|citation|citar|citace|internetquelle|literatur|lien[ _]web|ouvrage|article|webbref)"
    r"\b)?|\}\}",
    re.IGNORECASE,
)

# MediaWiki ends a URL at white space, angle and square brackets, quotes and two apostrophes; inside a
# template a bar or a brace ends it too (includes/parser/Parser.php, EXT_LINK_URL_CLASS).
_URL: Final = re.compile(r"(?:https?:)?//(?:(?!'')[^\s<>\"\[\]{}|\x00-\x20\x7f])+", re.IGNORECASE)
_TRAILING: Final = ",;.:!?"

_ARCHIVES: Final = (
    re.compile(r"^https?://web\.archive\.org/(?:web/)?(?:\d{4,14}|\*)[a-z_]*/(.+)$", re.IGNORECASE),
    re.compile(
        r"^https?://(?:www\.)?archive\.(?:today|is|ph|li|vn|md|fo)/(?:newest/|\d{4,14}/)(.+)$", re.IGNORECASE
    ),
    re.compile(r"^https?://(?:www\.)?webcitation\.org/[^?]*\?(?:.*&)?url=([^&]+)", re.IGNORECASE),
)
_ARCHIVE_HOSTS: Final = re.compile(
    r"^(?:web\.archive\.org|(?:www\.)?archive\.(?:today|is|ph|li|vn|md|fo)|(?:www\.)?webcitation\.org)$"
)


class Citation(NamedTuple):
    """A cited page: the URL it had, and that of an archived copy where the article names one."""

    url: str
    archived: str = ""


def citations(wikitext: str) -> list[Citation]:
    """The pages that an article cites, each once, in the order they first appear.

    Looked at are references (`<ref>` of any attributes, over several lines, several on a line, listed at the
    end) and citation templates wherever they stand. An archived copy counts as the page it is of; copies
    whose address does not tell of which page (`archive.is/AbCd`) are left out. Only http and https.
    """
    visible = _HIDDEN.sub(" ", wikitext)
    found: dict[str, Citation] = {}
    spans = [match.span(1) for match in _REFERENCE.finditer(visible)]
    for start, end in sorted([*spans, *_templates(visible)]):
        for url in _urls(visible[start:end]):
            original = archived_page(url)
            if original is None:
                continue
            archived = "" if original == url else url
            first = found.setdefault(same_page(original), Citation(original, archived))
            if archived and not first.archived:
                found[same_page(original)] = Citation(first.url, archived)
    return list(found.values())


def _templates(text: str) -> Iterator[tuple[int, int]]:
    """The spans of citation templates, each with the templates inside it."""
    open_: list[tuple[int, bool]] = []
    for brace in _BRACES.finditer(text):
        if brace[0] != "}}":
            open_.append((brace.start(), brace[1] is not None))
        elif open_:
            start, citation = open_.pop()
            if citation:
                yield start, brace.end()


def _urls(text: str) -> Iterator[str]:
    for match in _URL.finditer(text):
        start = match.start()
        relative = match[0].startswith("//")
        # `//` inside a URL of another protocol, or inside a path, starts none.
        if relative and start and (text[start - 1].isalnum() or text[start - 1] in ":/"):
            continue
        url = html.unescape(match[0]).rstrip(_TRAILING)
        if "(" not in url:
            url = url.rstrip(")").rstrip(_TRAILING)
        url = "http:" + url if relative else url
        if _host(url):
            yield url


def archived_page(url: str) -> str | None:
    """The page that an archive's URL is a copy of; `url` itself where it is no archive's; None if unknown."""
    for archive in _ARCHIVES:
        if match := archive.match(url):
            original = match[1] if archive is not _ARCHIVES[2] else unquote(match[1])
            if re.match(r"https?:/[^/]", original, re.IGNORECASE):  # a slash lost on the way
                original = original.replace(":/", "://", 1)
            if "://" not in original.split("?", 1)[0]:
                original = "http://" + original
            return original if _host(original) and not _ARCHIVE_HOSTS.match(_host(original)) else None
    return None if _ARCHIVE_HOSTS.match(_host(url)) else url


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or "" if parts.port != 0 else ""
    except ValueError:  # brackets that are no address, a port that is no number
        return ""
    return host if parts.scheme.lower() in ("http", "https") and "." in host else ""


def same_page(url: str) -> str:
    """A form in which URLs of one page are equal: no protocol, `www.`, default port, fragment or last slash.

    The host is in small letters. "" for what is no URL of the web.
    """
    host = _host(url).lower().removeprefix("www.")
    if not host:
        return ""
    parts = urlsplit(url)
    where = host if parts.port in (None, 80, 443) else f"{host}:{parts.port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{where}{parts.path.rstrip('/')}{query}"


def same_host(url: str) -> str:
    """The host of a URL in small letters, without `www.`; "" for what is no URL of the web."""
    return _host(url).lower().removeprefix("www.")
