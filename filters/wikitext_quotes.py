"""Bold and italic marks of wikitext: runs of apostrophes, told from real ones as MediaWiki does."""

from __future__ import annotations

import re

_RUN = re.compile("'{2,}+")


def without_quotes(text: str) -> str:
    """`text` without its marks for bold and italics.

    MediaWiki (Parser::doQuotes): a run of four is an apostrophe and bold, more than five are apostrophes and
    both; where a line has an odd number of both kinds, one bold is an apostrophe and italics: the first
    after a word of one letter (`l'''Internet''`), else after a longer word, else after a space.
    """
    if "''" not in text:
        return text
    return "\n".join(_line(line) if "''" in line else line for line in text.split("\n"))


def _line(line: str) -> str:
    bold = italic = 0
    candidates: dict[str, int] = {}
    for run in _RUN.finditer(line):
        length = run.end() - run.start()
        italic += length == 2 or length >= 5
        bold += length >= 3
        if length in (3, 4):
            start = run.end() - 3
            before, earlier = line[max(0, start - 1) : start], line[max(0, start - 2) : max(0, start - 1)]
            kind = "space" if before == " " else "letter" if earlier == " " else "word"
            candidates.setdefault(kind, run.start())
    apostrophe = -1
    if bold % 2 and italic % 2:
        apostrophe = next(
            (candidates[kind] for kind in ("letter", "word", "space") if kind in candidates), -1
        )

    def marks(run: re.Match[str]) -> str:
        length = run.end() - run.start()
        literal = 1 if length == 4 else max(0, length - 5)
        return "'" * (literal + (run.start() == apostrophe))

    return _RUN.sub(marks, line)
