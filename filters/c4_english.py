"""Which language langdetect finds in a text, asked as the code that made C4 asks it (c4_utils.py,
`detect_english`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

UNDETERMINED: Final = "und"


class Detected(NamedTuple):
    """The most probable language and its probability.

    `language` is "" where the text has nothing that langdetect goes by, `und` where no language has a
    probability over its minimum of 0.1.
    """

    language: str
    probability: float


def detect(text: str) -> Detected:
    """The language of `text` by langdetect with its seed at 0, from its first 10,000 characters.

    Raises ImportError where langdetect is not installed.
    """
    from langdetect import LangDetectException  # noqa: PLC0415 (optional, of one preset alone)

    detector = _profiles().create()
    detector.append(text)
    try:
        found = detector.get_probabilities()
    except LangDetectException:
        return Detected("", 0.0)
    return Detected(str(found[0].lang), float(found[0].prob)) if found else Detected(UNDETERMINED, 0.0)


@cache
def _profiles() -> Any:
    """langdetect's own languages, in the order of their names: by that of a folder's listing, which it takes
    itself, the last digits of its sums would depend on the machine."""
    from langdetect import detector_factory  # noqa: PLC0415

    factory = detector_factory.DetectorFactory()
    folder = Path(detector_factory.PROFILES_DIRECTORY)
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    factory.load_json_profile([file.read_text("utf-8") for file in files])
    factory.set_seed(0)
    return factory
