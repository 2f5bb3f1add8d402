"""StackExchange: what a post's HTML reads as, and how a question is joined with its answers."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.stackexchange import Answer, ThreadTemplate, in_order, licence, tags
from filters.stackexchange_html import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One\ntwo  three</p>\n\n<p>Four</p>\n", "One two three\n\nFour"),
        ("<p>a<br>\nb<br/>c</p>", "a\nb\nc"),
        ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "- a\n- b"),
        ("<p>x</p><ol><li>a</li><li></li><li>b</li></ol><p>y</p>", "x\n\n1. a\n3. b\n\ny"),
        ('<ol start="9"><li>a</li><li>b\nc</li></ol>', "9. a\n10. b c"),
        ("<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>", "- a\n\n  b\n- c"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("<ol><li>a<pre><code>x\n  y\n</code></pre></li></ol>", "1. a\n\n   x\n     y"),
        ("<p>x</p><pre><code>if a:\n\n    b &lt; c\n</code></pre><p>y</p>", "x\n\nif a:\n\n    b < c\n\ny"),
        ("<pre>\n  first</pre>", "  first"),
        ("<blockquote>\n  <p>a</p>\n  <p>b</p>\n</blockquote>\n<p>c</p>", "> a\n>\n> b\n\nc"),
        ("<p>x</p><blockquote><ul><li>a</li><li>b</li></ul></blockquote>", "x\n\n> - a\n> - b"),
        ("<blockquote><blockquote>a</blockquote>b</blockquote>", "> > a\n>\n> b"),
        ('<p><a href="http://x.y">a text</a>, <em>this</em> <code>f(x)</code></p>', "a text, this f(x)"),
        ('<p>So <span class="math-container">$a_1 &lt; b^2$</span> holds.</p>', "So $a_1 < b^2$ holds."),
        ("<p>$$\\frac{a}{b}$$</p>", "$$\\frac{a}{b}$$"),
        ("<p>x<sup>2</sup>, 2<sup>-1</sup>, 4<sup>th</sup></p>", "x^2, 2^-1, 4th"),
        ('<p>a <img src="i.png" alt="enter image description here"> b</p>', "a b"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a | b\n1 | 2"),
        ("<h2>Head</h2>\n<p>a</p><hr><p>b</p>", "Head\n\na\n\nb"),
        ("<p>a &amp; b &nbsp;c &eacute;</p>", "a & b \xa0c é"),
        ("a <script>x()</script>b", "a b"),
        ("<p>unclosed <b>bold <li>item</p></blockquote> rest", "unclosed bold\n- item\n\n  rest"),
        ("", ""),
        ("<p> </p><ul></ul>", ""),
    ],
)  # fmt: skip
def test_html_reads_as_on_the_page(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_hostile_nesting_ends() -> None:
    text = html_to_text("<blockquote><ul><li>" * 5000 + "x")
    assert text.endswith("x")
    assert len(text) < 1000


@given(st.text(alphabet=st.sampled_from("ab \n"), min_size=1).filter(str.strip))
def test_code_is_kept_to_the_space(code: str) -> None:
    assert html_to_text(f"<p>x</p><pre><code>{code}</code></pre>") == "x\n\n" + code.strip("\n")


@given(st.lists(st.sampled_from(["<p>", "</p>", "<ul>", "<ol>", "</ul>", "<li>", "</li>", "<pre>", "</pre>",
                                 "<blockquote>", "</blockquote>", "<br>", "word", " ", "\n"])))  # fmt: skip
def test_every_word_of_any_html_is_kept_and_no_line_is_only_a_bullet(parts: list[str]) -> None:
    text = html_to_text("".join(parts))
    assert text.count("word") == parts.count("word")
    assert not any(line.strip() in ("-", "1.") for line in text.split("\n"))
    assert text == text.strip("\n")  # spaces at the end of code are kept


def test_answers_go_by_score_as_a_number_then_accepted_then_id() -> None:
    answers = [
        Answer(1, 9, "a"),
        Answer(2, 2, "b"),
        Answer(3, 100, "c"),
        Answer(4, 10, "d"),
        Answer(5, -1, "e"),
        Answer(6, 10, "f", accepted=True),
        Answer(7, 9, "g"),
    ]
    expected = [3, 6, 4, 1, 7, 2, 5]
    for seed in range(5):
        random.Random(seed).shuffle(answers)
        assert [answer.id for answer in in_order(answers)] == expected
    assert [answer.id for answer in in_order(answers, min_score=2)] == expected[:-1]


def test_a_thread_is_written_by_its_template() -> None:
    answers = [Answer(1, 3, "First {title}."), Answer(2, 0, "Second.")]
    assert ThreadTemplate().thread("Why?", "Tell me {text}.", answers) == (
        "Q: Why?\n\nTell me {text}.\n\nA: First {title}.\n\nA: Second."
    )
    assert ThreadTemplate().thread("Why?", "", []) == "Q: Why?"
    other = ThreadTemplate(question="{title} {text}", answer="[{score}] {text}", between="\n")
    assert other.thread("T", "B", answers) == "T B\n[3] First {title}.\n[0] Second."


@pytest.mark.parametrize("template", [{"question": "{body}"}, {"answer": "{title}"}])
def test_a_template_with_an_unknown_field_is_refused(template: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"there is no \{"):
        ThreadTemplate(**template)


def test_tags_are_read_in_both_forms() -> None:
    assert tags("<c++><c#>") == tags("|c++|c#|") == ["c++", "c#"]
    assert tags("") == []


@pytest.mark.parametrize(
    ("said", "date", "expected"),
    [
        ("CC BY-SA 4.0", "2010-01-01T00:00:00.000", "CC BY-SA 4.0"),
        ("", "2011-04-07T23:59:59.999", "CC BY-SA 2.5"),
        ("", "2011-04-08T00:00:00.000", "CC BY-SA 3.0"),
        ("", "2018-05-01T23:59:59.999", "CC BY-SA 3.0"),
        ("", "2018-05-02T00:00:00.000", "CC BY-SA 4.0"),
        ("", "", ""),
    ],
)
def test_the_licence_is_the_rows_or_goes_by_its_date(said: str, date: str, expected: str) -> None:
    assert licence(said, date) == expected


@pytest.mark.parametrize(
    "unit", ["<a ", "<!--", "<![", "</", '<a b="', "<ul>", "<ul><li>x", "<script>", "<blockquote>x</p>"]
)
def test_html_that_never_closes_takes_linear_time(unit: str) -> None:
    start = time.process_time()
    html_to_text(unit * 8000)
    assert time.process_time() - start < 1.5  # some of these took Python's HTMLParser over 6 seconds


def test_html_that_is_no_tag_is_text() -> None:
    assert html_to_text("<p>1 < 2, <![x]> and a<b") == "1 < 2, and a<b"
    assert html_to_text("<p title='a > \"b'>x</p><style>p > a</style><SCRIPT>1</script >y") == "x\n\ny"
