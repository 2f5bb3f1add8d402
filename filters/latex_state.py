"""What is known and what is written while a paper's source is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filters.latex_macros import NO_VALUE, Macro, ends_in_word
from filters.latex_memo import Memo
from filters.latex_scan import Frame

if TYPE_CHECKING:
    from filters.latex_expand import Expander

MAX_WORK = 20
"""Characters of expansions for one of source, and a million more; beyond them no more are made."""
MAX_INPUT_DEPTH = 32

_INTERNAL = re.compile(r"\\[A-Za-z]*@[A-Za-z]")
_LETTER = re.compile(r"[^\W\d_]")

Handler = Callable[["Expander", Frame, str], bool]
"""What is done at a control sequence: the frame is behind its name; False leaves all as it was."""


class Stuck(Exception):
    """An expansion came to what is not expanded here; the message is the macro's name."""


@dataclass(slots=True)
class Environment:
    """What `\\begin` and `\\end` of a user's environment become."""

    begin: Macro
    end: Macro


@dataclass
class State:
    """One paper being read.

    `table`: what is known of control sequences. `load`: path and text of an input, by its name and the folder
    of the file that asks for it; None where the paper has no such file. `limit`: the most characters of
    source. What comes of it: `out`, whose places before `document_at` (-1: none was found) are the preamble;
    `read`, the paths of all files read; `missing`, inputs that are not there; `stuck`, macros left as they
    were used; `limited`, whether the paper was too large to be read or expanded to its end.
    `check_word`: whether a letter that is written next may need a space before it.
    """

    table: dict[str, Macro | Handler]
    load: Callable[[str, str], tuple[str, str] | None]
    limit: int = 64 << 20
    local: frozenset[Handler] = frozenset()
    environments: dict[str, Environment] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    toggles: dict[str, bool] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    out: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    open_environments: list[tuple[str, list[str]]] = field(default_factory=list)
    groups: list[dict[str, Macro | Handler | None]] = field(default_factory=list)
    document_at: int = -1
    ended: bool = False
    read: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)
    expansions: int = 0
    limited: bool = False
    work: int = 0
    most_work: int = 1_000_000
    check_word: bool = False
    memo: Memo = field(default_factory=Memo)
    _source: int = 0

    def emit(self, text: str, frame: Frame) -> None:
        """Write to the output what needs no more reading."""
        if not text or frame.silent:
            return
        if frame.macro and (NO_VALUE in text or ("@" in text and _INTERNAL.search(text))):
            raise Stuck(frame.macro)
        if self.check_word:
            self.check_word = False
            if self.memo.opened:
                self.memo.checked.add(len(self.out))
            if _LETTER.match(text) and self.out and ends_in_word(self.out[-1]):
                self.out.append(" ")
        self.out.append(text)

    def drop_line(self, frame: Frame) -> None:
        """Behind a definition that had a line of its own, take the line's end too."""
        if self.out and self.out[-1].endswith("\n") and frame.text.startswith("\n", frame.at):
            frame.at += 1

    def top(self) -> Frame:
        """The frame in which reading goes on: macros' frames that are read up are left behind."""
        while len(self.frames) > 1 and self.frames[-1].macro and self.frames[-1].is_read_up():
            self.frames.pop()
            self.check_word = True
        return self.frames[-1]

    def inside(self) -> str:
        """The user's environment that is open."""
        return self.open_environments[-1][0] if self.open_environments else ""

    # --- definitions

    def define(self, name: str, known: Macro | Handler, everywhere: bool = False) -> None:
        """Let `name` be known as this until the group ends that is open now, or `everywhere`."""
        if self.groups and not everywhere:
            self.groups[-1].setdefault(name, self.table.get(name))
        self.memo.clear()
        self.table[name] = known

    def close_group(self) -> None:
        """Take back what was defined in the innermost group."""
        self.memo.clear()
        for name, known in self.groups.pop().items() if self.groups else ():
            if known is None:
                self.table.pop(name, None)
            else:
                self.table[name] = known

    # --- files

    def file(self) -> Frame:
        """The file that is being read."""
        return next((frame for frame in reversed(self.frames) if not frame.macro), self.frames[0])

    def open_file(self, name: str, own_folder: bool = False, package: bool = False) -> Frame | None:
        """Have a file read next; None where the paper has none of that name or it is being read already.

        `own_folder`: its own inputs are looked for beside it. `package`: it is read for its definitions. Of
        a file that is a document itself, the body is read.
        """
        parent = self.file() if self.frames else Frame("")
        found = self.load(name, parent.folder)
        if found is None:
            return None
        path, text = found
        open_now = [frame.path for frame in self.frames if frame.path]
        if path in open_now or len(open_now) >= MAX_INPUT_DEPTH:
            return None
        if self._source + len(text) > self.limit:
            self.limited = True
            return None
        self._source += len(text)
        self.most_work += MAX_WORK * len(text)
        self.read.append(path)
        body = text.find("\\begin{document}") if self.frames else -1
        frame = Frame(
            text,
            "at" if package else parent.letters,
            at=max(body, 0),
            path=path,
            folder=path.rpartition("/")[0] if own_folder or not self.frames else parent.folder,
            silent=package or parent.silent,
        )
        self.frames.append(frame)
        return frame


@dataclass(slots=True)
class Mark:
    """Where a use began that may have to be taken back."""

    frame: Frame = field(default_factory=lambda: Frame(""))
    start: int = -1
    written: int = 0
    environments: int = 0
    groups: int = 0
    expansions: int = 0
    tries: int = 0

    def move(self, frame: Frame, start: int, state: State) -> None:
        """Mark a use at `start` of `frame`; how often it was taken back counts on at the same place."""
        if start != self.start or frame is not self.frame:
            self.tries = 0
        self.frame = frame
        self.start = start
        self.written = len(state.out)
        self.environments = len(state.open_environments)
        self.groups = len(state.groups)
        self.expansions = state.expansions
