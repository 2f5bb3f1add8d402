"""C4's bad words: pages are dropped for one word of a list, LDNOOBW's in the published data sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# Written without spaces: a word may stand anywhere (c4_utils.py, get_badwords_filter_fn).
_UNSPACED = frozenset({"ja", "th", "zh"})
# Words that are common parts of others there; each would drop more than a tenth of its language's pages
# (c4.py of tensorflow-datasets).
_ALLOWED: Mapping[str, frozenset[str]] = MappingProxyType(
    {"ja": frozenset({"sm", "グロ", "女の子"}), "zh": frozenset({"性"})}
)
_WORD = re.compile(r"\w+")


class BadWords:
    """The words of one language, ready to be looked for.

    A word counts where it stands between characters that are no letters, digits or underscores; in
    Japanese, Thai and Chinese anywhere. Source: c4_utils.py, version 3 of C4. Case does not matter; with
    `as_listed`, as in the original, words are looked for as they are listed in a text of lower case, so
    that the capitals of the lists (61 of the 68 words of the Spanish one) are never found.
    """

    def __init__(self, words: Iterable[str], language: str = "en", as_listed: bool = False) -> None:
        stripped = (word.strip() for word in words)
        listed = {word if as_listed else word.lower() for word in stripped}
        listed -= {""} | _ALLOWED.get(language, frozenset())
        unspaced = language in _UNSPACED
        self._words = frozenset(word for word in listed if not unspaced and _WORD.fullmatch(word))
        self._phrases = {
            word: re.compile(re.escape(word) if unspaced else rf"(?:\W|^){re.escape(word)}(?:\W|$)")
            for word in sorted(listed - self._words)
        }

    def find(self, text: str) -> str | None:
        """One of the listed words in `text`, the first in the alphabet; None where there is none."""
        lower = text.lower()
        found = list(self._words.intersection(_WORD.findall(lower)))
        found += [word for word, pattern in self._phrases.items() if word in lower and pattern.search(lower)]
        return min(found, default=None)
