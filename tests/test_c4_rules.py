"""C4's rules: the original's decisions and counters page by page; its defects where kept or fixed."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import xxhash
from fastwarc.warc import ArchiveIterator, WarcRecordType
from hypothesis import given
from hypothesis import strategies as st

from filters.c4 import C4_PRESETS, C4Rules, CleanedPage, clean_page, has_long_paragraphs, is_too_long
from filters.c4_badwords import BadWords
from filters.c4_urls import is_validation, keeps_bad_page, normalize_url, normalize_url_tfds
from filters.punkt import Punkt

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data" / "c4"
PUNKT = Punkt.parse((ROOT / "models/punkt-en/punkt.json").read_bytes())


def clean(text: str, preset: str = "c4@tfds") -> CleanedPage:
    return clean_page(text, C4_PRESETS[preset], PUNKT.count)


def rows(path: Path) -> list[Any]:
    data = path.read_bytes()
    return [
        orjson.loads(row) for row in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
    ]


def tfds_counters(page: CleanedPage) -> dict[str, int]:
    """The page's counters by the names that c4_utils.py gives them."""
    lines = {
        "line-passed" if rule == "passed" else f"line-filtered:{rule}": n for rule, n in page.lines.items()
    }
    return lines | {f"filtered:{page.dropped_by}" if page.dropped_by else "passed": 1}


def texts_with_goldens() -> list[tuple[str, Any]]:
    pages = [row["text"] for row in rows(DATA / "pages.jsonl.gz")]
    samples = [row["text"] for path in sorted((ROOT / "samples/c4").glob("*.json.gz")) for row in rows(path)]
    web = [
        record.reader.read().decode("utf-8", "replace")
        for path in sorted((ROOT / "samples/commoncrawl").glob("*.wet.gz"))
        for record in ArchiveIterator(path.open("rb"), record_types=WarcRecordType.conversion)
    ]
    goldens = [row for name in ("pages", "samples", "wet") for row in rows(DATA / f"tfds_{name}.jsonl")]
    return list(zip(pages + samples + web, goldens, strict=True))


def test_decisions_and_counters_are_those_of_tfds_page_by_page() -> None:
    checked = texts_with_goldens()
    assert len(checked) == 61 + 400 + 545
    for text, golden in checked:
        page = clean(text)
        assert tfds_counters(page) == golden["counters"]
        kept = None if page.dropped_by else xxhash.xxh3_64_hexdigest(page.text.encode())
        assert kept == golden["text"]


def test_sentences_are_counted_as_nltk_counts_them() -> None:
    cases = rows(DATA / "nltk_counts.jsonl")
    assert len(cases) == 500
    assert [PUNKT.count(text) for text, _ in cases] == [count for _, count in cases]


LINE = "One two three four five."


# What c4_utils_test.py checks, in other words: input, text that stays, counters.
@pytest.mark.parametrize(
    ("text", "kept", "counters"),
    [
        (
            f"{LINE}\nno mark at the end of it\nToo short.\n\nIt needs JavaScript to be read here.\n"
            f"Read our Privacy Policy and stay happy.\n{LINE} {LINE}",
            f"{LINE}\n{LINE} {LINE}",
            {
                "line-passed": 2,
                "line-filtered:no_endmark": 2,
                "line-filtered:too_short": 1,
                "line-filtered:javascript": 1,
                "line-filtered:policy": 1,
                "passed": 1,
            },
        ),
        (
            f"{LINE}\nThis looks like three sentences...but is only one.",
            None,
            {"line-passed": 2, "filtered:too_few_sentences": 1},
        ),
        (
            f"{LINE}\n{LINE}\nfn foo(a) {{ b = a + 10; }}.\n{LINE}",
            None,
            {"line-passed": 2, "filtered:squigglybracket": 1},
        ),
        (f"{LINE}\nHere Lorem Ipsum dolor sit amet.", None, {"line-passed": 1, "filtered:loremipsum": 1}),
        (
            "It has a citation here.[3]\nOr one was asked for.[citation needed] Or edit it now.[edit][]",
            "It has a citation here.\nOr one was asked for. Or edit it now.",
            {"line-passed": 2, "passed": 1},
        ),
        (f"{'a' * 1001} b c d e.\n{LINE * 3}", None, {"line-filtered:too_long_word": 1, "line-passed": 1,
                                                         "filtered:too_few_sentences": 1}),
        (f"{'a' * 1000} b c d e.", None, {"line-passed": 1, "filtered:too_few_sentences": 1}),
        ("", None, {"filtered:too_few_sentences": 1}),
    ],
)  # fmt: skip
def test_lines_and_pages_go_by_the_rules(text: str, kept: str | None, counters: dict[str, int]) -> None:
    page = clean(text)
    assert tfds_counters(page) == counters
    assert (None if page.dropped_by else page.text) == kept


@pytest.mark.parametrize(
    "phrase",
    ["Terms of Use", "privacy policy", "Cookie Policy", "uses cookies", "use of cookies", "use cookies"],
)
def test_every_phrase_on_policies_takes_its_line(phrase: str) -> None:
    assert clean(f"{LINE}\nThis is what our {phrase} says.\n{LINE}").lines == {"passed": 2, "policy": 1}


THREE = f"{LINE}\n{LINE}\n{LINE}"


# The defects of the original, which its preset keeps and ours does not.
@pytest.mark.parametrize(
    ("text", "tfds", "ours"),
    [
        ("It opened to the public in 1999. [3]", {"no_endmark": 1}, {"passed": 1}),
        ("He said “it is what it is.”", {"no_endmark": 1}, {"passed": 1}),
        ("एक दो तीन चार पाँच।", {"no_endmark": 1}, {"passed": 1}),
        ("It has no end in sight ...", {"no_endmark": 1}, {"no_endmark": 1}),
        ("One two three four.", {"too_short": 1}, {"too_short": 1}),
    ],
)
def test_line_defects_of_the_original_are_kept_in_its_preset_only(
    text: str, tfds: dict[str, int], ours: dict[str, int]
) -> None:
    assert clean(text).lines == tfds
    assert clean(text, "c4").lines == ours


@pytest.mark.parametrize(
    ("text", "tfds", "ours"),
    [
        (f"function() {{\n{THREE}", None, "squigglybracket"),
        (f"Use {{ to open the block now.\n{THREE}", "squigglybracket", "squigglybracket"),
        (f"Lorem ipsum\n{THREE}", None, "loremipsum"),
        (f"JavaScript has {{ and }} in it.\n{THREE}", None, "squigglybracket"),
        (THREE, None, None),
    ],
)
def test_page_rules_see_the_whole_page_in_ours_only(text: str, tfds: str | None, ours: str | None) -> None:
    assert clean(text).dropped_by == tfds
    assert clean(text, "c4").dropped_by == ours


def test_what_datatrove_does_otherwise_is_a_preset() -> None:
    assert clean("Too few words.", "c4@datatrove").lines == {"passed": 1}
    assert clean("Too few words.").lines == {"too_short": 1}
    assert clean("one two 'three'", "c4@datatrove").lines == {"passed": 1}
    assert clean("one two 'three'", "c4@dodge").lines == {"no_endmark": 1}
    assert clean("one two[3] [4].", "c4@datatrove").lines == {"passed": 1}
    assert clean("one two[3] [4].", "c4@dodge").lines == {"passed": 1}
    assert clean("one [3] two.", "c4@datatrove").lines == {"passed": 1}
    assert clean("one [3] two.", "c4@dodge").lines == {"too_short": 1}
    assert clean(f"{THREE}\n{LINE}", "c4@datatrove").dropped_by == "too_few_sentences"
    assert clean(f"{THREE}\n{LINE}\n{LINE}", "c4@datatrove").dropped_by is None


def test_the_number_of_sentences_is_exact_below_the_minimum() -> None:
    page = clean(f"{LINE} {LINE}")
    assert (page.dropped_by, page.sentences) == ("too_few_sentences", 2)
    assert clean(f"{LINE}\n{LINE} {LINE}").sentences == 3


@given(st.text(alphabet=st.sampled_from('abé .?!"[3]{\n\x85 JAVAscriptlorem'), max_size=200))
def test_cleaning_is_stable_and_conserves_lines(text: str) -> None:
    rules = C4Rules(min_words_per_line=1, min_sentences=1, strip_again=True)
    page = clean_page(text, rules, PUNKT.count)
    if page.dropped_by in (None, "too_few_sentences"):
        assert sum(page.lines.values()) == len(text.splitlines())
    if page.dropped_by is None:
        assert all(size > 0 for size in page.removed.values())
        assert len(page.text.encode()) + sum(page.removed.values()) == len(text.encode())
    else:
        assert page.removed == {}
    if page.dropped_by is None and "[" not in page.text:
        assert clean_page(page.text, rules, PUNKT.count).text == page.text


def test_bytes_that_go_are_counted_by_what_took_them() -> None:
    cookies = "Allow cookies, read our cookie policy.\n"
    page = clean(f"Menü\n\n{LINE}[3]\r\n Short é. \n{LINE}\n{cookies}  {LINE}", "c4")
    assert page.lines == {"no_endmark": 2, "passed": 3, "too_short": 1, "policy": 1}
    assert page.removed == {
        "no_endmark": len("Menü\n\n".encode()),
        "citations": 3,
        "too_short": len(" Short é. \n".encode()),
        "policy": len(cookies),
        "white_space": len("\r") + len("  "),
    }


@given(st.text(alphabet=st.sampled_from("ab. ?!\"')\n"), max_size=60), st.integers(1, 9))
def test_counting_up_to_enough_is_counting_all_cut_off(text: str, enough: int) -> None:
    assert PUNKT.count(text, enough) == min(PUNKT.count(text), enough)


def test_a_punkt_model_that_is_none_is_refused() -> None:
    for data in (b"", b"[]", b'{"abbreviations": []}', b'{"abbreviations": 3}'):
        with pytest.raises(ValueError, match="not a Punkt model"):
            Punkt.parse(data)


@pytest.mark.parametrize(
    ("url", "tfds", "ours"),
    [
        ("http://www.a.com/p?utm_source=x&utm_medium=y", "a.com/p", "a.com/p"),
        ("https://a.com/p/?ref=b", "a.com/p", "a.com/p"),
        ("http://a.com/p?refund_id=7", "a.com/p", "a.com/p?refund_id=7"),
        ("http://a.com/p?feed=rss&page=2", "a.com/p", "a.com/p?page=2"),
        ("http://a.com/?u=http://www.b.com/", "a.com/?u=b.com", "a.com/?u=http://www.b.com"),
        ("a.com///", "a.com", "a.com"),
        ("http://a.com/p?", "a.com/p?", "a.com/p"),
    ],
)
def test_urls_are_normalised_by_whole_parameters(url: str, tfds: str, ours: str) -> None:
    assert normalize_url_tfds(url) == tfds
    assert normalize_url(url) == ours


def test_the_splits_go_by_the_hash_of_the_url() -> None:
    urls = [f"a.com/{i}" for i in range(20_000)]
    validation = [url for url in urls if is_validation(url)]
    assert validation[:2] == ["a.com/862", "a.com/6430"]
    assert 0 < len(validation) < 60
    assert keeps_bad_page("a.com", 0.0)
    assert not keeps_bad_page("a.com", 1.0)
    assert 4500 < sum(keeps_bad_page(url, 0.75) for url in urls) < 5500


# c4_utils_test.py, test_badwords_filter, and what stands at a text's ends.
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I asked for assistance polishing my cutlass.", None),
        ("He put it on his ass for travel.", "ass"),
        ("Ass is one of several animals.", "ass"),
        ('A synonym for the word "ass".', "ass"),
        ("ass", "ass"),
        ("ass_", None),
        ("two  words", None),
        ("(two words)", "two words"),
        ("two wordsmiths", None),
        ("a-b!", "a-b"),
    ],
)
def test_bad_words_stand_alone(text: str, found: str | None) -> None:
    assert BadWords(["ass", "two words", "a-b", " "]).find(text) == found


def test_unspaced_languages_find_words_anywhere_but_not_the_allowed_ones() -> None:
    assert BadWords(["性", "猥褻"], "zh").find("這是猥褻的") == "猥褻"
    assert BadWords(["性", "猥褻"], "zh").find("性能很好") is None
    assert BadWords(["性"], "ko").find("性") == "性"


@given(st.text(alphabet=st.sampled_from("abAB -_.é\n"), max_size=40))
def test_bad_words_are_those_of_one_expression(text: str) -> None:
    words = ["a", "ab", "a b", "b-a", "é", "-a", "b_b"]
    expression = re.compile(rf"(?:\W|^)({'|'.join(map(re.escape, words))})(?:\W|$)")
    assert (BadWords(words).find(text) is None) == (expression.search(text.lower()) is None)


def test_capitals_in_a_list_are_lost_in_the_original_only() -> None:
    assert BadWords(["Arsch"], "de").find("so ein Arsch!") == "arsch"
    assert BadWords(["Arsch"], "de", as_listed=True).find("so ein Arsch!") is None


def test_the_bundled_lists_can_be_used() -> None:
    lists = [path for path in (ROOT / "models/bad-words").iterdir() if path.suffix != ".md"]
    assert len(lists) == 27 + 1  # English as it was too
    for path in lists:
        words = path.read_text(encoding="utf-8").splitlines()
        assert BadWords(words, path.name.partition("-")[0]).find(f"x {words[-1]} y")


def test_mc4_asks_for_three_long_lines() -> None:
    assert has_long_paragraphs("\n".join(["a" * 200] * 3 + ["b"]))
    assert not has_long_paragraphs("\n".join(["a" * 200] * 2 + ["a" * 199]))


def test_a_page_of_190_000_characters_is_the_longest() -> None:
    assert not is_too_long("a" * 190_000)
    assert is_too_long("a" * 190_001)
