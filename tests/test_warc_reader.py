"""The CommonCrawl reader: what becomes of each record, intact or damaged, in every compression."""

from __future__ import annotations

import csv
import gzip
import io
import os
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import brotli
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.readers.inflate import ZSTD_MAGIC
from pipeline.readers.warc import WarcReader, normalized_date
from pipeline.records import DeadLetter, Document, Event, PassedOver

DATA = Path(__file__).parent / "data" / "warc"
PAGE = "<html><body><p>Grüße aus Köln</p></body></html>".encode()


def record(kind: str, body: bytes, fields: dict[str, str] | None = None, length: object = None) -> bytes:
    head = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:1>",
        "WARC-Date": "2020-01-02T03:04:05Z",
        "WARC-Target-URI": "https://a.example/x",
        "Content-Length": str(len(body) if length is None else length),
    } | (fields or {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
    return b"WARC/1.0\r\n" + lines.encode() + b"\r\n" + body + b"\r\n\r\n"


def response(
    body: bytes = PAGE, http: str = "Content-Type: text/html", status: str = "200 OK", **fields: str
) -> bytes:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    message = f"HTTP/1.1 {status}\r\n{http}\r\n\r\n".encode() + body
    return record("response", message, {"Content-Type": "application/http; msgtype=response"} | named)


def conversion(text: bytes, number: int = 1, length: object = None, **fields: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    refers = {"WARC-Refers-To": f"<urn:uuid:page-{number}>", "Content-Type": "text/plain"}
    return record("conversion", text, refers | named, length)


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives `step` bytes at most."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step, self._at = data, step, 0

    def read(self, size: int = -1) -> bytes:
        self._at += (size := min(size, self._step))
        return self._data[self._at - size : self._at]


def events(data: bytes | BinaryIO, limit: int = 1 << 20) -> list[Event]:
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    return list(WarcReader(max_document_bytes=limit).read(stream, "x"))


def one(data: bytes, limit: int = 1 << 20) -> Event:
    found = events(data, limit)
    assert len(found) == 1
    return found[0]


def document(data: bytes) -> Document:
    found = one(data)
    assert isinstance(found, Document), found
    return found


def content(body: bytes, http: str, **fields: str) -> bytes | None:
    return document(response(body, "Content-Type: text/html\r\n" + http, **fields)).content


def texts(found: list[Event]) -> list[str]:
    return [event.text for event in found if isinstance(event, Document)]


def errors(found: list[Event]) -> list[tuple[int, str]]:
    return [(event.offset, event.error) for event in found if isinstance(event, DeadLetter)]


WARCINFO = record("warcinfo", b"software: x\r\nisPartOf: CC-MAIN-2019-30\r\n")
TEXTS = [f"Title {i}\nA line of text, number {i}.\n".encode() * (1 + i % 3) for i in range(6)]
RECORDS = [conversion(text, i) for i, text in enumerate(TEXTS)]
MEMBERS = [gzip.compress(each, mtime=0) for each in RECORDS]
STARTS = [len(b"".join(MEMBERS[:i])) for i in range(len(MEMBERS) + 1)]


def test_response_gives_content_and_the_header_s_charset() -> None:
    http = "content-TYPE: text/html; Charset='ISO-8859-1'\r\nContent-Language: de"
    info, page = events(WARCINFO + response(http=http, WARC_Payload_Digest="sha1:ABC"))
    assert info == PassedOver("warc:warcinfo")
    assert page == Document(
        key="urn:uuid:1",
        url="https://a.example/x",
        timestamp="2020-01-02T03:04:05Z",
        snapshot="CC-MAIN-2019-30",
        metadata={
            "form": "warc",
            "record_id": "urn:uuid:1",
            "payload_digest": "sha1:ABC",
            "content_type": "text/html; Charset='ISO-8859-1'",
            "content_language": "de",
        },
        content=PAGE,
        charset="ISO-8859-1",
    )


def test_conversion_gives_the_whole_text_and_the_response_s_key() -> None:
    # The header that newer WET files have moved cc_net's positions (issue 16); a page's own line `WARC/1.0`,
    # even with a header after it, cut its page in two; the first line went missing as a title.
    text = "How to bake\n\nWARC/1.0\r\nWARC-Type: conversion\r\n\r\nContent-based filtering works.\n"
    found = document(conversion(text.encode(), WARC_Identified_Content_Language="eng"))
    assert (found.text, found.content, found.key) == (text, None, "urn:uuid:page-1")
    assert found.metadata == {"form": "wet", "record_id": "urn:uuid:1", "identified_language": "eng"}


def test_wet_bytes_that_are_not_utf8_are_replaced_and_counted() -> None:
    found = document(conversion("caf\ufffd ".encode() + b"\xff\xfe ok\0"))
    assert found.text == "caf\ufffd \ufffd\ufffd ok\0"
    assert found.metadata["replaced_bytes"] == 2


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"WARC-Refers-To": "<urn:uuid:r>"}, "urn:uuid:r"),
        ({"WARC-Payload-Digest": "sha1:P"}, "https://a.example/x\n2020-01-02T03:04:05Z\nsha1:P"),
        ({"WARC-Block-Digest": "sha1:B"}, "https://a.example/x\n2020-01-02T03:04:05Z\nsha1:B"),
        # base32 of the SHA-1 of "abc" (FIPS 180-2's first example, a9993e36...)
        ({}, "https://a.example/x\n2020-01-02T03:04:05Z\nsha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5"),
    ],
)
def test_key_of_a_text(fields: dict[str, str], key: str) -> None:
    assert document(record("conversion", b"abc", fields)).key == key


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (record("revisit", b""), "warc:revisit"),
        (record("REQUEST", b"GET / HTTP/1.0\r\n\r\n"), "warc:request"),
        (record("metadata", b"a: b"), "warc:metadata"),
        (record("resource", PAGE, {"Content-Type": "text/html"}), "warc:resource"),
        (record("of-their-own", b""), "warc:other"),
        (record("response", b"1.2.3.4", {"Content-Type": "text/dns"}), "warc:response-not-http"),
        (response(status="404 Not Found"), "http:404"),
        (response(status="301"), "http:301"),
        (response(status="999 No"), "http:other"),
        (response(http="Content-Type: image/png"), "type:image/png"),
        (response(http="Content-Type: Text/Plain; charset=utf-8"), "type:text/plain"),
        (response(http="Content-Type: image/x-made-up-7"), "type:image/other"),
        (response(http="Content-Type: 7f3a9/0c"), "type:other"),
        (response(http="Server: x"), "type:none"),
        (response(http="X: y", WARC_Identified_Payload_Type="application/pdf"), "type:application/pdf"),
        (conversion(b"{}", Content_Type="application/json"), "type:application/json"),
        # Over the limit, but not a document anyway.
        (response(bytes(2 << 20), http="Content-Type: video/mp4"), "type:video/other"),
    ],
)
def test_kinds_passed_over(data: bytes, kind: str) -> None:
    assert one(data) == PassedOver(kind)


@pytest.mark.parametrize("http", ["Content-Type:application/xhtml+xml", "X: y"])
def test_pages_by_other_names(http: str) -> None:
    assert document(response(http=http, WARC_Identified_Payload_Type="text/html")).content == PAGE


def chunked(data: bytes) -> bytes:
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(c), c) for c in (data[:7], data[7:])) + b"0\r\n\r\n"


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


@pytest.mark.parametrize(
    ("body", "http"),
    [
        (PAGE, "Content-Encoding: identity"),
        (gzip.compress(PAGE, mtime=0), "Content-Encoding: gzip"),
        (gzip.compress(PAGE, mtime=0), "content-encoding: X-GZIP"),
        (zlib.compress(PAGE), "Content-Encoding: deflate"),
        (raw_deflate(PAGE), "Content-Encoding: deflate"),
        (brotli.compress(PAGE), "Content-Encoding: br"),
        (zstandard.compress(PAGE), "Content-Encoding: zstd"),
        (chunked(PAGE), "Transfer-Encoding: chunked"),
        (chunked(gzip.compress(PAGE, mtime=0)), "Transfer-Encoding: chunked\r\nContent-Encoding: gzip"),
        (brotli.compress(gzip.compress(PAGE, mtime=0)), "Content-Encoding:\r\n gzip,\r\n\tbr"),
        # Stored decoded, with the old header in front.
        (PAGE, "Transfer-Encoding: chunked\r\nContent-Encoding: gzip"),
        (b"\n " + PAGE, "Content-Encoding: br"),
        (PAGE, "Content-Encoding: utf-8"),
        (b"", "Content-Encoding: gzip"),
    ],
)
def test_codings_are_undone(body: bytes, http: str) -> None:
    assert (content(body, http) or b"").strip() == (PAGE if body else b"")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "chunked"])
def test_a_body_that_swells_beyond_the_limit_is_a_dead_letter(coding: str) -> None:
    swollen = bytes(1 << 22)
    body = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstandard.compress,
        "chunked": chunked,
    }[coding](swollen)
    name = "Transfer-Encoding" if coding == "chunked" else "Content-Encoding"
    data = response(body, f"Content-Type: text/html\r\n{name}: {coding}")
    found = one(data, limit=max(1 << 20, len(data)) if coding != "chunked" else 1 << 20)
    assert isinstance(found, DeadLetter)
    assert "more than the limit" in found.error or "longer than the limit" in found.error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (
            response(gzip.compress(PAGE, mtime=0)[:-9], "Content-Type: text/html\r\nContent-Encoding: gzip"),
            "is clipped",
        ),
        (response(b"\0\1", "Content-Type: text/html\r\nContent-Encoding: br"), "the br body is damaged"),
        (response(b"x", "Content-Type: text/html\r\nContent-Encoding: lzma"), "'lzma' is not known"),
        (
            response(b"5\r\nab", "Content-Type: text/html\r\nTransfer-Encoding: chunked"),
            "chunked body is clipped",
        ),
        (record("response", b"HTTP/1.1 200 OK\r\nA: b"), "the HTTP header has no end"),
        (record("response", b"SSH-2.0\r\n\r\n"), "no status line"),
        (record("response", b""), "the HTTP header has no end"),
    ],
)
def test_bad_http_is_a_dead_letter(data: bytes, error: str) -> None:
    first, second = events(data + RECORDS[0])
    assert isinstance(first, DeadLetter)
    assert error in first.error
    assert texts([second]) == [TEXTS[0].decode()]


def test_a_body_that_the_crawler_truncated_gives_what_it_has() -> None:
    noise = os.urandom(50_000).hex().encode()
    clipped = gzip.compress(b"<p>" + noise, mtime=0)[:30_000]
    found = content(clipped, "Content-Encoding: gzip", WARC_Truncated="length")
    assert found is not None
    assert len(found) > 40_000
    assert (b"<p>" + noise).startswith(found)


def with_dictionary() -> bytes:
    # bytes 0x5D2A4D18: the frame that holds the file's dictionary
    dictionary = zstandard.train_dictionary(1024, [each * 2 for each in RECORDS * 50])
    plain = dictionary.as_bytes()
    frames = [zstandard.ZstdCompressor(dict_data=dictionary).compress(each) for each in RECORDS]
    return b"\x5d\x2a\x4d\x18" + len(plain).to_bytes(4, "little") + plain + b"".join(frames)


PLAIN = b"".join(RECORDS)
FORMS = {
    "plain": PLAIN,
    "plain, LF between": PLAIN.replace(b"\r\n\r\nWARC/1.0", b"\nWARC/1.0"),
    "gzip by record": b"".join(MEMBERS),
    "gzip by file": gzip.compress(PLAIN, mtime=0),
    "gzip by block": b"".join(gzip.compress(PLAIN[i : i + 100], mtime=0) for i in range(0, len(PLAIN), 100)),
    "gzip, padded": bytes(100).join([*MEMBERS, b""]),
    "zstd by record": b"".join(map(zstandard.compress, RECORDS)),
    "zstd by file": zstandard.compress(PLAIN),
    "zstd, skippable frames": (b"\x50\x2a\x4d\x18\3\0\0\0abc").join(
        [b"", *map(zstandard.compress, RECORDS), b""]
    ),
    "zstd with dictionary": with_dictionary(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_every_form_of_a_file_reads_the_same(form: str, step: int) -> None:
    found = events(cast(BinaryIO, Pipe(FORMS[form], step)))
    assert texts(found) == [text.decode() for text in TEXTS]
    assert len(found) == len(TEXTS)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 500, "not a WARC record"),
        (b"Plain text.\nWARC/1.0\nis named in it.\n" * 5000, "not a WARC record"),
        (b"\0" * 70_000, "not a WARC record"),
        (gzip.compress(b'{"a": 1}\n', mtime=0) * 50, "not a WARC record"),
        (
            gzip.compress(b"filedesc://x 0.0.0.0 20080430204825 text/plain 3\nabc\n", mtime=0),
            "an ARC file, which is not read",
        ),
        (b"WARC/1.0\r\n" + b"A" * 200_000, "the record's header is longer than 65536 bytes"),
        (b"WARC/1.0\r\nWARC-Type: x", "the record is clipped inside its header: the file ends"),
        (b"WARC/1.0\r\n\r\n", "the record's header has no WARC-Type"),
        (RECORDS[0].replace(b"WARC/1.0", b"WARC/one"), "the record's first line is not a WARC version"),
        (MEMBERS[0][:-3], "the record cannot be trusted: the file ends inside a gzip member"),
        (MEMBERS[0][:5], "the file ends inside a gzip member"),
        (zstandard.compress(RECORDS[0])[:-3], "the file ends inside a zstd member"),
        (ZSTD_MAGIC + bytes(50) + b"\xff" * 50, "the zstd member is damaged"),
    ],
)
def test_what_is_no_archive_is_one_dead_letter(data: bytes, error: str) -> None:
    found = one(data)
    assert isinstance(found, DeadLetter)
    assert (found.offset, found.error) == (0, error)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("length", [-1, "", "abc", "5, 5", 10**18, 10**30, "٣", 3, 40, 200, 500, 5000])
def test_a_wrong_length_costs_one_record(length: object, packed: bool) -> None:
    parts = [*RECORDS[:2], conversion(TEXTS[2], 2, length or " "), *RECORDS[3:]]
    found = events(b"".join(gzip.compress(p, mtime=0) for p in parts) if packed else b"".join(parts))
    assert texts(found) == [text.decode() for i, text in enumerate(TEXTS) if i != 2]
    ((offset, error),) = errors(found)
    assert offset == (STARTS[2] if packed else len(parts[0] + parts[1]))
    assert "\n" not in error
    assert isinstance(found[2], DeadLetter)
    assert found[2].head.startswith(b"WARC/1.0\r\nWARC-Type: conversion")


def test_an_absurd_length_is_not_believed_where_no_member_ends_it() -> None:
    found = events(conversion(b"a" * (1 << 18), length=10**12) + PLAIN)
    assert isinstance(found[0], DeadLetter)
    assert found[0].error == "the record's Content-Length is not a length: '1000000000000'"
    assert texts(found) == [text.decode() for text in TEXTS]


def test_members_that_are_no_records_are_a_dead_letter_each() -> None:
    junk = gzip.compress(b"WARK/1.0 what is this\n" * 3, mtime=0)
    found = events(MEMBERS[0] + junk + junk + b"between members" + MEMBERS[1])
    assert texts(found) == [TEXTS[0].decode(), TEXTS[1].decode()]
    at = len(MEMBERS[0])
    assert errors(found) == [
        (at, "not a WARC record"),
        (at + len(junk), "not a WARC record"),
        (at + 2 * len(junk), "the gzip member is damaged"),
    ]


def test_damaged_neighbours_are_a_dead_letter_each() -> None:
    noisy = [gzip.compress(conversion(os.urandom(3000).hex().encode(), i), mtime=0) for i in range(4)]
    for i in (1, 2):
        noisy[i] = noisy[i][:600] + b"\0" * 20 + noisy[i][620:]
    found = events(b"".join(noisy))
    assert [type(event) for event in found] == [Document, DeadLetter, DeadLetter, Document]
    assert [offset for offset, _ in errors(found)] == [len(noisy[0]), len(noisy[0] + noisy[1])]


def test_damage_inside_a_file_without_members_costs_what_it_hits() -> None:
    damaged = bytearray(PLAIN)
    at = PLAIN.index(b"WARC/1.0", len(RECORDS[0]))
    damaged[at : at + 4] = b"\0\0\0\0"
    found = events(bytes(damaged))
    assert texts(found) == [text.decode() for i, text in enumerate(TEXTS) if i != 1]
    assert errors(found) == [(at, "not a WARC record")]


def test_over_the_limit_is_a_dead_letter_and_under_it_a_long_line_is_text() -> None:
    line = b"a" * 3_000_000
    for data in (conversion(line) + RECORDS[0], gzip.compress(conversion(line), mtime=0) + MEMBERS[0]):
        first, second = events(data)
        assert isinstance(first, DeadLetter)
        assert first.error == "the record has 3000000 bytes, more than the limit of 1048576"
        assert texts([second]) == [TEXTS[0].decode()]
        assert texts(events(data, limit=3_000_000)) == [line.decode(), TEXTS[0].decode()]


def test_a_page_in_warc_and_wet_has_one_key() -> None:
    warc, wet = (
        events((DATA / name).read_bytes()) for name in ("whirlwind.warc.gz", "whirlwind.warc.wet.gz")
    )
    (page,) = [event for event in warc if isinstance(event, Document)]
    (text,) = [event for event in wet if isinstance(event, Document)]
    assert page.key == text.key == "urn:uuid:2aabeff2-67f5-4608-8466-e87c6296e2b6"
    assert page.snapshot == text.snapshot == "CC-MAIN-2024-22"
    assert page.timestamp == text.timestamp
    assert page.charset == "UTF-8"
    assert page.content is not None
    assert len(page.content) == 72848
    assert (len(warc), len(wet)) == (4, 2)


def test_samples_are_three_snapshots_with_a_few_pages_in_both_forms() -> None:
    samples = Path(__file__).parents[1] / "samples" / "commoncrawl"
    found = {path.name: events(path.read_bytes(), 64 << 20) for path in sorted(samples.glob("*.gz"))}
    documents = {name: [e for e in each if isinstance(e, Document)] for name, each in found.items()}
    with (samples / "PROVENANCE.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    for name, each in documents.items():
        assert len(each) == sum(int(row["documents"]) for row in rows if row["file"] == name)
        assert len(found[name]) == len(each) + 1  # the warcinfo
    keys = {name: {document.key for document in each} for name, each in documents.items()}
    assert len(keys["web-00000.warc.wet.gz"] & keys["web-00000.warc.gz"]) == 6
    assert len(set().union(*keys.values())) == sum(map(len, documents.values())) - 6
    assert {document.snapshot for each in documents.values() for document in each} == {
        "CC-MAIN-2019-30",
        "CC-MAIN-2020-05",
        "CC-MAIN-2020-16",
    }


def test_real_odd_files() -> None:
    assert errors(events((DATA / "clipped.warc.gz").read_bytes())) == [
        (0, "the record is clipped to the first part of 88275 bytes: the file ends inside a gzip member")
    ]
    assert errors(events((DATA / "blackbook-truncated.arc.gz").read_bytes())) == [
        (0, "an ARC file, which is not read")
    ]
    # Its line ends were converted, so that no Content-Length is right; each record is known and lost alone.
    data = (DATA / "cc_net_sample.warc.txt").read_bytes()
    starts = [i for i in range(len(data)) if data.startswith(b"WARC/1.0\n", i)]
    assert [offset for offset, _ in errors(events(data))] == starts


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.678901234Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05Z"),
        ("2020-01-02", "2020-01-02T00:00:00Z"),
        ("2020-13-02T03:04:05Z", ""),
        ("0001-01-01T00:00:00+02:00", ""),
        ("2020", ""),
        ("", ""),
    ],
)
def test_dates(date: str, expected: str) -> None:
    assert normalized_date(date) == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(0, STARTS[-1]))
def test_a_cut_file_keeps_each_whole_record(cut: int) -> None:
    found = events(b"".join(MEMBERS)[:cut])
    whole = sum(start <= cut for start in STARTS[1:])
    assert texts(found) == [text.decode() for text in TEXTS[:whole]]
    assert len(errors(found)) == (cut not in STARTS[1:])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, STARTS[-1] - 1), st.integers(0, 7)), min_size=1, max_size=3))
@example([(0, 0)])
@example([(STARTS[2] + 1, 3)])
def test_flipped_bits_cost_at_most_their_own_records(flips: list[tuple[int, int]]) -> None:
    data = bytearray(b"".join(MEMBERS))
    for at, bit in flips:
        data[at] ^= 1 << bit
    hit = {max(i for i, start in enumerate(STARTS) if start <= at) for at, _ in flips}
    found = events(bytes(data))
    kept = texts(found)
    assert [text for text in kept if text not in {TEXTS[i].decode() for i in hit}] == [
        text.decode() for i, text in enumerate(TEXTS) if i not in hit
    ]
    assert set(kept) <= {text.decode() for text in TEXTS}
    # A member whose first bytes are hit is one stretch of damage with a damaged one before it.
    assert len(TEXTS) - len(hit) + 1 <= len(found) <= len(TEXTS)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FORMS)),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=20), st.integers(0, 40)), max_size=4),
    st.integers(1, 200),
)
def test_any_damage_reads_without_raising_and_alike_in_any_steps(
    form: str, edits: list[tuple[int, bytes, int]], step: int
) -> None:
    data = FORMS[form]
    for at, new, gone in edits:
        at %= len(data) + 1  # noqa: PLW2901  # the draw is made to fit
        data = data[:at] + new + data[at + gone :]
    found = events(data)
    assert found
    assert events(cast(BinaryIO, Pipe(data, step))) == found


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08", ZSTD_MAGIC, b"\x50\x2a\x4d\x18"]),
)
def test_arbitrary_bytes_give_an_event(data: bytes, start: bytes) -> None:
    assert events(start + data)


def test_memory_is_bounded_whatever_the_file_holds() -> None:
    zeros = 1 << 26
    long = record("resource", b"", length=zeros)[:-4] + bytes(zeros) + b"\r\n\r\n"
    swelling = response(
        gzip.compress(bytes(zeros), mtime=0), "Content-Type: text/html\r\nContent-Encoding: gzip"
    )

    class Endless(io.RawIOBase):
        """500 members of 64 KiB, two small ones that hold 64 MiB, and 64 MiB of one that never ends."""

        def __init__(self) -> None:
            self._parts = filter(None, self._bytes())

        def _bytes(self) -> Iterator[bytes]:
            for _ in range(500):
                yield large
            yield from members
            yield gzip.compress(RECORDS[1], mtime=0) + endless.compress(
                record("resource", b"", length=10**10)[:-4]
            )
            for _ in range(4000):
                yield endless.compress(noise)

        def read(self, size: int = -1) -> bytes:
            return next(self._parts, b"")

    large = gzip.compress(conversion(os.urandom(1 << 16).hex().encode()), 1, mtime=0)
    endless = zlib.compressobj(0, wbits=31)
    noise = os.urandom(1 << 14)
    members = [gzip.compress(each, mtime=0) for each in (long, swelling)]
    del long, swelling
    tracemalloc.start()
    count = 0
    letters = []
    for event in WarcReader(max_document_bytes=1 << 20).read(cast(BinaryIO, Endless()), "x"):
        count += isinstance(event, Document)
        if isinstance(event, DeadLetter):
            letters.append(event.error)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 501
    swollen, clipped = letters
    assert swollen == "the decoded body is longer than the limit of 1048576 bytes"
    assert clipped.endswith("of 10000000000 bytes: the file ends inside a gzip member")
    assert peak < 40 << 20
