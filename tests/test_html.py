"""HTML to text: charsets, limits, layout of the text, and the benchmark's arithmetic."""

from __future__ import annotations

import builtins
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from benchmarks.extraction import Score, score, summary
from filters.html import EXTRACTORS, ExtractionError, extract
from filters.html_blocks import read_blocks
from filters.html_charset import codec_of, decode
from filters.html_render import render
from filters.html_source import (
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_OPEN,
    too_deep,
    too_many_attributes,
    too_much_open,
    without_programs,
)
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
    ("text", "clean"),
    [
        ("a\xa0b \n", "a b"),
        ("\n\n  a\r\nb\rc\u2028d", "  a\nb\nc\nd"),
        ("a\t\tb\n\t\tc", "a\tb\n\t\tc"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ufeffso\xadft\x00\ufffe", "soft"),
    ],
)
def test_tidy(text: str, clean: str) -> None:
    assert tidy(text) == clean


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
        (b"<p " + b" ".join(b"a%d='>'" % i for i in range(100_000)) + b">x", "attributes; the limit is"),
        (b"<b><i><a>" * 100_000, "tags of formatting open; the limit is"),
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


@pytest.mark.parametrize("tag", ["<div>", "<DIV class='a'><p>", "<article>", "<ul><li>"])
def test_resiliparse_is_not_given_what_it_cannot_bear(tag: str) -> None:
    with pytest.raises(ExtractionError, match="blocks in one another"):
        extract((tag * (MAX_DEPTH + 1)).encode(), extractor="resiliparse")


def test_limits_let_large_ordinary_pages_through() -> None:
    assert too_deep("<div><p>" + "x" * 200 + "</p></div>" * 5000) is None
    assert too_deep("<div>" * MAX_DEPTH + "</div>" * MAX_DEPTH + "<div>" * MAX_DEPTH) is None
    assert too_many_attributes(" " * 300_000 + "<a " + "x " * (MAX_ATTRIBUTES - 10) + ">") is None
    assert (
        too_much_open(" " * 300_000 + "<a href=x>y" * 9_000 + "<B>z</b>" * 9_000 + "<i>" * (MAX_OPEN - 1))
        is None
    )
    assert too_many_attributes('<a b="' + "many words in one value " * 20_000 + '">') is None


SOUP = [
    "<div>",
    "<b>",
    "<span>",
    "<ul><li>",
    "<table><tr><td>",
    "<font><p>",
    "<a href=x>",
    "<svg>",
    "<dl><dd>",
    "<nav>",
]
SOUP += [
    "<!--",
    "<!---->",
    "<script>",
    "</script",
    "<style></style>",
    "<p title='<'>",
    "&amp;",
    "<h1>",
    "<pre>",
    "\0",
]


@pytest.mark.parametrize("tag", SOUP)
def test_deep_and_long_pages_take_linear_time(tag: str) -> None:
    started = time.process_time()
    assert len(extract(b"<p>word " + (f"{tag}x" * 20_000).encode()).body) < 4_000_000
    assert time.process_time() - started < 4


def test_long_names_take_linear_time() -> None:
    started = time.process_time()
    extract(f'<div class="{"x" * 300_000} a:b" style="{"display " * 50_000}">text</div>'.encode())
    assert time.process_time() - started < 2


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


@pytest.mark.parametrize(
    ("page", "left"),
    [
        (b"a<script>if (1<2) '<p>'</script >b", b"ab"),
        (b"a<SCRIPT src=x></ScRiPt\n>b<style>p{}</style>c", b"abc"),
        (b"a<!-- <script> -->b<!-->c<!--- x --->d", b"abcd"),
        (b"a<scripts>b<s>c<!doctype html>", b"a<scripts>b<s>c<!doctype html>"),
        (b"a<script>never closed", b"a<script>never closed"),
        (b"a<!-- never closed", b"a<!-- never closed"),
    ],
)
def test_programs_are_cut_out(page: bytes, left: bytes) -> None:
    assert without_programs(page) == left


def body_of(html: str) -> str:
    body = HTMLTree.parse(html).body
    assert body is not None
    return str(body.html)


def test_parser_writes_values_without_angle_brackets() -> None:
    """What html_blocks relies on to tell where a tag ends."""
    body = body_of("""<p title="a>b<c &quot; '" data-x='<a href="q">'>t &lt;x&gt; " <i a<b=1>u</i></p>""")
    assert 'title="a&gt;b&lt;c &quot; \'" data-x="&lt;a href=&quot;q&quot;&gt;">t &lt;x&gt; ' in body


def blocks_of(html: str) -> list[tuple[str, int, str]]:
    blocks, _ = read_blocks(body_of(html))
    return [(block.text, block.linked, block.box.tag) for block in blocks]


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("<p>a <b>b</b> c<p>d", [("a b c", 0, "p"), ("d", 0, "p")]),
        ("a<div>b<br>c</div>d", [("a", 0, "body"), ("b\nc", 0, "div"), ("d", 0, "body")]),
        ("<p>see <a href=x>this  one</a> now", [("see this one now", 9, "p")]),
        ("<p>see <a name=x>this one</a> now", [("see this one now", 0, "p")]),
        ("<p>a &amp;lt; b&nbsp;c", [("a &lt; b c", 0, "p")]),
        ("<pre>\n  a\n\tb &lt;</pre>", [("  a\n\tb <", 0, "pre")]),
        ("<p>x<nav>y<nav>z</nav></nav>w<svg><text>v</text></svg>", [("x", 0, "p"), ("w", 0, "body")]),
        ("<p><ruby>漢<rp>(</rp><rt>kan</rt></ruby>字", [("漢字", 0, "p")]),
        ("<p title='<b>\"'>a</p>", [("a", 0, "p")]),
        ("a<hr>b", [("a", 0, "body"), ("b", 0, "body")]),
    ],
)
def test_blocks_end_where_boxes_do(html: str, blocks: list[tuple[str, int, str]]) -> None:
    assert blocks_of(html) == blocks


def test_link_left_open_is_no_link() -> None:
    assert sum(linked for _, linked, _ in blocks_of("<a href=x>" + PARAGRAPHS * 9)) < 600


def article(*parts: str, around: str = "") -> str:
    return extract(
        f"<html><body><div>{around}</div><div class=text>{''.join(parts)}</div></body></html>".encode()
    ).body


@pytest.mark.parametrize(
    "aside",
    [
        f'<div class="related-articles"><p>{"An older story about another river altogether. " * 4}</p></div>',
        f'<section id="postComments"><p>{"I do not agree with any of this at all. " * 4}</p></section>',
        f"<aside><p>{'An older story about another river altogether. ' * 4}</p></aside>",
        f'<div style="display: none"><p>{"An older story about another river altogether. " * 4}</p></div>',
        '<ul><li><a href="/a">A headline of another story</a></li><li><a href="/b">Another one</a></li></ul>',
        '<div><img src="x.jpg">A boat on the river. Photo: agency</div>',
        "<figure><img src=x><figcaption>A boat on the river</figcaption></figure>",
        f"<div>{'var a = {b: 1}; if (a.b == 1) { f(a.b); }; ' * 20}</div>",
    ],
)
def test_what_is_not_content_is_left_out(aside: str) -> None:
    assert article(PARAGRAPHS, aside, PARAGRAPHS) == article(PARAGRAPHS, PARAGRAPHS)


def body(html: str) -> str:
    return extract(f"<body>{html}</body>".encode()).body


OTHER = "Nine other rivers have been measured since then, and all of them were shorter than this one. "


def test_suspect_box_with_most_of_the_text_is_content() -> None:
    text = body(f'<div class="author-page">{PARAGRAPHS}</div><div><p>{OTHER}</p></div>')
    assert text.count(SENTENCE.strip()) == 12


def test_long_comments_are_no_content_where_there_is_an_article() -> None:
    comments = "".join(f"<p>{name}: {OTHER * 2}</p>" for name in ("Ann", "Bob", "Cid", "Dan"))
    assert body(f'<div>{PARAGRAPHS}</div><div class="comments">{comments}</div>') == body(PARAGRAPHS)


def test_page_of_nothing_but_suspect_boxes_is_not_lost() -> None:
    assert body(f'<div class="comment">{PARAGRAPHS}</div>' * 4).count(SENTENCE.strip()) == 48


def test_names_for_print_and_small_screens_are_not_suspect() -> None:
    assert "Nine other" in body(f'{PARAGRAPHS}<p class="lg:hidden print:teaser">{OTHER}</p>{PARAGRAPHS}')
    assert "Nine other" not in body(f'{PARAGRAPHS}<p class="lg-hidden teaser">{OTHER}</p>{PARAGRAPHS}')


def test_article_is_found_beside_as_much_other_text() -> None:
    teasers = "".join(f"<p>{name}: {OTHER * 3}</p>" for name in ("Ann", "Bob", "Cid", "Dan"))
    text = body(f"<div><div><article>{PARAGRAPHS}</article></div><div>{teasers}</div></div>")
    assert text == body(PARAGRAPHS)


@pytest.mark.parametrize("tag", ["div", "li"])
def test_content_is_where_most_paragraphs_are(tag: str) -> None:
    teasers = "".join(f"<{tag}>{name}: {OTHER * 2}</{tag}>" for name in ("Ann", "Bob", "Cid"))
    assert body(f"<div>{PARAGRAPHS}</div><div>{teasers}</div>") == body(PARAGRAPHS)


def test_unlinked_list_before_the_text_is_content() -> None:
    items = "".join(f"<li>{grams} grams of flour</li>" for grams in (100, 200, 300))
    text = body(f"<article><div><ul>{items}</ul></div>{PARAGRAPHS}</article>")
    assert text.startswith("- 100 grams of flour\n- 200 grams of flour\n- 300 grams of flour\n\nOder")


def test_short_chinese_paragraphs_are_good_text() -> None:
    sentence = "这条河发源于山中，流经四个山谷，九天之后到达大海，沿途有许多村庄。"
    text = body(f"<div>首页</div><div><p>{sentence}</p><p>又{sentence}</p></div><div>联系我们</div>")
    assert text == f"{sentence}\n\n又{sentence}"


def test_content_in_pieces_stays_together() -> None:
    lead, end = f"<div><p>Lead: {SENTENCE * 2}</p></div>", f"<p>End: {SENTENCE * 2}</p>"
    text = article(lead, f"<div class=rest>{PARAGRAPHS}</div>", end)
    assert text.startswith("Lead: ")
    assert "\n\nEnd: " in text


def test_headings_lists_and_tables_between_paragraphs_stay() -> None:
    inner = "<h2>Facts</h2><ul><li>Short</li><li>See <a href=x>there</a></li></ul>"
    inner += "<table><tr><td>1</td><td>2</td></tr></table>"
    text = article(PARAGRAPHS, inner, PARAGRAPHS)
    assert "\n\nFacts\n\n- Short\n- See there\n\n1\t2\n\n" in text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"),
        ("<ol><li>a<li><p>b</p><p>c</p></ol>", "1. a\n2. b\n  c"),
        ("<ul><li>a</ul><ul><li>b</ul>", "- a\n\n- b"),
        ("<table><tr><th>a<th>b<tr><td>1<td><p>2</p><p>3</p></table>", "a\tb\n1\t2 3"),
        ("<table><tr><td><p>" + "long, " * 60 + "end</p><p>b</p></table>", "long, " * 60 + "end\n\nb"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
        ("<p>a</p><pre>  b\n    c\n</pre><p>d", "a\n\n  b\n    c\n\nd"),
    ],
)
def test_layout_of_blocks(html: str, text: str) -> None:
    assert render(read_blocks(body_of(html))[0]) == text


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
