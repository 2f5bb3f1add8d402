"""Wikipedia, 4.5% of the corpus: the dumps of June to August 2022 in 20 languages, "to remove hyperlinks,
comments and other formatting boilerplate" (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from filters.wikitext import clean
from filters.wikitext_kinds import list_share, page_kind
from filters.wikitext_namespaces import namespaces
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.flow import Flow
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.records import Document, Reader, Verdict
from pipeline.transforms.clean import CleanStage, DropShort
from pipeline.transforms.read import ReadStage


class WikipediaDump(ReadStage):
    """A pages-articles XML dump of any language, as bzip2, gzip or plain."""

    wiki: str = Field("", description="a dump's wiki (dewiki), where its header lacks it or errs")

    def reader(self) -> Reader:
        """A WikipediaReader with this stage's settings."""
        return WikipediaReader(wiki=self.wiki, max_document_bytes=self.max_document_bytes)


class CleanWikitext(CleanStage):
    """Wikitext to the text that a reader sees; docs/sources/wikipedia.md says how."""

    name: ClassVar[str] = "wikitext"

    def clean(self, document: Document) -> None:
        """Replace `text`; metadata loses `namespaces` and gains the `kind` of a page that is no article."""
        header = document.metadata.pop("namespaces", ())
        spaces = namespaces(document.language, tuple((name, number) for name, number in header))
        kind = page_kind(document.metadata["title"], document.text, document.language)
        if kind is not None:
            document.metadata["kind"] = kind
        document.text = clean(document.text, document.language, spaces).text


class DropPageKinds(CleanStage):
    """Disambiguation pages, and pages titled as lists that are mostly list; RedPajama keeps them."""

    name: ClassVar[str] = "page_kinds"
    drop: tuple[Literal["disambiguation", "list_page"], ...] = Field(
        ("disambiguation", "list_page"), description="known by template and title in each language"
    )
    max_list_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="a page titled as a list stays up to this share of characters in short list items",
    )

    def clean(self, document: Document) -> None:
        """Set the verdict `disambiguation` or `list_page`, the latter with the share of list items."""
        kind = document.metadata.get("kind")
        if kind == "disambiguation" and kind in self.drop:
            document.verdict = Verdict(kind)
        elif kind == "list_page" and kind in self.drop:
            share = list_share(document.text)
            if share > self.max_list_share:
                document.verdict = Verdict(kind, share, self.max_list_share)


WIKIPEDIA = Flow(
    name="wikipedia",
    read=WikipediaDump(),
    # Dolma drops pages of 25 words or fewer, which 150 characters are in most languages.
    clean=(CleanWikitext(), DropPageKinds(), DropShort(min_characters=150)),
    rounds=(DuplicateIds(),),
    duplicates=(DuplicateTexts(),),
)
