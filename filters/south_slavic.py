"""Which South Slavic language a text is in, where fastText alone is unsure: by alphabet and script.

lid.176 has a label `sh` for what is Croatian, Serbian or Bosnian, has seen Serbian almost only in Cyrillic,
and takes short Slovenian lines for one of the three. Letters tell more than it uses: Slovenian has neither
ć nor đ, Macedonian neither ђ nor ћ, Russian no ј; Serbian writes e where the others write je, and only
Croatian says tko, nitko, svatko.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LABELS: Final = frozenset(("bs", "hr", "mk", "sh", "sl", "sr"))
"""The labels of lid.176 that are weighed anew."""

_CYRILLIC_RIVALS: Final = ("be", "bg", "ru", "uk")
_WITH_YAT: Final = ("bs", "hr")
_MARKS: Final = re.compile("[ćđ]")
_HOOKS: Final = re.compile("[čšž]")
_YAT: Final = re.compile("[bmpstv]je")
_SERBIAN_CYRILLIC: Final = re.compile("[ђћ]")
_MACEDONIAN: Final = re.compile("[ѓќѕ]")
_JE: Final = re.compile("[јљњџ]")
_SERBIAN_OR_MACEDONIAN: Final = re.compile("[јљњџђћѓќѕЈЉЊЏЂЋЃЌЅ]")
_TKO: Final = re.compile(r"\b(?:sva|ne|ni|i)?tko\b")

# How often each occurs among the letters of running text, measured on the Bosnian and Serbian Wikipedia
# articles of the sample dumps (1,161 and 11,608 letters): ć and đ .78% and, as ћ and ђ, .47%; je after these
# consonants .60% in Bosnian; ј, љ, њ, џ 3.7%.
_MARKS_RATE: Final = 0.005
_YAT_RATE: Final = 0.006
_JE_RATE: Final = 0.037

FOREIGN: Final = 0.1
"""What a letter that a language does not have leaves of its probability: names and quotations bring some."""


def concerns(label: str, text: str) -> bool:
    """Whether `weigh` may change the answer `label` for `text`."""
    return label in LABELS or (label in _CYRILLIC_RIVALS and _SERBIAN_OR_MACEDONIAN.search(text) is not None)


def weigh(text: str, probabilities: Mapping[str, float]) -> dict[str, float]:
    """`probabilities` by label, those of South Slavic languages weighed by the letters of `text`.

    Their sum stays. `sh` passes what it has to the languages it stands for. A language loses by each letter
    that it does not have, and by each letter of the text that is not one that it would have used by now.
    """
    lower = text.lower()
    letters = sum(map(str.isalpha, lower))
    weights = dict.fromkeys(probabilities, 1.0)
    if "sh" in weights and any(label in weights for label in ("bs", "hr", "sr")):
        weights["sh"] = 0.0
    if _SERBIAN_OR_MACEDONIAN.search(lower):
        _cyrillic(lower, letters, weights)
    elif _HOOKS.search(lower) or _MARKS.search(lower):
        _latin(lower, letters, weights)
    return _spread(probabilities, weights)


def _latin(lower: str, letters: int, weights: dict[str, float]) -> None:
    marks, yat = len(_MARKS.findall(lower)), len(_YAT.findall(lower))
    _scale(weights, ("sl",), FOREIGN**marks)
    if not marks:
        _scale(weights, ("bs", "hr", "sh", "sr"), (1 - _MARKS_RATE) ** letters)
    _scale(weights, ("bs", "sh", "sl", "sr"), FOREIGN ** len(_TKO.findall(lower)))
    _scale(weights, ("sr",), FOREIGN**yat)
    if not yat:
        _scale(weights, _WITH_YAT, (1 - _YAT_RATE) ** letters)


def _cyrillic(lower: str, letters: int, weights: dict[str, float]) -> None:
    serbian, macedonian = len(_SERBIAN_CYRILLIC.findall(lower)), len(_MACEDONIAN.findall(lower))
    _scale(weights, ("mk",), FOREIGN**serbian)
    _scale(weights, ("sr", "sh"), FOREIGN**macedonian)
    if not serbian:
        _scale(weights, ("sr", "sh"), (1 - _MARKS_RATE) ** letters)
    _scale(weights, _CYRILLIC_RIVALS, FOREIGN ** (serbian + macedonian + len(_JE.findall(lower))))


def _scale(weights: dict[str, float], labels: tuple[str, ...], factor: float) -> None:
    for label in labels:
        if label in weights:
            weights[label] *= factor


def _spread(probabilities: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """The probabilities times their weights, those that have changed made to sum to what they did."""
    group = [label for label in probabilities if label in LABELS or label in _CYRILLIC_RIVALS]
    weighed = {label: probabilities[label] * weights[label] for label in group}
    total = sum(weighed.values())
    if not total:
        return dict(probabilities)
    share = sum(probabilities[label] for label in group) / total
    return {**probabilities, **{label: value * share for label, value in weighed.items()}}
