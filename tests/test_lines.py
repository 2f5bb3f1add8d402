"""Line hashes equal CCNet's, and taking lines out keeps paragraphs and books every byte."""

from __future__ import annotations

import hashlib
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters import lines
from filters.ccnet_text import normalize_for_dedup
from filters.lines import BLANK_LINE, ONE_PAST_BLANK, line_hashes, remove_lines

# Everything with a rule of its own: case that looks around, digits of other scripts, deleted punctuation,
# characters that are both white space and control characters, no-break and ideographic spaces, and two astral
# planes.
SPECIAL = (
    "aAzZ019 .!\t\r\x00\x0b\x1c\x1f\x7f\x85\x9f\xa0\xad\u2028\u3000ß´ÉéΣσςİıǅ１۵१»…—►。𝟘𐐀𐐨😀\u0307\u0345'"
)
TEXT = st.text(st.one_of(st.sampled_from(SPECIAL + "\n\n\n"), st.characters(codec="utf-8")), max_size=60)


def reference(text: str) -> list[int]:
    """Hash line by line, the plain way."""
    digests = [hashlib.sha1(normalize_for_dedup(line).encode()).digest()[:8] for line in text.split("\n")]
    return [
        int.from_bytes(digest, "little") if line.strip() else int(BLANK_LINE)
        for digest, line in zip(digests, text.split("\n"), strict=True)
    ]


@pytest.mark.parametrize(
    ("line", "normalized"),
    [
        ("  Hello, World! 42 ", "hello, world! 00"),
        ("Pages 1２३", "pages 000"),
        ("x² ½ Ⅷ", "x² ½ ⅷ"),
        ("«Où?» — l’été…", "où?  lété"),
        ("a\tb\x00c\x85d", "abcd"),
        ("\x85 both ends \u3000", "both ends"),
        ("\x00 x", " x"),
        ("►", ""),
        ("１", "0"),
        ("ΟΔΟΣ ΣΑΣ", "οδος σας"),
        ("İstanbul", "i\u0307stanbul"),
    ],
)
def test_normalisation_is_ccnets(line: str, normalized: str) -> None:
    assert normalize_for_dedup(line) == normalized
    [value], _ = line_hashes([line])
    assert int(value) == int.from_bytes(hashlib.sha1(normalized.encode()).digest()[:8], "little")


@settings(deadline=None)
@given(st.lists(TEXT, max_size=5))
@example(["ΑΣ", "Σ", "ΑΣ\nΑ"])
@example(["A\u0345Σ\u0345\nb", ""])
def test_whole_documents_hash_as_line_by_line(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_CHUNK_CHARACTERS", 40)  # so that chunks end within the sample
        hashes, counts = line_hashes(texts)
    assert counts.tolist() == [text.count("\n") + 1 for text in texts]
    assert hashes.tolist() == [value for text in texts for value in reference(text)]
    assert hashes.dtype == np.dtype(np.uint64)
    assert counts.dtype == np.dtype(np.int64)


def test_every_character_hashes_as_line_by_line() -> None:
    text = "\n".join(f"a{chr(c)}b" for c in range(lines._PLANES) if not 0xD800 <= c < 0xE000 and c != 0x0A)
    hashes, _ = line_hashes([text])
    assert hashes.tolist() == reference(text)
    beyond = "".join(map(chr, range(lines._PLANES, 0x110000)))
    assert beyond.lower() == beyond
    assert not re.search(r"\d", beyond)


def test_blank_lines_are_marked_and_a_line_that_hashes_to_the_mark_is_not_blank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashes, _ = line_hashes(["a\n\n \t\u3000\n►\n"])
    assert (hashes == BLANK_LINE).tolist() == [False, True, True, False, True]
    zero = SimpleNamespace(sha1=lambda line: SimpleNamespace(digest=lambda: bytes(20)))
    monkeypatch.setattr(lines, "hashlib", zero)
    assert line_hashes(["a\n\nb"])[0].tolist() == [ONE_PAST_BLANK, BLANK_LINE, ONE_PAST_BLANK]


def test_no_texts_have_no_lines() -> None:
    hashes, counts = line_hashes([])
    assert (len(hashes), len(counts)) == (0, 0)


@pytest.mark.parametrize(
    ("text", "left", "duplicate_bytes", "blank_bytes"),
    [
        # X is flagged
        ("A\n\nB", "A\n\nB", 0, 0),
        ("A\nX\nB", "A\nB", 2, 0),
        ("A\n\nX\n\nB", "A\n\nB", 2, 1),
        ("A\n\nX\nB", "A\n\nB", 2, 0),
        ("A\n\nX\n\n \n\nX\nB", "A\n\n \n\nB", 4, 1),
        ("A\n\n\nB\nX\nC", "A\n\n\nB\nC", 2, 0),
        ("X\n\nA", "A", 2, 1),
        ("\nX\n\n\nA", "\nA", 2, 2),
        ("A\n\nX", "A", 2, 1),
        ("A\n\nX\n", "A\n", 2, 1),
        ("A\nX\n\n\n", "A\n\n\n", 2, 0),
        ("\nX\n\n", "", 1, 3),
        ("X", "", 1, 0),
        ("X\nX", "", 3, 0),
        ("", "", 0, 0),
        ("\n\n", "\n\n", 0, 0),
        ("é\nX\u3000\nB", "é\nB", 5, 0),
    ],
)
def test_lines_go_and_paragraphs_stay(text: str, left: str, duplicate_bytes: int, blank_bytes: int) -> None:
    flags = np.array([line.startswith("X") for line in text.split("\n")])
    assert remove_lines(text, flags) == (left, duplicate_bytes, blank_bytes)


def blank_runs(text_lines: list[str]) -> list[int]:
    """Return the lengths of the runs of blank lines before, between and after the other lines."""
    runs = [0]
    for line in text_lines:
        if line.strip():
            runs.append(0)
        else:
            runs[-1] += 1
    return runs


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", " ", "\u3000", "a", "é", "😀 x"]), st.booleans()), min_size=1))
def test_removal_books_every_byte_and_loses_no_line(flagged: list[tuple[str, bool]]) -> None:
    text = "\n".join(line for line, _ in flagged)
    left, duplicate_bytes, blank_bytes = remove_lines(text, np.array([flag for _, flag in flagged]))
    assert len(text.encode()) == len(left.encode()) + duplicate_bytes + blank_bytes
    assert min(duplicate_bytes, blank_bytes) >= 0
    stay = [line for line, flag in flagged if line.strip() and not flag]
    assert [line for line in left.split("\n") if line.strip()] == stay
    if stay:
        before, after = blank_runs(text.split("\n")), blank_runs(left.split("\n"))
        assert (after[0], after[-1]) == (before[0], before[-1])
        places = [0, *(i + 1 for i, n in enumerate(n for n in flagged if n[0].strip()) if not n[1])]
        for run, start, end in zip(after[1:-1], places[1:], places[2:], strict=False):
            assert run == max(before[start:end])


def test_flags_of_another_text_are_refused() -> None:
    with pytest.raises(ValueError, match="2 flags for a text of 1 lines"):
        remove_lines("a", np.zeros(2, np.bool_))
