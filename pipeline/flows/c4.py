"""C4 as published: LLaMA took it unchanged; here records read twice and equal texts go."""

from __future__ import annotations

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.flow import Flow
from pipeline.transforms.judges import Language
from pipeline.transforms.read import Documents
from pipeline.transforms.rules import PAGE_RULES

C4 = Flow(
    name="c4",
    read=Documents(),
    rounds=(DuplicateIds(),),
    judge=(Language(on=False), *PAGE_RULES),
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
)
