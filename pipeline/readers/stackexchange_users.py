"""Names of a site's users, packed: Stack Overflow has more than 20 million."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise

import numpy as np


class UserNames:
    """Display names by user id, in some 12 bytes a user and the name's own (UTF-8).

    Of an id that comes twice the first name stands.
    """

    def __init__(self) -> None:
        self._ids = array("q")
        self._ends = array("Q", [0])
        self._text = bytearray()

    def add(self, user: int, name: str) -> None:
        """Take a user's name."""
        self._ids.append(user)
        self._text += name.encode()
        self._ends.append(len(self._text))

    def finish(self) -> None:
        """Make ready for `name`; nothing is added afterwards."""
        if any(a >= b for a, b in pairwise(self._ids)):  # the dumps' own order is by id
            self._sort()

    def _sort(self) -> None:
        order = np.argsort(np.array(self._ids), kind="stable").tolist()
        text, ends = bytes(self._text), self._ends
        ids = array("q", [self._ids[place] for place in order])
        self._text = bytearray()
        self._ends = array("Q", [0])
        for place in order:
            self._text += text[ends[place] : ends[place + 1]]
            self._ends.append(len(self._text))
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def name(self, user: str) -> str:
        """The display name of a user by the id as a post has it; "" where there is none."""
        try:
            wanted = int(user)
        except ValueError:
            return ""
        place = bisect_left(self._ids, wanted)
        if place == len(self._ids) or self._ids[place] != wanted:
            return ""
        return self._text[self._ends[place] : self._ends[place + 1]].decode()
