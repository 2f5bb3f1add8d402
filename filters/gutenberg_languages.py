"""The names that Project Gutenberg's headers give languages, as codes."""

from __future__ import annotations

import re

# Every language with 30 or more books at Gutenberg, and those of the samples; ISO 639-1 where it has one.
_CODES = {
    **{"english": "en", "french": "fr", "finnish": "fi", "german": "de", "dutch": "nl", "italian": "it"},
    **{"spanish": "es", "portuguese": "pt", "hungarian": "hu", "chinese": "zh", "swedish": "sv"},
    **{"greek": "el", "esperanto": "eo", "latin": "la", "danish": "da", "tagalog": "tl", "catalan": "ca"},
    **{"polish": "pl", "norwegian": "no", "japanese": "ja", "welsh": "cy", "czech": "cs", "russian": "ru"},
    **{"icelandic": "is", "hebrew": "he", "serbian": "sr", "bulgarian": "bg", "afrikaans": "af"},
    **{"friulian": "fur", "frisian": "fy", "romanian": "ro", "ukrainian": "uk", "irish": "ga"},
}
_BETWEEN = re.compile(r"[,;/&(]| and ")


def language_code(named: str) -> str:
    """The code of the first language in a header's field ("English, Spanish, Tagalog": "en"), "" if unknown.

    Codes are ISO 639-1, of Friulian ISO 639-2.
    """
    return _CODES.get(_BETWEEN.split(named, maxsplit=1)[0].strip().lower(), "")
