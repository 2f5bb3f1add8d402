"""cc_net's normalisation for language models, on the expected output of its own code."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.ccnet_text import CONTROLS, UNICODE_PUNCTUATION, normalize_for_language_model


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ""),
        (" \t\n", ""),
        ("  Hello,  World 1984! ", "hello,  world 0000!"),
        ("a b\nc d\te", "a bc de"),  # newlines and tabs are deleted, not spaces: words are glued
        ("ÉTÉ naïve Ångström", "ete naive angstrom"),
        ("“quoted” — it’s…", '"quoted"  -  it\'s...'),
        ("１２ ³ ٣", "00 ³ 0"),  # full-width and Arabic digits are digits, superscripts are not
        ("「日本」、２０％。", '"日本",00%.'),
        ("a\x00b\x7fc\x9fd", "abcd"),
        ("ΟΔΟΣ", "οδος"),
    ],
)
def test_lines_as_cc_net_normalises_them(line: str, expected: str) -> None:
    assert normalize_for_language_model(line) == expected


def test_the_table_holds_cc_nets_34_characters() -> None:
    assert len(UNICODE_PUNCTUATION) == 34


@given(st.text())
def test_nothing_that_should_be_gone_is_left(text: str) -> None:
    for character in normalize_for_language_model(text):
        assert ord(character) not in CONTROLS
        assert character not in UNICODE_PUNCTUATION
        assert unicodedata.category(character) != "Mn"
        assert not character.isdecimal() or character == "0"
