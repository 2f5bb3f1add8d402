"""CCNet's two ways to normalise a line, bit-compatible with its `text_normalizer.py` (cc_net bda555b)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

UNICODE_PUNCTUATION: Final[dict[str, str]] = {
    "，": ",", "。": ".", "、": ",", "„": '"', "”": '"', "“": '"', "«": '"', "»": '"', "１": '"',
    "」": '"', "「": '"', "《": '"', "》": '"', "´": "'", "∶": ":", "：": ":", "？": "?", "！": "!",
    "（": "(", "）": ")", "；": ";", "–": "-", "—": " - ", "．": ". ", "～": "~", "’": "'", "…": "...",
    "━": "-", "〈": "<", "〉": ">", "【": "[", "】": "]", "％": "%", "►": "-",
}  # fmt: skip
"""The 34 characters that cc_net treats as punctuation, each with its ASCII form (`UNICODE_PUNCT`).

The full-width digit one is in cc_net's table by mistake; digits become zero first, so that it has no effect.
"""

CONTROLS: Final[frozenset[int]] = frozenset((*range(0x20), *range(0x7F, 0xA0)))
"""The code points that both normalisations delete (`NON_PRINTING_CHARS_RE`)."""

_DIGIT: Final = re.compile(r"\d")


class _LanguageModelTable(dict[int, str | None]):
    """For `str.translate` after NFD: marks and controls go, digits become 0, punctuation becomes ASCII.

    Filled as characters are met, since a complete table of Unicode would cost more than most corpora need.
    """

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        replacement: str | None
        if code in CONTROLS or unicodedata.category(character) == "Mn":
            replacement = None
        elif _DIGIT.match(character):
            replacement = "0"
        else:
            replacement = UNICODE_PUNCTUATION.get(character, character)
        self[code] = replacement
        return replacement


_LANGUAGE_MODEL_TABLE: Final = _LanguageModelTable()
_DELETED_FOR_DEDUP: Final = re.compile(
    f"[{re.escape(''.join(UNICODE_PUNCTUATION))}{re.escape(''.join(map(chr, sorted(CONTROLS))))}]"
)


def normalize_for_language_model(line: str) -> str:
    """The form in which CCNet's language models see text: `normalize(accent, case, numbers, punct=1)`.

    Takes any string, lines or a whole document. White space at both ends goes, then case and accents, every
    digit becomes 0, the 34 punctuation characters become ASCII, and control characters are deleted: newlines
    and tabs too, so that the words around them are glued together. cc_net `text_normalizer.normalize`.
    """
    line = line.strip().lower()
    if not line.isascii():
        line = unicodedata.normalize("NFD", line)
    return line.translate(_LANGUAGE_MODEL_TABLE)


def normalize_for_dedup(line: str) -> str:
    """The form in which CCNet compares lines; the empty string for a blank line.

    White space at both ends goes, then case, every digit becomes 0, and the 34 punctuation characters and
    control characters are deleted. ASCII punctuation and accents stay, although the paper says otherwise.
    cc_net `text_normalizer.normalize_for_dedup`.
    """
    return _DELETED_FOR_DEDUP.sub("", _DIGIT.sub("0", line.strip().lower()))
