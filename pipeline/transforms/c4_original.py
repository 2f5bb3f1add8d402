"""What the code that made C4 does besides: stages that only its preset `c4@tfds` turns on."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

from pydantic import Field

from filters.c4_english import UNDETERMINED, detect
from filters.c4_wet import split_wet_page
from pipeline.errors import WinnowError
from pipeline.models import Model
from pipeline.records import Document, Verdict
from pipeline.transforms.clean import BYTES_REMOVED, CleanStage
from pipeline.transforms.judging import Check, JudgeStage, Judging


class SplitWet(CleanStage):
    """The page as c4_utils.py's `split_wet_file` reads it out of a WET file: without blank lines, and with
    lines of the text that look like a record's headers taken for such."""

    name: ClassVar[str] = "split_wet"
    notes: ClassVar[str] = "split_wet"

    def clean(self, document: Document) -> None:
        """Change text, address and date, or set the verdict `split_wet.<fault>`; metadata gets `split_wet`,
        what went."""
        page = split_wet_page(document.text, document.url, document.timestamp)
        notes: dict[str, Any] = {"texts_cut": page.texts_cut} if page.texts_cut else {}
        if page.fault:
            document.verdict = Verdict(f"{self.name}.{page.fault}")
        else:
            document.text, document.url, document.timestamp = page.text, page.url, page.date
            if page.removed:
                notes[BYTES_REMOVED] = page.removed
        if notes:
            document.metadata[self.notes] = notes


class DetectEnglish(JudgeStage):
    """English pages by langdetect, as in c4_utils.py, `detect_english`."""

    name: ClassVar[str] = "detect_english"
    decides: ClassVar[frozenset[str]] = frozenset({"min_probability"})
    min_probability: float = Field(0.99, ge=0, le=1, description="c4_utils.py, detect_english")

    def settings(self) -> dict[str, Any]:
        """All that decides what the stage does: the version of langdetect, which ships its profiles, too."""
        return {**super().settings(), "langdetect": _langdetect_version()}

    def load(self, models: dict[str, Model]) -> None:
        """langdetect's profiles."""
        _langdetect_version()
        detect("")

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Record language and score; rules `detect_english.<counter>`, named as the original's counters.

        The confidence is asked before the language: a page that is surely French is `ignored_language`, one
        that may be French `low_confidence`.
        """
        for row in batch.rows().tolist():
            found = detect(batch.texts[row])
            batch.languages[row] = found.language
            batch.record("language_score", [row], [found.probability])
            batch.settle(row, self._checks(found.language, found.probability))

    def _checks(self, language: str, score: float) -> list[Check]:
        sure = score >= self.min_probability
        return [
            Check(f"{self.name}.langdetect_exception", None, None, language != ""),
            Check(f"{self.name}.no_predictions", None, None, language != UNDETERMINED),
            Check(f"{self.name}.low_confidence", score, self.min_probability, sure),
            Check(f"{self.name}.ignored_language", None, None, language == "en"),
        ]

    def checks(self, row: Mapping[str, Any], models: dict[str, Model]) -> list[Check] | None:
        """By `language` and `language_score`."""
        score = row["language_score"]
        return None if score is None else self._checks(row["language"], score)


def _langdetect_version() -> str:
    try:
        return version("langdetect")
    except PackageNotFoundError:
        raise WinnowError(
            "The stage detect_english needs langdetect, which is not installed: "
            "pip install 'winnow[langdetect]'."
        ) from None
