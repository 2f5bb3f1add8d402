"""CommonCrawl, two thirds of the corpus: CCNet's line deduplication, language and perplexity, then a
linear classifier."""

from __future__ import annotations

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.dedup.rounds_lines import DuplicateLines
from pipeline.flow import Flow
from pipeline.transforms.clean import DropShort, ExtractText
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.read import WarcOrWet
from pipeline.transforms.rules import PAGE_RULES

COMMONCRAWL = Flow(
    name="commoncrawl",
    read=WarcOrWet(),
    clean=(ExtractText(), DropShort()),
    rounds=(DuplicateIds(forms=("warc", "wet")), DuplicateLines(scope="snapshot", keep="none")),
    judge=(Language(), *PAGE_RULES, Perplexity(), WikipediaReference()),
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
)
