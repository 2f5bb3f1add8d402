"""User macros expanded inline and inputs read where they stand, in one pass over a paper's source.

The source is read as TeX reads it, in the order in which it would be typeset, so that a definition holds from
where it stands. What is not the user's own stays as it is written. Primitives of TeX's programming are not
run: a macro whose expansion comes to one is left as it was used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from filters.latex_arguments import arguments_of
from filters.latex_macros import NO_VALUE, Macro
from filters.latex_memo import Counts, Key
from filters.latex_scan import PATTERNS, Frame
from filters.latex_state import Handler, Mark, State, Stuck

MAX_DEPTH = 64
"""Expansions within expansions and within files; users' own rarely go beyond 10."""
MAX_EXPANSIONS = 20_000
"""Expansions that one use of a macro may come to."""
MAX_EXPANSION = 2_000_000
"""Characters that one expansion may have."""
MAX_TRIES = 8
MAX_NESTED = 4


@dataclass
class Expander(State):
    """Reads a paper: all of its frames, the innermost first, to their ends."""

    _nested: int = 0
    _mark: Mark = field(default_factory=Mark)

    def run(self) -> None:
        """Read all frames to their ends."""
        while self.frames and not self.ended:
            try:
                if self._scan(self.frames[-1]):
                    self.check_word |= bool(self.frames.pop().macro)
            except Stuck as reason:
                self._rewind(str(reason))

    def _scan(self, frame: Frame) -> bool:
        """Read on in a frame until it ends, which is True, or another may have to be read first."""
        text, table, memo, frames = frame.text, self.table, self.memo, self.frames
        write = None if frame.macro or frame.silent else self.out.append
        recording = memo.opened
        letters = frame.letters
        in_file = not frame.macro and not self._nested
        pattern = PATTERNS[letters]
        while True:
            if recording and recording[-1].depth >= len(frames) and not self._nested:
                memo.close(frame, len(frames), self.out, self._counts(), self.check_word)
            for found in pattern.finditer(text, frame.at):
                if (name := found[1]) in table:
                    break
            else:
                self.emit(text[frame.at :], frame)
                frame.at = len(text)
                return True
            start, at = found.span()
            if start > frame.at:
                if write is None or self.check_word:
                    self.emit(text[frame.at : start], frame)
                else:
                    write(text[frame.at : start])
            frame.at = at
            known = table[name]
            if isinstance(known, Macro):
                self._use(known, frame, start, in_file)
                frames = self.frames
                if frames[-1] is frame:
                    continue
                return False
            self._handle(known, frame, start, in_file)
            frames = self.frames
            if frames[-1] is not frame or frame.letters != letters or self.ended:
                return False

    def _handle(self, handler: Handler, frame: Frame, start: int, in_file: bool) -> None:
        """Do what is done at a control sequence of LaTeX's own."""
        end = frame.at
        if in_file:
            self._mark.move(frame, start, self)
        elif self.memo.opened and handler not in self.local:
            self.memo.drop()
        if not handler(self, frame, frame.text[start + 1 : end]):
            frame.at = end
            self.emit(frame.text[start:end], frame)

    # --- macros

    def _use(self, macro: Macro, frame: Frame, start: int, in_file: bool) -> None:
        """Put a macro's expansion in its place; where its arguments are not there, it is left as it is."""
        arguments: list[str] = []
        if self._nested and macro.name.isalpha():
            frame.skip_space()  # as TeX does; in text, where a space was meant by some, it is kept
        if macro.parameters:
            found = arguments_of(self, macro, frame)
            if found is None:
                self.emit(frame.text[start : frame.at], frame)
                return
            arguments = found
        elif not macro.ends_in_word and frame.text.startswith("{}", frame.at):
            frame.at += 2
        if macro.final:
            self.emit(macro.body, frame)
            self.check_word = True
            return
        if self.frames[-1] is frame and self._written_at_once(macro, arguments, frame):
            return
        memorable = not self._nested and not frame.silent and self.frames[-1] is frame
        key = (macro.name, frame.letters, "file" if in_file else "", *arguments)
        if memorable and self._again(key, frame, in_file):
            return
        if in_file:
            self._mark.move(frame, start, self)
        if memorable and not self.check_word:
            self.memo.open(key, frame, self._counts(), len(self.frames), self.inside())
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
            if self.work + result.work > self.most_work or result.inside != self.inside():
                continue
            self.expansions += result.expansions
            self.work += result.work
            frame.at += result.taken
            if result.parts:
                self.check_word |= result.spaced
                self.emit(result.parts[0], frame)
                self.out.extend(result.parts[1:])
            self.check_word |= result.ends_in_macro
            return True
        return False

    def _counts(self) -> Counts:
        return len(self.out), self.expansions, self.work

    def _written_at_once(self, macro: Macro, arguments: list[str], frame: Frame) -> bool:
        """Write what a macro comes to where that holds no more to be expanded, as of most it does not."""
        if not macro.is_flat(self.table):
            return False
        for argument in arguments:
            if "\\" in argument or len(argument) > 1000 or argument == NO_VALUE:
                return False
        text = macro.expanded(arguments)
        self.expansions += 1
        self.work += len(text) + 10
        self.emit(text, frame)
        self.check_word = True
        return True

    def expand(self, macro: Macro, arguments: list[str], name: str) -> None:
        """Have what a macro becomes read next."""
        for argument in arguments:
            if len(argument) > 1000 and macro.body.count("#") * len(argument) > MAX_EXPANSION:
                raise Stuck(name)
        if not self._written_at_once(macro, arguments, self.frames[-1]):
            self.push(macro.expanded(arguments), name, macro.letters)

    def push(self, text: str, macro: str, letters: str) -> None:
        """Have `text` read next, as what `macro` became."""
        if not text:
            return
        self.expansions += 1
        self.work += len(text) + 10
        if self.work > self.most_work:
            self.limited = True
        frames = self.frames
        if (
            self.limited
            or len(frames) > MAX_DEPTH
            or self.expansions - self._mark.expansions > MAX_EXPANSIONS
        ):
            raise Stuck(macro)
        frames.append(Frame(text, letters, 0, "", "", macro, frames[-1].silent))

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
        self.check_word = False
        self.stuck.add(name)
        self.memo.clear()
        self.table.pop(name, None)
        self.environments.pop(name, None)
        if self.limited:
            for macro in [key for key, known in self.table.items() if isinstance(known, Macro)]:
                del self.table[macro]
            self.environments.clear()
        mark.tries += 1
        if mark.tries > MAX_TRIES:
            found = PATTERNS[mark.frame.letters].match(mark.frame.text, mark.start)
            mark.frame.at = found.end() if found else mark.start + 1
            self.emit(mark.frame.text[mark.start : mark.frame.at], mark.frame)

    # --- used by handlers

    def evaluated(self, text: str, letters: str) -> str:
        """What `text` expands to by now, as `\\edef` and file names need it."""
        if "\\" not in text or self._nested >= MAX_NESTED:
            return text
        saved = self.out, self.frames, self.check_word
        self.out, self.frames, self.check_word = [], [Frame(text, letters, macro="edef")], False
        self._nested += 1
        try:
            while self.frames:
                if self._scan(self.frames[-1]):
                    self.check_word |= bool(self.frames.pop().macro)
            return "".join(self.out)
        except Stuck:
            return text
        finally:
            self._nested -= 1
            self.out, self.frames, self.check_word = saved
