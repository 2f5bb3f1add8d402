"""What mutated files brought to light in the readers (benchmarks/fuzz): one small case each."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from benchmarks.fuzz.archives import TAR_END, tar_parts
from benchmarks.fuzz.hostile import page, warc
from pipeline.readers import archives, seven_zip
from pipeline.readers.archives import Member, tar_members, zip_members
from pipeline.readers.arxiv import ArxivReader
from pipeline.readers.books import BooksReader
from pipeline.readers.documents import DocumentsReader
from pipeline.readers.github import GithubReader
from pipeline.readers.inflate import FedByKib
from pipeline.readers.stackexchange_dump import StackExchangeReader
from pipeline.readers.warc import WarcReader
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.records import DeadLetter, Document, Event, PassedOver

LINES = [orjson.dumps({"text": f"Text number {n}, {os.urandom(8).hex()}."}) + b"\n" for n in range(400)]
FILES = [(f"a/{n}.txt", f"File {n} of this archive.\n".encode() * 30) for n in range(5)]


def read(reader: Any, data: bytes, name: str = "x") -> tuple[list[Document], list[str]]:
    """The documents, and the errors of the dead letters."""
    events: list[Event] = list(reader.read(io.BytesIO(data), name))
    dead = [event.error for event in events if isinstance(event, DeadLetter)]
    return [event for event in events if isinstance(event, Document)], dead


def names(data: bytes) -> tuple[list[str], list[str]]:
    """The names of a tar's members, and the errors of its dead letters."""
    found = list(tar_members(io.BytesIO(data), 1 << 20))
    return [m.name for m in found if isinstance(m, Member)], [
        e.error for e in found if isinstance(e, DeadLetter)
    ]


def test_rows_before_the_place_where_a_gzip_breaks() -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = packer.compress(b"".join(LINES)) + packer.flush(zlib.Z_FULL_FLUSH)
    documents, dead = read(DocumentsReader(), packed + b"\x07" * 50)  # a block of no type there is
    assert len(documents) == len(LINES)
    assert dead == ["the gzip member is damaged"]


def test_rows_before_the_place_where_a_zstd_frame_breaks() -> None:
    rows = b"".join(b'{"text": "%s"}\n' % os.urandom(50).hex().encode() for _ in range(4000))
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(rows)
    half = len(packed) // 2
    documents, dead = read(DocumentsReader(), packed[:half] + b"\xff" * 3000 + packed[half + 3000 :])
    assert len(documents) > 1000
    assert dead[-1] == "the zstd member is damaged"


def test_bzip2_gives_the_blocks_before_the_damaged_one() -> None:
    text = os.urandom(250_000)
    packed = bytearray(bz2.compress(text, 1))
    packed[len(packed) * 2 // 3] ^= 1
    codec, got = FedByKib(bz2.BZ2Decompressor()), b""
    todo = bytes(packed)
    with pytest.raises(OSError, match="Invalid data"):
        while todo:
            got += codec.decompress(todo, 1 << 20)
            todo = codec.unconsumed_tail
    assert got == text[: len(got)]
    assert len(got) > 90_000


def test_a_zstd_file_with_a_gzip_member_inside_is_zstd() -> None:
    inner = gzip.compress(b"<p>" + os.urandom(2000), mtime=0)
    first = page(inner, "Content-Encoding: gzip\r\n")
    data = b"".join(zstandard.ZstdCompressor().compress(record) for record in (first, page(b"<p>two")))
    assert gzip.compress(b"", mtime=0)[:3] in data  # stored as it is
    assert len(read(WarcReader(), data)[0]) == 2


def test_a_plain_crawl_with_a_damaged_start_is_not_taken_for_its_gzip_bodies() -> None:
    coded = page(gzip.compress(b"<p>" + os.urandom(300), mtime=0), "Content-Encoding: gzip\r\n")
    documents, dead = read(WarcReader(), b"X" + coded[1:] + coded + page(b"<p>three"))
    assert len(documents) == 2
    assert dead == ["not a WARC record"]


def test_members_are_found_behind_a_large_one_whose_start_is_damaged() -> None:
    large = gzip.compress(page(os.urandom(40_000).hex().encode()), mtime=0)
    rest = [gzip.compress(page(b"<p>%d" % n), mtime=0) for n in range(3)]
    assert len(large) > 1 << 15
    assert len(read(WarcReader(), b"\0" + large[1:] + b"".join(rest))[0]) == 3


def test_a_header_that_runs_into_the_next_record_hides_none() -> None:
    broken = warc(b"one", kind="conversion").replace(b"Content-Length: 3\r\n\r\n", b"Content-Len")
    documents, dead = read(WarcReader(), broken + warc(b"two", kind="conversion"))
    assert [document.text for document in documents] == ["two"]
    assert len(dead) == 1


def test_no_more_codings_than_any_server_has() -> None:
    _, dead = read(WarcReader(), page(gzip.compress(b"x"), "Content-Encoding: " + "gzip," * 6 + "\r\n"))
    assert dead == ["the HTTP header names more than 5 codings"]


def test_a_brace_that_becomes_a_bracket_costs_its_row() -> None:
    documents, dead = read(DocumentsReader(), b"[" + b"".join(LINES)[1:])
    assert len(documents) == len(LINES) - 1
    assert len(dead) == 1


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_member_that_expands_as_no_text_does(pack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "RATIO_FROM", 2 << 20)
    row = b'{"text": "a"}\n'
    documents, dead = read(DocumentsReader(), pack(row) + pack(bytes(8 << 20)) + pack(row))
    assert len(documents) == 2
    assert any("expands as no text does" in error for error in dead)


def test_tar_goes_on_behind_a_damaged_header() -> None:
    parts = [bytearray(part) for part in tar_parts(FILES)]
    parts[2][0] ^= 1
    assert names(b"".join(parts)) == (["a/0.txt", "a/1.txt", "a/3.txt", "a/4.txt"], ["a header is damaged"])


@pytest.mark.parametrize("missing", [100, 512, 700])
def test_tar_goes_on_where_bytes_are_missing(missing: int) -> None:
    parts = tar_parts(FILES)
    parts[2] = parts[2][:600] + parts[2][600 + missing :]
    found, dead = names(b"".join(parts))
    assert [name for name in found if name != "a/2.txt"] == ["a/0.txt", "a/1.txt", "a/3.txt", "a/4.txt"]
    assert dead == ["the file is shorter than its header says"]


def test_tar_goes_on_behind_an_end_mark() -> None:
    parts = tar_parts(FILES)
    found, dead = names(b"".join([*parts[:2], TAR_END, *parts[2:]]))
    assert found == [name for name, _ in FILES]
    assert dead == ["more follows the archive's end mark"]


def test_a_tar_in_a_tar_is_a_file_of_it() -> None:
    inner = b"".join(tar_parts(FILES))
    assert names(b"".join(tar_parts([("in.tar", inner)]))) == (["in.tar"], [])
    assert names(b"".join(tar_parts([("in.tar", inner), *FILES]))) == (["in.tar", *dict(FILES)], [])


def test_tar_headers_that_lie_about_sizes_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_REREAD", 1 << 20)
    info = tarfile.TarInfo("lie.txt")
    info.size = 1 << 19
    assert names(info.tobuf() * 900)[1][-1] == "the tar archive breaks off: too much of it is damaged"


def test_damage_behind_the_end_of_a_tar_is_said() -> None:
    class Stream(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise archives.Unreadable("its checksum is wrong")
            return data

    *_, last = tar_members(Stream(b"".join(tar_parts(FILES))), 1 << 20)
    assert isinstance(last, DeadLetter)
    assert last.error == "the tar archive breaks off: its checksum is wrong"


def test_members_before_damage_of_a_short_tar_gz() -> None:
    files = [(name, os.urandom(400).hex().encode()) for name, _ in FILES]
    packed = gzip.compress(b"".join(tar_parts(files)), mtime=0)
    documents, dead = read(BooksReader(), packed[: len(packed) // 2], "a.tar.gz")
    assert len(documents) == 2
    assert len(dead) == 1


def test_an_archive_of_papers_with_a_damaged_first_header() -> None:
    source = gzip.compress(b"\\documentclass{article}\\begin{document}x\\end{document}", mtime=0)
    data = bytearray(b"".join(tar_parts([(f"0001/0001.0000{n}.gz", source) for n in range(4)])))
    data[3] ^= 1
    documents, dead = read(ArxivReader(), bytes(data), "arXiv_src_0001_001.tar")
    assert [document.key for document in documents] == ["0001.00001", "0001.00002", "0001.00003"]
    assert dead == ["a header is damaged"]


def test_a_paper_that_is_not_the_gzip_that_its_name_says() -> None:
    packed = b"\0" + gzip.compress(b"\\documentclass{article}")[1:]
    assert read(ArxivReader(), packed, "0001.00001.gz")[1] == [
        "0001.00001.gz: not the archive that its name says"
    ]


def test_a_checkout_with_a_damaged_first_header() -> None:
    data = bytearray(b"".join(tar_parts(FILES)))
    data[40:500] = bytes(460)
    assert len(read(GithubReader(), gzip.compress(data, mtime=0), "a.tar.gz")[0]) == 4


def test_places_in_a_zip_are_never_before_its_start() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in FILES:
            archive.writestr(name, data)
    found = list(zip_members(io.BytesIO(held.getvalue()[400:]), 1 << 20))
    assert all(event.offset >= -1 for event in found if not isinstance(event, PassedOver))
    assert any(isinstance(event, DeadLetter) for event in found)


def test_books_in_parquet() -> None:
    held = io.BytesIO()
    pq.write_table(pa.table({"text": ["A book.", "Another."]}), held)
    assert [d.text for d in read(BooksReader(), held.getvalue())[0]] == ["A book.", "Another."]
    packed = gzip.compress(held.getvalue(), mtime=0)
    assert [d.text for d in read(BooksReader(), packed)[0]] == ["A book.", "Another."]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_rows_of_books_whose_start_is_damaged(pack: Any) -> None:
    documents, dead = read(BooksReader(), pack(b"X" + b"".join(LINES)[1:]), "books.jsonl")
    assert len(documents) == len(LINES) - 1
    assert len(dead) == 1


def test_a_book_that_is_not_the_gzip_that_its_name_says() -> None:
    assert read(BooksReader(), b"\0" + gzip.compress(b"text")[1:], "a.txt.gz") == (
        [],
        ["not the compressed file that its name says"],
    )


@pytest.mark.parametrize("opening", ["<?x ", "<!-- ", "<![CDATA[", "<a b='"])
def test_markup_that_no_dump_has_hides_no_pages(opening: str) -> None:
    one = (
        "<page><title>T</title><ns>0</ns><id>{n}</id><revision><id>2</id><text>Text</text></revision></page>"
    )
    pages = [one.replace("{n}", str(n)) for n in range(1, 2001)]
    pages[5] = opening + pages[5]
    dump = "<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo>" + "\n".join(pages) + "</mediawiki>"
    for closing in ("", " ?> --> ]]> '>"):
        documents, dead = read(WikipediaReader(), (dump + closing).encode(), "enwiki.xml")
        assert len(documents) >= 1999
        assert dead


def test_a_decoder_that_ends_its_process_is_a_dead_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "aborts.py"
    program.write_text("import os, sys\nopen(sys.argv[4].split('=')[1], 'w').write('x')\nos.abort()\n")
    monkeypatch.setattr(seven_zip, "_PROGRAM", program)
    _, dead = read(StackExchangeReader(), b"7z\xbc\xaf\x27\x1c" + bytes(50), "a.example.com.7z")
    assert dead == ["the 7z archive is damaged: its decoder broke off"]
