"""C4 made again from CommonCrawl, by the rules of the code that made it (Raffel et al. 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_c4 import DuplicateUrls, OwnedLines
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.flow import Flow
from pipeline.models import BUNDLED
from pipeline.transforms.c4 import C4Page, C4Sentences, DropBadWords, DropLong
from pipeline.transforms.c4_original import DetectEnglish, SplitWet
from pipeline.transforms.clean import ExtractText
from pipeline.transforms.judges import Language
from pipeline.transforms.read import WarcOrWet
from pipeline.transforms.rules import PAGE_RULES

# The code that made C4, defects included: tensorflow-datasets, text/c4.py and c4_utils.py, config `en`.
_TFDS: Final[Mapping[str, Mapping[str, Any] | bool]] = {
    "split_wet": True,
    "c4_page": {"preset": "c4@tfds"},
    # One record read twice has one URL, by which the original finds it.
    "duplicate_id": False,
    "duplicate_url": {
        "preset": "c4@tfds",
        "without": ["split_wet.no_url", "split_wet.no_content", "split_wet.no_timestamp", "too_long"],
    },
    "c4_sentences": {"preset": "c4@tfds"},
    "language": False,
    "detect_english": True,
    "bad_words": {"preset": "c4@tfds", "lists": {"en": f"{BUNDLED}bad-words/en-25e679f"}},
}

C4_FROM_WEB = Flow(
    name="c4_from_web",
    read=WarcOrWet(),
    clean=(ExtractText(), SplitWet(on=False), DropLong(), C4Page()),
    # WET first: C4 was made from it.
    rounds=(DuplicateIds(forms=("wet", "warc")), DuplicateUrls(), OwnedLines()),
    judge=(C4Sentences(), Language(), DetectEnglish(on=False), DropBadWords(), *PAGE_RULES),
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
    presets={"c4@tfds": _TFDS},
)
