"""What volunteers add inside a book's text: credits, transcriber's notes, prefaces to the electronic text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

_APOSTROPHE = r"['’´`]?"
# A note's first words in the languages of Gutenberg's books; the name is the transcriber's alone.
_NOTE_WORDS = (
    rf"(?:original )?transcri(?:ber|ption|ptionist){_APOSTROPHE}s?{_APOSTROPHE}[ -]?(?:end ?)?"
    r"(?:notes?|comments?)(?![a-z])"
    r"|(?:original )?(?:comments|notes?) on the (?:preparation of the )?(?:e-?text|e-?book)\b"
    r"|notes? (?:de|du|sur la) transcri(?:ption|pteur)\b|note au lecteur de ce fichier\b"
    r"|liste? des modifications\s*:"
    r"|anmerkungen? (?:zur|der) (?:transkription|bearbeit)"
    r"|notas? d(?:el|e la|o|a) transcri(?:ptor|pción|tor|ção)|nota del trascrittore\b"
    r"|opmerkingen? van de bewerker\b|bemerkungen zur textgestalt\b|paalala ng nagsalin\b"
)
_NOTE = re.compile(rf"[\s|+*=_#~\[({{:-]*(?:{_NOTE_WORDS})", re.I)
_BRACKETED = re.compile(rf"\[\s*_?(?:{_NOTE_WORDS})", re.I)
_CREDIT = re.compile(
    r"[\s*_\[(]*(?:(?:this )?(?:e-?text|e-?book|text(?: file)?|electronic (?:text|edition|version))"
    r"(?: was| is)?(?: first| originally)? )?"
    r"(?:produced|prepared|transcribed|scanned|digiti[sz]ed|typed|proofed|proofread|converted|created)"
    r"(?:,? (?:and|&|scanned|proofed|proofread|edited|formatted|corrected))*\b[^.]{0,30}?"
    r"(?:\b(?:by|from)\b:?\s+(?:the\b|(?-i:[^\Wa-z_]))|:)",
    re.I,
)
# Words of those who make Gutenberg's texts; the second line's are theirs only in a text of Gutenberg's.
_MAKERS_WORDS = r"project gutenberg|proyektong gutenberg|distributed proof|\bpgdp\b|version électronique"
_MAKERS_IN_GUTENBERG = r"|proofreading team|\be-?texts?\b|\be-?books?\b|internet archive|html version"
_MAKERS = {
    False: re.compile(_MAKERS_WORDS, re.I),
    True: re.compile(_MAKERS_WORDS + _MAKERS_IN_GUTENBERG, re.I),
}
_OWN_SECTION = re.compile(
    r"\s*(?:(?:preface|introduction|note|foreword|notice)\b.{0,30}\b(?:project gutenberg|e-?text|e-?book)"
    r"|au lecteur\s+cette version électronique)",
    re.I,
)
# One of these is in whatever the expressions above find, so that most lines are never matched with them.
_HINTS = (
    *("transcri", "transkri", "trascri", "gutenberg", "pgdp", "proof", "internet archive", "html version"),
    *("e-text", "etext", "e-book", "ebook", "modifications", "version électronique", "au lecteur"),
    *("bearbeit", "bewerker", "nagsalin", "textgestalt"),
)
_BRACKET = re.compile(r"[\[\]]")
_FIRST_PARAGRAPHS = 8  # where credits stand, before or behind the title page
_EDGE_LINES = 200  # at either end: where a paragraph with a maker's word is a maker's
_MAX_NOTE_LINES = 400  # the samples' longest has 60
_MAX_PARAGRAPH_LINES = 15
_RULE = re.compile(r"\s*(?:[*_=~#-]\s*){3,}$")
_FRAME = re.compile(r"[\s+|*=_~#-]*")
_BOX = re.compile(r"\s*(?:[+|*].*[+|*]|[+=*_-]{8,})\s*$")


def without_notes(lines: list[str], gutenberg: bool) -> str:
    """The lines of a book's body without credits, transcriber's notes and prefaces to the electronic text.

    A note in square brackets goes from bracket to bracket wherever it stands, one in a box with its box, one
    under a heading up to two blank lines (four at the book's end, where notes have sections). `gutenberg`:
    the text stood between Gutenberg's marks, so that a paragraph near its ends that names an e-text is no
    author's. Returns the text, without blank lines at its ends.
    """
    lines = _without_bracketed(lines)
    gone = bytearray(len(lines))
    hinted = lines_with(lines, _HINTS)
    for number, (begin, end) in enumerate(_paragraphs(lines)):
        if gone[begin]:
            continue
        near = bisect_left(hinted, begin)
        is_hinted = near < len(hinted) and hinted[near] < end
        if is_hinted or number < _FIRST_PARAGRAPHS:
            for place in _removed(lines, number, begin, end, _MAKERS[gutenberg]):
                gone[place] = 1
    return "\n".join(line for line, out in zip(lines, gone, strict=True) if not out).strip("\n \t\f")


def lines_with(lines: list[str], words: tuple[str, ...]) -> list[int]:
    """The places, ascending, of lines that hold one of `words`, lower-case ones, in any case."""
    lowered = "\n".join(lines).lower()
    found: set[int] = set()
    for word in words:
        line = counted = 0
        begin = lowered.find(word)
        while begin >= 0:
            line += lowered.count("\n", counted, begin)
            counted = begin
            found.add(line)
            begin = lowered.find(word, begin + len(word))
    return sorted(found)


def _removed(
    lines: list[str], number: int, begin: int, end: int, makers: re.Pattern[str]
) -> range | list[int]:
    """The lines to take out because of the paragraph from `begin` to `end`, the `number`th of the book."""
    paragraph = "\n".join(lines[begin:end])
    if number < _FIRST_PARAGRAPHS and _CREDIT.match(paragraph):
        return range(begin, end)
    head = begin
    while head < end - 1 and _FRAME.fullmatch(lines[head]):
        head += 1
    if _NOTE.match(lines[head]):
        if _BOX.match(lines[begin]) and _BOX.match(lines[end - 1]):
            return range(begin, end)
        return range(_rule_before(lines, begin), _note_end(lines, head + 1))
    if end - begin == 1 and _OWN_SECTION.match("\n".join(lines[begin : begin + 3])):
        return range(begin, _note_end(lines, end))
    if begin < _EDGE_LINES or end > len(lines) - _EDGE_LINES:
        made = [at for at in range(begin, end) if makers.search(lines[at])]
        is_prose = end - begin <= _MAX_PARAGRAPH_LINES and not _is_list(lines, begin, end)
        return range(begin, end) if made and is_prose else made
    return range(0)


def _is_list(lines: list[str], begin: int, end: int) -> bool:
    """Whether the paragraph is a table of contents rather than prose: short lines, none flowing on."""
    return end - begin > 3 and sum(len(line) < 50 for line in lines[begin:end]) > 0.7 * (end - begin)


def _note_end(lines: list[str], at: int) -> int:
    """The line where a note ends whose text begins at or after the line `at`."""
    last = min(len(lines), at + _MAX_NOTE_LINES)
    gap_to_end = 4 if at > max(len(lines) - _EDGE_LINES, len(lines) // 2) else 2
    while at < last and not lines[at].strip():
        at += 1
    gap = 0
    for here in range(at, last):
        if _RULE.match(lines[here]) and gap:
            return here
        gap = gap + 1 if not lines[here].strip() else 0
        if gap == gap_to_end:
            return here
    return last


def _rule_before(lines: list[str], begin: int) -> int:
    """The line of the asterisks that part a note at the end from the book, else `begin`."""
    at = begin - 1
    while at >= 0 and not lines[at].strip():
        at -= 1
    return at if at >= 0 and begin > len(lines) - _EDGE_LINES and _RULE.match(lines[at]) else begin


def _paragraphs(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of lines that are not blank."""
    begin = -1
    for at, line in enumerate(lines):
        if line.strip():
            if begin < 0:
                begin = at
        elif begin >= 0:
            yield begin, at
            begin = -1
    if begin >= 0:
        yield begin, len(lines)


def _without_bracketed(lines: list[str]) -> list[str]:
    """Take out notes in square brackets, which may hold brackets; one that never closes is left."""
    text = "\n".join(lines)
    parts: list[str] = []
    done = 0
    for match in _BRACKETED.finditer(text):
        if match.start() < done:
            continue
        end = _closing(text, match.start())
        if end:
            parts.append(text[done : match.start()])
            done = end
    parts.append(text[done:])
    return "".join(parts).split("\n")


def _closing(text: str, begin: int) -> int:
    """The place behind the bracket that closes the one at `begin`, 0 where it is too far away or missing."""
    depth = 0
    for match in _BRACKET.finditer(text, begin, begin + 80 * _MAX_NOTE_LINES):
        depth += 1 if match[0] == "[" else -1
        if depth == 0:
            return match.end()
    return 0
