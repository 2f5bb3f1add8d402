"""What uses of macros came to, so that the same use is not expanded twice.

An expansion depends on the macro, its arguments, all definitions, and on the text that follows where it looks
there. It is recorded with just that text, and forgotten as soon as anything is defined.
"""

from __future__ import annotations

from typing import NamedTuple

from filters.latex_macros import ends_in_word
from filters.latex_scan import Frame

_MAX_KEY = 300  # characters of arguments; longer ones hardly come twice
_MAX_AHEAD = 300  # characters of text that an expansion took or looked at
_MAX_PARTS = 200  # pieces of output of one use
_MAX_USES = 20_000  # recorded at a time
_MAX_VARIANTS = 12  # of one macro and its arguments, by what follows

Key = tuple[str, ...]
Counts = tuple[int, int, int]
"""Pieces written, expansions, work."""


class Result(NamedTuple):
    """What a use came to.

    `ahead`: what must follow the use, of which `taken` characters are read. `parts`: what is written.
    `spaced`, `ends_in_macro`: whether a letter that comes first, and one that comes next, may need a space
    before it. `expansions`, `work`: what it counts against the limits. `depth`: in how many frames it was
    made. `inside`: in which user's environment.
    """

    ahead: str
    taken: int
    parts: list[str]
    spaced: bool
    ends_in_macro: bool
    expansions: int
    work: int
    depth: int
    inside: str


class _Open(NamedTuple):
    key: Key
    frame: Frame
    at: int
    counts: Counts
    depth: int
    inside: str


class Memo:
    """The results of one paper's uses of macros.

    `known`: by macro and arguments. `opened`: those being recorded. `checked`: at which of the pieces written
    meanwhile a space was thought of.
    """

    def __init__(self) -> None:
        self.known: dict[Key, list[Result]] = {}
        self._uses = 0
        self.opened: list[_Open] = []
        self.checked: set[int] = set()

    def open(self, key: Key, frame: Frame, counts: Counts, depth: int, inside: str) -> None:
        """Begin to record a use."""
        if self._uses < _MAX_USES and sum(map(len, key)) <= _MAX_KEY:
            if not self.opened:
                self.checked.clear()
            frame.seen = 0
            self.opened.append(_Open(key, frame, frame.at, counts, depth, inside))

    def close(self, frame: Frame, depth: int, out: list[str], counts: Counts, ends_in_macro: bool) -> None:
        """Keep what was recorded, now that reading is back in `frame`, the one at `depth`."""
        while self.opened and self.opened[-1].depth > depth:
            self.opened.pop()  # its frame was left, as the expansion read on beyond it
        if not self.opened or self.opened[-1].depth < depth:
            return
        use = self.opened.pop()
        if use.frame is not frame:
            return
        end, written = max(frame.seen, frame.at), use.counts[0]
        if end > len(frame.text) or end - use.at > _MAX_AHEAD or len(out) - written > _MAX_PARTS:
            return
        spaced = written in self.checked
        if spaced and written and ends_in_word(out[written - 1]):
            return  # a space may have been written that belongs to what stands before
        results = self.known.setdefault(use.key, [])
        if len(results) < _MAX_VARIANTS:
            self._uses += 1
            results.append(
                Result(
                    frame.text[use.at : end],
                    frame.at - use.at,
                    out[written:],
                    spaced,
                    ends_in_macro,
                    counts[1] - use.counts[1],
                    counts[2] - use.counts[2],
                    use.depth,
                    use.inside,
                )
            )

    def drop(self) -> None:
        """What is being recorded depends on more than its text, or changes more: it is not kept."""
        self.opened.clear()

    def clear(self) -> None:
        """Something was defined: nothing that was recorded holds any more."""
        self.opened.clear()
        if self._uses:
            self.known.clear()
            self._uses = 0
