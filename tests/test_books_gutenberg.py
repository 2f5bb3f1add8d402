"""Taking Project Gutenberg's own words off books: every form of the real samples, and nothing of the book."""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from filters.gutenberg import book, number
from filters.gutenberg_languages import _CODES, language_code

HEADS_AND_TAILS = Path(__file__).parent / "data" / "books" / "heads_and_tails.tar.xz"
BODY = "CHAPTER I.\n\nIt was a dark night.\n\nNobody spoke."
LICENCE = "Updated editions will replace the previous one.\n\nGutenberg™ electronic works are free.\n" * 60
OLD_HEADER = """***The Project Gutenberg Etext of The Jungle Book by Kipling***

Please take a look at the important information in this header.
**Etexts Readable By Both Humans and By Computers, Since 1971**

March, 1995  [Etext #236]

Information about Project Gutenberg (one page)
"""
SMALL_PRINT = """***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here?  You know: lawyers.
DISTRIBUTION UNDER "PROJECT GUTENBERG-tm"
{end}
"""
MODERN_HEADER = """The Project Gutenberg eBook of Frankenstein

This ebook is for the use of anyone anywhere in the United States and
most other parts of the world at no cost. You may copy it, give it away.

Title: Frankenstein;
       Or, The Modern Prometheus

Author: Mary Shelley

Editor: Albert S. Cook
        William Savage Johnson

Release date: October 1, 1993 [eBook #84]
                Most recently updated: December 2, 2022

Language: English

Credits: Judith Boss


"""
START = "*** START OF THE PROJECT GUTENBERG EBOOK FRANKENSTEIN ***\n"
END = "\n\n*** END OF THE PROJECT GUTENBERG EBOOK FRANKENSTEIN ***\n"


@pytest.mark.parametrize(
    "start",
    [
        START,
        "*** START OF THIS PROJECT GUTENBERG EBOOK FRANKENSTEIN ***\n",
        "***START OF THE PROJECT GUTENBERG EBOOK FRANKENSTEIN***\n",
        "*** START OF THE PROJECT GUTENBERG EBOOK, FRANKENSTEIN ***\n",
        "*** START OF THE PROJECT GUTENBERG EBOOK FRANKENSTEIN; OR,\nTHE MODERN PROMETHEUS ***\n",
        START
        + "\n\nProduced by Suzanne Shell, Sandra Brown and the Online\nDistributed Proofreading Team.\n\n",
        START + "\n\nE-text prepared by David Widger\n\n\n",
        START + "\n\nThis etext was produced by Sue Asscher <asschers@dingoblue.net.au>\n\n\n",
        START + "\n\nTranscribed from the 1905 edition by David Price, email ccx074@coventry.ac.uk\n\n\n",
        START
        + "\n"
        + SMALL_PRINT.format(end="*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.10/04/01*END*"),
    ],
)
@pytest.mark.parametrize(
    "end",
    [
        END,
        "\n\n            *** END OF THE PROJECT GUTENBERG EBOOK FRANKENSTEIN ***\n",
        "\n\n*** END OF THIS PROJECT GUTENBERG EBOOK FRANKENSTEIN ***\n\n*** This file is named 84.txt **",
        "\n\n***END OF THE PROJECT GUTENBERG EBOOK FRANKENSTEIN***\n",
        "\n\n\nEnd of Project Gutenberg's Frankenstein, by Mary Shelley\n" + END,
        "\n\n\nEnd of the Project Gutenberg EBook of Frankenstein, by Mary Shelley\n\n" + END,
        "\n\nEnd of the Project Gutenberg Edition of Frankenstein\n\n\n",
        "\n\nEnd of this Project Gutenberg Etext of Frankenstein\n\n*** START: FULL LICENSE ***\n",
    ],
)
def test_modern_headers_and_footers_go(start: str, end: str) -> None:
    stripped = book(MODERN_HEADER + start + "\n\n" + BODY + end + LICENCE)
    assert stripped.text == BODY
    assert stripped.fields == {
        "title": "Frankenstein; Or, The Modern Prometheus",
        "author": "Mary Shelley",
        "editor": "Albert S. Cook; William Savage Johnson",
        "release": "October 1, 1993",
        "language": "English",
        "number": "84",
    }


@pytest.mark.parametrize(
    "end",
    [
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.12.12.00*END*",
        "*** END OF THE SMALL PRINT ***",
    ],
)
def test_the_small_print_of_the_nineties_goes_at_either_end(end: str) -> None:
    small_print = SMALL_PRINT.format(end=end)
    footer = "\n\nEnd of the Project Gutenberg Etext of The Jungle Book by Kipling\n"
    fields = {"title": "The Jungle Book", "author": "Kipling", "release": "March, 1995", "number": "236"}
    assert book(OLD_HEADER + small_print + "\n\n\n" + BODY + footer) == (BODY, fields)
    assert book(MODERN_HEADER + START + BODY + footer + small_print).text == BODY


@pytest.mark.parametrize(
    ("note", "where"),
    [
        ("[Transcriber's Note: This text was produced\nfrom a [photo] reprint.]", "anywhere"),
        ("[_Transcriber's note_: so in the original]", "anywhere"),
        ("[Paalala ng nagsalin: May kilay ang mga salita.]", "anywhere"),
        (
            "Transcriber’s Note\n\n    Page 51 — precints changed to precincts\n    Page 72 — left.\n\n\n",
            "anywhere",
        ),
        ("Original Transcriber’s Notes:\n\n\n\n\nThis text is a combination of etexts.\n\n\n", "anywhere"),
        ("TRANSCRIBER'S NOTE ABOUT THIS E-TEXT EDITION:\n\nThe following is a reprint.\n\n\n", "anywhere"),
        (
            "+------+\n|  Transcriber's Note:  |\n|                |\n| Some spelling. |\n+----------------+",
            "anywhere",
        ),
        ("Paalala ng nagsalin\n\nMay kilay ang mga salita.\n\n\n", "anywhere"),
        ("Preface to the Project Gutenberg Etext\n\nI did it in ignorance.\n\nBob Sutton\n\n\n", "start"),
        ("Au lecteur\n\nCette version électronique est intégrale.\n\n\n", "start"),
        ("Digitized by Dave Gowan. None of the edition is\nincluded in the Etext below.", "start"),
        ("Produced by Gordon Keener", "start"),
        ("TRANSCRIBER’S NOTES:\n\n\n  Italics.\n\n\n  Errors have been corrected.\n", "end"),
        ("Original Comments on the preparation of the E-Text:\n\nBRACKETS:\n\nThey are square.\n", "end"),
        (
            "   *    *    *    *\n\n  Liste des modifications:\n\n  Page 140: x remplacé par y\n",
            "end",
        ),
        ("Anmerkungen zur Transkription:\n\nDer Text folgt der Ausgabe.\n", "end"),
    ],
)
def test_notes_go_wherever_they_stand(note: str, where: str) -> None:
    long = "\n\n".join(f"Paragraph {n} of the book." for n in range(300))
    if where in ("anywhere", "start"):
        assert book(f"{START}TITLE\n\n\n{note}\n\nTHE END").text.split() == ["TITLE", "THE", "END"]
    if where in ("anywhere", "end"):
        assert book(f"{START}{long}\n\n\n{note}").text == long
    if where == "anywhere":
        assert book(f"{START}{long}\n\n\n{note}\n\n{long}").text.split() == long.split() * 2


@pytest.mark.parametrize(
    "text",
    [
        BODY,
        "fact is, our early writers (or rather transcribers), with\nwhom prose was rare.",
        "in the Gutenberg-Jahrbuch 1935, X, pp. 9-17.",
        "The copy was prepared by a clerk.\n\nProduced by hand, it was a marvel of its kind.",
        "\n\n".join(
            ["A line."] * 150 + ["He read the ebook of Project Gutenberg aloud."] + ["A line."] * 150
        ),
        "\n\n".join(["A line."] * 20 + ["Produced by the Abbey Theatre, Dublin."]),
        "He wrote to the transcriber's notary.",
        "Contents\nTranscriber's Note\nChapter I.\n\nIt was night.",
        "Contents\n\n Preface by the author\n Chapter I.\n Chapter II.\n Note on the text",
    ],
)
def test_what_is_the_book_stays(text: str) -> None:
    assert book(MODERN_HEADER + START + "\n\n" + text + END + LICENCE).text == text
    assert book(text) == (text, {})


def test_a_word_for_electronic_books_is_an_authors_where_no_mark_is_gutenbergs() -> None:
    text = "Chapter 1\n\nShe had never read an e-book,\nnor had he.\n\nThe Internet Archive was down."
    assert book(text) == (text, {})
    assert book(START + text).text == "Chapter 1"


def test_only_the_line_of_a_table_of_contents_goes() -> None:
    contents = (
        "Contents\n Preface to the Project Gutenberg Etext\n Preface by Lionel Giles\n Chapter I\n Chapter II"
    )
    assert book(START + contents).text.split("\n") == [
        line for line in contents.split("\n") if "Gutenberg" not in line
    ]


def test_footers_and_small_print_go_though_they_name_no_project() -> None:
    footer = "\n\nThis and all associated files of various formats will be found in:\nhttp://x.example/84/\n"
    lawyers = "\n".join(f"{n}. Why is this statement here?  You know: lawyers." for n in range(150))
    assert book(MODERN_HEADER + START + BODY + END + footer).text == BODY
    assert book(OLD_HEADER + SMALL_PRINT.format(end=f"{lawyers}\n*END THE SMALL PRINT!*") + BODY).text == BODY


def test_all_parts_of_an_omnibus_stay() -> None:
    parts = ["\n".join(f"Volume {volume}, line {n}." for n in range(150)) for volume in range(3)]
    whole = "".join(MODERN_HEADER + START + part + END + LICENCE for part in parts)
    assert book(whole).text == "\n\n\n".join(parts)
    ends_only = MODERN_HEADER + START + "\n\nEnd of Project Gutenberg's Part\n\n".join(parts) + END + LICENCE
    assert book(ends_only).text == "\n\n\n".join(parts)


def test_a_book_given_away_under_copyright_is_named() -> None:
    line = "*** This is a COPYRIGHTED Project Gutenberg eBook. Details Below. ***\n\n"
    assert book(MODERN_HEADER + line + START + BODY + END).fields["rights"] == "copyrighted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MODERN_HEADER, "84"),
        (OLD_HEADER, "236"),
        ("Project Gutenberg's X\n\nRelease Date: May 20, 2004 [EBook #12388]\n", "12388"),
        ("Project Gutenberg\nPosting Date: 2008 [EBook #2701]\nRelease Date: 2001\n", "2701"),
        ("A novel\n\n[eBook #84]\n", ""),
        ("Project Gutenberg\n" + "\n" * 200 + "[eBook #84]", ""),
        ("", ""),
    ],
)
def test_the_number_is_read_from_a_header_only(text: str, expected: str) -> None:
    assert number(text) == expected


def test_languages_have_codes() -> None:
    assert [
        language_code(name) for name in ("English", "English, Spanish, Tagalog", "Tagalog", "Klingon", "")
    ] == [
        "en",
        "en",
        "tl",
        "",
        "",
    ]


def test_codes_of_languages_are_cldr_s() -> None:
    names = {"fy": "frisian"}  # Western Frisian
    for code, name in Locale("en").languages.items():
        if "_" not in code and (found := language_code(name)):
            assert found == code
    assert all(language_code(names.get(c, Locale("en").languages[c])) == c for c in _CODES.values())


# Words that only Gutenberg and its volunteers use, as they stand in the files.
BOILERPLATE = re.compile(
    r"project gutenberg|gutenberg-tm|gutenberg™|gutenberg\.|transcriber['’]s|small print|\be-?texts?\b"
    r"|\be-?books?\b|proofread|pgdp|(?:produced|prepared|digitized) by [A-Z]|internet archive|html version"
    r"|version électronique|paalala|liste des modif",
    re.I,
)
PREPARED = "buyo: The masticatory prepared by wrapping"  # a book's own words
PRODUCED = re.compile(r"produced by [a-z]")
# Non-blank lines between Gutenberg's marks that are credits and notes, counted by hand; of all others none.
NOTE_LINES = {
    "ed2-fr-alice-fr-alice.txt": 12,
    "nanolipo-31251-0.txt": 31,
    "nanolipo-43790-0.txt": 4,
    "nanolipo-pg12388.txt": 2,
    "nanolipo-pg2701.txt": 9,
    "pg10623-plays.txt": 2,
    "pg132-art_of_war.txt": 68,
    "pg15845-florante_at_laura.txt": 10,
    "pg16119-doctrina_christiana.txt": 4,
    "pg20228-noli_me_tangere.txt": 15,
    "pg2701-moby_dick.txt": 6,
    "pg42324-frankenstein_42324.txt": 7,
    "pg4363-beyond_good_and_evil.txt": 14,
    "pg45502-how_the_other_half_lives.txt": 14,
    "pg50150-devil_is_an_ass.txt": 23,
    "pg5669-considerations.txt": 1,
    "pg5827-problems_philosophy.txt": 1,
    "pg7370-second_treatise_of_government.txt": 8,
    "pg75400-boys_of_columbia_high.txt": 5,
    "pg75401-ponies_past_and_present.txt": 6,
    "pg779-doctor_faustus.txt": 12,
}


def samples() -> list[tuple[str, str]]:
    """Head and tail of 60 real books, with [...] between."""
    with tarfile.open(fileobj=io.BytesIO(HEADS_AND_TAILS.read_bytes())) as archive:
        files = [(info.name, archive.extractfile(info)) for info in archive]
        texts = [(name, file.read().decode("utf-8-sig")) for name, file in files if file]
    return [(name, text.replace("\r\n", "\n").replace("\r", "\n")) for name, text in texts]


def test_no_boilerplate_is_left_of_any_real_book_and_no_line_of_the_book_lost() -> None:
    books = samples()
    assert len(books) == 60
    removed = {}
    for name, text in books:
        stripped = book(text)
        left = [line for line in stripped.text.split("\n") if BOILERPLATE.search(line)]
        assert [line for line in left if PREPARED not in line and not PRODUCED.search(line)] == [], name
        assert "\n[...]\n" in stripped.text, name
        assert bool(stripped.fields) == ("Project Gutenberg" in text), name
        if lines := _lost(text, stripped.text):
            removed[name] = lines
    assert removed == NOTE_LINES


def _lost(text: str, stripped: str) -> int:
    """How many non-blank lines between the last mark of the head and the first of the tail are gone."""
    lines = [line.strip() for line in text.split("\n")]
    marks = [at for at, line in enumerate(lines) if re.match(r"\W*(START OF TH|END\*THE SMALL)", line)]
    ends = [
        at for at, line in enumerate(lines) if re.match(r"\W*END OF (THE |THIS )?PROJECT GUT", line, re.I)
    ]
    between = lines[(marks[-1] + 1 if marks else 0) : (ends[0] if ends else len(lines))]
    lost = Counter(between) - Counter(line.strip() for line in stripped.split("\n"))
    return sum(count for line, count in lost.items() if line)


@given(st.lists(st.text(st.sampled_from("abc DE.[]*|+-'\t"), max_size=30), max_size=40))
def test_a_text_without_gutenberg_words_is_left_alone(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert book(text) == (text.strip("\n \t\f"), {})


PIECES = [
    *(START, END, OLD_HEADER, MODERN_HEADER, LICENCE[:200], BODY, "\n\n\n\n", "[Transcriber's Note: ", "]"),
    *("Transcriber's Note\n", "Produced by A B\n", "+----+\n", "| Transcriber's Notes |\n", "* * *\n"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_stripping_twice_changes_nothing_that_marks_hold_and_never_fails(parts: list[str]) -> None:
    text = "".join(parts)
    stripped = book(text).text
    lines = Counter(line.strip() for line in text.split("\n"))
    if "[" not in text:
        assert not Counter(line.strip() for line in stripped.split("\n") if line.strip()) - lines
    assert not re.search(r"^\W*(?:START|END) OF THE PROJECT GUTENBERG", stripped, re.M)
