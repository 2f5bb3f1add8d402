"""Language by name, SPDX names and the counts of GitHub's heuristics, as small tables and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.code_comments import comment_syntax
from filters.code_heuristics import ENDINGS, LineLengths, alphanumeric_share, letters, line_lengths
from filters.code_language import code_language
from filters.code_origin import Encoded, encoded
from filters.spdx import is_allowed, spdx


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("src/a.py", "", "Python"),
        ("a.PY", "", "Python"),
        ("a.c", "", "C"),
        ("a.C", "", "C++"),
        ("a.F90", "", "Fortran Free Form"),
        ("x/Makefile", "", "Makefile"),
        ("Dockerfile.dev", "", "Dockerfile"),
        ("CMakeLists.txt", "", "CMake"),
        ("notes.txt", "", "Text"),
        ("a.m", "#import <Foundation/Foundation.h>\n", "Objective-C"),
        ("a.m", "% mean\nm = 1;\n", "MATLAB"),
        ("LICENSE", "", None),
        (".gitignore", "", None),
        ("a.b/c", "", None),
    ],
)
def test_language(path: str, text: str, language: str | None) -> None:
    assert code_language(path, text) == language


def test_comments_are_known_for_every_ending_that_is_kept() -> None:
    without = [
        ending
        for ending in ENDINGS
        if comment_syntax(code_language(f"a{ending}"[ending[0] != "." :])) is None
    ]
    assert without == [".pod"], "Pod is text between directives"


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("mit", "MIT"),
        ("MIT License", "MIT"),
        ("apache-2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("bsd-3-clause", "BSD-3-Clause"),
        ("BSD 2-Clause", "BSD-2-Clause"),
        ("bsd", ""),
        ("gpl-3.0", "GPL-3.0-only"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT AND own", ""),
        ("MIT AND ISC OR Zlib", "(MIT AND ISC) OR Zlib"),
        ("(MIT License) AND (bsd-3-clause)", "MIT AND BSD-3-Clause"),
        ("GPL-2.0 WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("MIT AND", ""),
        ("((MIT)", ""),
        ("NOASSERTION", ""),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_spdx(name: str, expression: str) -> None:
    assert spdx(name) == expression
    assert spdx(expression) == expression, "a normal form"


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("ISC", False),
        ("ISC OR MIT", True),
        ("ISC AND MIT", False),
        ("MIT AND MIT", True),
        ("(ISC OR MIT) AND MIT", True),
        ("(ISC AND MIT) OR ISC", False),
        ("MIT WITH LLVM-exception", True),
        ("ISC WITH LLVM-exception", False),
        ("", False),
        ("MIT AND", False),
    ],
)
def test_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, {"MIT"}) is allowed


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", LineLengths(0, 0.0)),
        ("abc", LineLengths(3, 3.0)),
        ("abc\n\n", LineLengths(3, 2.5)),
        ("a\r\nbcd", LineLengths(3, 3.0)),
    ],
)
def test_line_lengths(text: str, lengths: LineLengths) -> None:
    assert line_lengths(text) == lengths


@given(st.text())
def test_counts_are_those_of_one_character_after_another(text: str) -> None:
    assert letters(text) == sum(char.isalpha() for char in text)
    expected = sum(char.isalnum() for char in text) / len(text) if text else 0.0
    assert alphanumeric_share(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Encoded(0, 0.0)),
        ("plain words of code = 1", Encoded(0, 0.0)),
        ("A" * 64, Encoded(64, 1.0)),
        ("A" * 63, Encoded(0, 0.0)),
        ("x: " + "0x1f," * 8 + "!", Encoded(40, 40 / 44)),
    ],
)
def test_encoded(text: str, expected: Encoded) -> None:
    assert encoded(text) == expected
