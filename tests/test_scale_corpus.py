"""The corpus of benchmarks/scale.py: copies differ where they should, raw forms read without loss."""

from __future__ import annotations

import bz2
import gzip
import io

import pytest
from conftest import english_page

from benchmarks import scale_corpus
from benchmarks.scale_corpus import COMMON, SAMPLES, Series, Varied, Words, wikipedia
from pipeline.readers.arxiv import ArxivReader
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.records import DeadLetter, Document

PAGES = [english_page(number, 40) for number in range(200)]


@pytest.fixture(scope="module")
def varied() -> list[Varied]:
    """Two hundred pages in one vocabulary."""
    words = Words(PAGES)
    return [Varied(str(number), page, words) for number, page in enumerate(PAGES)]


def test_a_copy_is_the_same_each_time_and_like_the_text_it_is_made_of(varied: list[Varied]) -> None:
    again = Varied("0", PAGES[0], Words(PAGES))
    copy = varied[0].copy(3)
    assert copy == again.copy(3)
    assert copy != PAGES[0]
    assert len(copy.split("\n")) == len(PAGES[0].split("\n"))
    assert abs(len(copy) - len(PAGES[0])) < 0.2 * len(PAGES[0])


def test_one_line_of_five_is_in_every_copy_and_no_other_line_is(varied: list[Varied]) -> None:
    lines = shared = 0
    for text in varied[:50]:
        one, other = text.copy(0).split("\n"), text.copy(2).split("\n")
        lines += len(one)
        shared += len(set(one) & set(other))
    assert 0.6 / COMMON < shared / lines < 1.5 / COMMON


def test_some_odd_copies_repeat_the_one_before_them(varied: list[Varied]) -> None:
    pairs = [(text.copy(4), text.copy(5)) for text in varied]
    same = sum(one == other for one, other in pairs)
    near = sum(one != other and _shared_words(one, other) > 0.95 for one, other in pairs)
    assert 2 <= same <= 25
    assert 1 <= near <= 15
    assert all(text.copy(3) != text.copy(4) for text in varied)


def _shared_words(one: str, other: str) -> float:
    pairs = list(zip(one.split(" "), other.split(" "), strict=True))
    return sum(a == b for a, b in pairs) / len(pairs)


def test_a_larger_corpus_begins_with_the_smaller_one(varied: list[Varied]) -> None:
    templates = [scale_corpus.Template([text], lambda _, texts: texts[0].encode()) for text in varied]
    series = Series("{}", templates, b"\n".join, file_bytes=20_000)
    small = [data for _, data in series.files(50_000)]
    large = [data for _, data in series.files(200_000)]
    assert large[: len(small) - 1] == small[:-1]
    assert large[len(small) - 1].startswith(small[-1])


def test_dumps_of_wikipedia_read_with_ids_of_their_own() -> None:
    path = SAMPLES / "wikipedia" / "frwiki-excerpt-pages-articles.xml.bz2"
    pages = bz2.decompress(path.read_bytes()).count(b"<page>")
    series = wikipedia(path)
    size = sum(len(text.text.encode()) for template in series.templates for text in template.texts)
    events = [
        event
        for _, data in series.files(3 * size)
        for event in WikipediaReader().read(io.BytesIO(bz2.decompress(data)), "frwiki-0-pages-articles.xml")
    ]
    assert not [event for event in events if isinstance(event, DeadLetter)]
    assert 2 * pages <= len(events) <= 4 * pages
    documents = [event for event in events if isinstance(event, Document)]
    assert len({document.key for document in documents}) == len(documents) > 0


def test_papers_of_arxiv_read_with_ids_of_their_own() -> None:
    series = Series("{}", scale_corpus.arxiv(), scale_corpus._tar)
    (_, data), *_ = series.files(4_000_000)
    events = list(ArxivReader().read(io.BytesIO(data), "arXiv_src_2001_001.tar"))
    documents = [event for event in events if isinstance(event, Document)]
    assert not [event for event in events if isinstance(event, DeadLetter)]
    assert len({document.key for document in documents}) == len(documents) > len(series.templates)


def test_rows_of_github_name_another_repository_in_each_copy() -> None:
    template = scale_corpus.github()[0]
    (first, _), (second, _) = template.copy(0), template.copy(1)
    assert gzip.decompress(first).split(b'"license"')[0] != gzip.decompress(second).split(b'"license"')[0]
