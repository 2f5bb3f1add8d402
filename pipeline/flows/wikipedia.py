"""Wikipedia, 4.5% of the corpus: the dumps of June to August 2022 in 20 languages, "to remove hyperlinks,
comments and other formatting boilerplate" (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from filters.wikitext import clean
from filters.wikitext_kinds import list_share, page_kind
from filters.wikitext_namespaces import namespaces
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.errors import WinnowError
from pipeline.files import join, open_file
from pipeline.flow import Flow
from pipeline.inputs import InputFile
from pipeline.parts import Part, Reading
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.readers.wikipedia_streams import PART_BYTES, check_parts, index_name, is_index, parts
from pipeline.readers.wikipedia_streams import Part as Streams
from pipeline.records import Document, Event, Verdict
from pipeline.transforms.clean import CleanStage, DropShort
from pipeline.transforms.read import ReadStage
from pipeline.transforms.rules import PAGE_RULES


class WikipediaDump(ReadStage):
    """A pages-articles XML dump of any language, as bzip2, gzip or plain."""

    wiki: str = Field("", description="a dump's wiki (dewiki), where its header lacks it or errs")
    index: str = Field("", description="a multistream dump's index, or their folder, where not beside it")
    part_bytes: int = Field(
        PART_BYTES, gt=0, description="ours: stored bytes of a multistream dump in one unit of work"
    )

    def settings(self) -> dict[str, Any]:
        """All that decides what is read; the index's content does, not its path."""
        return {key: value for key, value in super().settings().items() if key != "index"}

    def reader(self) -> WikipediaReader:
        """A WikipediaReader with this stage's settings."""
        return WikipediaReader(wiki=self.wiki, max_document_bytes=self.max_document_bytes)

    def beside(self, path: str) -> Sequence[str]:
        """The index of a multistream dump: the one named, else by its name in the dump's folder."""
        folder, _, name = path.rpartition("/")
        index = index_name(name)
        if not index:
            return ()
        if not self.index:
            return (f"{folder}/{index}" if folder else index,)
        return (self.index if is_index(posixpath.basename(self.index)) else join(self.index, index),)

    def parts(self, file: InputFile) -> list[Part]:
        """Ranges of about `part_bytes` of a multistream dump, by its index; without one none.

        Raises WinnowError where the index is not of this dump.
        """
        if not file.beside:
            return []
        try:
            with open_file(file.beside[0].path) as index:
                found = parts(index, file.size, self.part_bytes)
            with open_file(file.path) as dump:
                check_parts(dump, found)
        except WinnowError as error:
            raise WinnowError(f"{file.beside[0].path}: {error}") from error
        return [Part(part.first, part.end - part.start, part._asdict()) for part in found]

    def events(self, reading: Reading) -> Iterator[Event]:
        """One event for each page of a dump, or of a range of it."""
        if reading.place is None:
            yield from super().events(reading)
            return
        with open_file(reading.path) as stream:
            yield from self.reader().read_part(stream, reading.name, Streams(**reading.place))

    def check_inputs(self, source: str, names: Sequence[str]) -> None:
        """Raise WinnowError for one index named beside several multistream dumps."""
        dumps = [name for name in names if index_name(name)]
        if is_index(posixpath.basename(self.index)) and len(dumps) > 1:
            raise WinnowError(
                f"sources.{source}.read.index names one index for {len(dumps)} multistream dumps; "
                "name the folder of their indexes"
            )


class CleanWikitext(CleanStage):
    """Wikitext to the text that a reader sees; docs/sources/wikipedia.md says how."""

    name: ClassVar[str] = "wikitext"
    disambiguation_templates: tuple[str, ...] = Field(
        (), description="of disambiguation pages, beside those known of the 20 languages"
    )
    list_titles: tuple[str, ...] = Field(
        (), description="how titles of lists begin, beside those known of the 20 languages"
    )

    def clean(self, document: Document) -> None:
        """Replace `text`; metadata loses `namespaces` and gains the `kind` of a page that is no article."""
        header = document.metadata.pop("namespaces", ())
        spaces = namespaces(document.language, tuple((name, number) for name, number in header))
        kind = page_kind(
            document.metadata["title"],
            document.text,
            document.language,
            self.disambiguation_templates,
            self.list_titles,
        )
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
    judge=PAGE_RULES,
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
)
