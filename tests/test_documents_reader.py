"""Reading documents from JSON lines and Parquet: every form, every fault, and nothing lost around it."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.parquet import to_parquet
from pipeline.readers.documents import DocumentsReader
from pipeline.records import DeadLetter, Document
from pipeline.schema import documents_table

ROW = {"text": "Hello.", "url": "https://a.example/", "timestamp": "2019-04-25T12:57:54Z"}
GOOD = orjson.dumps(ROW) + b"\n"


def read(data: bytes, **columns: Any) -> tuple[list[Document], list[DeadLetter]]:
    events = list(DocumentsReader(**columns).read(io.BytesIO(data), "x"))
    documents = [event for event in events if isinstance(event, Document)]
    dead = [event for event in events if isinstance(event, DeadLetter)]
    assert len(documents) + len(dead) == len(events)
    return documents, dead


def parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, write_page_checksum=True, **options)
    return sink.getvalue()


@pytest.mark.parametrize(
    "stored",
    [
        GOOD * 3,
        (GOOD * 3).rstrip(),
        (GOOD * 3).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD + b"\n  \n" + GOOD * 2,
        gzip.compress(GOOD * 3, mtime=0),
        gzip.compress(GOOD, mtime=0) + gzip.compress(GOOD * 2, mtime=0),
        gzip.compress(GOOD[:10], mtime=0) + gzip.compress(GOOD[10:] + GOOD * 2, mtime=0),
        zstandard.compress(GOOD * 3),
        zstandard.compress(GOOD) + zstandard.compress(GOOD * 2),
        parquet([ROW] * 3),
        parquet([ROW] * 3, row_group_size=1, compression="zstd"),
    ],
)
def test_every_stored_form_gives_the_same_documents(stored: bytes) -> None:
    documents, dead = read(stored)
    key = "\0".join((ROW["url"], ROW["timestamp"], xxhash.xxh3_128_hexdigest(b"Hello.")))
    assert not dead
    assert documents == [Document(key, ROW["text"], ROW["url"], ROW["timestamp"])] * 3


def test_an_empty_file_holds_nothing() -> None:
    assert read(b"") == ([], [])
    assert read(b"\n \n") == ([], [])
    assert read(gzip.compress(b"", mtime=0)) == ([], [])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "a', "not JSON: unexpected end of data: line 1 column 12 (char 11)"),
        (b'["text"]', "not a JSON object"),
        (b'{"url": "u"}', "'text' is missing"),
        (b'{"text": null}', "'text' is null, not a string"),
        (b'{"text": 3}', "'text' is a number, not a string"),
        (b'{"text": true}', "'text' is true or false, not a string"),
        (b'{"text": ["a"]}', "'text' is a list, not a string"),
        (b'{"text": {"a": 1}}', "'text' is an object, not a string"),
        (b'{"text": "a\\u0000b"}', "'text' has a NUL character"),
        (b'{"text": "' + b"a" * 200 + b'"}', "a line of 212 bytes, more than 200"),
        (b'{"text": "a\0b"}', "not JSON: "),
        (b"\0\0\0\0", "not JSON: "),
        (b'{"text": "a\xff"}', "not JSON: "),
        (b'{"text": "\\ud800"}', "not JSON: "),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
def test_a_bad_line_is_one_dead_letter_and_the_rest_is_read(line: bytes, error: str, compress: Any) -> None:
    stored = compress(GOOD + line + b"\n" + GOOD)
    documents, dead = read(stored, max_document_bytes=200)
    assert [document.text for document in documents] == ["Hello.", "Hello."]
    assert len(dead) == 1
    assert dead[0].error.startswith(f"byte {len(GOOD)}: {error}")
    assert dead[0].offset == (len(GOOD) if compress is bytes else 0)
    assert dead[0].head == line[:100]


def test_an_offset_in_compressed_input_is_that_of_the_member() -> None:
    first = gzip.compress(GOOD, mtime=0)
    _, dead = read(first + gzip.compress(b"{}\n", mtime=0))
    assert [(letter.offset, letter.error) for letter in dead] == [(len(first), "byte 0: 'text' is missing")]


def test_a_text_is_bounded_in_parquet_too() -> None:
    documents, dead = read(parquet([ROW, ROW | {"text": "é" * 101}, ROW]), max_document_bytes=200)
    assert len(documents) == 2
    assert [letter.error for letter in dead] == ["row 1: 'text' has 202 bytes, more than 200"]


class Endless(io.RawIOBase):
    """A 64 MiB line without holding it, then a good one."""

    def __init__(self) -> None:
        self._left = 64
        self._tail = io.BytesIO(b'"}\n' + GOOD)

    def read(self, size: int = -1) -> bytes:
        if self._left == 64:
            self._left -= 1
            return b'{"text": "'
        if self._left:
            self._left -= 1
            return b"a" * (1 << 20)
        return self._tail.read(size)


def test_a_long_line_is_never_held() -> None:
    tracemalloc.start()
    try:
        stream: Any = Endless()
        events = list(DocumentsReader(max_document_bytes=1 << 20).read(stream, "x"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [type(event) for event in events] == [DeadLetter, Document]
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "stored",
    [
        b"BZh91AY&SY" + bytes(range(256)) * 10,
        b"PK\x03\x04" + bytes(100),
        b'[\n{"text": "a"},\n{"text": "b"}\n]',
        b"<html>\n<p>{</p>\n</html>",
        b"text,url\na,b\n",
        GOOD.decode().encode("utf-16"),
        gzip.compress(b"%PDF-1.7\n" + bytes(300), mtime=0),
        b"PAR1" + bytes(100),
        parquet([ROW])[:-20],
    ],
)
def test_another_format_is_one_dead_letter(stored: bytes) -> None:
    documents, dead = read(stored)
    assert documents == []
    assert len(dead) == 1
    assert dead[0].offset == 0


def test_a_truncated_gzip_gives_what_was_readable_and_one_dead_letter() -> None:
    rows = b"".join(orjson.dumps({"text": f"Text number {i * i}."}) + b"\n" for i in range(5000))
    whole = gzip.compress(rows, mtime=0)
    documents, dead = read(whole[: len(whole) // 2])
    assert 1000 < len(documents) < 5000
    assert [document.text for document in documents[:2]] == ["Text number 0.", "Text number 1."]
    assert [(letter.offset, letter.error) for letter in dead] == [(0, "the file ends inside a gzip member")]


def test_after_a_damaged_member_the_next_one_is_read() -> None:
    damaged = bytearray(gzip.compress(GOOD * 2, mtime=0))
    damaged[20] ^= 0xFF
    documents, dead = read(
        gzip.compress(GOOD, mtime=0) + bytes(damaged) + gzip.compress(b'rest of a line"}\n' + GOOD, mtime=0)
    )
    assert len(documents) == 2
    assert [letter.offset for letter in dead] == [len(gzip.compress(GOOD, mtime=0))]


def test_columns_can_be_named_and_nested() -> None:
    row = {
        "content": "A",
        "meta": {"url": "u", "when": 5, "more": {"n": 1}},
        "a.b": "dotted",
        "extra": [1, None],
    }
    documents, dead = read(orjson.dumps(row), text="content", url="meta.url", timestamp="meta.when", id="a.b")
    assert not dead
    assert documents == [
        Document(
            key="dotted",
            text="A",
            url="u",
            timestamp="5",
            metadata={"meta": {"more": {"n": 1}}, "a.b": "dotted", "extra": [1, None]},
        )
    ]


def test_an_object_emptied_by_its_columns_is_not_kept() -> None:
    documents, _ = read(b'{"text": "a", "meta": {"url": "u"}}', url="meta.url")
    assert documents[0].url == "u"
    assert documents[0].metadata == {}


def test_rows_without_the_id_column_keep_keys_of_their_own() -> None:
    rows = b'{"text": "a", "n": 7}\n{"text": "b", "n": null}\n{"text": "c"}\n'
    documents, _ = read(rows, id="n")
    assert (documents[0].key, documents[0].metadata) == ("7", {"n": 7})
    nested, _ = read(b'{"text": "a", "meta": {"id": "x"}}', id="meta.id")
    assert (nested[0].key, nested[0].metadata) == ("x", {"meta": {"id": "x"}})
    assert len({document.key for document in documents}) == 3


def test_equal_texts_of_two_pages_are_two_records() -> None:
    rows = [{"text": "a", "url": url, "timestamp": when} for url in "xy" for when in "12"]
    documents, _ = read(b"\n".join(map(orjson.dumps, rows)))
    assert len({document.key for document in documents}) == 4


def test_parquet_types_become_what_json_holds() -> None:
    when = datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)
    table = pa.table(
        {
            "text": ["a"],
            "timestamp": pa.array([when], pa.timestamp("ns", "UTC")),
            "blob": [b"\xff"],
            "tags": [["x", "y"]],
            "who": [{"name": "N", "born": when.date()}],
            "score": [0.5],
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    documents, dead = read(sink.getvalue())
    assert not dead
    assert documents[0].timestamp == "2024-02-29 01:02:03.000000000Z"
    assert documents[0].metadata == {
        "blob": "/w==",
        "tags": ["x", "y"],
        "who": {"name": "N", "born": "2024-02-29"},
        "score": 0.5,
    }
    orjson.dumps(documents[0].metadata)


def test_a_parquet_string_that_is_not_utf8_costs_its_row() -> None:
    column = pa.array([b"a", b"\xff\xfe", b"c"]).view(pa.string())
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": column}), sink)
    documents, dead = read(sink.getvalue())
    assert [document.text for document in documents] == ["a", "c"]
    assert len(dead) == 1
    assert dead[0].error.startswith("row 1: a value cannot be read: ")


def test_a_damaged_row_group_is_one_dead_letter_and_the_next_is_read() -> None:
    stored = bytearray(
        parquet([ROW | {"text": f"{i:05} " * 40} for i in range(90)], row_group_size=30, compression="none")
    )
    at = stored.index(b"00031 ")
    stored[at] ^= 0xFF
    documents, dead = read(bytes(stored))
    assert [int(document.text[:5]) for document in documents] == [*range(30), *range(60, 90)]
    assert len(dead) == 1
    assert 0 < dead[0].offset < at
    assert dead[0].error.startswith("rows 30 to 59: ")


def test_our_own_files_are_read_back_as_they_were() -> None:
    before = [
        Document("k1", "One.", "u", "t", "en", "2019-18", {"title": "T", "n": 1}),
        Document("k2", "Two.", metadata={}),
    ]
    table = documents_table("web", "input.gz", list(enumerate(before)))
    documents, dead = read(to_parquet(table))
    assert not dead
    assert [document.key for document in documents] == table.column("id").to_pylist()
    for old, new in zip(before, documents, strict=True):
        assert (new.text, new.url, new.timestamp) == (old.text, old.url, old.timestamp)
        assert (new.language, new.snapshot) == (old.language, old.snapshot)
        assert new.metadata == old.metadata | {"id": new.key, "source": "web"}
    named, _ = read(to_parquet(table), id="id")
    assert [document.key for document in named] == [document.key for document in documents]


@given(st.lists(st.text(), max_size=20), st.integers(1, 60))
def test_any_text_survives_any_cut_into_members(texts: list[str], cut: int) -> None:
    texts = [text for text in texts if "\0" not in text]
    lines = b"".join(orjson.dumps({"text": text}) + b"\n" for text in texts)
    members = b"".join(gzip.compress(lines[at : at + cut], mtime=0) for at in range(0, len(lines), cut))
    for stored in (lines, members):
        documents, dead = read(stored)
        assert not dead
        assert [document.text for document in documents] == texts


def test_the_c4_samples_are_read_whole() -> None:
    for path in sorted((Path(__file__).parent.parent / "samples" / "c4").glob("*.json.gz")):
        documents, dead = read(path.read_bytes())
        assert (len(documents), len(dead)) == (200, 0)
        assert all(document.text and not document.metadata for document in documents)
