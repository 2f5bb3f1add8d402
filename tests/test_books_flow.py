"""The books flow over the bundled samples: every book kept, every other file dropped for a named reason."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from pipeline.flows.books import BOOKS, DropPlaceholders, DropWebPages, StripGutenberg
from pipeline.records import Document, Verdict

SAMPLES = Path(__file__).parents[1] / "samples" / "books"
INPUTS = sorted(path for path in SAMPLES.iterdir() if path.suffix != ".tsv")


def prepared(path: Path) -> list[Document]:
    """The documents of one input after the clean stages."""
    documents = []
    with path.open("rb") as stream:
        for event in BOOKS.read.reader().read(stream, path.name):
            assert isinstance(event, Document)
            for stage in BOOKS.clean:
                if event.verdict is None:
                    stage.clean(event)
            documents.append(event)
    return documents


def test_the_samples_are_books_and_one_page_that_is_none() -> None:
    documents = [document for path in INPUTS for document in prepared(path)]
    with (SAMPLES / "PROVENANCE.tsv").open() as rows:
        assert len(documents) == len(list(csv.DictReader(rows, delimiter="\t"))) == 28
    kept = [document for document in documents if document.verdict is None]
    assert Counter(d.verdict for d in documents) == {None: 27, Verdict("web_page"): 1}
    assert Counter(d.language for d in kept) == {"en": 21, "tl": 1, "": 5}
    numbered = [document.key for document in kept if document.metadata.get("number")]
    assert len(numbered) == 23 and all(key.isdecimal() for key in numbered)
    twice = [key for key, count in Counter(numbered).items() if count > 1]
    assert twice == ["11"], "two issues of Alice, one number"
    assert all(d.metadata["title"] and d.metadata["release"] for d in kept if d.key.isdecimal())
    assert {"42324", "84"} <= set(numbered), "two editions of Frankenstein"


def test_a_book_without_header_has_the_text_of_the_one_with_it() -> None:
    texts = Counter(document.text for path in INPUTS for document in prepared(path))
    assert max(texts.values()) == 2, "The Yellow Wallpaper, as Gutenberg's file and as a JSON line"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("<!DOCTYPE html>\n<html><title>404</title>", "web_page"),
        ('<?xml version="1.0"?>\n<!-- saved -->\n<HTML>', "web_page"),
        ("  <html lang=en>", "web_page"),
        ("He wrote <html> on the wall.", None),
        ("<<THIS ELECTRONIC VERSION>>", None),
    ],
)
def test_web_pages_are_known_by_their_beginning(text: str, verdict: str | None) -> None:
    document = Document("k", text)
    DropWebPages().clean(document)
    assert document.verdict == (Verdict(verdict) if verdict else None)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", Verdict("placeholder", 0, 200)),
        ("Not yet available. " * 5, Verdict("placeholder", 15, 200)),
        ("word " * 199, Verdict("placeholder", 199, 200)),
        ("word " * 200, None),
        ("天地玄黃宇宙洪荒" * 199, Verdict("placeholder", 199, 200)),
        ("天地玄黃宇宙洪荒" * 200, None),
        ("3.14 " * 300, Verdict("data", 0.0, 0.5)),
        ("a1 " * 300, None),
        ("a12 " * 300, Verdict("data", 1 / 3, 0.5)),
    ],
)
def test_placeholders_and_data_are_dropped_with_their_values(text: str, verdict: Verdict | None) -> None:
    document = Document("k", text)
    DropPlaceholders().clean(document)
    assert document.verdict == verdict


def test_the_header_becomes_metadata_and_what_was_known_stays() -> None:
    header = "The Project Gutenberg eBook\n\nTitle: T\nLanguage: French\nRelease date: 1993 [eBook #84]\n"
    text = f"{header}\n*** START OF THE PROJECT GUTENBERG EBOOK T ***\nBody."
    document = Document("84", text, metadata={"shelf": "A"})
    StripGutenberg().clean(document)
    expected = {"shelf": "A", "title": "T", "language": "French", "release": "1993", "number": "84"}
    assert (document.text, document.language, document.metadata) == ("Body.", "fr", expected)
    told = Document("84", text, language="de")
    StripGutenberg().clean(told)
    assert told.language == "de"
