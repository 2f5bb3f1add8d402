"""WET files of all C4's samples, and of pages made for one defect each, as tests give them to the flow and as
tensorflow-datasets was given them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import orjson
from fastwarc.warc import ArchiveIterator, WarcRecordType

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data" / "c4"
_TAG = re.compile(rb"<[^>]*>")
DAY = "2019-05-01T00:00:00Z"

Page = tuple[str, str, str]  # address, date, text


def wet(pages: Iterable[Page]) -> bytes:
    """A gzipped WET file with no other headers than the original reads."""
    members = []
    for number, (url, date, text) in enumerate(pages):
        block = text.encode()
        head = [
            "WARC/1.0",
            "WARC-Type: conversion",
            *([f"WARC-Target-URI: {url}"] if url else []),
            *([f"WARC-Date: {date}"] if date else []),
            f"WARC-Record-ID: <urn:uuid:{number}-{len(block)}>",
            "Content-Type: text/plain",
            f"Content-Length: {len(block)}",
        ]
        members.append("\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n")
    return b"".join(gzip.compress(member, mtime=0) for member in members)


def pages_of_html(files: Iterable[Path]) -> Iterable[Page]:
    """The HTML pages of WARC files, tags become line ends: texts with scripts in them, of no extractor."""
    for file in files:
        for record in ArchiveIterator(file.open("rb"), record_types=WarcRecordType.response):
            text = _TAG.sub(b"\n", record.reader.read()).decode("utf-8", "replace")
            yield record.headers["WARC-Target-URI"], DAY, text.replace("\0", " ")


def pages_of_rows(files: Iterable[Path], site: str) -> Iterable[Page]:
    """The texts of gzipped JSON lines, with addresses made for them."""
    for file in files:
        for number, row in enumerate(gzip.decompress(file.read_bytes()).splitlines()):
            yield f"http://www.{site}/{file.name.split('.')[0]}/{number}/", DAY, orjson.loads(row)["text"]


def corpus() -> dict[str, bytes]:
    """WET files by name: those of samples/commoncrawl as they are, its HTML pages, samples/c4, DCLM's pages,
    and the made ones."""
    crawl = ROOT / "samples" / "commoncrawl"
    files = {file.name: file.read_bytes() for file in sorted(crawl.glob("*.wet.gz"))}
    files["html.warc.wet.gz"] = wet(pages_of_html(sorted(crawl.glob("web-*.warc.gz"))))
    rows = sorted((ROOT / "samples" / "c4").glob("*.json.gz"))
    files["c4.warc.wet.gz"] = wet(pages_of_rows(rows, "c4.example.org"))
    files["dclm.warc.wet.gz"] = wet(pages_of_rows([DATA / "pages.jsonl.gz"], "dclm.example.org"))
    files["made.warc.wet.gz"] = wet(made())
    return files


_TOPICS = ("rivers", "bridges", "gardens", "letters", "engines", "harvests", "markets", "winters")
_LANDS = ("Norway", "Peru", "Kenya", "Japan", "Wales", "Chile", "Greece", "Canada")


def own(number: int, count: int = 4) -> list[str]:
    """Lines in English that no other page has."""
    return [
        f"In part {line} of report {number} we read what the {_TOPICS[number % 8]} of {_LANDS[number // 8]} "
        "were like before the war."
        for line in range(count)
    ]


def made() -> list[Page]:
    """Pages for one thing each that the original does, the defects first (docs/parity.md)."""
    texts: list[tuple[str, str, list[str]]] = []

    def page(url: str, *lines: str, date: str = DAY) -> None:
        texts.append((url, date, list(lines)))

    # How a WET file is read.
    page("https://made.example.org/headers", "Content-based filters have been with us for a while.", *own(0))
    page("https://made.example.org/warc", "WARC files are what archives keep their pages in.", *own(1))
    page("https://made.example.org/cut", *own(2), "WARC/1.0", *own(3))
    page("https://made.example.org/moved", *own(4), "WARC-Target-URI: https://made.example.org/elsewhere")
    page("https://made.example.org/redated", *own(5), "WARC-Date: 2018-01-01T00:00:00Z")
    page("https://made.example.org/redated/", *own(6), date="2019-04-30T00:00:00Z")
    page("", *own(7))
    page("https://made.example.org/undated", *own(8), date="")
    page("https://made.example.org/empty", " ", "\t")
    page("https://made.example.org/blank", *[line + "\n\n \n" for line in own(9)])
    page("https://made.example.org/long", *["\n" * 100_000, *own(10), "\n" * 100_000])
    page("https://made.example.org/longer", *(f"{line} {n}." for line in own(11) for n in range(700)))
    # One normalised address.
    page("https://made.example.org/shop?refund_id=7", *own(12))
    page("https://made.example.org/shop", *own(13), date="2019-05-02T00:00:00Z")
    page("https://made.example.org/track?utm_source=x&page=2", *own(14), date="2019-05-03T00:00:00Z")
    page("http://www.made.example.org/track/", *own(15))
    page("https://made.example.org/feed?feed=rss&page=2", *own(16))
    page("https://made.example.org/feed", *own(29), date="2019-05-02T00:00:00Z")
    page("https://made.example.org/by?u=https://www.other.example.org/", *own(17))
    page("https://made.example.org/by?u=other.example.org", *own(18), date="2019-05-02T00:00:00Z")
    page("https://made.example.org/fails", *own(19))
    page("https://made.example.org/fails#", "Menu")
    page("https://made.example.org/fails/", "Menu", date="2019-05-02T00:00:00Z")
    # Lines that several pages have, and that one has twice.
    footer = "All of these stories were written by the same people at this place."
    for number in range(20, 24):
        page(f"https://made.example.org/footer/{number}", *own(number), footer, footer.upper())
    page("https://made.example.org/copy/1", *own(24))
    page("https://made.example.org/copy/2", *own(24))
    page("https://made.example.org/part/1", *own(25))
    page("https://made.example.org/part/2", *own(25, 3), own(26)[0])
    page("https://made.example.org/verse", own(27)[0], own(27)[1], own(27)[0], own(27)[2], own(27)[0])
    page(
        "https://made.example.org/over",
        "We met Mr. Brown and Mrs.",
        "Smith came with her dog. Both of them stayed.",
    )
    # Language.
    french = [
        "La rivière est montée pendant la nuit et a emporté le pont.",
        "Personne ne s'attendait à cela.",
    ]
    page(
        "https://made.example.org/french",
        *french,
        "Elle écrivait chaque semaine à son frère et à ses voisins.",
    )
    page(
        "https://made.example.org/numbers",
        *(f"{n} {n + 1} {n + 2} {n + 3} {n + 4}." for n in range(1, 40, 7)),
    )
    names = ["Berlin Hamburg Oslo Roma Madrid.", "Anna Peter Maria Ivan Juan.", "Porto Lima Bern Riga Kiel."]
    page("https://made.example.org/names", *names)
    # Bad words.
    page("https://made.example.org/bad/1", *own(30), "What they did there was pure shit, said one of them.")
    page("https://made.example.org/bad/2", *own(31), "WHAT THEY DID THERE WAS PURE SHIT, SAID ONE.")
    page("https://made.example.org/bad/3", *own(32), "The shitake grew on the logs behind the house.")
    page("https://made.example.org/bad/4", *own(33), "There were two_ass_words in it, and one grasshopper.")
    page("https://made.example.org/bad/5", *own(34), "She paid a visit to the sexual health centre there.")
    page("https://made.example.org/bad/6", *own(35), "They wrote of S&M, and nobody knew what it was.")
    return [(url, date, "\n".join(lines)) for url, date, lines in texts]
