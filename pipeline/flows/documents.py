"""A user's own documents: read as they are; every stage that a config names is done."""

from __future__ import annotations

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_c4 import DuplicateUrls
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.dedup.rounds_lines import DuplicateLines
from pipeline.flow import Flow
from pipeline.transforms.c4 import C4Page, C4Sentences, DropBadWords, DropLong
from pipeline.transforms.c4_original import DetectEnglish
from pipeline.transforms.clean import DropShort
from pipeline.transforms.code import (
    AlphanumericShare,
    DropEmpty,
    DropEncoded,
    LettersPerToken,
    MaxLineLength,
    MeanLineLength,
)
from pipeline.transforms.code_later import AlphabeticShare, MaxLines
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.masking import MaskSecrets
from pipeline.transforms.read import Documents
from pipeline.transforms.rules import PAGE_RULES

DOCUMENTS = Flow(
    name="documents",
    read=Documents(),
    clean=(
        DropEmpty(on=False),
        DropShort(on=False),
        DropLong(on=False),
        MaxLineLength(on=False),
        MeanLineLength(on=False),
        MaxLines(on=False),
        AlphanumericShare(on=False),
        AlphabeticShare(on=False),
        LettersPerToken(on=False),
        DropEncoded(on=False),
        C4Page(on=False),
    ),
    rounds=(DuplicateIds(), DuplicateUrls(on=False), DuplicateLines(on=False, scope="global")),
    judge=(
        C4Sentences(on=False),
        Language(on=False),
        DetectEnglish(on=False),
        DropBadWords(on=False),
        *PAGE_RULES,
        Perplexity(on=False),
        WikipediaReference(on=False),
        MaskSecrets(on=False),
    ),
    duplicates=(DuplicateTexts(on=False),),
    near_duplicates=(NearDuplicates(on=False),),
)
