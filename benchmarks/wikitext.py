"""Speed of cleaning wikitext and what it keeps: python -m benchmarks.wikitext [DUMP ...]

Compares, on the articles of the dumps (default: the bundled samples), our cleaning with two others:
`strip_code`, which is mwparserfromhell's own text of the parsed page, and `sections`, the rule of
RedPajama's Wikipedia data set (files, references and tables removed by name, then strip_code of each
section). Speed is in articles per CPU second; the three take turns and the best of a few rounds counts.
Words are compared as multisets. Reading alone is set beside the bare parse of the same dumps by bz2 and lxml.
"""

from __future__ import annotations

import argparse
import bz2
import json
import platform
import re
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import lxml.etree
import mwparserfromhell

from filters.wikitext import clean
from filters.wikitext_namespaces import namespaces
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.records import Document

SAMPLES = Path(__file__).parents[1] / "samples" / "wikipedia"
RESULTS = Path(__file__).parent / "results" / "wikitext.json"
_WORD = re.compile(r"\w+")
_MEDIA = re.compile(r"^(?:File|Image|Media):", re.IGNORECASE)


class Article(NamedTuple):
    """A page to clean."""

    wikitext: str
    language: str
    header: tuple[tuple[str, int], ...]


def articles(paths: list[Path]) -> list[Article]:
    """All articles of the dumps at `paths`."""
    found: list[Article] = []
    for path in paths:
        with path.open("rb") as stream:
            for event in WikipediaReader().read(stream, path.name):
                if isinstance(event, Document):
                    found.append(Article(event.text, event.language, event.metadata["namespaces"]))
    return found


def ours(article: Article) -> str:
    """This project's cleaning."""
    return clean(article.wikitext, article.language, namespaces(article.language, article.header)).text


def strip_code(article: Article) -> str:
    """mwparserfromhell's own text of a page."""
    return str(mwparserfromhell.parse(article.wikitext).strip_code())


def sections(article: Article) -> str:
    """The rule of the data set that RedPajama takes Wikipedia from, English names only."""
    texts = []
    for section in mwparserfromhell.parse(article.wikitext).get_sections(flat=True, include_headings=True):
        links = section.ifilter_wikilinks(recursive=True, matches=lambda link: _MEDIA.match(str(link.title)))
        tags = section.ifilter_tags(matches=lambda tag: tag.tag in ("ref", "table"), recursive=True)
        for node in [*links, *tags]:
            try:
                section.remove(node)
            except ValueError:  # it went with the one around it
                continue
        texts.append(section.strip_code().strip())
    return "\n\n".join(text for text in texts if text)


METHODS: dict[str, Callable[[Article], str]] = {"strip_code": strip_code, "sections": sections, "ours": ours}


def measure(found: list[Article], rounds: int) -> dict[str, dict[str, float]]:
    """CPU seconds, characters and words of each method over all articles."""
    seconds = dict.fromkeys(METHODS, float("inf"))
    texts: dict[str, list[str]] = {}
    for _ in range(rounds):
        spent = dict.fromkeys(METHODS, 0.0)
        texts = {name: [] for name in METHODS}
        for article in found:
            for name, method in METHODS.items():
                start = time.process_time()
                texts[name].append(method(article))
                spent[name] += time.process_time() - start
        seconds = {name: min(seconds[name], spent[name]) for name in METHODS}
    words = {name: [Counter(_WORD.findall(text)) for text in of_all] for name, of_all in texts.items()}
    return {
        name: {
            "articles_per_second": round(len(found) / seconds[name], 1),
            "time_to_strip_code": round(seconds[name] / seconds["strip_code"], 3),
            "characters": sum(map(len, texts[name])),
            "words": sum(counter.total() for counter in words[name]),
            "words_not_in_strip_code": _missing(words[name], words["strip_code"]),
            "words_of_strip_code_not_here": _missing(words["strip_code"], words[name]),
            "words_of_sections_not_here": _missing(words["sections"], words[name]),
        }
        for name in METHODS
    }


def bare_parse(path: Path) -> int:
    """The pages of a dump, its text elements looked at and forgotten, by bz2 and lxml."""
    pages = 0
    with bz2.open(path) as stream:
        for _, element in lxml.etree.iterparse(stream, huge_tree=True):
            name = element.tag.rpartition("}")[2]
            pages += name == "page"
            if name == "page" or (name == "text" and element.text is None):
                element.clear()
                while name == "page" and element.getprevious() is not None:
                    del element.getparent()[0]
    return pages


def our_pages(path: Path) -> int:
    """The pages of a dump by ours."""
    with path.open("rb") as stream:
        return sum(1 for _ in WikipediaReader().read(stream, path.name))


def measure_reading(paths: list[Path], rounds: int) -> dict[str, float]:
    """Seconds of reading alone, ours to the bare parse's, and MB of stored bytes per CPU second."""
    seconds = dict.fromkeys((bare_parse, our_pages), float("inf"))
    for _ in range(rounds):
        for method in seconds:
            start = time.process_time()
            for path in paths:
                method(path)
            seconds[method] = min(seconds[method], time.process_time() - start)
    size = sum(path.stat().st_size for path in paths) / 1e6
    return {
        "stored_mb": round(size, 2),
        "mb_per_second": round(size / seconds[our_pages], 1),
        "time_to_bare_parse": round(seconds[our_pages] / seconds[bare_parse], 2),
    }


def _missing(have: list[Counter[str]], other: list[Counter[str]]) -> int:
    return sum((mine - theirs).total() for mine, theirs in zip(have, other, strict=True))


def main() -> None:
    """Measure, print, and write benchmarks/results/wikitext.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dumps", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    paths = options.dumps or sorted(SAMPLES.glob("*.xml.bz2"))
    found = articles(paths)
    result = {
        "articles": len(found),
        "characters_of_wikitext": sum(len(article.wikitext) for article in found),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "mwparserfromhell": version("mwparserfromhell"),
        "reading": measure_reading(paths, options.rounds),
        "methods": measure(found, options.rounds),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if not options.dumps:
        RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
