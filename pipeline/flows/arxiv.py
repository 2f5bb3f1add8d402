"""arXiv, 2.5% of the corpus: LaTeX without "everything before the first section, as well as the
bibliography", without comments, definitions and macros "inline-expanded" (LLaMA, arXiv:2302.13971,
section 2.1)."""

from __future__ import annotations

from typing import ClassVar, Literal

import orjson
from pydantic import Field

from filters.latex import paper
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts, OlderVersions
from pipeline.flow import Flow
from pipeline.readers.arxiv import ArxivReader
from pipeline.records import Document, Reader, Verdict
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.read import ReadStage
from pipeline.transforms.rules import PAGE_RULES


class ArxivSources(ReadStage):
    """arXiv's bulk archives, and sources of single papers, in any mixture."""

    def reader(self) -> Reader:
        """An ArxivReader with this stage's limits."""
        return ArxivReader(self.max_document_bytes)


class CleanLatex(CleanStage):
    """A paper's files to one text; docs/sources/arxiv.md says how."""

    name: ClassVar[str] = "latex"
    appendix: Literal["keep", "drop"] = Field(
        "keep", description="the paper names the bibliography alone; RedPajama and Minerva cut from here on"
    )
    title_and_abstract: bool = Field(False, description="Minerva put them before the body; LLaMA not")
    no_section: Literal["keep", "drop"] = Field(
        "keep", description="letters and notes: ours; Minerva and RedPajama drop them"
    )

    def clean(self, document: Document) -> None:
        """Turn `content` into `text`; metadata gains the title and what could not be read or expanded.

        Verdicts: `no_tex` where no file is TeX, `no_section` where `no_section` is to drop.
        """
        if document.content is None:
            return
        cleaned = paper(orjson.loads(document.content), self.appendix == "keep", self.title_and_abstract)
        document.content = None
        if cleaned is None:
            document.verdict = Verdict("no_tex")
            return
        document.text = cleaned.text
        facts = {
            "title": cleaned.title,
            "files_unread": cleaned.unread,
            "inputs_missing": len(cleaned.missing),
            "macros_left": len(cleaned.stuck),
            "cut_short": cleaned.limited,
            "no_section": not cleaned.has_sections,
        }
        document.metadata |= {name: value for name, value in facts.items() if value}
        if not cleaned.has_sections and self.no_section == "drop":
            document.verdict = Verdict("no_section")


class DropEmpty(CleanStage):
    """Papers of which too little is left go: notices of withdrawal, covers of a PDF."""

    name: ClassVar[str] = "empty"
    min_letters: int = Field(200, ge=0, description="ours; the shortest letter of the samples has 1,500")

    def clean(self, document: Document) -> None:
        """Set the verdict `empty` with the number of letters, those of commands too."""
        letters = sum(map(str.isalpha, document.text[: 10 * self.min_letters + 1000]))
        if letters < self.min_letters:
            document.verdict = Verdict(self.name, letters, self.min_letters)


ARXIV = Flow(
    name="arxiv",
    read=ArxivSources(),
    clean=(CleanLatex(), DropEmpty()),
    rounds=(DuplicateIds(), OlderVersions()),
    judge=PAGE_RULES,
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
)
