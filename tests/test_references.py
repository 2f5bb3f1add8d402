"""What a Wikipedia article cites, and a classifier trained on crawled pages among it."""

import bz2
import gzip
import json
from pathlib import Path

import pytest
from conftest import wet_bytes
from hypothesis import given
from hypothesis import strategies as st

from filters.references import archived_page, citations, same_host, same_page
from pipeline.errors import WinnowError
from pipeline.train.__main__ import main
from pipeline.train.references import CitedPages

SAMPLE_DUMP = (
    Path(__file__).parents[1] / "samples/wikipedia/enwiki-excerpt-pages-articles-multistream.xml.bz2"
)


@pytest.mark.parametrize(
    ("wikitext", "urls"),
    [
        # RedPajama's regex finds nothing in a reference with a name, or over several lines.
        ('A.<ref name="q">http://a.com/x</ref>', ["http://a.com/x"]),
        ("A.<ref\nname=q group='n'>\n\nSee\nhttp://a.com/x\n</ref>", ["http://a.com/x"]),
        # It takes two references on a line for one, with the text between them.
        ("A<ref>http://a.com/1</ref> http://no.com/ B<ref>http://a.com/2</ref>", ["http://a.com/1", "http://a.com/2"]),
        ('A<ref name="x" /> [http://no.com/ no] <ref name="y">http://a.com/y</ref>', ["http://a.com/y"]),
        ("<REF>HTTP://A.com/x</REF >", ["HTTP://A.com/x"]),
        ("<ref>[http://a.com/x title http://b.com/]</ref>", ["http://a.com/x", "http://b.com/"]),
        ("<ref>See http://a.com/x, (http://a.com/y).</ref>", ["http://a.com/x", "http://a.com/y"]),
        ("<ref>http://a.com/F_(film)</ref>", ["http://a.com/F_(film)"]),
        ("<ref>http://a.com/?a=1&amp;b=2</ref>", ["http://a.com/?a=1&b=2"]),
        ("<ref>''http://a.com/x''</ref>", ["http://a.com/x"]),
        ("<ref>//a.com/x and ftp://a.com/y</ref>", ["http://a.com/x"]),
        ("{{cite web|url=http://a.com/x|title=T}}", ["http://a.com/x"]),
        ("{{Cite news\n| url = http://a.com/x\n|title={{b|T}}|via=http://b.com}}", ["http://a.com/x", "http://b.com"]),
        ("{{Infobox|website=http://no.com/}} {{reflist|refs=<ref>http://a.com/x</ref>}}", ["http://a.com/x"]),
        ("{{Internetquelle |url=http://a.de/x}} {{Lien web|url=http://a.fr/x}}", ["http://a.de/x", "http://a.fr/x"]),
        ("<references><ref name=a>http://a.com/x</ref></references>", ["http://a.com/x"]),
        ("<!-- <ref>http://no.com/</ref> --><nowiki><ref>http://no.com/</ref></nowiki>", []),
        ("<ref>never closed http://a.com/x <ref>http://a.com/y</ref>", ["http://a.com/x", "http://a.com/y"]),
        ("<ref>http://a.com/x</ref><ref>https://www.a.com/x/#top</ref>", ["http://a.com/x"]),
        ("<ref>http://localhost/x http://[::1/ http://a.com:x/</ref>", []),
        ("plain http://no.com/ [http://no.com/ x] <reference>http://no.com/</reference>", []),
        ("", []),
    ],
)  # fmt: skip
def test_citations(wikitext: str, urls: list[str]) -> None:
    assert [citation.url for citation in citations(wikitext)] == urls


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://web.archive.org/web/20110101000000/http://a.com/x?y=1", "http://a.com/x?y=1"),
        ("http://web.archive.org/web/2011id_/https://a.com/", "https://a.com/"),
        ("http://web.archive.org/20110101000000/http:/a.com/x", "http://a.com/x"),
        ("https://web.archive.org/web/20110101000000/a.com/x", "http://a.com/x"),
        ("https://archive.today/2012.1/x", None),
        ("https://archive.is/20121209/http://a.com/x", "http://a.com/x"),
        ("https://archive.ph/AbCd", None),
        ("http://www.webcitation.org/query?id=1&url=http%3A%2F%2Fa.com%2Fx&date=2", "http://a.com/x"),
        ("http://www.webcitation.org/5abc", None),
        ("http://a.com/x", "http://a.com/x"),
        ("https://archive.org/details/book", "https://archive.org/details/book"),
    ],
)
def test_archived_copies(url: str, page: str | None) -> None:
    assert archived_page(url) == page


def test_a_page_and_its_copy_are_one_citation() -> None:
    copy = "https://web.archive.org/web/20110101000000/http://a.com/x"
    for cite in (f"url=http://a.com/x |archive-url={copy}", f"archiveurl={copy}|url=http://a.com/x"):
        assert citations(f"<ref>{{{{cite web |{cite}}}}}</ref>") == [("http://a.com/x", copy)]


@pytest.mark.parametrize(
    ("url", "page", "host"),
    [
        ("http://www.A.com/", "a.com", "a.com"),
        ("https://a.com:443/X/#y", "a.com/X", "a.com"),
        ("http://a.com:8080/x?b=1", "a.com:8080/x?b=1", "a.com"),
        ("mailto:x@a.com", "", ""),
        ("http://a.com:99999/x", "", ""),
        ("", "", ""),
    ],
)
def test_forms(url: str, page: str, host: str) -> None:
    assert (same_page(url), same_host(url)) == (page, host)


@given(st.text(alphabet="<ref>/{}[]|http:.w name=\n'\"&;()x-!", max_size=200))
def test_any_wikitext_gives_only_urls_of_the_web(wikitext: str) -> None:
    for citation in citations(wikitext):
        assert same_page(citation.url)


# --- the command, and the way from a dump and a crawl to a classifier


def dump(articles: dict[str, str], path: Path) -> str:
    pages = "".join(
        f"<page><title>{title}</title><ns>0</ns><id>{number}</id><revision><id>{number}</id>"
        f"<text>{text.replace('&', '&amp;').replace('<', '&lt;')}</text></revision></page>"
        for number, (title, text) in enumerate(articles.items(), 1)
    )
    head = '<mediawiki xml:lang="en"><siteinfo><dbname>enwiki</dbname><base>https://en.wikipedia.org/wiki/Main</base>'
    path.write_bytes(bz2.compress(f"{head}</siteinfo>{pages}</mediawiki>".encode()))
    return str(path)


def references(tmp_path: Path, articles: dict[str, str]) -> str:
    output = tmp_path / "references.jsonl.gz"
    file = dump(articles, tmp_path / "enwiki.xml.bz2")
    assert main(["references", "--input", file, "--output", str(output)]) == 0
    return str(output)


def test_each_reference_with_its_article(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    articles = {
        "One": "<ref>http://a.com/1</ref><ref>http://a.com/1</ref>",
        "Two words": "{{cite web|url=http://a.com/1}} <ref>http://b.com/</ref>",
        "None": "x",
    }
    output = references(tmp_path, articles)
    rows = [json.loads(line) for line in gzip.decompress(Path(output).read_bytes()).splitlines()]
    assert [(row["url"], row["article"]) for row in rows] == [
        ("http://a.com/1", "https://en.wikipedia.org/wiki/One"),
        ("http://a.com/1", "https://en.wikipedia.org/wiki/Two_words"),
        ("http://b.com/", "https://en.wikipedia.org/wiki/Two_words"),
    ]
    assert "3 references of 2 of 3 articles" in capsys.readouterr().out
    first = Path(output).read_bytes()
    assert first[4:8] == b"\0\0\0\0"  # no time in the gzip header
    assert Path(references(tmp_path, articles)).read_bytes() == first


@pytest.mark.parametrize("content", [b"no dump at all", b"<mediawiki></mediawiki>"])
def test_what_is_no_dump_or_cites_nothing(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.xml").write_bytes(content)
    output = tmp_path / "out" / "references.jsonl.gz"
    assert main(["references", "--input", str(tmp_path / "file.xml"), "--output", str(output)]) == 1
    said = capsys.readouterr().err
    assert "no article of 1 dumps cites a web page" in said
    assert said.count("\n") == 1
    assert not list(output.parent.iterdir())


def test_cited_pages(tmp_path: Path) -> None:
    file = references(tmp_path, {"One": "<ref>http://www.a.com/x/</ref><ref>http://b.com/y</ref>"})
    pages, hosts = CitedPages([file], "url"), CitedPages([file], "host")
    urls = ["https://a.com/x", "http://a.com/", "http://b.com/y#z", "http://c.com/x", ""]
    assert [url in pages for url in urls] == [True, False, True, False, False]
    assert [url in hosts for url in urls] == [True, True, True, False, False]
    with pytest.raises(WinnowError, match=r"is no file of `python -m pipeline.train references`"):
        CitedPages([str(tmp_path / "enwiki.xml.bz2")], "url")


def page_text(number: int, cited: bool) -> str:
    """The text of a crawled page, whose words tell whether it is cited, a third of them."""
    return " ".join(
        f"{'ab'[cited] if place % 3 == 0 else 'c'}{(number * 13 + place * (number % 11 + 7)) % 300}"
        for place in range(50)
    )


def test_a_classifier_from_the_sample_dump_and_a_crawl_that_it_cites(tmp_path: Path) -> None:
    """The route by URL: a WET file of pages that the sample dump cites, and of others on the same hosts."""
    output = tmp_path / "references.jsonl.gz"
    assert main(["references", "--input", str(SAMPLE_DUMP), "--output", str(output)]) == 0
    urls = [json.loads(line)["url"] for line in gzip.decompress(output.read_bytes()).splitlines()]
    cited = sorted({same_page(url): url for url in urls}.values())[:250]
    crawl = [(url, page_text(number, cited=True)) for number, url in enumerate(cited)]
    crawl += [(f"http://{same_page(url)}/-/{n}", page_text(n, cited=False)) for n, url in enumerate(cited)]
    (tmp_path / "crawl.warc.wet.gz").write_bytes(wet_bytes(sorted(crawl)))
    arguments = ["classifier", "--pages", str(tmp_path / "crawl.warc.wet.gz"), "--references", str(output)]
    arguments += ["--min-chars", "50", "--dimensions", "8", "--rate", "1"]
    assert main([*arguments, "--output", str(tmp_path / "url")]) == 0
    card = (tmp_path / "url" / "reference.en.md").read_text()
    assert len(cited) == 250
    assert "- Positives: 250 documents." in card
    assert "- Negatives: 250 documents." in card
    assert "Wikipedia cites its URL,\n  else a negative: 250 and 250 pages." in card
    assert "| classifier | 1.000 |" in card
    by_host = [*arguments, "--match", "host", "--output", str(tmp_path / "host")]
    assert main(by_host) == 1  # every page is on a host that is cited


def test_pages_without_references(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classifier", "--pages", "x", "--output", str(tmp_path / "o")]) == 1
    assert "--pages and --references belong together" in capsys.readouterr().err
