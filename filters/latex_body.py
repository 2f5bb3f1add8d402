"""The parts of a paper's source: what stands before the first section, the body, the bibliography."""

from __future__ import annotations

import re

from filters.latex_comments import VERBATIM
from filters.latex_definitions import HEADINGS
from filters.latex_scan import Frame

_VERBATIM = re.compile(rf"\\begin\{{((?:{VERBATIM})\*?)\}}")
_HEADING = re.compile(rf"\\({'|'.join(HEADINGS)})(?![A-Za-z@])\s*(?:\*\s*)?(?=[\[{{])")
_APPENDIX = re.compile(r"\\appendix(?![A-Za-z])|\\begin\s*\{(?:appendix|appendices|subappendices)\}")
_REFERENCES = re.compile(
    r"\\begin\s*\{([A-Za-z]*thebibliography|references|REFERENCES|bibdiv|biblist)(\*?)\}"
    r"|\\(?:bibliography(?:style)?|bibliographyunit|nobibliography)\s*\{[^{}]*\}[^\S\n]*\n?"
    r"|\\printbibliography(?:\s*\[[^\]]*\])?[^\S\n]*\n?"
)
_REFERENCES_TITLE = re.compile(
    r"\s*(?:\\[A-Za-z]+\s*|[{}])*(?:references?(?: cited)?|bibliography"
    r"|literature(?: cited)?|cited literature)\W*",
    re.I,
)
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_ABSTRACT = re.compile(
    r"\\begin\s*\{abstract\}((?:(?!\\begin\s*\{abstract).)*?)\\end\s*\{abstract\}|\\abstract\s*(?=\{)", re.S
)
_TITLE = re.compile(r"\\(?:icmltitle|title)\s*(?:\[[^\]]{0,2000}\]\s*)?(?=\{)")


def first_heading(text: str) -> int:
    """Where the first section, or heading of any other level, begins; -1 where there is none."""
    first = _HEADING.search(text)
    if first is None or not _VERBATIM.search(text, 0, first.start()):
        return first.start() if first else -1
    verbatim = _verbatim_spans(text)
    for found in _HEADING.finditer(text):
        if not any(start < found.start() < end for start, end in verbatim):
            return found.start()
    return -1


def without_bibliography(text: str) -> str:
    """`text` without lists of references, without the commands that would make one, and their headings.

    A list that is not ended goes up to the next heading, or to the end. Of a section that is called
    "References" or the like, nothing stays.
    """
    kept: list[str] = []
    at = 0
    while found := _REFERENCES.search(text, at):
        kept.append(text[at : found.start()])
        at = found.end()
        if found[1]:
            end = text.find(f"\\end{{{found[1]}{found[2]}}}", at)
            if end >= 0:
                at = end + len(f"\\end{{{found[1]}{found[2]}}}")
            else:
                heading = _HEADING.search(text, at)
                at = heading.start() if heading else len(text)
    kept.append(text[at:])
    return _without_reference_sections("".join(kept))


def _without_reference_sections(text: str) -> str:
    kept: list[str] = []
    at = 0
    headings = list(_HEADING.finditer(text))
    ends = [*(found.start() for found in headings[1:]), len(text)][: len(headings)]
    for found, end in zip(headings, ends, strict=True):
        frame = Frame(text, at=found.end())
        frame.bracketed()
        title = frame.group()
        if title is not None and _REFERENCES_TITLE.fullmatch(title):
            appendix = _APPENDIX.search(text, frame.at, end)
            kept.append(text[at : found.start()])
            at = appendix.start() if appendix else end
    kept.append(text[at:])
    return "".join(kept)


def without_appendix(text: str) -> str:
    """`text` up to where the appendix begins."""
    found = _APPENDIX.search(text)
    return text[: found.start()] if found else text


def title(front: str) -> str:
    """What `\\\\title` holds, "" where there is none."""
    found = list(_TITLE.finditer(front))
    return " ".join((Frame(front, at=found[-1].end()).group() or "").split()) if found else ""


def abstract(front: str) -> str:
    """What the abstract holds, "" where there is none."""
    found = _ABSTRACT.search(front)
    if found is None:
        return ""
    return (found[1] if found[1] is not None else Frame(front, at=found.end()).group() or "").strip()


def tidy(text: str) -> str:
    """At most one blank line between paragraphs, none around them."""
    text = _BLANK_LINES.sub("\n\n", text).strip()
    return f"{text}\n" if text else ""


def _verbatim_spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = 0
    while found := _VERBATIM.search(text, at):
        at = text.find(f"\\end{{{found[1]}}}", found.end())
        if at < 0:
            break
        spans.append((found.start(), at))
    return spans
