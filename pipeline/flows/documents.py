"""A user's own documents: read as they are; every stage that a config names is done."""

from __future__ import annotations

from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.dedup.rounds_lines import DuplicateLines
from pipeline.flow import Flow
from pipeline.transforms.clean import DropShort
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.read import Documents

DOCUMENTS = Flow(
    name="documents",
    read=Documents(),
    clean=(DropShort(on=False),),
    rounds=(DuplicateIds(), DuplicateLines(on=False, scope="global")),
    judge=(Language(on=False), Perplexity(on=False), WikipediaReference(on=False)),
    duplicates=(DuplicateTexts(on=False),),
)
