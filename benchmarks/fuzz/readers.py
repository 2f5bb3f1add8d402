"""The readers and their samples, cut from the bundled ones so that thousands of files take minutes."""

from __future__ import annotations

import bz2
import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import py7zr

from benchmarks.fuzz.archives import parquet_file, seven_zip, tar_file, tar_parts, zip_file
from benchmarks.fuzz.folders import read_folder
from benchmarks.fuzz.samples import (
    Sample,
    all_prints,
    compressed,
    document_print,
    file_of,
    members,
    post_prints,
    stream_reader,
)
from pipeline.errors import WinnowError
from pipeline.readers.arxiv import ArxivReader
from pipeline.readers.books import BooksReader
from pipeline.readers.documents import DocumentsReader
from pipeline.readers.github import GithubReader
from pipeline.readers.stackexchange_dump import StackExchangeReader
from pipeline.readers.warc import WarcReader
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.readers.wikipedia_streams import check_parts, parts
from pipeline.records import Document, Event

SAMPLES = Path(__file__).parent.parent.parent / "samples"
MAX_BYTES = 8 << 20  # of a document, so that the limit is met too


def _members_of(path: str, most: int, largest: int) -> list[bytes]:
    """The first gzip members of a file that are not larger than `largest`, as they are when unpacked."""
    data, found = (SAMPLES / path).read_bytes(), []
    while data and len(found) < most:
        inflater = zlib.decompressobj(31)
        part = inflater.decompress(data) + inflater.flush()
        if len(data) - len(inflater.unused_data) <= largest or not found:
            found.append(part)
        data = inflater.unused_data
    return found


def _lines(path: str, most: int, largest: int = 3000) -> list[bytes]:
    lines = gzip.decompress((SAMPLES / path).read_bytes()).splitlines(keepends=True)
    return [line for line in lines if len(line) <= largest][:most]


def _rows(lines: list[bytes]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines]


def _crawl(path: str, name: str) -> list[Sample]:
    base = Sample(name, f"{name}.warc", b"", stream_reader(WarcReader(MAX_BYTES).read))
    records = _members_of(path, 14, 14_000)
    plain = file_of(base, records, before=4)
    return [
        members(base, records, "gz"),
        members(base, records, "zst"),
        plain,
        compressed(plain, "gz", 6),
        members(base, _members_of(path, 8, 60_000), "gz"),
    ]


def _json_lines(base: Sample, lines: list[bytes]) -> list[Sample]:
    plain = file_of(base, lines, before=1)
    middle = [b"".join(lines[at : at + 5]) for at in range(0, len(lines), 5)]
    return [plain, compressed(plain, "gz", 6), compressed(plain, "zst"), members(base, middle, "gz")]


def _c4() -> list[Sample]:
    reader = DocumentsReader(max_document_bytes=MAX_BYTES)
    base = Sample("c4", "c4-train.00000-of-00002.json", b"", stream_reader(reader.read))
    path = "c4/c4-train.00000-of-00002.json.gz"
    small = _json_lines(base, _lines(path, 30))
    return [*small, compressed(file_of(base, _lines(path, 120, 20_000), before=1), "gz", 6)]


def _documents() -> list[Sample]:
    reader = DocumentsReader(max_document_bytes=MAX_BYTES)
    base = Sample("documents", "mine.jsonl", b"", stream_reader(reader.read))
    lines = _lines("c4/c4-train.00001-of-00002.json.gz", 30)
    return [*_json_lines(base, lines), *_parquet(base, _rows(lines))]


def _parquet(base: Sample, rows: list[dict[str, Any]]) -> list[Sample]:
    table = replace(base, form="Parquet", name="rows.parquet")
    return [
        parquet_file(table, rows, 5, checksums=True),
        parquet_file(table, rows, 8, checksums=False, codec="snappy"),
        parquet_file(table, rows, 8, checksums=True, codec="none"),
    ]


def _github_rows() -> list[Sample]:
    base = Sample(
        "GitHub rows", "github.jsonl", b"", stream_reader(GithubReader(max_document_bytes=MAX_BYTES).read)
    )
    lines = _lines("github/github-00000.jsonl.gz", 30)
    return [*_json_lines(base, lines), *_parquet(base, _rows(lines))]


def _text_print(event: Event) -> list[str]:
    """A source file by its content: which repository it is of, the archive as a whole says."""
    return document_print(Document("", event.text)) if isinstance(event, Document) else []


@cache
def _repository() -> list[tuple[str, bytes]]:
    with tarfile.open(SAMPLES / "github/checkouts.tar.gz") as archive:
        small = [m for m in archive.getmembers() if m.isfile() and 0 < m.size < 4000][:18]
        return [(m.name, archive.extractfile(m).read()) for m in small]  # type: ignore[union-attr]


def _checkouts() -> list[Sample]:
    reader = GithubReader(max_document_bytes=MAX_BYTES)
    base = Sample("tar", "checkouts.tar", b"", stream_reader(reader.read), prints=_text_print)
    tar = tar_file(base, _repository())
    folder = replace(base, form="folder", name="folder", read=read_folder)
    return [
        tar,
        compressed(tar, "gz"),
        compressed(tar, "bz2"),
        compressed(tar, "xz"),
        zip_file(replace(base, form="zip", name="checkouts.zip"), _repository()),
        file_of(folder, tar_parts(_repository())),
    ]


@cache
def _pages() -> tuple[bytes, list[bytes], bytes]:
    """The header of a dump, its smaller pages, and its end."""
    dump = bz2.decompress(
        (SAMPLES / "wikipedia/enwiki-excerpt-pages-articles-multistream.xml.bz2").read_bytes()
    )
    start = dump.index(b"  <page>")
    pages = re.findall(rb"  <page>.*?</page>\n", dump, re.DOTALL)
    return dump[:start], [page for page in pages if len(page) < 16_000], b"</mediawiki>\n"


def _by_parts(index: bytes, part_bytes: int) -> Callable[[bytes, str], Iterator[Event]]:
    """Reads a multistream dump in ranges, by the index of the whole one."""

    def read(data: bytes, name: str) -> Iterator[Event]:
        reader, stream = WikipediaReader(max_document_bytes=MAX_BYTES), io.BytesIO(data)
        try:
            found = parts(io.BytesIO(index), len(data), part_bytes)
            check_parts(stream, found)
        except WinnowError:  # the run stops with a sentence: the dump is not the index's
            yield from reader.read(io.BytesIO(data), name)
            return
        for part in found:
            yield from reader.read_part(stream, name, part)

    return read


def _wikipedia() -> list[Sample]:
    header, pages, end = _pages()
    pages = [p for p in pages if b"<redirect" not in p][:16] + [p for p in pages if b"<redirect" in p][:4]
    name = "enwiki-20200101-pages-articles.xml"
    base = Sample("XML", name, b"", stream_reader(WikipediaReader(max_document_bytes=MAX_BYTES).read))
    plain = file_of(base, [header, *pages, end], always=[(0, len(header))])
    groups = [b"".join(pages[at : at + 4]) for at in range(0, len(pages), 4)]
    streams = [bz2.compress(part, 9) for part in (header, *groups, end)]
    first = len(streams[0])
    multi = replace(
        base, form="multistream", name="enwiki-20200101-pages-articles-multistream.xml.bz2", sealed=True
    )
    multistream = file_of(multi, streams, always=[(0, first)])
    offsets = [sum(map(len, streams[:number])) for number in range(1, len(streams) - 1)]
    index = b"".join(b"%d:1:T\n" % offset for offset in offsets for _ in range(4))
    ranges = replace(multistream, form="multistream in parts", read=_by_parts(index, 4000))
    ranges = replace(
        ranges, records=[r._replace(placed=max(e for _, e in r.spans)) for r in multistream.records]
    )
    return [plain, compressed(plain, "bz2"), compressed(plain, "gz"), multistream, ranges]


def _threads() -> bytes:
    posts = (SAMPLES / "stackexchange/conlang.meta.stackexchange.com/Posts.xml").read_bytes()
    return posts


def _post_rows() -> tuple[bytes, list[bytes], bytes]:
    lines = _threads().splitlines(keepends=True)
    rows = [line for line in lines if b"<row " in line and len(line) < 2500]
    question = re.compile(rb' Id="(\d+)" PostTypeId="1"')
    questions = {m[1] for row in rows if (m := question.search(row))}
    parent = re.compile(rb' ParentId="(\d+)"')
    kept = [row for row in rows if not (m := parent.search(row)) or m[1] in questions]
    return b"".join(lines[:2]), kept[:40], lines[-1]


def _stackexchange() -> list[Sample]:
    reader = StackExchangeReader(max_document_bytes=MAX_BYTES)
    name = "conlang.meta.stackexchange.com__Posts.xml"
    base = Sample("Posts.xml", name, b"", stream_reader(reader.read), prints=post_prints, named=True)
    head, rows, end = _post_rows()
    plain = file_of(base, [head, *rows, end], before=1)
    plain = _with_questions(plain, rows, len(head))
    gz = compressed(plain, "gz", 6)
    content = plain.data
    archive = replace(base, form="7z", name="conlang.meta.stackexchange.com.7z")
    bzip2 = [{"id": py7zr.FILTER_BZIP2}]
    lzma2 = [{"id": py7zr.FILTER_LZMA2, "preset": 1}]
    ppmd = [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]
    return (
        [plain] * 3 + [gz] * 3 + [seven_zip(archive, "Posts.xml", content, f) for f in (bzip2, lzma2, ppmd)]
    )


def _with_questions(plain: Sample, rows: list[bytes], start: int) -> Sample:
    """A post depends on its row and on its question's."""
    spans: dict[str, tuple[int, int]] = {}
    of_print: dict[str, tuple[str, str]] = {}
    at = start
    for row in rows:
        post = re.search(rb' Id="(\d+)"', row)[1].decode()  # type: ignore[index]
        spans[post] = (at - 1, at + len(row))
        at += len(row)
    for event in plain.read(plain.data, plain.name):
        if isinstance(event, Document) and event.content:
            thread = orjson.loads(event.content)
            question = str(thread["question"]["id"])
            for post, found in zip(
                [thread["question"], *thread["answers"]], plain.prints(event), strict=True
            ):
                of_print[found] = (str(post["id"]), question)
    records = [
        plain.records[0]._replace(print=found, spans=tuple({spans[post], spans[question]}), placed=0)
        for found, (post, question) in of_print.items()
    ]
    assert len(records) == all_prints(plain).total()
    return replace(plain, records=records)


def _books() -> list[Sample]:
    with tarfile.open(SAMPLES / "books/gutenberg.tar.gz") as archive:
        texts = [archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()]  # type: ignore[union-attr]
    files = [(f"books/{number}.txt", text[:1500] + text[-1500:]) for number, text in enumerate(texts[:12])]
    base = Sample("text", "pg1.txt", b"", stream_reader(BooksReader(max_document_bytes=MAX_BYTES).read))
    text = file_of(base, [files[3][1]])
    tar = tar_file(replace(base, form="tar", name="books.tar"), files)
    inner = zip_file(replace(base, form="zip", name="books.zip"), files)
    lines = [
        orjson.dumps({"title": name, "text": data.decode("utf-8", "replace")}) + b"\n" for name, data in files
    ]
    return [
        text,
        compressed(text, "gz"),
        tar,
        compressed(tar, "gz"),
        compressed(tar, "zst"),
        inner,
        *_json_lines(replace(base, form="books", name="books.jsonl"), lines),
        *_parquet(base, _rows(lines)),
    ]


def _arxiv() -> list[Sample]:
    with tarfile.open(SAMPLES / "arxiv/arXiv_src_samples_001.tar") as archive:
        papers = [
            (m.name, archive.extractfile(m).read())  # type: ignore[union-attr]
            for m in archive.getmembers()
            if m.isfile() and m.size < 7000
        ]
    base = Sample(
        "bulk tar", "arXiv_src_0001_001.tar", b"", stream_reader(ArxivReader(MAX_BYTES).read), sealed=True
    )
    single = replace(base, form="paper", name="1707.08043.gz", named=True)
    paper = (SAMPLES / "arxiv/1707.08043.gz").read_bytes()
    source = next(gzip.decompress(data) for _, data in papers)
    return [
        tar_file(base, papers),
        tar_file(base, [("9901/9901.00001.gz", papers[1][1]), *papers]),
        file_of(single, [paper]),
        file_of(replace(single, form="TeX", name="9901.00064.tex", sealed=False), [source]),
    ]


SAMPLES_OF: dict[str, tuple[str, Callable[[], list[Sample]]]] = {
    "warc": ("commoncrawl", lambda: _crawl("commoncrawl/web-00000.warc.gz", "WARC")),
    "wet": ("commoncrawl", lambda: _crawl("commoncrawl/texts-00000.warc.wet.gz", "WET")),
    "c4": ("c4", _c4),
    "github-rows": ("github", _github_rows),
    "github-checkouts": ("github", _checkouts),
    "wikipedia": ("wikipedia", _wikipedia),
    "stackexchange": ("stackexchange", _stackexchange),
    "books": ("books", _books),
    "arxiv": ("arxiv", _arxiv),
    "documents": ("documents", _documents),
}
