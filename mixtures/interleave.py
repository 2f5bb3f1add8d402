"""The order of sources in a mixture, row by row: at every prefix each is within one row of its exact share.

Megatron's rule, always the source furthest behind, drifts past one row with four sources or more. Scheduling
by deadline does not: the k-th row of a source with share p may come no earlier than row (k-1)/p and no later
than k/p, a schedule that keeps to all windows always exists (Tijdeman, "The chairman assignment problem",
1980), and taking the earliest deadline first finds it (Steiner and Yeomans, "Level schedules for mixed-model,
just-in-time processes", 1993).

Counts at a given prefix are therefore a quota apportionment, and one that never takes a row back as the
budget grows, which largest remainders do (the Alabama paradox): a smaller budget is always part of a larger
one.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mixtures.hashes import hashes, key_of

IntArray = npt.NDArray[np.int64]

# A short period is repeated to about this many rows before the seed moves rows inside it, so that the order
# seen by one rank of a trainer has no pattern of its own.
SHUFFLED_PERIOD = 1 << 16
SHUFFLE_ROUNDS = 16


class Schedule:
    """Whose turn it is, without a seed: an endless, periodic sequence of sources.

    `parts` gives each source its whole number of rows in one period, the sum of all parts. Sources are
    numbered in the order of `parts`.
    """

    def __init__(self, parts: Mapping[str, int]) -> None:
        self.sources = tuple(parts)
        self.parts = dict(parts)
        self.period = sum(parts.values())

    @cached_property
    def turns(self) -> npt.NDArray[np.int16]:
        """The source of each row of one period."""
        weights = list(self.parts.values())
        period = self.period
        dealt = [0] * len(weights)
        waiting = [(0, source) for source in range(len(weights))]
        ready: list[tuple[int, int]] = []
        turns = np.empty(period, np.int16)
        for row in range(period):
            while waiting and waiting[0][0] <= row:
                source = heapq.heappop(waiting)[1]
                deadline = -(-(dealt[source] + 1) * period // weights[source])
                heapq.heappush(ready, (deadline, source))
            source = heapq.heappop(ready)[1]
            turns[row] = source
            dealt[source] += 1
            if dealt[source] < weights[source]:
                heapq.heappush(waiting, (dealt[source] * period // weights[source], source))
        return turns

    @cached_property
    def _rows_of(self) -> list[IntArray]:
        return [np.flatnonzero(self.turns == source) for source in range(len(self.sources))]

    def counts(self, rows: int) -> dict[str, int]:
        """How many of the first `rows` rows belong to each source: within one of the exact share, summing to
        `rows`.
        """
        whole, rest = divmod(rows, self.period)
        return {
            name: whole * part + int(np.searchsorted(own, rest))
            for (name, part), own in zip(self.parts.items(), self._rows_of, strict=True)
        }

    def position(self, source: str, ordinal: int) -> int:
        """The row at which `source` has its turn number `ordinal` (both from 0)."""
        whole, rest = divmod(ordinal, self.parts[source])
        return whole * self.period + int(self._rows_of[self.sources.index(source)][rest])


class Interleave:
    """The order of `rows` rows under a schedule and a seed.

    The seed trades neighbouring rows inside their windows, so no prefix leaves the bound and no source gains
    or loses a row by it; which row comes when is known for any block without walking to it. Budgets that
    differ share their order up to the last few rows of the smaller.
    """

    def __init__(self, schedule: Schedule, rows: int, seed: int) -> None:
        self.schedule = schedule
        self.rows = rows
        self.seed = seed
        self._repeats = max(1, SHUFFLED_PERIOD // schedule.period)
        self._span = self._repeats * schedule.period

    @cached_property
    def _whole(self) -> tuple[npt.NDArray[np.int16], IntArray]:
        return self._table(self._span)

    @cached_property
    def _last(self) -> tuple[npt.NDArray[np.int16], IntArray]:
        return self._table(self.rows % self._span)

    def block(self, start: int, stop: int) -> tuple[npt.NDArray[np.int16], IntArray]:
        """Rows `start` to `stop`: for each its source's number and its ordinal among that source's rows."""
        if not 0 <= start <= stop <= self.rows:
            raise IndexError(f"rows {start} to {stop} of {self.rows}")
        in_span = np.array(list(self.schedule.parts.values()), np.int64) * self._repeats
        sources = [np.empty(0, np.int16)]
        ordinals = [np.empty(0, np.int64)]
        for cycle in range(start // self._span, -(-stop // self._span)):
            table = self._last if cycle == self.rows // self._span else self._whole
            inside = slice(max(start - cycle * self._span, 0), stop - cycle * self._span)
            sources.append(table[0][inside])
            ordinals.append(table[1][inside] + cycle * in_span[sources[-1]])
        return np.concatenate(sources), np.concatenate(ordinals)

    def window(self, source: str, ordinal: int) -> tuple[int, int]:
        """The rows, first and last (exclusive), between which `source` has its turn number `ordinal`."""
        part, period = self.schedule.parts[source], self.schedule.period
        return ordinal * period // part, min(-(-(ordinal + 1) * period // part), self.rows)

    def _table(self, rows: int) -> tuple[npt.NDArray[np.int16], IntArray]:
        """Sources and ordinals of the first `rows` rows of a span, none of which trades with a row beyond
        them.
        """
        turns = np.resize(self.schedule.turns, self._span)[:rows]
        weights = np.array(list(self.schedule.parts.values()), np.int64)[turns]
        ordinals = _ordinals(turns, len(self.schedule.sources))
        earliest = ordinals * self.schedule.period // weights
        latest = -(-(ordinals + 1) * self.schedule.period // weights) - 1
        order = np.arange(rows, dtype=np.int64)
        for round_ in range(SHUFFLE_ROUNDS):
            first = np.arange(round_ % 2, rows - 1, 2, dtype=np.int64)
            one, two = order[first], order[first + 1]
            wanted = hashes(key_of("interleave", self.seed, round_), rows)[first] & np.uint64(1) == 1
            trade = first[
                wanted & (turns[one] != turns[two]) & (latest[one] > first) & (earliest[two] <= first)
            ]
            order[trade], order[trade + 1] = order[trade + 1], order[trade]
        return turns[order], ordinals[order]


def _ordinals(turns: npt.NDArray[np.int16], sources: int) -> IntArray:
    ordinals = np.empty(len(turns), np.int64)
    for source in range(sources):
        own = np.flatnonzero(turns == source)
        ordinals[own] = np.arange(len(own))
    return ordinals
