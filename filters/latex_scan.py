"""LaTeX source as TeX's mouth meets it: control sequences, braces, arguments, conditionals, by place."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ORDINARY = re.compile(r"\\([A-Za-z]+|[^A-Za-z])", re.S)
_WITH_AT = re.compile(r"\\([A-Za-z@]+|[^A-Za-z@])", re.S)  # packages, and behind \makeatletter
_EXPL3 = re.compile(r"\\([A-Za-z@_:]+|[^A-Za-z@_:])", re.S)  # behind \ExplSyntaxOn
PATTERNS = {"ordinary": _ORDINARY, "at": _WITH_AT, "expl3": _EXPL3}

_BRACE = re.compile(r"\\.|[{}]", re.S)
_BRACKET = re.compile(r"\\.|[{}\]]", re.S)
WITHIN = r"(?:[^{}\\]++|\\.)*+"
for _ in range(8):  # groups in groups; what is deeper is counted brace by brace
    WITHIN = rf"(?:[^{{}}\\]++|\\.|\{{{WITHIN}\}})*+"
_GROUP = re.compile(rf"\s*\{{({WITHIN})\}}", re.S)
_SPACE = re.compile(r"\s*")
NEAR = 2000  # characters searched for a brace's partner before the partners of all are looked up
_MAX_OPTION = 20_000  # characters of an argument in brackets
_FAR = 1 << 60  # beyond any text
_CONDITIONAL = re.compile(r"\\(if[A-Za-z@]*|else|fi|unless)(?![A-Za-z@])")
# Names beginning with `if` that no `\fi` ends: the symbol of amsmath's "iff", and tests of ifthen, etoolbox,
# xparse and LaTeX that take their branches as arguments.
_NO_CONDITIONAL = re.compile(
    r"iff|ifthenelse|ifmissing|ifx@|if@nextchar|ifblank|ifstrequal|ifstrempty|ifbool|iftoggle|ifdef(string|macro|empty|void)"
    r"|ifundef|ifcs\w+|ifnumcomp|ifnumequal|ifnumgreater|ifnumless|ifdimcomp|ifpackageloaded|ifinlist|ifisint"
)


@dataclass(slots=True)
class Frame:
    """A piece of source being read, and how far: a file, or what a macro became.

    `letters`: which characters make names, a key of PATTERNS. `folder`: where a file's own inputs are looked
    for. `macro`: the name of the macro whose expansion this is. `silent`: what is read here is not output.
    `options`: what a package was loaded with.
    `jumps`: where to go on from the start of an `\\else` or `\\fi` of a conditional that has been decided.
    `seen`: up to where text was looked at and then left to be read.
    """

    text: str
    letters: str = "ordinary"
    at: int = 0
    path: str = ""
    folder: str = ""
    macro: str = ""
    silent: bool = False
    options: tuple[str, ...] = ()
    jumps: dict[int, int] | None = None
    seen: int = 0
    _partners: dict[int, int] | None = None
    _conditionals: dict[int, tuple[int, int, int, int]] | None = None

    def skip_space(self) -> None:
        """Go on to the next character that is no space."""
        if self.text[self.at : self.at + 1].isspace():
            found = _SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at

    def look(self, count: int) -> None:
        """Note that the next `count` characters decide something, and stay."""
        self.seen = max(self.seen, self.at + count)

    def _leave(self, begin: int, count: int = 1) -> None:
        """Go back to `begin`, as what stands here is not what is wanted."""
        self.look(count)
        self.at = begin

    def closing(self, start: int) -> int:
        """The place of the brace that closes the one at `start`, -1 where none does."""
        if self._partners is not None:
            end = self._partners.get(start, -1)
            if not start < end < start + NEAR:
                self.seen = _FAR
            return end
        group = _GROUP.match(self.text, start, start + NEAR)
        if group is not None:
            return group.end() - 1
        depth = 0
        for found in _BRACE.finditer(self.text, start, start + NEAR):
            if found[0] == "{":
                depth += 1
            elif found[0] == "}":
                depth -= 1
                if not depth:
                    return found.start()
        self.seen = _FAR
        if self._partners is None:
            self._partners = _pairs(self.text)
        return self._partners.get(start, -1)

    def group(self) -> str | None:
        """What stands in the braces that open here, behind spaces; None where none open."""
        begin = self.at
        group = _GROUP.match(self.text, begin, begin + NEAR)
        if group is not None:
            self.at = group.end()
            return group[1]
        self.skip_space()
        if self.text.startswith("{", self.at):
            end = self.closing(self.at)
            if end >= 0:
                content = self.text[self.at + 1 : end]
                self.at = end + 1
                return content
        self._leave(begin)
        return None

    def groups(self, count: int) -> list[str] | None:
        """What stands in the next groups where they are short, as most are; else None."""
        found: list[str] = []
        at = self.at
        for _ in range(count):
            group = _GROUP.match(self.text, at, at + NEAR)
            if group is None:
                return None
            found.append(group[1])
            at = group.end()
        self.at = at
        return found

    def bracketed(self, opening: str = "[", closing: str = "]") -> str | None:
        """What stands in the brackets that open here, behind spaces; None where none open."""
        begin = self.at
        self.skip_space()
        if self.text.startswith(opening, self.at):
            found = self.find(closing, self.at + len(opening))
            if found >= 0:
                content = self.text[self.at + len(opening) : found]
                self.at = found + len(closing)
                return content
            self.seen = _FAR
        self._leave(begin)
        return None

    def find(self, what: str, start: int) -> int:
        """The first place of `what` at or after `start` outside braces, -1 where there is none near."""
        at = start
        stop = min(len(self.text), start + _MAX_OPTION)
        while at < stop:
            if self.text.startswith(what, at):
                return at
            char = self.text[at]
            if char == "}":
                return -1
            if char == "{":
                at = self.closing(at)
                if at < 0:
                    return -1
            elif char == "\\":
                at += 1
            at += 1
        return -1

    def literal(self, text: str, after_space: bool = False) -> bool:
        """Go on behind `text` where it stands here, or behind spaces."""
        begin = self.at
        if after_space:
            self.skip_space()
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        self._leave(begin, len(text))
        return False

    def until(self, delimiter: str) -> str | None:
        """All that stands before `delimiter`, without the braces around it; None where none is near."""
        begin = self.at
        end = self.find(delimiter, begin)
        if end < 0:
            self.seen = _FAR
            return None
        self.at = end + len(delimiter)
        whole = self.text.startswith("{", begin) and self.closing(begin) == end - 1
        return self.text[begin + 1 : end - 1] if whole else self.text[begin:end]

    def is_read_up(self) -> bool:
        """Whether nothing but spaces is left."""
        spaces = _SPACE.match(self.text, self.at)
        if spaces is None or spaces.end() == len(self.text):
            return True
        self.seen = max(self.seen, spaces.end() + 1)
        return False

    def token(self) -> str | None:
        """The next group's content or the next single token, behind spaces; None where none is left."""
        self.skip_space()
        if self.at >= len(self.text) or self.text[self.at] == "}":
            return None
        if self.text[self.at] == "{":
            return self.group()
        found = PATTERNS[self.letters].match(self.text, self.at)
        token = found[0] if found else self.text[self.at]
        self.at += len(token)
        if len(token) > 1:
            self.look(1)
        return token

    def name(self) -> str | None:
        """The name of the control sequence that stands here, in braces or not, without its backslash."""
        begin = self.at
        inside = self.group()
        if inside is not None:
            found = PATTERNS[self.letters].fullmatch(inside.strip())
        else:
            self.skip_space()
            found = PATTERNS[self.letters].match(self.text, self.at)
            if found:
                self.at = found.end()
        if found:
            return found[1]
        self.at = begin
        return None

    def conditional(self, start: int) -> tuple[int, int, int, int] | None:
        """For the conditional at `start`: begin and end of its `\\else` (-1: none) and of its `\\fi`."""
        if self._conditionals is None:
            self._conditionals = _branches(self.text)
        return self._conditionals.get(start)

    def open_conditional(self) -> tuple[int, int, int, int] | None:
        """The same for a conditional that began before this frame's place, in a macro that is read up."""
        rest = _branches("\\iffalse" + self.text[self.at :]).get(0)
        if rest is None:
            return None
        shift = self.at - len("\\iffalse")
        else_start, else_end, fi_start, fi_end = (place + shift if place >= 0 else -1 for place in rest)
        return else_start, else_end, fi_start, fi_end


def is_conditional(name: str) -> bool:
    """Whether `\\fi` ends what begins with this name."""
    return name.startswith("if") and not _NO_CONDITIONAL.fullmatch(name)


def _pairs(text: str) -> dict[int, int]:
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and opened:
            pairs[opened.pop()] = found.start()
    return pairs


def _branches(text: str) -> dict[int, tuple[int, int, int, int]]:
    opened: list[tuple[int, int, int]] = []
    branches: dict[int, tuple[int, int, int, int]] = {}
    before = ""
    for found in _CONDITIONAL.finditer(text):
        name = found[1]
        # `\newif\ifdraft` and `\let\ifdraft\iffalse` name a conditional and begin none.
        naming = before != "" and text.endswith(("\\newif", "\\let"), 0, found.start())
        before = name
        if naming or name == "unless":
            continue
        if name == "else":
            if opened and opened[-1][1] < 0:
                opened[-1] = (opened[-1][0], found.start(), found.end())
        elif name == "fi":
            if opened:
                start, else_start, else_end = opened.pop()
                branches[start] = (else_start, else_end, found.start(), found.end())
        elif is_conditional(name):
            opened.append((found.start(), -1, -1))
    return branches
