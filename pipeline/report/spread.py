"""How values are spread, in memory that does not grow with their number, with exact counts at bin edges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
# Three leading digits: 900 bins for each power of ten.
_DIGITS = 2
_SMALLEST = 1e-6


@dataclass
class Spread:
    """Counts of values by bin: `counts[group][edge]` values at or beyond `edge` and before the next one.

    An edge is a decimal of three digits. With `upwards` bins begin at their edge and a count of what lies at
    or above an edge is exact; without, they end there, and what lies at or below it is.
    """

    upwards: bool = True
    counts: dict[str, Counter[float]] = field(default_factory=dict)

    def add(self, group: str, values: Numbers) -> None:
        """Count `values`; NaN is no value."""
        values = values[np.isfinite(values)]
        edges, counts = np.unique(floor(values) if self.upwards else -floor(-values), return_counts=True)
        bins = self.counts.setdefault(group, Counter())
        for edge, count in zip((edges + 0.0).tolist(), counts.tolist(), strict=True):
            bins[edge] += count

    def edges(self) -> list[float]:
        """Every edge that has values, upwards."""
        return sorted({edge for bins in self.counts.values() for edge in bins})

    def total(self, group: str | None = None) -> int:
        """How many values were counted, of a group or of all."""
        return sum(bins.total() for name, bins in self.counts.items() if group in (None, name))

    def passing(self, group: str, threshold: float) -> int:
        """Values of a group that pass when `threshold`, an edge, is the least (or the most) allowed."""
        bins = self.counts.get(group, Counter())
        return sum(
            n for edge, n in bins.items() if (edge >= threshold if self.upwards else edge <= threshold)
        )

    def quantile(self, group: str, share: float) -> float | None:
        """The edge of the bin up to which `share` of a group's values lie; None without values."""
        bins, seen = self.counts.get(group, Counter()), 0
        for edge in sorted(bins):
            seen += bins[edge]
            if seen >= share * bins.total():
                return edge
        return None


def floor(values: Numbers) -> Numbers:
    """Each value rounded down to a decimal of three digits; what is nearer to 0 than a millionth, to that."""
    size = np.maximum(np.abs(values), _SMALLEST)
    exponent = np.floor(np.log10(size))
    # The logarithm was rounded too: just under a power of ten it is that power's.
    exponent -= 10.0**exponent > size
    exponent = exponent.astype(np.int64) - _DIGITS
    # Dividing or multiplying by an exact power of ten gives the double nearest to the decimal.
    up, down = 10.0 ** np.maximum(exponent, 0), 10.0 ** np.maximum(-exponent, 0)
    whole = np.floor(values / up * down)
    # The quotient was rounded: a value may stand one step off.
    whole += (whole + 1) * up / down <= values
    whole -= whole * up / down > values
    edges: Numbers = whole * up / down
    return edges
