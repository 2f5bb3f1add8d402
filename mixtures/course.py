"""A mixture over a whole run: one set of proportions, or several that take over from one another.

A stage deals its rows by its own schedule, strictly within a row of exact at each of its prefixes; every
source goes on in a stage where it stood at the end of the last one, so nothing is read again or passed over
because proportions changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mixtures.interleave import Interleave, Schedule

IntArray = npt.NDArray[np.int64]
NEVER = 1 << 62  # the row of a turn that never comes


class Stage(NamedTuple):
    """From `first_row` on, each source has so many parts of a period of rows."""

    first_row: int
    parts: Mapping[str, int]


class Course:
    """Stages one behind the other, the first from row 0, the last without end."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        """Raise ValueError where stages do not begin at 0 and run upwards."""
        firsts = [stage.first_row for stage in stages]
        if firsts[:1] != [0] or any(one >= two for one, two in pairwise(firsts)):
            raise ValueError(f"stages begin at 0 and run upwards, not at {firsts}")
        self.stages = tuple(stages)
        self.sources = tuple(dict.fromkeys(source for stage in stages for source in stage.parts))
        self.firsts = firsts
        self.schedules = [Schedule(stage.parts) for stage in stages]

    @cached_property
    def carried(self) -> list[dict[str, int]]:
        """The rows each source has had before each stage."""
        carried = [dict.fromkeys(self.sources, 0)]
        for (first, end), schedule in zip(pairwise(self.firsts), self.schedules, strict=False):
            dealt = schedule.counts(end - first)
            carried.append({source: rows + dealt.get(source, 0) for source, rows in carried[-1].items()})
        return carried

    def counts(self, rows: int) -> dict[str, int]:
        """How many of the first `rows` rows belong to each source."""
        stage = int(np.searchsorted(self.firsts, rows, side="right")) - 1
        dealt = self.schedules[stage].counts(rows - self.firsts[stage])
        return {source: before + dealt.get(source, 0) for source, before in self.carried[stage].items()}

    def stage_of(self, source: str, ordinal: int) -> int:
        """The stage in which `source` has its turn number `ordinal`, -1 where that turn never comes."""
        for stage, (schedule, before) in enumerate(zip(self.schedules, self.carried, strict=True)):
            last = stage + 1 == len(self.stages)
            if source in schedule.parts and (last or self.carried[stage + 1][source] > ordinal):
                return stage if ordinal >= before[source] else -1
        return -1

    def position(self, source: str, ordinal: int) -> int:
        """The row at which `source` has its turn number `ordinal` (both from 0), NEVER where it has none."""
        stage = self.stage_of(source, ordinal)
        if stage < 0:
            return NEVER
        inside = ordinal - self.carried[stage][source]
        return self.firsts[stage] + self.schedules[stage].position(source, inside)


class Order:
    """The first `rows` rows of a course under a seed, which moves rows inside a stage (see Interleave)."""

    def __init__(self, course: Course, rows: int, seed: int) -> None:
        self.course = course
        self.sources = course.sources
        self.rows = rows
        ends = [min(end, rows) for end in (*course.firsts[1:], rows)]
        self._parts = [
            Interleave(schedule, max(end - first, 0), seed)
            for schedule, first, end in zip(course.schedules, course.firsts, ends, strict=True)
        ]

    def block(self, start: int, stop: int) -> tuple[npt.NDArray[np.int16], IntArray]:
        """Rows `start` to `stop`: for each its source's number and its ordinal among that source's rows."""
        if not 0 <= start <= stop <= self.rows:
            raise IndexError(f"rows {start} to {stop} of {self.rows}")
        sources, ordinals = [np.empty(0, np.int16)], [np.empty(0, np.int64)]
        for part, first, carried in zip(self._parts, self.course.firsts, self.course.carried, strict=True):
            low, high = max(start, first), min(stop, first + part.rows)
            if low >= high:
                continue
            turns, inside = part.block(low - first, high - first)
            own = part.schedule.sources
            sources.append(np.array([self.sources.index(source) for source in own], np.int16)[turns])
            ordinals.append(inside + np.array([carried[source] for source in own], np.int64)[turns])
        return np.concatenate(sources), np.concatenate(ordinals)

    def window(self, source: str, ordinal: int) -> tuple[int, int]:
        """The rows, first and last (exclusive), between which `source` has its turn number `ordinal`."""
        stage = self.course.stage_of(source, ordinal)
        first = self.course.firsts[stage]
        inside = ordinal - self.course.carried[stage][source]
        earliest, latest = self._parts[stage].window(source, inside)
        return first + earliest, first + latest
