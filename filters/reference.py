"""How much a text resembles pages that Wikipedia cites: LLaMA's linear classifier, after RedPajama."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.language import LABEL_PREFIX, as_one_line

POSITIVE: Final = LABEL_PREFIX + "wiki"
NEGATIVE: Final = LABEL_PREFIX + "cc"
"""The labels of RedPajama's classifier (RedPajama-Data `rp_v1`, `data_prep/cc/classifier`)."""

REDPAJAMA_THRESHOLD: Final = 0.25
"""RedPajama keeps a page from this score on; the paper's wording implies 0.5."""


def reference_scores(model: Any, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """The probability, for each text, that it is a page of the kind that Wikipedia cites.

    `model` is a supervised fastText model with the labels `wiki` and `cc`. A text is one line, its lines
    joined by one space. Scores are clamped to [0, 1], since fastText's may exceed 1; a blank text scores 0.
    """
    scores = np.zeros(len(texts))
    filled = [index for index, text in enumerate(texts) if not text.isspace() and text]
    found, probabilities = model.f.multilinePredict([as_one_line(texts[i]) for i in filled], 1, 0.0, "strict")
    for index, labels, values in zip(filled, found, probabilities, strict=True):
        scores[index] = values[0] if labels[0] == POSITIVE else 1.0 - values[0]
    return np.clip(scores, 0.0, 1.0)
