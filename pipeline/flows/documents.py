"""A user's own documents: read as they are; every stage that a config names is done."""

from __future__ import annotations

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.dedup.rounds_lines import DuplicateLines
from pipeline.flow import Flow
from pipeline.transforms.c4 import C4Page, DropBadWords, DropLong
from pipeline.transforms.clean import DropShort
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.read import Documents
from pipeline.transforms.rules import PAGE_RULES

DOCUMENTS = Flow(
    name="documents",
    read=Documents(),
    clean=(DropShort(on=False), DropLong(on=False), C4Page(on=False)),
    rounds=(DuplicateIds(), DuplicateLines(on=False, scope="global")),
    judge=(
        Language(on=False),
        DropBadWords(on=False),
        *PAGE_RULES,
        Perplexity(on=False),
        WikipediaReference(on=False),
    ),
    duplicates=(DuplicateTexts(on=False),),
    near_duplicates=(NearDuplicates(on=False),),
)
