"""Stages of `prepare`: one document at a time, from raw content to text, and rules that must come first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from pydantic import Field

from filters.html import extract
from pipeline.records import Document, Verdict
from pipeline.transforms.stage import Stage

# What a stage that takes parts out of texts leaves in its notes: {rule: bytes of UTF-8}.
BYTES_REMOVED = "bytes_removed"


class CleanStage(Stage, ABC):
    """A stage that changes one document in place, or sets its verdict.

    An exception it raises makes the document a dead letter. `notes` is the key under which it leaves in the
    metadata what it did, for the books where it has BYTES_REMOVED.
    """

    notes: ClassVar[str] = ""

    @abstractmethod
    def clean(self, document: Document) -> None:
        """Change `document`, which has no verdict yet."""


class ExtractText(CleanStage):
    """HTML to text by a named extractor; documents that are text already pass."""

    name: ClassVar[str] = "extract_text"
    extractor: Literal["winnow", "resiliparse", "trafilatura"] = Field(
        "winnow", description="docs/extraction.md has quality and speed of each"
    )

    def clean(self, document: Document) -> None:
        """Turn `content` into `text`, the page's title into metadata."""
        if document.content is None:
            return
        page = extract(document.content, document.charset, self.extractor)
        document.content = None
        document.text = page.text
        if page.title:
            document.metadata["title"] = page.title


class DropShort(CleanStage):
    """Documents under a number of characters go before anything else is asked of them."""

    name: ClassVar[str] = "short"
    min_characters: int = Field(300, ge=0, description="cc_net, process_wet_file.py: 300, before line dedup")

    def clean(self, document: Document) -> None:
        """Set the verdict `short` where the text has fewer characters than `min_characters`."""
        if len(document.text) < self.min_characters:
            document.verdict = Verdict("short", len(document.text), self.min_characters)
