"""Which language a text is in, by fastText's lid.176 as CCNet uses it (cc_net `split_by_lang.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

LABEL_PREFIX: Final = "__label__"
CCNET_THRESHOLD: Final = 0.5
"""The score below which CCNet drops a document (cc_net `mine.py`, `lang_threshold`)."""


def as_one_line(text: str) -> str:
    """`text` as fastText must be given it: one line, ended by a newline.

    Line ends become spaces: cc_net deletes them, which glues the last word of a line to the next line's
    first. fastText stops reading at a word `</s>`, so that one in the text becomes a space too.
    """
    return text.replace("\n", " ").replace("</s>", " ") + "\n"


def identify(model: Any, texts: Sequence[str]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """The most probable language of each text and its probability.

    `model` is a fastText language model such as lid.176. Returns as many labels (`en`, without fastText's
    prefix) and scores as there are texts; a score is in [0, 1] and not rounded, since cc_net's rounding to
    two decimals before the comparison lets 0.496 pass a threshold of 0.5. A blank text has label "" and
    score 0.
    """
    labels = [""] * len(texts)
    scores = np.zeros(len(texts))
    # fastText answers even an empty line: with the language of its end-of-line mark.
    filled = [index for index, text in enumerate(texts) if not text.isspace() and text]
    # The raw call: `predict` checks each text again, and fails on a single one with numpy 2.
    found, probabilities = model.f.multilinePredict([as_one_line(texts[i]) for i in filled], 1, 0.0, "strict")
    for index, names, values in zip(filled, found, probabilities, strict=True):
        labels[index] = names[0].removeprefix(LABEL_PREFIX)
        scores[index] = values[0]
    return labels, np.clip(scores, 0.0, 1.0)
