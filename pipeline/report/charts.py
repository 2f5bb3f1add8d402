"""Charts as inline SVG: bars stretched to the width there is, words beside them in HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.look.fates import KEPT
from pipeline.report.markup import Markup, join, tag
from pipeline.report.spread import Spread
from pipeline.report.survey import ELSEWHERE, HERE

WIDTH, HEIGHT, BARS = 600, 140, 60
_TICKS = 5
_GROUPS = ((KEPT, "kept"), (ELSEWHERE, "dropped by other rules"), (HERE, "dropped by this rule"))


def number(value: float) -> str:
    """A number for people: four digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def share_bar(share: float, label: str) -> Markup:
    """A bar of `share` of its width."""
    filled = tag("rect", width=f"{max(0.0, min(1.0, share)) * 100:.2f}", height=8, class_="kept")
    ground = tag("rect", width=100, height=8, class_="ground")
    return _svg(ground + filled, label, (100, 8), "bar")


class Axis:
    """Where a value lies on a chart, from 0 to WIDTH: by logarithm where the values span much."""

    def __init__(self, low: float, high: float) -> None:
        self.logarithmic = low > 0 and high > 50 * low
        self._low, self._high = self._scaled(low), self._scaled(high)
        if self._high == self._low:
            self._low, self._high = self._low - 0.5, self._high + 0.5

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def __call__(self, value: float) -> float:
        if self.logarithmic and value <= 0:
            return 0.0
        place = (self._scaled(value) - self._low) / (self._high - self._low)
        return max(0.0, min(1.0, place)) * WIDTH

    def ticks(self) -> list[float]:
        """Values at equal steps along the axis."""
        step = (self._high - self._low) / (_TICKS - 1)
        places = [self._low + step * n for n in range(_TICKS)]
        return [10**place for place in places] if self.logarithmic else places


def axis_of(spread: Spread, threshold: float | None) -> Axis:
    """The axis for the values of a spread, with its threshold on it."""
    edges = spread.edges() + ([] if threshold is None else [threshold])
    return Axis(min(edges), max(edges))


def histogram(
    spread: Spread, axis: Axis, threshold: float | None, label: str, groups: Sequence[str] = ()
) -> Markup:
    """The bars of a spread, its groups one on the other, a dashed line at the threshold."""
    shown = [(group, name) for group, name in _GROUPS if spread.total(group)]
    heights = {group: [0] * BARS for group, _ in shown}
    for group, _ in shown:
        for edge, count in spread.counts[group].items():
            heights[group][min(BARS - 1, int(axis(edge) / WIDTH * BARS))] += count
    most = max((sum(column) for column in zip(*heights.values(), strict=True)), default=1) or 1
    bars: list[Markup] = []
    tops = [0.0] * BARS
    for group, _ in shown:
        for place, count in enumerate(heights[group]):
            if count:
                tall = max(count / most * (HEIGHT - 4), 1.0)
                tops[place] += tall
                bars.append(
                    tag(
                        "rect",
                        x=f"{place * WIDTH / BARS + 0.5:g}",
                        y=f"{HEIGHT - tops[place]:.1f}",
                        width=f"{WIDTH / BARS - 1:g}",
                        height=f"{tall:.1f}",
                        class_=group,
                    )
                )
    if threshold is not None:
        x = f"{axis(threshold):.1f}"
        bars.append(tag("line", x1=x, x2=x, y1=0, y2=HEIGHT, class_="threshold"))
        bars.append(tag("line", x1=x, x2=x, y1=0, y2=HEIGHT, class_="moved"))
    names = dict(zip([group for group, _ in shown], groups, strict=False))
    legend = [
        tag("span", tag("i", class_=group), f" {names.get(group, name)} {spread.total(group):,}")
        for group, name in shown
    ]
    ticks = tag("div", *(tag("span", number(value)) for value in axis.ticks()), class_="ticks")
    scale = " (logarithmic scale)" if axis.logarithmic else ""
    return tag(
        "figure",
        _svg(join(bars), label + scale, (WIDTH, HEIGHT), "histogram"),
        ticks,
        tag("figcaption", *legend, class_="legend"),
    )


def _svg(content: Markup, label: str, size: tuple[int, int], class_: str) -> Markup:
    return tag(
        "svg",
        content,
        viewBox=f"0 0 {size[0]} {size[1]}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_=class_,
    )
