"""Each parser's time grows as its input does, on texts made to be dear: no clock guards any of them.

A text is tried at one size and at twice that; where its parser has a limit (bytes, depth, nodes, expansions)
the larger may be refused, which is an answer too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import orjson
import pytest

from filters.code_headers import strip_header
from filters.code_secrets import findings
from filters.gutenberg import book
from filters.html import extract
from filters.latex import paper
from filters.license_text import license_of
from filters.stackexchange_html import html_to_text
from filters.wikitext import clean
from pipeline.readers.wikipedia_xml import NotADump, PageParser

SIZE = 20_000  # bytes of the smaller text
QUICK = 0.05  # CPU seconds of the larger text that are not worth comparing
SLOWEST = 1.5  # CPU seconds of the larger text


def _tex(source: str) -> object:
    return paper({"a.tex": f"\\documentclass{{article}}\\begin{{document}}\\section{{A}}{source}"})


def _xml(source: str) -> None:
    parser = PageParser(1 << 20)
    with suppress(NotADump):
        parser.feed(b"<mediawiki>" + source.encode())


def _json(text: str) -> object:
    with suppress(orjson.JSONDecodeError):
        return orjson.loads(text)
    return None


# Their time grows with the square of a line, or of a page of at most 2 MiB (docs/faults.md).
SQUARE = {"eyJ0.", "[[File:a|[[", "[Transcriber's note:", "[http://a ", "<b><i><a>"}

PARSERS: dict[str, tuple[Callable[[str], object], list[str]]] = {
    "HTML": (
        lambda text: extract(text.encode()),
        [
            "<div>",
            "<table><tr><td>",
            "<b><i><a>",
            "</p>",
            "<p a=1 b",
            "&amp;&#xD800;",
            "<!--",
            "<![CDATA[",
            "<",
            "<svg><title>",
            "<select><option>",
            "<a href=x>y",
            "<ul><li>",
            "<script>",
            "\0",
            "<p>\n",
            "<h1>",
            "<template>",
        ],
    ),
    "post": (
        html_to_text,
        ["<div>", "<blockquote>", "<ul><li>", "<pre><code>", "<b><i>", "&#xD800;", "<", "<a href=x>"],
    ),
    "wikitext": (
        lambda text: clean(text, "en"),
        [
            "{{a|",
            "{{{",
            "[[a|",
            "{|\n|\n",
            "<div>",
            "<ref>",
            "''''",
            "*#:;",
            "=",
            "\n=a",
            "<nowiki>",
            "<!--",
            "[http://a ",
            "{{#if:",
            "-{",
            "__TOC__",
            "|-\n",
            "<math>",
            "~~~~",
            "[[File:a|[[",
            "{{a}}",
            "}}",
            "]]",
            "<ref name=a/>",
        ],
    ),
    "LaTeX": (
        _tex,
        [
            "{",
            "\\begin{a}",
            "\\iffalse ",
            "\\newcommand{\\x}[9]{#1}\\x{",
            "\\x{\\x",
            "%",
            "\\",
            "$",
            "\\def\\a{\\b}\\b",
            "}",
            "\\verb|",
            "\\input{a}",
            "\\[",
            "\\begin{comment}",
            "\\makeatletter",
            "\\let\\a\\b\\a",
            "[",
            "\\else",
            "\\fi ",
            "\\newcommand{\\a}{\\a\\a}\\a",
            "\\footnote{",
            "\\cite[",
            "\\newenvironment{a}{b}{c}",
            "\\expandafter",
            "^^M",
        ],
    ),
    "JSON": (_json, ['{"a":', "[", '"\\ud800', "1", '{"a":1,', "\\"]),
    "XML": (_xml, ["<page>", "<a>", "<a b='c' ", "<?", "<!--", "&#1;", "<page><title>", "]]>", "<![CDATA["]),
    "licence": (
        license_of,
        [
            "license ",
            "Copyright (c) 2020 a\n",
            "permission is hereby granted ",
            "(c)",
            "©\n",
            "rights\n\n",
            "a",
            "non-commercial ",
        ],
    ),
    "header": (
        lambda text: strip_header(text, "C"),
        ["/* ", "// Copyright\n", "/**/", "* license\n", "//", "\n", "/*\n * Copyright 2020\n", "# "],
    ),
    "secrets": (
        findings,
        [
            "a@b.",
            "a@",
            "1.1.",
            "AKIA0",
            "-----BEGIN ",
            "password=",
            "http://a:b@",
            "xoxb-1",
            "eyJ0.",
            "ghp_a",
            "://",
            "_",
            "a",
            "0123456789abcdef",
            "key = '",
            "::",
            "sk_live_a",
            "https://hooks.slack.com/services/T",
            ".",
            "a.b@c.d ",
        ],
    ),
    "book": (
        book,
        [
            "*** START OF THE PROJECT GUTENBERG EBOOK A ***\n",
            "***",
            "[Transcriber's note:",
            "Title: a\n",
            "_",
            "\n",
            "[",
        ],
    ),
}


def _seconds(parse: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    with suppress(Exception):  # refused: the document is a dead letter
        parse(text)
    return time.process_time() - start


def slow(parse: Callable[[str], object], unit: str) -> str:
    """What is wrong with the time that texts of repeated units take; "" where nothing is."""
    text = unit * (SIZE // len(unit))
    twice = _seconds(parse, text + text)
    if twice <= QUICK:
        return ""
    # In turn, and the best of some: a cache that others have emptied is no growth.
    turns = [(_seconds(parse, text), _seconds(parse, text + text)) for _ in range(5)]
    once, twice = (min(seconds) for seconds in zip(*turns, strict=True))
    if twice > SLOWEST or (twice > QUICK and twice > 3 * once and unit not in SQUARE):
        return f"{unit!r}: {once:.2f} s, and {twice:.2f} s for twice the text"
    return ""


def test_the_check_finds_what_it_should() -> None:
    assert slow(lambda text: [text.count("b", at) for at in range(0, len(text), 2)], "a")


@pytest.mark.parametrize("name", PARSERS)
def test_time_grows_with_the_text(name: str) -> None:
    parse, units = PARSERS[name]
    _seconds(parse, "a")  # what is imported and compiled at first use
    assert [found for unit in units if (found := slow(parse, unit))] == []
