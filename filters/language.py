"""Which language a text is in, by fastText's lid.176 as CCNet uses it (cc_net `split_by_lang.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters import south_slavic

LABEL_PREFIX: Final = "__label__"
CCNET_THRESHOLD: Final = 0.5
"""The score below which CCNet drops a document (cc_net `mine.py`, `lang_threshold`)."""

CANDIDATES: Final = 10
"""How many languages are weighed against each other where a text is looked at twice."""


def as_one_line(text: str) -> str:
    """`text` as fastText must be given it: one line, ended by a newline.

    Line ends become spaces: cc_net deletes them, which glues the last word of a line to the next line's
    first. fastText stops reading at a word `</s>`, so that one in the text becomes a space too.
    """
    return text.replace("\n", " ").replace("</s>", " ") + "\n"


def identify(
    model: Any, texts: Sequence[str], refine: bool = False, characters: int | None = None
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """The most probable language of each text and its probability.

    `model` is a fastText language model such as lid.176. Returns as many labels (`en`, without fastText's
    prefix) and scores as there are texts; a score is in [0, 1] and not rounded, since cc_net's rounding to
    two decimals before the comparison lets 0.496 pass a threshold of 0.5. A blank text has label "" and
    score 0. With `refine`, which cc_net has not, a text all in capitals is asked for in small letters, and
    South Slavic languages are told apart by their letters too (`filters.south_slavic`). With `characters`,
    only so many from a text's beginning are looked at, which is faster.
    """
    labels = [""] * len(texts)
    scores = np.zeros(len(texts))
    # fastText answers even an empty line: with the language of its end-of-line mark.
    filled = [index for index, text in enumerate(texts) if text and not text[:characters].isspace()]
    asked = [texts[index][:characters] for index in filled]
    if refine:
        asked = [text.lower() if text.isupper() else text for text in asked]
    for index, text, answer in zip(filled, asked, _predict(model, asked, 1), strict=True):
        (labels[index], scores[index]) = next(iter(answer.items()))
        if refine and south_slavic.concerns(labels[index], text):
            weighed = south_slavic.weigh(text, _predict(model, [text], CANDIDATES)[0])
            labels[index] = max(weighed, key=weighed.__getitem__)
            scores[index] = weighed[labels[index]]
    return labels, np.clip(scores, 0.0, 1.0)


def _predict(model: Any, texts: Sequence[str], count: int) -> list[dict[str, float]]:
    """The `count` most probable labels of each text, in falling order, with their probabilities."""
    # The raw call: `predict` checks each text again, and fails on a single one with numpy 2.
    lines = [as_one_line(text) for text in texts]
    found, probabilities = model.f.multilinePredict(lines, count, 0.0, "strict")
    return [
        {label.removeprefix(LABEL_PREFIX): float(value) for label, value in zip(names, values, strict=True)}
        for names, values in zip(found, probabilities, strict=True)
    ]
