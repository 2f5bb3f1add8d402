"""Comments and extension tags, which MediaWiki's preprocessor takes out of wikitext before all else."""

from __future__ import annotations

import re
from html import unescape

from filters.wikitext_marks import CUT, VERBATIM_CLOSE, VERBATIM_OPEN

# Extension tags (MediaWiki's Special:Version, "Parser extension tags"): what is inside is not wikitext.
_HIDDEN_NAMES = """
ref references gallery timeline imagemap score graph chart mapframe maplink templatedata templatestyles
inputbox categorytree section indicator hiero includeonly rss charinsert quiz phonos languages
"""
_HIDDEN = frozenset(_HIDDEN_NAMES.split())
_SHOWN = frozenset(("nowiki", "pre", "syntaxhighlight", "source", "math", "chem", "ce"))
_NAMES = "|".join(sorted(_HIDDEN | _SHOWN, key=lambda name: (-len(name), name)))
_EXTENSION = re.compile(
    rf"<!--|<(?P<name>{_NAMES})(?=[\s/>])(?P<rest>[^<>]*)>|</(?:{_NAMES})\s*>", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def without_extensions(text: str, verbatim: list[str]) -> str:
    """`text` without comments and extension tags; what such a tag shows is moved to `verbatim`."""
    if "<" not in text:
        return text
    kept: list[str] = []
    position = 0
    unclosed: set[str] = set()
    while match := _EXTENSION.search(text, position):
        start = match.start()
        name = (match["name"] or "").lower()
        if match[0].startswith("</"):  # of nothing that is open
            kept.append(text[position:start])
            position = match.end()
            continue
        if not name:
            end = text.find("-->", match.end())
            end = len(text) if end < 0 else end + 3
            # A comment alone on its line takes the line with it.
            line_start = text.rfind("\n", position, start) + 1
            if line_start > 0 and text[end : end + 1] == "\n" and not text[line_start:start].strip():
                start, end = line_start, end + 1
            kept.append(text[position:start])
            position = end
            continue
        kept.append(text[position:start])
        position = match.end()
        if match["rest"].endswith("/"):
            kept.append(CUT)
            continue
        closing = None
        if name not in unclosed:
            closing = _closing(name).search(text, position)
        if closing is None:  # no end tag: MediaWiki shows the tag as text, we drop the tag alone
            unclosed.add(name)
            continue
        if name in _HIDDEN:
            kept.append(CUT)
        else:
            kept.append(_verbatim(name, match["rest"], text[position : closing.start()], verbatim))
        position = closing.end()
    kept.append(text[position:])
    return "".join(kept)


def _closing(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}\s*>", re.IGNORECASE)


def _verbatim(name: str, attributes: str, content: str, verbatim: list[str]) -> str:
    """The mark that stands for a verbatim text, which formulas and blocks of code get their own form in."""
    if name in ("math", "chem", "ce"):
        formula = " ".join(content.split())
        if not formula:
            return CUT
        fence = "$$" if "block" in attributes else "$"
        content = f"{fence}{formula}{fence}"
    else:
        content = _ENTITY.sub(lambda match: unescape(match[0]), content)
    block = name == "pre" or (name in ("syntaxhighlight", "source") and "inline" not in attributes)
    if block:
        content = content.strip("\n")
    verbatim.append(content)
    mark = f"{VERBATIM_OPEN}{len(verbatim) - 1}{VERBATIM_CLOSE}"
    return f"\n\n{mark}\n\n" if block else mark
