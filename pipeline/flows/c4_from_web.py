"""C4 made again from CommonCrawl, by the rules of the code that made it (Raffel et al. 2020, section 2.2)."""

from __future__ import annotations

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_c4 import DuplicateUrls, OwnedLines
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.flow import Flow
from pipeline.transforms.c4 import C4Page, C4Sentences, DropBadWords, DropLong
from pipeline.transforms.clean import ExtractText
from pipeline.transforms.judges import Language
from pipeline.transforms.read import WarcOrWet
from pipeline.transforms.rules import PAGE_RULES

C4_FROM_WEB = Flow(
    name="c4_from_web",
    read=WarcOrWet(),
    clean=(ExtractText(), DropLong(), C4Page()),
    # WET first: C4 was made from it.
    rounds=(DuplicateIds(forms=("wet", "warc")), DuplicateUrls(), OwnedLines()),
    judge=(C4Sentences(), Language(), DropBadWords(), *PAGE_RULES),
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
)
