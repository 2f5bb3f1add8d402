"""Header comments: what is taken out and what stays, by a truth that was written before the stripper."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.code_comments import comment_syntax
from filters.code_headers import header_spans, strip_header
from filters.code_language import code_language

FOLDER = Path(__file__).parent / "data" / "github" / "headers"
MIN_RECALL, MAX_LOST = 0.95, 0.005


class Case(NamedTuple):
    path: str
    text: str
    header: list[bool]  # for each character

    @property
    def language(self) -> str | None:
        return code_language(self.path, self.text)


class Share(NamedTuple):
    """Bytes of one language: files, header bytes and how many went, other bytes and how many went."""

    files: int
    header: int
    header_gone: int
    other: int
    other_gone: int


def cases() -> list[Case]:
    """Files whose lines are marked: `-` before one of a header, a space (or nothing) before any other."""
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        for part in re.split(r"(?m)^==== ", file.read_text())[1:]:
            name, *marked = part.split("\n")[:-1]
            lines = [line[1:] + "\n" for line in marked]
            header = [line.startswith("-") for line, own in zip(marked, lines, strict=True) for _ in own]
            found.append(Case(name.split(" ")[0], "".join(lines), header))
    return found


CASES = cases()


def removed(case: Case) -> list[bool]:
    gone = [False] * len(case.text)
    for start, end in header_spans(case.text, case.language):
        gone[start:end] = [True] * (end - start)
    return gone


@cache
def shares() -> dict[str, Share]:
    """The table of docs/sources/github.md, by language."""
    table: dict[str, Share] = defaultdict(lambda: Share(0, 0, 0, 0, 0))
    for case in CASES:
        sizes = [len(char.encode()) for char in case.text]
        gone = removed(case)
        for name in (str(case.language), "all"):
            share = table[name]
            table[name] = Share(
                share.files + 1,
                share.header + sum(n for n, is_header in zip(sizes, case.header, strict=True) if is_header),
                share.header_gone
                + sum(n for n, h, g in zip(sizes, case.header, gone, strict=True) if h and g),
                share.other + sum(n for n, h in zip(sizes, case.header, strict=True) if not h),
                share.other_gone
                + sum(n for n, h, g in zip(sizes, case.header, gone, strict=True) if g and not h),
            )
    return dict(sorted(table.items()))


def markdown(table: dict[str, Share]) -> str:
    rows = [
        "| language | files | header bytes | removed | other bytes | removed |",
        "|---|---|---|---|---|---|",
    ]
    for name, s in table.items():
        recall = f"{s.header_gone / s.header:.1%}" if s.header else ""
        rows.append(
            f"| {name} | {s.files} | {s.header:,} | {recall} | {s.other:,} | {s.other_gone / s.other:.2%} |"
        )
    return "\n".join(rows)


def test_the_truth_is_large_enough() -> None:
    assert len(CASES) >= 100
    assert len({case.language for case in CASES}) >= 15
    assert all(comment_syntax(case.language) for case in CASES), "every file's comments are known"


@pytest.mark.parametrize("language", sorted({str(case.language) for case in CASES}))
def test_headers_of_each_language_go_and_the_rest_stays(language: str) -> None:
    share = shares()[language]
    assert share.header_gone >= MIN_RECALL * share.header
    assert share.other_gone <= MAX_LOST * share.other


def test_the_documented_table_is_the_measured_one() -> None:
    document = FOLDER.parents[3] / "docs" / "sources" / "github.md"
    assert markdown(shares()) in document.read_text()


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        # What RedPajama's stripper gets wrong, one defect a row.
        ("a.c", "#include <a.h>\n#define X 1\nint main(){}", None),
        ("a.sh", "#!/bin/sh\necho hi", None),
        ("a.md", "# Title\nbody", None),
        ("a.sql", "-- note\nSELECT 1;", None),
        ("a.hs", "-- | Answers.\nmodule A where", None),
        ("a.c", "// Copyright 2020 X\nint f(){ /* doc */ }", "int f(){ /* doc */ }"),
        ("a.c", "int a;\n/* copyright logic below */\nint b;", None),
        ("a.c", "int a;\n/* Copyright 2020 X */\nint b;", None),
        ("a.py", '"""Copyright X"""\nx=1', "x=1"),
        ("a.html", "<!-- Copyright 2020 X -->\n<p>", "<p>"),
        ("a.el", ";; Copyright 2020 X\n(a)", "(a)"),
        ("a.tex", "% Copyright 2020 X\n\\a", "\\a"),
        ("a.bat", "REM Copyright 2020 X\r\ndir", "dir"),
        # What goes with a notice: blank lines, what is indented under it, the sentence it is in.
        ("a.c", "// Copyright 2020 X\n//\n// Reads some words.\nint a;", "// Reads some words.\nint a;"),
        (
            "a.c",
            "// Reads some words.\n//\n// Copyright 2020 X\n//\n// And more of them.\n",
            "// Reads some words.\n//\n// And more of them.\n",
        ),
        (
            "a.c",
            "// Copyright 2020 X\n//     and many more\n// Reads some words.\nint a;",
            "// Reads some words.\nint a;",
        ),
        (
            "a.py",
            "# Reads some words.\n# Anybody may use\n# this under the terms of the X.\na",
            "# Reads some words.\na",
        ),
        # Edges.
        ("a.c", "/* Copyright 2020 X */ int a;", "int a;"),
        ("a.c", "/* Copyright 2020 X", None),
        ("a.c", "// Copyright 2020 X", ""),
        ("a.py", "\ufeff# Copyright 2020 X\nx = 1\n", "\ufeffx = 1\n"),
        ("a.c", "/* Copyright 2020 X\r\n */\r\n\r\nint a;\r\n", "int a;\r\n"),
        ("a.c", '"/*" Copyright 2020 X "*/"', None),
        ("a.rs", "/* Copyright 2020 X /* more */", None),
        ("a.txt", "# Copyright 2020 X\n", None),
        ("a.py", "# The MIT license and its history.\nx = 1\n", None),
        ("a.py", "# copyright is checked here\nx = 1\n", None),
    ],
)
def test_single_headers(path: str, text: str, expected: str | None) -> None:
    assert strip_header(text, code_language(path, text)) == (text if expected is None else expected)


LANGUAGES = sorted({str(case.language) for case in CASES})
PIECES = [
    *(
        "/*",
        "*/",
        "//",
        "#",
        "--",
        "<!--",
        "-->",
        '"""',
        ";",
        "%",
        "\n",
        "\n\n",
        " ",
        "\r\n",
        "x = 1",
        "{-",
        "-}",
    ),
    *(
        "Copyright 2020 Jane Roe",
        "Licensed under the MIT license.",
        "Words of a comment",
        "#!/bin/sh",
        "=begin",
    ),
]


@given(st.sampled_from(LANGUAGES), st.lists(st.sampled_from(PIECES), max_size=30))
def test_spans_are_in_order_and_a_second_pass_only_finds_less(language: str, pieces: list[str]) -> None:
    text = "".join(pieces)
    spans = header_spans(text, language)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert len(strip_header(text, language)) == len(text) - sum(end - start for start, end in spans)


@pytest.mark.parametrize(
    "piece",
    ["/* copyright */", "/*", "// Copyright 2020 X\n", "// a\n\n", " * by ", "(c) ", "licensed to x "],
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    def seconds(count: int) -> float:
        text = "/* license\n" + piece * count
        started = time.process_time()
        header_spans(text, "C")
        header_spans(text, "Rust")
        return time.process_time() - started

    small = min(seconds(2_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(2)) < 24 * small + 0.05


if __name__ == "__main__":
    print(markdown(shares()))
