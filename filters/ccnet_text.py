"""The text normalisation of CCNet's published code, character by character."""

from __future__ import annotations

import re
from types import MappingProxyType

# facebookresearch/cc_net, cc_net/text_normalizer.py, UNICODE_PUNCT. The full-width digit one is a mistake
# there and stays, so that scores agree (in hashing it is a digit, and already 0 when the table is reached).
PUNCTUATION = MappingProxyType(
    {
        "，": ",",
        "。": ".",
        "、": ",",
        "„": '"',
        "”": '"',
        "“": '"',
        "«": '"',
        "»": '"',
        "１": '"',
        "」": '"',
        "「": '"',
        "《": '"',
        "》": '"',
        "´": "'",
        "∶": ":",
        "：": ":",
        "？": "?",
        "！": "!",
        "（": "(",
        "）": ")",
        "；": ";",
        "–": "-",
        "—": " - ",
        "．": ". ",
        "～": "~",
        "’": "'",
        "…": "...",
        "━": "-",
        "〈": "<",
        "〉": ">",
        "【": "[",
        "】": "]",
        "％": "%",
        "►": "-",
    }
)
# The same file's NON_PRINTING_CHARS_RE: C0 (tab and newline among them), DEL and C1.
CONTROL = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0))))

_DIGIT = re.compile(r"\d")
_DELETED_FOR_DEDUP = str.maketrans("", "", "".join(PUNCTUATION) + CONTROL)


def normalize_for_dedup(line: str) -> str:
    """Return what cc_net hashes of `line`: stripped, lower-cased, digits 0, no table or control characters.

    ASCII punctuation and accents stay, although the CCNet paper (1911.00359) says otherwise: the code is what
    made the published corpora. Source: facebookresearch/cc_net, text_normalizer.py, normalize_for_dedup.
    """
    return _DIGIT.sub("0", line.strip().lower()).translate(_DELETED_FOR_DEDUP)
