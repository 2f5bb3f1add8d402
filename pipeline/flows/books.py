"""Books, 4.5% of the corpus: Project Gutenberg and any collection of one book a text; "book level
deduplication, removing books with more than 90% content overlap" (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field

from filters.gutenberg import book
from filters.gutenberg_languages import language_code
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.flow import Flow
from pipeline.readers.books import BooksReader
from pipeline.readers.documents import DocumentsReader
from pipeline.records import Document, Reader, Verdict
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.read import Documents
from pipeline.transforms.rules import PAGE_RULES

_WEB_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype html|html|head)\b", re.I | re.S
)
_NO_LETTERS = re.compile(r"[\W\d_]+")


class Books(Documents):
    """Texts, zip and tar collections of them, JSON lines and Parquet with one book a row."""

    number_in_name: bool = Field(
        False, description="a file 1342.txt without a header is Gutenberg's book 1342, as in PG19"
    )

    def reader(self) -> Reader:
        """A BooksReader with this stage's columns and limits."""
        rows = DocumentsReader(self.text, self.url, self.timestamp, self.id)
        return BooksReader(rows, self.number_in_name, self.max_document_bytes)


class DropWebPages(CleanStage):
    """Web pages saved under a book's name, such as a site's "404" answer to a download."""

    name: ClassVar[str] = "web_page"

    def clean(self, document: Document) -> None:
        """Set the verdict `web_page` where the text begins as HTML."""
        if _WEB_PAGE.match(document.text):
            document.verdict = Verdict("web_page")


class StripGutenberg(CleanStage):
    """Project Gutenberg's header, licence, credits and notes go; docs/sources/books.md says how."""

    name: ClassVar[str] = "gutenberg"

    def clean(self, document: Document) -> None:
        """Replace `text`; metadata gains what the header says, `language` the code of the first named."""
        stripped = book(document.text)
        document.text = stripped.text
        document.metadata |= stripped.fields
        if not document.language:
            document.language = language_code(stripped.fields.get("language", ""))


class DropPlaceholders(CleanStage):
    """Files that hold no book: a few words where one should be, or data."""

    name: ClassVar[str] = "placeholder"
    min_words: int = Field(
        200, ge=0, description="ours; the Gettysburg Address, one of Gutenberg's shortest, has 270"
    )
    min_letters: float = Field(
        0.5,
        ge=0,
        le=1,
        description="ours: share of letters in what is not space; Gutenberg has the digits of pi as books",
    )

    def clean(self, document: Document) -> None:
        """Set the verdict `placeholder` with the number of words, or `data` with the share of letters.

        In scripts that do not part words by spaces, eight letters at least count as a word.
        """
        words = document.text.split()
        written = "".join(words)
        letters = len(_NO_LETTERS.sub("", written))
        count = max(len(words), letters // 8)
        if count < self.min_words:
            document.verdict = Verdict("placeholder", count, self.min_words)
            return
        share = letters / len(written) if written else 0.0
        if share < self.min_letters:
            document.verdict = Verdict("data", share, self.min_letters)


BOOKS = Flow(
    name="books",
    read=Books(),
    clean=(DropWebPages(), StripGutenberg(), DropPlaceholders()),
    rounds=(DuplicateIds(),),
    judge=PAGE_RULES,
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(preset="books", measure="either", threshold=0.9),),
)
