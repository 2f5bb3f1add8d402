"""Reading of Wikipedia dumps: which pages are documents, multistream parts, damage, hostile XML."""

from __future__ import annotations

import bz2
import gzip
import io
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import parse_config
from pipeline.errors import WinnowError
from pipeline.flows.wikipedia import WIKIPEDIA
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.readers.wikipedia_streams import Part, check_parts, index_name, is_index, parts
from pipeline.records import DeadLetter, Document, Event, PassedOver

SAMPLES = Path(__file__).parents[1] / "samples" / "wikipedia"
MULTISTREAM = SAMPLES / "enwiki-excerpt-pages-articles-multistream.xml.bz2"
INDEX = SAMPLES / "enwiki-excerpt-pages-articles-multistream-index.txt.bz2"

HEADER = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
<siteinfo><sitename>Wikipedia</sitename><dbname>dewiki</dbname>
<base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base>
<namespaces><namespace key="0" /><namespace key="1">Diskussion</namespace><namespace key="6">Datei</namespace>
<namespace key="14">Kategorie</namespace></namespaces></siteinfo>
"""
FOOTER = "</mediawiki>\n"


def page(
    number: int = 1,
    text: str | None = "Text",
    *,
    title: str = "A b",
    ns: str = "<ns>0</ns>",
    redirect: str = "",
    model: str = "wikitext",
) -> str:
    body = (
        "<text bytes='0' deleted='deleted' />"
        if text is None
        else f"<text xml:space='preserve'>{text}</text>"
    )
    return (
        f"<page><title>{title}</title>{ns}<id>{number}</id>{redirect}<revision><id>{number}0</id>"
        "<parentid>7</parentid><timestamp>2022-08-01T00:00:00Z</timestamp>"
        "<contributor><username>u</username><id>99</id></contributor>"
        f"<model>{model}</model><format>text/x-wiki</format>{body}<sha1>x</sha1></revision></page>\n"
    )


def read(
    data: bytes,
    name: str = "dewiki-20220801-pages-articles.xml",
    *,
    wiki: str = "",
    max_document_bytes: int = 64 << 20,
) -> list[Event]:
    reader = WikipediaReader(wiki=wiki, max_document_bytes=max_document_bytes)
    return list(reader.read(io.BytesIO(data), name))


def dump(*pages: str) -> bytes:
    return (HEADER + "".join(pages) + FOOTER).encode()


def kinds(events: Iterable[Event]) -> list[str]:
    return [event.kind if isinstance(event, PassedOver) else type(event).__name__ for event in events]


def test_an_article_has_the_keys_and_places_of_its_dump() -> None:
    (document,) = read(dump(page(5, "Gr&#252;n &amp; &lt;br&gt;", title="Käse &amp; C/D?")))
    assert isinstance(document, Document)
    assert document.key == "dewiki 5 50"
    assert document.text == "Grün & <br>"
    assert document.url == "https://de.wikipedia.org/wiki/K%C3%A4se_%26_C/D%3F"
    assert (document.language, document.snapshot) == ("de", "20220801")
    assert document.timestamp == "2022-08-01T00:00:00Z"
    assert document.metadata == {
        "title": "Käse & C/D?",
        "page_id": 5,
        "revision_id": 50,
        "wiki": "dewiki",
        "namespaces": (("Datei", 6), ("Kategorie", 14)),
    }


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (page(), "Document"),
        (page(ns="<ns>14</ns>"), "namespace 14"),
        (page(ns="", title="Diskussion:A"), "namespace 1"),
        (page(ns="", title="Star Trek: A"), "Document"),
        (page(redirect='<redirect title="B" />', text="[[B]]"), "redirect"),
        (page(text="#WEITERLEITUNG [[B]]"), "redirect"),
        (page(text=" \n"), "empty"),
        (page(text=None), "deleted"),
        (page(model="json", text="{}"), "model json"),
        (page(title=""), "DeadLetter"),
        (page().replace("<id>1</id>", ""), "DeadLetter"),
        (page(text="x" * 101), "DeadLetter"),
        (page(text="ж" * 51), "DeadLetter"),
    ],
)
def test_every_page_is_one_event(written: str, kind: str) -> None:
    assert kinds(read(dump(written, page(2)), max_document_bytes=100)) == [kind, "Document"]


def test_of_several_revisions_the_last_stands() -> None:
    revision = "<revision><id>11</id><timestamp>t</timestamp><text>new</text></revision></page>"
    (document,) = read(dump(page(1, "old").replace("</page>", revision)))
    assert isinstance(document, Document)
    assert (document.text, document.key, document.timestamp) == ("new", "dewiki 1 11", "t")


@pytest.mark.parametrize("compress", [bytes, bz2.compress, gzip.compress])
def test_compression_is_told_by_the_bytes(compress: Callable[[bytes], bytes]) -> None:
    data = compress(dump(page(1), page(2)))
    assert kinds(read(data, "x")) == ["Document", "Document"]


def test_a_header_that_names_no_wiki_needs_one_named() -> None:
    bare = f"<mediawiki>{page()}</mediawiki>".encode()
    (letter,) = read(bare)
    assert isinstance(letter, DeadLetter) and "names no wiki" in letter.error
    (document,) = read(bare, wiki="zh_yuewiki")
    assert isinstance(document, Document)
    assert (document.key, document.language) == ("zh_yuewiki 1 10", "zh-yue")
    assert document.url == "https://zh-yue.wikipedia.org/wiki/A_b"


def test_the_oldest_headers_have_only_an_address() -> None:
    header = HEADER.replace("<dbname>dewiki</dbname>", "").replace(' xml:lang="de"', "")
    (document,) = read((header + page() + FOOTER).encode())
    assert isinstance(document, Document)
    assert (document.key, document.language) == ("dewiki 1 10", "de")


# Multistream dumps.


def stored(sizes: list[int], per_stream: int) -> tuple[bytes, bytes]:
    """A multistream dump of pages of the given text lengths, and its index."""
    data = bz2.compress(HEADER.encode())
    index = ""
    for first in range(0, len(sizes), per_stream):
        numbers = range(first, min(first + per_stream, len(sizes)))
        index += "".join(f"{len(data)}:{number}:A: {number}\n" for number in numbers)
        data += bz2.compress("".join(page(n, "x" * (sizes[n] + 1)) for n in numbers).encode())
    return data + bz2.compress(FOOTER.encode()), index.encode()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=20),
    st.integers(1, 5),
    st.integers(1, 2000),
    st.booleans(),
)
def test_the_parts_together_are_the_whole(sizes: list[int], per_stream: int, size: int, packed: bool) -> None:
    data, index = stored(sizes, per_stream)
    found = parts(io.BytesIO(bz2.compress(index) if packed else index), len(data), size)
    assert [part.end for part in found] == [*[part.start for part in found[1:]], len(data)]
    assert all(part.end - part.start >= size for part in found[:-1])
    assert [part.first for part in found] == [
        sum(int(line.split(b":")[0]) < part.start for line in index.splitlines()) for part in found
    ]
    reader = WikipediaReader()
    events = [event for part in found for event in reader.read_part(io.BytesIO(data), "x", part)]
    assert events == read(data, "x")
    assert len(events) == len(sizes)


def test_the_sample_reads_the_same_in_parts() -> None:
    data = MULTISTREAM.read_bytes()
    found = parts(io.BytesIO(INDEX.read_bytes()), len(data), 50_000)
    assert len(found) > 3
    reader = WikipediaReader()
    events = [event for part in found for event in reader.read_part(io.BytesIO(data), "x", part)]
    assert events == read(data, "x")


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (b"", "names no page"),
        (b"900:1:A\n", "beyond the end"),
        (b"10:1:A\nzehn:2:B\n", "not offset:id:title"),
        (b"10:1:A\n20\n", "not offset:id:title"),
        (b"20:1:A\n10:2:B\n", "not in the order"),
        (bz2.compress(b"10:1:A\n")[:-5], "cannot be read"),
    ],
)
def test_a_wrong_index_is_one_sentence(index: bytes, reason: str) -> None:
    with pytest.raises(WinnowError, match=reason):
        parts(io.BytesIO(index), 500)


def test_a_range_that_is_no_stream_is_a_dead_letter() -> None:
    data, index = stored([10, 10], 1)
    part = parts(io.BytesIO(index), len(data), 1)[1]
    events = list(
        WikipediaReader().read_part(io.BytesIO(data), "x", Part(part.header, part.start + 3, part.end))
    )
    assert kinds(events) == ["DeadLetter"]


# Damage.


def test_a_dump_cut_anywhere_gives_what_was_readable_and_one_dead_letter() -> None:
    data, _ = stored([500] * 6, 2)
    whole = read(data)
    for cut in range(0, len(data) - 1, 7):
        events = read(data[:cut])
        assert kinds(events)[-1] == "DeadLetter"
        assert events[:-1] == whole[: len(events) - 1]
    assert len(read(data[: len(data) - 60])) >= 5


def test_damage_is_placed_at_the_stream_that_holds_it() -> None:
    data, index = stored([500] * 6, 2)
    start = int(index.split(b"\n")[2].split(b":")[0])
    broken = bytearray(data)
    broken[start + 30] ^= 0xFF
    events = read(bytes(broken), "x")
    assert events[2] == DeadLetter(start, "the bzip2 stream is damaged")
    whole = read(data, "x")
    assert events == [*whole[:2], events[2], *whole[4:]]
    found = parts(io.BytesIO(index), len(data), 1)
    reader = WikipediaReader()
    assert events == [e for p in found for e in reader.read_part(io.BytesIO(bytes(broken)), "x", p)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_damaged_byte_costs_one_stream(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(100, 9000), min_size=3, max_size=9))
    whole, index = stored(sizes, 1)
    starts = [*sorted({int(line.split(b":")[0]) for line in index.splitlines()}), whole.rindex(b"BZh")]
    hit = data.draw(st.integers(0, len(sizes) - 1))
    place = data.draw(st.integers(starts[hit], starts[hit + 1] - 1))
    broken = bytearray(whole)
    broken[place] ^= 1 << data.draw(st.integers(0, 7))
    events = read(bytes(broken))
    # One bit of a stream's footer or padding may tell nothing; else its page, and no other, is the letter.
    documents = [event for event in events if isinstance(event, Document)]
    expected = [document for document in read(whole) if isinstance(document, Document)]
    assert [d for d in expected if d not in documents] in ([], [expected[hit]])
    letters = [event.offset for event in events if isinstance(event, DeadLetter)]
    assert letters == ([] if len(documents) == len(sizes) else [starts[hit]])


def test_xml_that_breaks_in_one_stream_costs_that_stream() -> None:
    streams = [bz2.compress(text.encode()) for text in (HEADER, page(1), "<page><oops>", page(2), FOOTER)]
    events = read(b"".join(streams))
    assert kinds(events) == ["Document", "DeadLetter", "Document"]
    assert isinstance(events[1], DeadLetter)
    assert events[1].offset == len(streams[0]) + len(streams[1])


@pytest.mark.parametrize("per_stream", [0, 100, 700])
def test_behind_damage_the_next_page_is_read_wherever_streams_are_cut(per_stream: int) -> None:
    """Compressors that work in parallel cut streams anywhere."""
    xml = dump(*(page(n, "x" * 100) for n in range(1, 10)))
    xml = xml.replace(b"<title>A b</title><ns>0</ns><id>4</id>", b"<title>A b</oops>")
    cuts = range(0, len(xml), per_stream) if per_stream else []
    events = read(b"".join(bz2.compress(xml[at : at + per_stream]) for at in cuts) or xml)
    assert kinds(events) == ["Document"] * 3 + ["DeadLetter"] + ["Document"] * 5
    assert [event.key[7] for event in events if isinstance(event, Document)] == list("12356789")
    if not per_stream:
        assert isinstance(events[3], DeadLetter)
        assert events[3].offset == xml.index(b"<page><title>A b</oops>")


def test_a_dump_of_errors_takes_linear_time() -> None:
    taken = []
    for size in (1, 4):
        data = HEADER.encode() + b"<page></x>" * (size * 12_000)
        start = time.process_time()
        assert len(read(data)) == size * 12_000
        taken.append(time.process_time() - start)
    assert taken[1] < 8 * taken[0] + 0.2


@pytest.mark.parametrize(
    ("dump", "index"),
    [
        (
            "enwiki-20220801-pages-articles-multistream.xml.bz2",
            "enwiki-20220801-pages-articles-multistream-index.txt.bz2",
        ),
        (
            "enwiki-20220801-pages-articles-multistream1.xml-p1p41242.bz2",
            "enwiki-20220801-pages-articles-multistream-index1.txt-p1p41242.bz2",
        ),
        ("enwiki-20220801-pages-articles.xml.bz2", ""),
        ("enwiki-20220801-pages-articles-multistream.xml", ""),
    ],
)
def test_an_index_is_known_by_its_name(dump: str, index: str) -> None:
    assert index_name(dump) == index
    assert not is_index(dump)
    if index:
        assert is_index(index)
        assert read(b"1:1:A", index) == [PassedOver("multistream index")]


def test_an_index_of_another_dump_is_one_sentence() -> None:
    data, index = stored([10] * 4, 1)
    found = parts(io.BytesIO(index), len(data), 1)
    check_parts(io.BytesIO(data), found)
    check_parts(io.BytesIO(data.replace(b"BZh", b"XXX", 2)), found)  # its first page's stream is damaged
    with pytest.raises(WinnowError, match="of another dump"):
        check_parts(io.BytesIO(data[5:]), found)


def test_a_page_that_breaks_plain_xml_is_placed_and_named() -> None:
    whole = dump(page(1), page(2, title="Broken"))
    at = whole.index(b"<page><title>Broken")
    for tail, reason in ((b"</oops>", "not well-formed: mismatched tag"), (b"", "ends inside a page")):
        *_, letter = events = read(whole[: at + 200] + tail)
        assert kinds(events) == ["Document", "DeadLetter"]
        assert isinstance(letter, DeadLetter)
        assert letter.offset == at and letter.head == b"Broken" and reason in letter.error


def test_a_large_page_is_placed_where_it_begins() -> None:
    whole = dump(page(1, "x" * 150_000), page(2, "y" * 200_000), page(3))
    letters = [event for event in read(whole, max_document_bytes=160_000) if isinstance(event, DeadLetter)]
    assert [letter.offset for letter in letters] == [whole.index(b"<page>", 150_000)]


def test_a_large_compressed_page_is_placed_at_its_stream() -> None:
    data, index = stored([10, 900, 10], 1)
    (letter,) = [e for e in read(data, max_document_bytes=500) if isinstance(e, DeadLetter)]
    assert letter.offset == int(index.split(b"\n")[1].split(b":")[0])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends before its last page"),
        (b"\x00\x01 no XML", "not well-formed"),
        (b"<html></html>", "not a MediaWiki export"),
        (b'<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><mediawiki>&b;</mediawiki>', "document type"),
        (b"<mediawiki " + b"a" * 400_000, "as large as no dump has"),
    ],
)
def test_what_is_no_dump_is_one_dead_letter(data: bytes, reason: str) -> None:
    (letter,) = read(data, max_document_bytes=100_000)
    assert isinstance(letter, DeadLetter) and reason in letter.error


def test_memory_does_not_grow_with_the_dump() -> None:
    bomb = bz2.compress((HEADER + page(1, "x" * 30_000_000) + page(2) + FOOTER).encode())
    tracemalloc.start()
    events = read(bomb, max_document_bytes=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kinds(events) == ["DeadLetter", "Document"]
    assert peak < 8 << 20


# The bundled samples.


def test_the_samples_hold_what_their_provenance_says() -> None:
    rows = [line.split("\t") for line in (SAMPLES / "PROVENANCE.tsv").read_text("utf-8").splitlines()[1:]]
    assert {row[0] for row in rows} == {path.name for path in SAMPLES.glob("*.bz2")}
    total: Counter[str] = Counter()
    languages = set()
    for row in rows:
        if "index" in row[0]:
            continue
        events = read((SAMPLES / row[0]).read_bytes(), row[0])
        assert len(events) == int(row[5])
        total.update(kinds(events))
        languages |= {event.language for event in events if isinstance(event, Document)}
        assert all(
            row[0].startswith(event.metadata["wiki"]) for event in events if isinstance(event, Document)
        )
    assert total == {"Document": 108, "redirect": 36, "namespace 4": 1, "namespace 12": 1}
    assert len(languages) == 16


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Foo may refer to:\n* [[Foo (band)]]\n* [[Foo (film)]]\n" * 4, "disambiguation"),
        ("Foo may refer to:", "disambiguation"),
        ("Foo is a river.", "short"),
        ("Foo is a river. " * 10, None),
    ],
)
def test_stubs_and_disambiguation_have_a_verdict(text: str, rule: str | None) -> None:
    mark = "{{disambiguation}}" if rule == "disambiguation" else ""
    (document,) = read(dump(page(1, text + mark)))
    assert isinstance(document, Document)
    for stage in WIKIPEDIA.clean:
        if document.verdict is None:
            stage.clean(document)
    assert (document.verdict.rule if document.verdict else None) == rule


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("", [None, None, "list_page", "disambiguation"]),
        (
            "    wikitext: {disambiguation_templates: [Peker], list_titles: ['Liste over ']}\n",
            ["disambiguation", "list_page", "list_page", "disambiguation"],
        ),
        ("    page_kinds: {drop: [list_page]}\n", [None, None, "list_page", None]),
        ("    page_kinds: {max_list_share: 1.0}\n", [None, None, None, "disambiguation"]),
        ("    page_kinds: off\n", [None, None, None, None]),
    ],
)
def test_which_pages_are_dropped_by_kind_is_configured(block: str, expected: list[str | None]) -> None:
    config = f"sources:\n  wikipedia:\n    proportion: 1\n    short: off\n{block}"
    flow = parse_config(config, "c.yaml")[1]["wikipedia"].flow
    assert flow is not None
    rules = []
    rivers = "* [[Glomma]]\n* [[Tana]]\n* [[Lågen]]"
    for title, text in (
        ("Bank", "Bank kan være {{Peker}} mye."),
        ("Liste over elver", rivers),
        ("List of rivers", rivers),
        ("Ada", "Ada may refer to a few. {{disambiguation}}"),
    ):
        document = Document(key=title, text=text, language="no", metadata={"title": title})
        for stage in flow.clean:
            if document.verdict is None:
                stage.clean(document)
        rules.append(document.verdict.rule if document.verdict else None)
    assert rules == expected


def test_the_flow_keeps_articles_and_says_why_others_go() -> None:
    total: Counter[str] = Counter()
    for path in sorted(SAMPLES.glob("*.xml.bz2")):
        with path.open("rb") as stream:
            for event in WIKIPEDIA.read.reader().read(stream, path.name):
                if not isinstance(event, Document):
                    continue
                for stage in WIKIPEDIA.clean:
                    if event.verdict is None:
                        stage.clean(event)
                assert "namespaces" not in event.metadata
                assert "[[" not in event.text and "\n|" not in event.text
                total[event.verdict.rule if event.verdict else "kept"] += 1
    assert total == {"kept": 103, "disambiguation": 5}
