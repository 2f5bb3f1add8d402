"""Comments out of LaTeX: what TeX never reads goes, what only looks like a comment stays."""

from __future__ import annotations

import re

# Environments whose content TeX takes as it stands, and those it leaves out (LaTeX; packages fancyvrb,
# listings, minted, alltt; comment, filecontents).
VERBATIM = "verbatim|Verbatim|BVerbatim|LVerbatim|lstlisting|minted|alltt|spverbatim|verbatimtab|tcblisting"
_LEFT_OUT = "comment|filecontents"
# One piece of verbatim text or one address, without its backslash. In `\url` and the like a percent sign is
# one (packages url, hyperref).
INLINE = r"""
    (?:verb|lstinline|mintinline|Verb)\b\*?(?:\[[^\]\n]*\])?(?:\{[a-z]+\}(?=[^\sA-Za-z]))?
        (?: (?P<mark>[^\sA-Za-z*{])[^\n]*?(?P=mark) | \{[^{}\n]*\} )
    | (?:url|path|nolinkurl|href)\s*\{[^{}\n]*\}
"""

# What begins with a backslash is there to be passed by, so that nothing in it is taken for a comment.
_PARTS = re.compile(
    rf"""
    (?P<comment>%[^\n]*)
    | \\(?: [\\%] | (?=[bhlmnpuvV]) (?:
        {INLINE}
        | begin\s*\{{(?P<block>(?:{VERBATIM})\*?)\}}
        | begin\s*\{{(?P<out>(?:{_LEFT_OUT})\*?)\}}
    ))
    """,
    re.X,
)
_LINES = re.compile(r"\n(?:[ \t]*%[^\n]*\n)+")
# What a line may begin that goes on in the next one.
_LONG = re.compile(
    rf"\\(?:begin\s*\{{(?:{VERBATIM}|{_LEFT_OUT})\*?\}}|(?:url|path|nolinkurl|href)[^\S\n]*\n)"
)


def without_comments(text: str) -> str:
    """`text` without its comments, and without `comment` and `filecontents` environments.

    A line that is nothing but a comment goes whole; of any other what stands before the comment stays, with
    its line end. Percent signs that are escaped, in verbatim text or in addresses are no comments.
    """
    if "%" not in text and "\\begin{comment" not in text and "\\begin{filecontents" not in text:
        return text
    kept: list[str] = []
    at = position = 0
    at_line_start = True
    endless: set[str] = set()  # environments of which no end is to come: each is looked for once
    long = _LONG.search(text)
    if long is None:
        text = _LINES.sub("\n", text)
    while True:
        # Only lines with a percent sign, and what is longer than a line, need to be looked at.
        percent = text.find("%", position)
        if long is not None and long.start() < position:
            long = _LONG.search(text, position)
        starts = [start for start in (percent, long.start() if long else -1) if start >= 0]
        if not starts:
            break
        position = max(position, text.rfind("\n", position, min(starts)) + 1)
        part = _PARTS.search(text, position)
        if part is None:
            break
        position = part.end()
        name = part["block"] or part["out"]
        if name:
            end = f"\\end{{{name}}}"
            found = -1 if name in endless else text.find(end, position)
            if found < 0:
                endless.add(name)
                continue
            position = found + len(end)
        if part["comment"] is None and part["out"] is None:
            continue
        before = text[at : part.start()].rstrip(" \t")
        if before:
            kept.append(before)
            at_line_start = before.endswith("\n")
        if at_line_start and text.startswith("\n", position):
            position += 1
        at = position
    kept.append(text[at:])
    return "".join(kept)
