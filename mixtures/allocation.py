"""How many rows each source gives to a budget, how often that repeats it, and what limits the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from mixtures.course import NEVER, Course, Stage
from mixtures.proportions import MAX_PERIOD, apportion, parts
from pipeline.errors import WinnowError

Shortage = Literal["error", "cap", "redistribute", "shrink"]


@dataclass(frozen=True)
class Supply:
    """What one source offers: its share of the mixture, its tokens, and how often they may be read."""

    share: Fraction
    tokens: int
    max_epochs: Fraction

    def capacity(self, sequence_length: int) -> int:
        """Rows that it can give: no token is read more often than `max_epochs` allows."""
        return int(self.max_epochs * self.tokens) // sequence_length


@dataclass(frozen=True)
class Draw:
    """What one source gives: `tokens` of its `available` ones, read `epochs` + `fraction` times."""

    share: Fraction
    available: int
    capacity: int
    rows: int
    tokens: int
    epochs: int
    fraction: Fraction


@dataclass(frozen=True)
class Allocation:
    """A budget dealt to its sources.

    `stages` are the shares as realised, whole numbers of one period of the interleaving; `requested` is the
    budget in tokens that was asked for (None: the largest); `limit` names the source that allows no more
    rows, None where the budget is the limit; `largest_rows` is the largest budget of these parts.
    """

    sequence_length: int
    requested: int | None
    stages: tuple[Stage, ...]
    rows: int
    limit: str | None
    largest_rows: int
    draws: dict[str, Draw]

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return self.rows * self.sequence_length


def allocate(
    supplies: Mapping[str, Supply],
    sequence_length: int,
    budget: int | None,
    shortage: Shortage = "error",
    later: Sequence[tuple[int, Mapping[str, Fraction]]] = (),
) -> Allocation:
    """Deal a budget in tokens (None: the largest that every source can serve) in rows of `sequence_length`.

    Where a source has too little, `shortage` decides: "error"; "cap" gives what there is and leaves the
    budget smaller; "redistribute" gives what there is and has the others fill the budget in proportion;
    "shrink" takes the largest budget that keeps the proportions. Capped sources give up to a millionth of the
    rows less than they could where a mixture has more than a million rows, so that its order stays
    computable. `later` holds the further stages of a curriculum: shares that take over at a row.

    Raises WinnowError naming source, need and have, for a source without tokens, for one that would get no
    row at all, and for a curriculum whose last stage the budget does not reach.
    """
    for source, supply in supplies.items():
        if supply.tokens == 0:
            raise WinnowError(f"source {source} has no tokens; give it inputs or leave it out of the mixture")
    capacity = {source: supply.capacity(sequence_length) for source, supply in supplies.items()}
    for source, own in capacity.items():
        if own == 0:
            raise WinnowError(
                f"source {source} has {supplies[source].tokens:,} tokens, too few for one row of "
                f"{sequence_length:,} in {float(supplies[source].max_epochs):g} epochs"
            )
    asked = {source: supply.share for source, supply in supplies.items()}
    first = [] if later and later[0][0] == 0 else [(0, asked)]
    course = Course([Stage(row, parts(stage)) for row, stage in (*first, *later)])
    largest, scarcest = _largest(course, capacity)
    if later and shortage in ("cap", "redistribute"):
        raise WinnowError(
            f"too_little: {shortage} knows one set of proportions; beside a curriculum use shrink"
        )
    rows = largest if budget is None else budget // sequence_length
    limit = scarcest if budget is None else None
    if rows > largest:
        limit = scarcest
        if shortage == "error":
            raise WinnowError(_shortage(supplies, capacity, course.counts(rows), sequence_length, largest))
        if shortage == "shrink":
            rows = largest
        else:
            if shortage == "cap":
                rows = sum(min(count, capacity[source]) for source, count in course.counts(rows).items())
            course = Course([Stage(0, _redistributed(asked, capacity, rows))])
            largest = _largest(course, capacity)[0]
            rows = min(rows, largest)
    if rows <= course.firsts[-1] and later:
        raise WinnowError(
            f"the curriculum's last stage begins at {later[-1][0] * sequence_length:,} tokens, the budget is "
            f"{rows * sequence_length:,}"
        )
    counts = dict.fromkeys(supplies, 0) | course.counts(rows)
    _require_a_row(counts, course, sequence_length, rows)
    draws = {}
    for source, supply in supplies.items():
        tokens = counts[source] * sequence_length
        epochs, rest = divmod(tokens, supply.tokens)
        share = Fraction(counts[source], rows)
        fraction = Fraction(rest, supply.tokens)
        draws[source] = Draw(share, supply.tokens, capacity[source], counts[source], tokens, epochs, fraction)
    return Allocation(sequence_length, budget, course.stages, rows, limit, largest, draws)


def _largest(course: Course, capacity: Mapping[str, int]) -> tuple[int, str]:
    """Rows before the first one that its source cannot give, and that source."""
    return min((course.position(source, rows), source) for source, rows in capacity.items())


def _redistributed(shares: Mapping[str, Fraction], capacity: Mapping[str, int], rows: int) -> dict[str, int]:
    """Parts of a period for `rows` rows in which no source passes its capacity, the others keeping their
    ratios.
    """
    if rows > sum(capacity.values()):
        raise WinnowError(
            f"all sources together can give {sum(capacity.values()):,} rows, the budget is {rows:,}; "
            "lower the budget or raise max_epochs"
        )
    period = min(rows, MAX_PERIOD)
    most = {source: period * own // rows for source, own in capacity.items()}
    for source, part in most.items():
        if part == 0:
            raise WinnowError(
                f"source {source} can give {capacity[source]:,} of {rows:,} rows, less than a millionth: "
                "leave it out"
            )
    capped: set[str] = set()
    while True:
        free = {source: share for source, share in shares.items() if source not in capped}
        left = period - sum(most[source] for source in capped)
        dealt = apportion(free, left) if free else {}
        over = {source for source, part in dealt.items() if part > most[source]}
        if not over:
            realised = {source: Fraction(dealt.get(source, most[source])) for source in shares}
            return parts(realised)
        capped |= over


def _require_a_row(counts: Mapping[str, int], course: Course, sequence_length: int, rows: int) -> None:
    for source, count in counts.items():
        if count == 0:
            need = (course.position(source, 0) + 1) * sequence_length
            if need > NEVER:
                raise WinnowError(f"source {source} is in no stage of the curriculum; leave it out")
            schedule = course.schedules[course.stage_of(source, 0)]
            raise WinnowError(
                f"source {source} gets no row: the budget is {rows:,} rows of {sequence_length:,} tokens and "
                f"its share {schedule.parts[source] / schedule.period:.4%}; every source has one from "
                f"{need:,} tokens on"
            )


def _shortage(
    supplies: Mapping[str, Supply],
    capacity: Mapping[str, int],
    counts: Mapping[str, int],
    sequence_length: int,
    largest: int,
) -> str:
    short = [
        f"{source} needs {count * sequence_length:,} tokens and has {supplies[source].tokens:,}, at most "
        f"{capacity[source] * sequence_length:,} in {float(supplies[source].max_epochs):g} epochs"
        for source, count in counts.items()
        if count > capacity[source]
    ]
    return (
        f"too little data for this budget: {'; '.join(short)}. The largest budget of these proportions is "
        f"{largest * sequence_length:,} tokens; or set too_little to cap, redistribute or shrink"
    )
