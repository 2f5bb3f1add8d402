"""Superscripts and subscripts in plain text."""

from __future__ import annotations

import re

from filters.wikitext_marks import SUB_CLOSE, SUB_OPEN, SUP_CLOSE, SUP_OPEN

_RAISED = str.maketrans("0123456789+-−–=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−–=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₋₌₍₎")
_INNERMOST = re.compile(
    f"{SUP_OPEN}([^{SUP_OPEN}-{SUB_CLOSE}]*+){SUP_CLOSE}|{SUB_OPEN}([^{SUP_OPEN}-{SUB_CLOSE}]*+){SUB_CLOSE}"
)
_MARKS = str.maketrans("", "", SUP_OPEN + SUP_CLOSE + SUB_OPEN + SUB_CLOSE)


def raised_and_lowered(text: str) -> str:
    """`text` with raised and lowered digits and signs as Unicode has them (m², H₂O); letters stay.

    Letters have no complete set in Unicode: 1<sup>st</sup> reads "1st", x<sub>max</sub> "xmax".
    """
    if SUP_OPEN not in text and SUB_OPEN not in text:
        return text
    return _INNERMOST.sub(_script, text).translate(_MARKS)


def _script(match: re.Match[str]) -> str:
    content, table = (match[1], _RAISED) if match[1] is not None else (match[2], _LOWERED)
    return content.translate(table) if all(ord(character) in table for character in content) else content
