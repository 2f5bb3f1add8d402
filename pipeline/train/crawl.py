"""Pages of a crawl as texts to train on, straight from WARC and WET files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

from filters.html import ExtractionError, extract
from filters.language import CCNET_THRESHOLD, identify
from pipeline.models import load_fasttext, resolve
from pipeline.readers.warc import WarcReader
from pipeline.records import DeadLetter, Document

MAGIC: Final = b"WARC/"
LANGUAGE_MODEL: Final = "bundled:lid.176.ftz"
UNKNOWN: Final = "und"
"""The language of a page that CCNet's threshold finds none in (ISO 639-3: undetermined)."""


def crawled_pages(stream: BinaryIO, left_out: Counter[str]) -> Iterator[tuple[str, str, str]]:
    """URL, language and text of each page of a WARC or WET file, as the CommonCrawl flow takes them.

    HTML is extracted, the language is that of lid.176. What cannot be read is counted in `left_out`.
    """
    model = load_fasttext(resolve(LANGUAGE_MODEL))
    for event in WarcReader().read(stream, ""):
        if isinstance(event, Document):
            try:
                text = event.text if event.content is None else extract(event.content, event.charset).text
            except ExtractionError:
                left_out["unreadable"] += 1
                continue
            (language,), (score,) = identify(model, [text])
            yield event.url, language if score >= CCNET_THRESHOLD else UNKNOWN, text
        elif isinstance(event, DeadLetter):
            left_out["unreadable"] += 1
