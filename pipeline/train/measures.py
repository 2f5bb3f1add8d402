"""How well a score tells two classes apart."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CALIBRATION_BINS: Final = 5


def roc_auc(scores: Floats, positive: Bools) -> float:
    """The probability that a positive scores above a negative, ties counting half; NaN without both."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return float("nan")
    _, place, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[place]
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


class AtThreshold(NamedTuple):
    """Precision and recall of "score at or above a threshold", NaN where nothing is to be divided by."""

    precision: float
    recall: float
    kept: int


def at_threshold(scores: Floats, positive: Bools, threshold: float) -> AtThreshold:
    """Precision and recall of the positives when everything at or above `threshold` is taken."""
    kept = scores >= threshold
    hits = int((kept & positive).sum())
    return AtThreshold(_share(hits, int(kept.sum())), _share(hits, int(positive.sum())), int(kept.sum()))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


class CalibrationBin(NamedTuple):
    """Texts whose score lies in [low, high): how many, their mean score, their share of positives."""

    low: float
    high: float
    texts: int
    mean_score: float
    positive_share: float


def calibration(scores: Floats, positive: Bools, bins: int = CALIBRATION_BINS) -> list[CalibrationBin]:
    """Mean score beside the share of positives, in `bins` equal parts of [0, 1] that hold any text."""
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return [
        CalibrationBin(
            number / bins,
            (number + 1) / bins,
            int((place == number).sum()),
            float(scores[place == number].mean()),
            float(positive[place == number].mean()),
        )
        for number in range(bins)
        if (place == number).any()
    ]


def paired_auc(scores: Floats, positive: Bools, lengths: Floats, factor: float) -> tuple[float, int]:
    """ROC AUC with length held fixed, and on how many pairs it rests.

    It is taken over the pairs of a positive and a negative whose lengths are within `factor` of each other;
    NaN where there is none.
    """
    above = scores[positive][:, None] - scores[~positive][None, :]
    ratio = np.abs(np.log(lengths[positive])[:, None] - np.log(lengths[~positive])[None, :])
    close = ratio <= np.log(factor)
    pairs = int(close.sum())
    if not pairs:
        return float("nan"), 0
    return float(((above > 0) + 0.5 * (above == 0))[close].mean()), pairs
