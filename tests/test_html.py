"""HTML to text: charsets, limits, layout of the text, and the benchmark's arithmetic."""

from __future__ import annotations

import builtins
import contextlib
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.extraction import Score, score, summary
from filters.html import EXTRACTORS, ExtractionError, extract
from filters.html_charset import codec_of, decode
from filters.html_limits import MAX_ATTRIBUTES, MAX_BYTES, MAX_DEPTH, excess
from filters.html_tidy import headline, tidy, with_title

SENTENCE = "The river rises in the hills, runs through four valleys, and reaches the sea after nine days. "
PARAGRAPHS = "".join(f"<p>{name}: {SENTENCE * 3}</p>" for name in ("Oder", "Elbe", "Rhine", "Rhône"))
RUSSIAN = "Это длинный русский текст, по которому легко узнать кодировку страницы. " * 8
JAPANESE = "これは文字コードを調べるための日本語の文章です。" * 8
GERMAN = "Das Mädchen grüßt höflich über die Straße. " * 8
POLISH = "Zażółć gęślą jaźń, mówiła wieść. " * 8


def page(main: str, title: str = "") -> bytes:
    head = f"<title>{title}</title>" if title else ""
    body = f"<div><div><div><article>{main}</article></div></div></div>"
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()


@pytest.mark.parametrize(
    ("text", "stored", "http", "meta"),
    [
        (RUSSIAN, "utf-8", None, None),
        (RUSSIAN, "utf-8-sig", "koi8-r", None),  # a BOM beats every label
        (RUSSIAN, "utf-16", "utf-8", "utf-8"),
        (RUSSIAN, "utf-16-le", "utf-16", None),
        (RUSSIAN, "utf-16-be", None, None),
        (RUSSIAN, "utf-8", "utf-16", None),
        (RUSSIAN, "utf-8", "iso-8859-1", "windows-1251"),  # valid UTF-8 is UTF-8
        (RUSSIAN, "cp1251", "windows-1251", None),
        (RUSSIAN, "cp1251", None, "WINDOWS-1251"),
        (RUSSIAN, "koi8-r", "KOI8-R", "windows-1251"),
        (RUSSIAN, "cp1251", "utf-8", None),  # lies
        (RUSSIAN, "cp1251", "utf-8", "utf-8"),
        (RUSSIAN, "cp1251", "iso-8859-1", None),  # a server's default
        (RUSSIAN, "koi8-r", None, None),
        (JAPANESE, "shift_jis", '"Shift_JIS"', None),
        (JAPANESE, "euc-jp", None, "x-euc-jp"),
        (JAPANESE, "iso2022_jp", None, "iso-2022-jp"),
        (JAPANESE, "shift_jis", None, None),
        (JAPANESE, "euc-jp", "utf-8", "latin1"),
        ("联通的网页，汉字镕堃。" * 20, "gb18030", "gb2312", None),  # GBK's characters under GB2312's label
        (GERMAN + "“quoted” – €", "cp1252", "ISO-8859-1", None),  # latin1 means windows-1252
        (GERMAN, "cp1252", "no-such-charset", None),
        (POLISH, "iso8859-2", "iso-8859-2", None),
        ("plain ASCII", "ascii", "utf-7", None),
    ],
)
def test_page_is_read_in_its_charset(text: str, stored: str, http: str | None, meta: str | None) -> None:
    label = (
        f'<!-- <meta charset="big5"> --><meta http-equiv="x" content="text/html; charset={meta}">'
        if meta
        else ""
    )
    content = f"<html><head>{label}</head><body><p>{text}</p></body></html>".encode(stored)
    assert text in decode(content, http)[0]


def test_page_cut_inside_a_character_or_partly_in_another_charset_stays_readable() -> None:
    content = RUSSIAN.encode()
    assert decode(content[:-3], "utf-8")[1] == "utf-8"
    assert RUSSIAN in decode(content + "Zürich".encode("cp1252"), None)[0]


@given(
    st.binary(max_size=300), st.sampled_from([None, "", "utf-8", "utf-16", "gbk", "iso-2022-jp", "x", "\0"])
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_decoding(content: bytes, charset: str | None) -> None:
    text, codec = decode(content, charset)
    text.encode("utf-8")
    assert isinstance("".encode(codec), bytes)


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("Latin1", "cp1252"),
        (" UTF8 ", "utf-8"),
        ("x-sjis", "cp932"),
        ("gb2312", "gb18030"),
        ("nope", None),
        (None, None),
    ],
)
def test_labels_mean_what_the_web_means(label: str | None, codec: str | None) -> None:
    assert codec_of(label) == codec


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_text_keeps_title_paragraphs_lists_code_and_tables(extractor: str) -> None:
    code = "<pre><code>def f(x):\n    if x:\n        return 1\n</code></pre>"
    table = "<table><tr><th>Name</th><th>Size</th></tr><tr><td>Ebro</td><td>930</td></tr></table>"
    items = "<ul><li>first thing</li><li>second thing</li></ul><ol><li>step one</li><li>step two</li></ol>"
    found = extract(page(PARAGRAPHS + items + code + table, "Four valleys"), extractor=extractor)
    lines = found.text.split("\n")
    assert found.title == "Four valleys"
    assert lines[:2] == ["Four valleys", ""]
    for river in ("Oder", "Elbe", "Rhine", "Rhône"):
        assert f"\n\n{river}: {SENTENCE * 3}".rstrip() + "\n\n" in found.text
    for item in ("first thing", "second thing", "step one", "step two"):
        assert sum(line.endswith(item) and len(line) < len(item) + 8 for line in lines) == 1
    at = lines.index("def f(x):")
    assert lines[at : at + 3] == ["def f(x):", "    if x:", "        return 1"]
    row = next(line for line in lines if "Ebro" in line)
    assert "930" in row
    assert "Ebro930" not in row


def test_no_two_words_run_together() -> None:
    blocks = (
        "<div>alpha</div><div>beta<p>gamma</p>delta</div>epsilon<br>zeta<h2>eta</h2><dl><dt>theta<dd>iota"
    )
    words = extract(page(PARAGRAPHS + blocks + "</dl>" + PARAGRAPHS)).text.split()
    for word in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "theta", "iota"):
        assert word in words


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_navigation_and_scripts_are_left_out(extractor: str) -> None:
    links = "".join(f'<li><a href="/{i}">Section {i}</a></li>' for i in range(9))
    html = f"<body><nav><ul>{links}</ul></nav><script>var hidden = 1</script><main>{PARAGRAPHS}</main>"
    html += f'<footer><div class="footer">All rights reserved</div><ul>{links}</ul></footer></body>'
    text = extract(html.encode(), extractor=extractor).text
    assert SENTENCE.strip() in text
    for noise in ("Section", "hidden", "rights"):
        assert noise not in text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p></p>", ""),
        ("<title>Only a title</title>", ""),
        ("<frameset><frame src=x></frameset>", ""),
        ("no tags at all", "no tags at all"),
    ],
)
def test_small_pages(html: str, text: str) -> None:
    assert extract(html.encode()).text == text


def test_control_characters_and_newlines_are_cleaned() -> None:
    text = extract(
        page(f"<p>{SENTENCE}a\0b\x01c&#1;d\x7f&shy;e&nbsp;f</p>\r\n<pre>one\r\ntwo\rthree</pre>" + PARAGRAPHS)
    ).text
    assert "abcde f" in text
    assert "one\ntwo\nthree" in text
    assert not set(text) & set(map(chr, [*range(9), *range(11, 32), 127, 0xAD, 0xA0]))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=200, deadline=None)
def test_tidy_is_idempotent_and_keeps_every_word(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert "\r" not in once and "\0" not in once
    assert [w for w in once.split() if w.isalnum()] == [
        w for w in tidy(" ".join(once.split())).split() if w.isalnum()
    ]


@pytest.mark.parametrize(
    ("title", "heading", "chosen"),
    [
        ("A long day - The Paper", "A long day", "A long day"),
        ("A long day", "The Paper", "A long day"),
        ("A very long title of some page | The", "The", "A very long title of some page | The"),
        ("", "Heading", "Heading"),
        ("Title", "", "Title"),
        ("", "", ""),
    ],
)
def test_title_is_the_heading_that_title_repeats(title: str, heading: str, chosen: str) -> None:
    assert headline(title, heading) == chosen


@pytest.mark.parametrize(
    ("title", "body", "text"),
    [
        ("A day", "Rain fell.", "A day\n\nRain fell."),
        ("A day", "A  Day!\n\nRain fell.", "A  Day!\n\nRain fell."),
        ("", "Rain fell.", "Rain fell."),
        ("A day", "", ""),
    ],
)
def test_title_stands_once(title: str, body: str, text: str) -> None:
    assert with_title(title, body) == text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * (MAX_BYTES + 1), "bytes; the limit is"),
        (b"<div>" * 100_000 + b"deep", "nests 100,000 blocks"),
        (b"<DIV class='a'><p>" * (MAX_DEPTH + 1), "blocks in one another"),
        (b"<p " + b" ".join(b"a%d='>'" % i for i in range(100_000)) + b">x", "attributes; the limit is"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 50, "not text"),
        (b"%PDF-1.7" + bytes(range(1, 256)) * 20, "not text"),
    ],
)
def test_page_over_a_limit_is_one_sentence(content: bytes, words: str) -> None:
    started = time.process_time()
    with pytest.raises(ExtractionError, match=words) as caught:
        extract(content)
    assert str(caught.value).count("\n") == 0
    assert time.process_time() - started < 5


def test_limits_let_large_ordinary_pages_through() -> None:
    assert excess("<div><p>" + "x" * 200 + "</p></div>" * 5000) is None
    assert excess("<div>" * MAX_DEPTH + "</div>" * MAX_DEPTH + "<div>" * MAX_DEPTH) is None
    assert excess(" " * 200_000 + "<a " + "x " * (MAX_ATTRIBUTES - 10) + ">") is None
    assert excess('<a b="' + "many words in one value " * 20_000 + '">') is None


@pytest.mark.parametrize(
    "tag", ["b", "span", "ul><li", "table><tr><td", "font><p", "a", "p", "h1", "svg", "dl><dd"]
)
def test_deep_and_long_pages_take_bounded_time(tag: str) -> None:
    started = time.process_time()
    with contextlib.suppress(ExtractionError):
        extract((f"<{tag}>x" * 10_000).encode())
    extract((f"<{tag}>x" * (MAX_DEPTH // 2)).encode())
    assert time.process_time() - started < 5


def test_unknown_extractor_is_named() -> None:
    with pytest.raises(ExtractionError, match="resiliparse"):
        extract(b"<p>x", extractor="resiliprase")


def test_absent_trafilatura_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **kwargs: Any) -> Any:
        if name == "trafilatura":
            raise ImportError(name)
        return real(name, *rest, **kwargs)

    monkeypatch.delitem(sys.modules, "trafilatura", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtractionError, match="not installed"):
        extract(page(PARAGRAPHS), extractor="trafilatura")


@given(
    st.lists(
        st.sampled_from(["<div>", "</div>", "<p>", "<ul><li>", "<table><tr><td>", "<pre>", "a b\0", "<", "&"])
    )
)
@settings(max_examples=200, deadline=None)
def test_any_tag_soup_is_text(parts: list[str]) -> None:
    text = extract(b"<p>" + "".join(parts).encode()).text
    assert text == tidy(text)


def test_benchmark_arithmetic() -> None:
    assert score("a b c d e", "a b c d e") == Score(1.0, 1.0)
    assert score("a b c d e", "a b c d x") == Score(0.5, 0.5)
    assert score("a b c d e f g", "a b c d") == Score(1.0, 0.25)
    assert score("a b c d", "a b c d a b c d") == Score(0.2, 1.0)  # repeated shingles count
    assert score("a b", "a b") == Score(1.0, 1.0)
    assert score("a b", "") == Score(None, 0.0)
    assert score("", "") == Score(None, None)
    assert summary([Score(1.0, 0.5), Score(None, 0.0), Score(0.5, 1.0)]) == pytest.approx(
        {"precision": 0.75, "recall": 0.5, "f1": 0.6}
    )
