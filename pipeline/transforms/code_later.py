"""Stages for source code that later corpora added to lines and letters: The Stack, StarCoder, StarCoder 2.

All are off in the paper's recipe; the presets of pipeline/flows/github_presets.py turn them on.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from filters.code_heuristics import letters
from filters.code_text import visible_html
from pipeline.records import Document, Verdict
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.code import Limits, language_of, limit_for

_XML = "<?xml version="


class MaxLines(CleanStage):
    """Files of too many lines go: data, or written by a program."""

    name: ClassVar[str] = "max_lines"
    max_lines: int = Field(100_000, ge=1, description="StarCoder 2 (arXiv:2402.19173, section 2.1)")
    limits: Limits = Field({}, description="other maxima by ending or language")

    def clean(self, document: Document) -> None:
        """Set the verdict `max_lines`."""
        limit = limit_for(document, self.max_lines, self.limits)
        count = document.text.count("\n") + (not document.text.endswith("\n"))
        if limit is not None and count > limit:
            document.verdict = Verdict(self.name, count, limit)


class AlphabeticShare(CleanStage):
    """Files of too few letters go."""

    name: ClassVar[str] = "alphabetic_share"
    min_share: float = Field(0.25, ge=0, le=1, description="StarCoder 2 (arXiv:2402.19173, section 2.1)")
    limits: Limits = Field({}, description="other minima by ending or language")

    def clean(self, document: Document) -> None:
        """Set the verdict `alphabetic_share`; blank files are left to `empty`."""
        limit = limit_for(document, self.min_share, self.limits)
        if limit is None or not document.text.strip():
            return
        share = letters(document.text) / len(document.text)
        if share < limit:
            document.verdict = Verdict(self.name, share, limit)


class DropXml(CleanStage):
    """Files of XML under whatever name go."""

    name: ClassVar[str] = "xml"
    characters: int = Field(100, ge=1, description="BigCode, preprocessing/filtering.py, filter_xml")
    kept: tuple[str, ...] = Field((".xsl", ".xslt"), description="their visual_inspection.csv: XSLT stays")

    def clean(self, document: Document) -> None:
        """Set the verdict `xml`."""
        if _XML in document.text[: self.characters] and not document.metadata["path"].endswith(self.kept):
            document.verdict = Verdict(self.name)


class VisibleHtml(CleanStage):
    """Web pages with little to read go."""

    name: ClassVar[str] = "visible_text"
    min_characters: int = Field(100, ge=0, description="StarCoder 2; StarCoder's code: more than 100")
    min_share: float = Field(0.2, ge=0, le=1, description="StarCoder 2; StarCoder's code: more than 0.2")

    def clean(self, document: Document) -> None:
        """Set the verdict `visible_text` with the number of characters, or `visible_share` with the share."""
        if language_of(document) != "HTML" or not document.text:
            return
        visible = len(visible_html(document.text))
        share = visible / len(document.text)
        if visible < self.min_characters:
            document.verdict = Verdict(self.name, visible, self.min_characters)
        elif share < self.min_share:
            document.verdict = Verdict("visible_share", share, self.min_share)


class DataSize(CleanStage):
    """Files of languages for data go where they are too short or too long."""

    name: ClassVar[str] = "data_size"
    languages: tuple[str, ...] = Field(("JSON", "YAML"), description="StarCoder (arXiv:2305.06161)")
    min_characters: int = Field(
        50, ge=0, description="StarCoder; BigCode's preprocessing/arguments.py has 100 as its default"
    )
    max_characters: int = Field(5000, ge=0, description="StarCoder; BigCode, preprocessing/arguments.py")

    def clean(self, document: Document) -> None:
        """Set the verdict `data_size`."""
        if language_of(document) not in self.languages:
            return
        size = len(document.text)
        if not self.min_characters <= size <= self.max_characters:
            limit = self.min_characters if size < self.min_characters else self.max_characters
            document.verdict = Verdict(self.name, size, limit)


class TextNames(CleanStage):
    """Plain text goes unless its name is one that texts about code have."""

    name: ClassVar[str] = "text_name"
    containing: str = Field("requirement", description="StarCoder 2 (arXiv:2402.19173, section 2.1)")
    names: tuple[str, ...] = Field(
        ("readme", "notes", "todo", "description", "cmakelists"), description="StarCoder 2, without ending"
    )

    def clean(self, document: Document) -> None:
        """Set the verdict `text_name`."""
        if language_of(document) != "Text":
            return
        name = document.metadata["path"].rsplit("/", 1)[-1].lower()
        if self.containing not in name and name.split(".", 1)[0] not in self.names:
            document.verdict = Verdict(self.name)
