"""User macros expanded inline and inputs read where they stand, in one pass over a paper's source.

The source is read as TeX reads it, in the order in which it would be typeset, so that a definition holds from
where it stands. What is not the user's own stays as it is written. Primitives of TeX's programming are not
run: a macro whose expansion comes to one is left as it was used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from filters.latex_macros import FALSE, NO_VALUE, TRUE, Macro, Parameter, ends_in_word
from filters.latex_memo import Counts, Key, Memo
from filters.latex_scan import PATTERNS, Frame

MAX_DEPTH = 64
"""Expansions within expansions and within files; users' own rarely go beyond 10."""
MAX_EXPANSIONS = 20_000
"""Expansions that one use of a macro may come to."""
MAX_EXPANSION = 2_000_000
"""Characters that one expansion may have."""
MAX_WORK = 20
"""Characters of expansions for one of source, and a million more; beyond them no more are made."""
MAX_TRIES = 8
MAX_NESTED = 4
MAX_INPUT_DEPTH = 32

_INTERNAL = re.compile(r"\\[A-Za-z]*@[A-Za-z]")
_LETTER = re.compile(r"[^\W\d_]")

Handler = Callable[["Expander", Frame, str], bool]
"""What is done at a control sequence: the frame is behind its name; False leaves all as it was."""


class Stuck(Exception):
    """An expansion came to what is not expanded here; the message is the macro's name."""


@dataclass(slots=True)
class _Mark:
    """Where a use began that may have to be taken back."""

    frame: Frame = field(default_factory=lambda: Frame(""))
    start: int = -1
    written: int = 0
    environments: int = 0
    groups: int = 0
    expansions: int = 0
    tries: int = 0

    def move(self, frame: Frame, start: int, expander: Expander) -> None:
        """Mark a use at `start` of `frame`; how often it was taken back counts on at the same place."""
        if start != self.start or frame is not self.frame:
            self.tries = 0
        self.frame = frame
        self.start = start
        self.written = len(expander.out)
        self.environments = len(expander.open_environments)
        self.groups = len(expander.groups)
        self.expansions = expander.expansions


@dataclass(slots=True)
class Environment:
    """What `\\begin` and `\\end` of a user's environment become."""

    begin: Macro
    end: Macro


@dataclass
class Expander:
    """One paper being read.

    `table`: what is known of control sequences. `load`: path and text of an input, by its name and the folder
    of the file that asks for it; None where the paper has no such file. `limit`: the most characters of
    source. What comes of it: `out`, whose places before `document_at` (-1: none was found) are the preamble;
    `read`, the paths of all files read; `missing`, inputs that are not there; `stuck`, macros left as they
    were used; `limited`, whether the paper was too large to be read or expanded to its end.
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
    _source: int = 0
    _work: int = 0
    _most_work: int = 1_000_000
    _check_word: bool = False
    _nested: int = 0
    memo: Memo = field(default_factory=Memo)
    _mark: _Mark = field(default_factory=_Mark)

    # --- reading

    def run(self) -> None:
        """Read all frames to their ends."""
        while self.frames and not self.ended:
            try:
                if self._scan(self.frames[-1]):
                    self._check_word |= bool(self.frames.pop().macro)
            except Stuck as reason:
                self._rewind(str(reason))

    def _scan(self, frame: Frame) -> bool:
        """Read on in a frame until it ends, which is True, or another may have to be read first."""
        text, table, memo = frame.text, self.table, self.memo
        recording = memo.opened
        letters = frame.letters
        pattern = PATTERNS[letters]
        in_file = not frame.macro and not self._nested
        while True:
            if recording and recording[-1].depth >= len(self.frames) and not self._nested:
                memo.close(frame, len(self.frames), self.out, self._counts(), self._check_word)
            for found in pattern.finditer(text, frame.at):
                if (known := table.get(found[1])) is not None:
                    break
            else:
                self.emit(text[frame.at :], frame)
                frame.at = len(text)
                return True
            start = found.start()
            if start > frame.at:
                self.emit(text[frame.at : start], frame)
            frame.at = found.end()
            if isinstance(known, Macro):
                self._use(known, frame, start, in_file)
                if self.frames[-1] is frame:
                    continue
                return False
            if in_file:
                self._mark.move(frame, start, self)
            elif recording and known not in self.local:
                memo.drop()
            if not known(self, frame, found[1]):
                frame.at = found.end()
                self.emit(found[0], frame)
            if self.frames[-1] is not frame or frame.letters != letters or self.ended:
                return False

    def emit(self, text: str, frame: Frame) -> None:
        """Write to the output what needs no more reading."""
        if not text or frame.silent:
            return
        if frame.macro and (NO_VALUE in text or ("@" in text and _INTERNAL.search(text))):
            raise Stuck(frame.macro)
        if self._check_word:
            self._check_word = False
            if self.memo.opened:
                self.memo.checked.add(len(self.out))
            if _LETTER.match(text) and self.out and ends_in_word(self.out[-1]):
                self.out.append(" ")
        self.out.append(text)

    # --- macros

    def _use(self, macro: Macro, frame: Frame, start: int, in_file: bool) -> None:
        """Put a macro's expansion in its place; where its arguments are not there, it is left as it is."""
        arguments: list[str] = []
        if self._nested and macro.name.isalpha():
            frame.skip_space()  # as TeX does; in text, where a space was meant by some, it is kept
        if macro.parameters:
            found = frame.groups(len(macro.parameters)) if macro.plain else None
            if found is None:
                saved = [(held, held.at) for held in self.frames]
                found = self.arguments(macro.parameters)
            if found is None:
                self.memo.drop()
                self.frames = [held for held, _ in saved]
                for held, at in saved:
                    held.at = at
                self.emit(frame.text[start : frame.at], frame)
                return
            arguments = found
        elif not macro.ends_in_word and frame.text.startswith("{}", frame.at):
            frame.at += 2
        if macro.final:
            self.emit(macro.body, frame)
            self._check_word = True
            return
        memorable = not self._nested and not frame.silent and self.frames[-1] is frame
        key = (macro.name, frame.letters, "file" if in_file else "", *arguments)
        if memorable and self._again(key, frame, in_file):
            return
        if in_file:
            self._mark.move(frame, start, self)
        if memorable and not self._check_word:
            self.memo.open(key, frame, self._counts(), len(self.frames), self._inside())
        self.expand(macro, arguments, macro.name)

    def _again(self, key: Key, frame: Frame, in_file: bool) -> bool:
        """Write what the same use came to before, where it did and the limits leave room for it."""
        for result in self.memo.known.get(key, ()):
            if not frame.text.startswith(result.ahead, frame.at):
                continue
            depth = len(self.frames)
            if depth > result.depth and depth + result.expansions > MAX_DEPTH:
                continue
            before = self.expansions if in_file else self._mark.expansions
            if self.expansions + result.expansions - before > MAX_EXPANSIONS:
                continue
            if self._work + result.work > self._most_work or result.inside != self._inside():
                continue
            self.expansions += result.expansions
            self._work += result.work
            frame.at += result.taken
            if result.parts:
                self._check_word |= result.spaced
                self.emit(result.parts[0], frame)
                self.out.extend(result.parts[1:])
            self._check_word |= result.ends_in_macro
            return True
        return False

    def _counts(self) -> Counts:
        return len(self.out), self.expansions, self._work

    def _inside(self) -> str:
        """The user's environment that is open."""
        return self.open_environments[-1][0] if self.open_environments else ""

    def expand(self, macro: Macro, arguments: list[str], name: str) -> None:
        """Have what a macro becomes read next."""
        # Most macros come to what holds no more of them, and need not be read again.
        read_again = False
        for argument in arguments:
            if len(argument) > 1000 and macro.body.count("#") * len(argument) > MAX_EXPANSION:
                raise Stuck(name)
            read_again |= "\\" in argument or argument == NO_VALUE
        text = macro.expanded(arguments)
        if not read_again and macro.is_flat(self.table):
            self.expansions += 1
            self._work += len(text) + 10
            self.emit(text, self.frames[-1])
            self._check_word = True
            return
        self.push(text, name, macro.letters)

    def push(self, text: str, macro: str, letters: str) -> None:
        """Have `text` read next, as what `macro` became."""
        if not text:
            return
        self.expansions += 1
        self._work += len(text) + 10
        if self._work > self._most_work:
            self.limited = True
        frames = self.frames
        if (
            self.limited
            or len(frames) > MAX_DEPTH
            or self.expansions - self._mark.expansions > MAX_EXPANSIONS
        ):
            raise Stuck(macro)
        frames.append(Frame(text, letters, 0, "", "", macro, frames[-1].silent))

    def arguments(self, parameters: tuple[Parameter, ...]) -> list[str] | None:
        """Read what a macro takes; None where it is not there."""
        found: list[str] = []
        for parameter in parameters:
            value = self._argument(parameter)
            if value is None:
                return None
            if parameter.kind != "literal":
                found.append(value)
        return found

    def _argument(self, parameter: Parameter) -> str | None:
        frame = self.top()
        match parameter.kind:
            case "argument":
                return frame.token()
            case "option":
                given = frame.bracketed(parameter.value[0], parameter.value[1])
                return given if given is not None and is_given(given) else parameter.default
            case "group":
                given = frame.group()
                return parameter.default if given is None else given
            case "star":
                return TRUE if frame.literal(parameter.value, after_space=True) else FALSE
            case "literal":
                return "" if frame.literal(parameter.value) else None
            case _:
                return frame.until(parameter.value)

    def top(self) -> Frame:
        """The frame in which reading goes on: macros' frames that are read up are left behind."""
        while len(self.frames) > 1 and self.frames[-1].macro and self.frames[-1].is_read_up():
            self.frames.pop()
            self._check_word = True
        return self.frames[-1]

    def _rewind(self, name: str) -> None:
        """Take back the use of a macro that got stuck: the innermost one is left unexpanded from now on.

        Where that has been done at one place too often (a macro that is defined anew on each try), what
        stands there is left as it is.
        """
        mark = self._mark
        del self.out[mark.written :]
        del self.open_environments[mark.environments :]
        while len(self.groups) > mark.groups:
            self.close_group()
        while self.frames and self.frames[-1] is not mark.frame:
            self.frames.pop()
        mark.frame.at = mark.start
        self._check_word = False
        self.stuck.add(name)
        self.memo.clear()
        self.table.pop(name, None)
        self.environments.pop(name, None)
        if self.limited:
            self.table = {key: known for key, known in self.table.items() if not isinstance(known, Macro)}
            self.environments.clear()
        mark.tries += 1
        if mark.tries > MAX_TRIES:
            found = PATTERNS[mark.frame.letters].match(mark.frame.text, mark.start)
            mark.frame.at = found.end() if found else mark.start + 1
            self.emit(mark.frame.text[mark.start : mark.frame.at], mark.frame)

    # --- used by handlers

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

    def evaluated(self, text: str, letters: str) -> str:
        """What `text` expands to by now, as `\\edef` and file names need it."""
        if "\\" not in text or self._nested >= MAX_NESTED:
            return text
        saved = self.out, self.frames, self._check_word
        self.out, self.frames, self._check_word = [], [Frame(text, letters, macro="edef")], False
        self._nested += 1
        try:
            while self.frames:
                if self._scan(self.frames[-1]):
                    self._check_word |= bool(self.frames.pop().macro)
            return "".join(self.out)
        except Stuck:
            return text
        finally:
            self._nested -= 1
            self.out, self.frames, self._check_word = saved

    def drop_line(self, frame: Frame) -> None:
        """Behind a definition that had a line of its own, take the line's end too."""
        if self.out and self.out[-1].endswith("\n") and frame.text.startswith("\n", frame.at):
            frame.at += 1

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
        self._most_work += MAX_WORK * len(text)
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


def is_given(value: str) -> bool:
    """Whether an optional argument was given."""
    return value.strip() != NO_VALUE
