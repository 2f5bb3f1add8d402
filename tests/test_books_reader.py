"""Reading books: every form of a collection, hostile and damaged archives, keys and charsets."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from typing import Any

import orjson
import pytest
import xxhash
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.flows.books import BOOKS, Books
from pipeline.readers import archives
from pipeline.readers.archives import tar_members
from pipeline.readers.books import BooksReader
from pipeline.readers.documents import DocumentsReader
from pipeline.records import DeadLetter, Document, Event, PassedOver

ONE = "The Project Gutenberg eBook\n\nRelease date: 1993 [eBook #84]\n\nIt was on a dreary night.\n"
TWO = "Call me Ishmael. Some years ago, never mind how long.\n"
FILES = {"a/one.txt": ONE.encode(), "a/two.txt": TWO.encode()}


def read(data: bytes, name: str = "x.txt", **settings_: Any) -> list[Event]:
    return list(BooksReader(**settings_).read(io.BytesIO(data), name))


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Document)]


def errors(events: list[Event]) -> list[str]:
    return [event.error for event in events if isinstance(event, DeadLetter)]


def tar(files: dict[str, bytes], **options: Any) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", **options) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


LINES = b"".join(orjson.dumps({"text": text}) + b"\n" for text in (ONE, TWO))
COLLECTIONS = {
    "tar": tar(FILES),
    "old tar": tar(FILES, format=tarfile.USTAR_FORMAT),
    "pax tar": tar({"ü" * 150 + name: data for name, data in FILES.items()}, format=tarfile.PAX_FORMAT),
    "gnu tar": tar({"f" * 150 + name: data for name, data in FILES.items()}, format=tarfile.GNU_FORMAT),
    "zip": zipped(FILES),
    "stored zip": zipped(FILES, zipfile.ZIP_STORED),
    "lzma zip": zipped(FILES, zipfile.ZIP_LZMA),
    "JSON lines": LINES,
    "tar of zips": tar(
        {"one.zip": zipped({"one.txt": ONE.encode()}), "2.zip": zipped({"2.txt": TWO.encode()})}
    ),
    "zip of gzips": zipped({name + ".gz": gzip.compress(data, mtime=0) for name, data in FILES.items()}),
    "zip of JSON lines": zipped({"books.jsonl": LINES}),
}


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_every_form_of_a_collection_gives_the_same_books(collection: str, compress: Any) -> None:
    events = read(compress(COLLECTIONS[collection]))
    assert [(event.key, event.text) for event in events if isinstance(event, Document)] == [
        ("84", ONE),
        (xxhash.xxh3_128_hexdigest(TWO.encode()), TWO),
    ]
    assert len(events) == 2


@pytest.mark.parametrize("archive", [tar, zipped])
def test_a_book_of_an_archive_keeps_its_name(archive: Any) -> None:
    inner = archive({"b/Emma - Jane Austen.epub.txt": TWO.encode(), "rows.jsonl": LINES})
    data = archive({"the-eye/Books/a/One - A.txt": ONE.encode(), "inner": inner})
    files = [event.metadata["file"] for event in read(data) if isinstance(event, Document)]
    assert files == ["One - A.txt", "Emma - Jane Austen.epub.txt", "rows.jsonl", "rows.jsonl"]
    assert read(ONE.encode(), "84.txt") == [Document("84", ONE)], "the input's own name is a column"


def test_a_name_in_no_known_charset_can_be_written() -> None:
    (event,) = read(tar({"caf\udce9.txt": ONE.encode()}, format=tarfile.GNU_FORMAT))
    assert isinstance(event, Document)
    assert orjson.loads(orjson.dumps(event.metadata)) == {"file": "caf?.txt"}


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_file_is_a_book(compress: Any) -> None:
    assert read(compress(ONE.encode())) == [Document("84", ONE)]


def test_compressed_parts_one_after_another_are_one_file() -> None:
    for compress in (gzip.compress, bz2.compress, lzma.compress, zstandard.compress):
        assert texts(read(compress(ONE.encode()) + compress(TWO.encode()))) == [ONE + TWO]


def test_a_collection_that_cannot_be_read_from_any_point_is_read() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError("a pipe has no places")

    for data in COLLECTIONS.values():
        assert texts(list(BooksReader().read(Pipe(data), "x"))) == [ONE, TWO]
    large = zipped({"a.txt": bytes(range(1, 250)) * 9}, zipfile.ZIP_STORED)
    events = list(BooksReader(max_document_bytes=1000).read(Pipe(large), "x"))
    assert errors(events) == ["a zip archive of more than 1000 bytes inside another file"]


def test_what_is_no_book_is_passed_over() -> None:
    files = {
        "pictures/cover.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF",
        "one-h.htm": b"<html>",
        "__MACOSX/a.txt": b"x",
        "a/.DS_Store": b"x",
        "empty.txt": b" \r\n",
        "two.txt": TWO.encode(),
    }
    expected = {"binary": 1, "markup": 1, "hidden file": 2, "empty": 1}
    for data in (tar(files), zipped(files)):
        events = read(data)
        assert texts(events) == [TWO]
        assert Counter(event.kind for event in events if isinstance(event, PassedOver)) == expected
        assert len(events) == 6


def test_links_folders_and_devices_are_passed_over_and_never_followed() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(f"{number}")
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
    kinds_found = [event.kind for event in read(sink.getvalue()) if isinstance(event, PassedOver)]
    assert kinds_found == ["link", "link", "folder", "special file", "special file"]


@pytest.mark.parametrize("name", ["../a.txt", "/etc/a.txt", "a/../../b.txt", "..\\a.txt", "C:\\a.txt"])
@pytest.mark.parametrize("archive", [tar, zipped])
def test_a_name_that_leads_out_of_the_archive_is_a_dead_letter(name: str, archive: Any) -> None:
    events = read(archive({name: ONE.encode(), "b.txt": TWO.encode()}))
    assert errors(events) == ["the member's name leads out of the archive"]
    assert texts(events) == [TWO]


@pytest.mark.parametrize("archive", [tar, zipped])
def test_a_member_above_the_limit_is_a_dead_letter_and_never_held(archive: Any) -> None:
    data = gzip.compress(archive({"big.txt": bytes(32 << 20), "b.txt": TWO.encode()}), mtime=0)
    tracemalloc.start()
    events = read(data, max_document_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert errors(events) == [f"the member has {32 << 20} bytes, more than {1 << 20}"]
    assert texts(events) == [TWO]
    assert peak < 12 << 20


def test_a_zip_that_lies_about_a_size_is_not_believed() -> None:
    data = bytearray(zipped({"a.txt": b"word " * 1000}))
    for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(magic) + at
        data[place : place + 4] = (10).to_bytes(4, "little")
    events = read(bytes(data))
    assert not texts(events)
    assert len(errors(events)) == 1


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_a_bomb_is_left_where_it_shows(compress: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    bomb = compress(tar({"big.txt": bytes(8 << 20)}))
    (event,) = read(bomb)
    assert isinstance(event, DeadLetter)
    assert "expands more than 200 times" in event.error
    zip_bomb = zipped({f"{n}.txt": b" " * (1 << 20) + b"x" for n in range(9)})
    assert errors(read(zip_bomb))[-1] == "the zip archive is refused: it expands more than 200 times"


def test_archives_in_archives_have_an_end() -> None:
    data = ONE.encode()
    for _ in range(3):
        data = zipped({"x": data})
    assert texts(read(data)) == [ONE]
    for _ in range(5):
        data = zipped({"x": data})
    assert errors(read(data)) == ["archives nested more than 4 deep"]
    for _ in range(8):
        data = gzip.compress(data, mtime=0)
    assert errors(read(data))[0].startswith("archives nested")


def test_an_encrypted_member_is_a_dead_letter() -> None:
    data = bytearray(zipped(FILES))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + at] |= 1
    events = read(bytes(data))
    assert errors(events) == ["the member cannot be read (RuntimeError)"]
    assert texts(events) == [TWO]


def test_a_damaged_tar_header_is_said_where_tarfile_says_nothing() -> None:
    data = bytearray(tar({**FILES, "c.txt": b"third"}))
    second = data.index(b"a/two.txt")
    data[second] ^= 255
    events = read(bytes(data))
    assert texts(events) == [ONE, "third"]
    assert errors(events) == ["a header is damaged"]
    assert [event.offset for event in events if isinstance(event, DeadLetter)] == [second]


@pytest.mark.parametrize("form", ["tar", "zip", "gzip", "bzip2", "xz", "zstd", "tar.gz"])
@settings(max_examples=30, deadline=None)
@given(cut=st.floats(0.01, 0.99), flip=st.booleans())
def test_no_damage_raises_and_what_came_before_it_is_read(form: str, cut: float, flip: bool) -> None:
    files = {
        f"{n}.txt": f"Book {n}.\n".encode() + xxhash.xxh3_128_hexdigest(bytes([n])).encode() * 80
        for n in range(6)
    }
    whole = b"".join(files.values())
    stored = {
        "tar": tar(files),
        "zip": zipped(files),
        "gzip": gzip.compress(whole, mtime=0),
        "bzip2": bz2.compress(whole),
        "xz": lzma.compress(whole),
        "zstd": zstandard.compress(whole),
        "tar.gz": gzip.compress(tar(files), mtime=0),
    }[form]
    at = int(cut * len(stored))
    damaged = stored[:at] + (bytes([stored[at] ^ 255]) + stored[at + 1 :] if flip else b"")
    events = read(damaged)
    good = [data.decode() for data in files.values()]
    if form == "tar" and not flip and at >= 512 and len(texts(events)) < len(good):
        assert texts(events) == good[: len(texts(events))]
        assert errors(events)[-1:] == ["the tar archive breaks off: it is cut short"]
    elif form == "tar.gz" and not flip:
        assert texts(events) == good[: len(texts(events))]
        assert len(errors(events)) == 1
    elif form == "zip" and not flip:
        assert errors(events) == ["the zip archive cannot be read: File is not a zip file"] or at < 4
    assert events


def test_dead_letters_of_members_stand_where_the_member_stands() -> None:
    data = tar({"one.txt": ONE.encode(), "bad.gz": gzip.compress(TWO.encode(), mtime=0)[:-3]})
    (letter,) = [event for event in read(data) if isinstance(event, DeadLetter)]
    assert letter.offset == data.index(b"bad.gz")
    assert letter.error == "the compressed file cannot be read: the file ends inside a gzip member"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_whole(form: int) -> None:
    names = ["ü" * 150 + "/a.txt", "short.txt", "b" * 300 + ".txt"]
    members = tar_members(io.BytesIO(tar(dict.fromkeys(names, b"x"), format=form)), 10)
    assert [member.name for member in members if isinstance(member, archives.Member)] == names


def test_tar_members_carry_the_time_of_their_last_change() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo("a")
        info.mtime = 915148800
        archive.addfile(info)
    (member,) = tar_members(io.BytesIO(sink.getvalue()), 10)
    assert isinstance(member, archives.Member)
    assert (member.name, member.changed, member.offset) == ("a", 915148800, 0)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é’ß".encode(), "é’ß"),
        (b"\xef\xbb\xbf" + "é".encode(), "é"),
        ("é".encode("utf-16"), "é"),
        (b"\xfe\xff" + "é".encode("utf-16-be"), "é"),
        (b"Character set encoding: ISO-8859-2\n\xb1", "Character set encoding: ISO-8859-2\ną"),
        (b"Character set encoding: ASCII\n\xe9", "Character set encoding: ASCII\né"),
        (b"Character set encoding: no-such\n\xe9", "Character set encoding: no-such\né"),
        (b"\x93caf\xe9\x94", "“café”"),
        (b"\x81\xe9", "\x81é"),
        (b"a\r\nb\rc\nd", "a\nb\nc\nd"),
    ],
)
def test_charsets_and_line_ends(data: bytes, text: str) -> None:
    assert texts(read(data)) == [text]


@pytest.mark.parametrize("data", [b"a\0b", b"\xff\xfea", b"\xff\xfe\0\0", b"\x7fELF\0"])
def test_binary_files_are_passed_over(data: bytes) -> None:
    assert read(data) == [PassedOver("binary")]


@pytest.mark.parametrize(
    ("name", "key"),
    [("1342.txt", "1342"), ("pg1342.txt", "1342"), ("1342-0.txt", "1342"), ("1984 a novel.txt", None)],
)
def test_a_number_in_the_name_counts_where_the_config_says_so(name: str, key: str | None) -> None:
    raw = xxhash.xxh3_128_hexdigest(TWO.encode())
    data = TWO.encode()
    assert [event.key for event in read(data, name, number_in_name=True) if isinstance(event, Document)] == [
        key or raw
    ]
    assert [event.key for event in read(data, name) if isinstance(event, Document)] == [raw]
    assert [
        e.key for e in read(tar({f"a/{name}": data}), number_in_name=True) if isinstance(e, Document)
    ] == [key or raw]


def test_rows_keep_their_columns_and_their_ids() -> None:
    rows = (
        orjson.dumps({"book": "A\r\nB", "n": "7", "title": "T"})
        + b"\n"
        + orjson.dumps({"book": ONE})
        + b"\n[]"
    )
    events = read(gzip.compress(rows, mtime=0), rows=DocumentsReader(text="book", id="n"))
    first, second, bad = events
    assert isinstance(first, Document) and isinstance(second, Document) and isinstance(bad, DeadLetter)
    assert (first.key, first.text, first.metadata) == ("7", "A\nB", {"n": "7", "title": "T"})
    assert second.key == "84"


def test_the_limit_holds_for_every_form() -> None:
    data = b"x" * 200
    for stored in (
        data,
        gzip.compress(data, mtime=0),
        tar({"a": data}),
        zipped({"a": data}),
        b'{"text": "' + data + b'"}',
    ):
        (event,) = read(stored, max_document_bytes=100)
        assert isinstance(event, DeadLetter)
        assert "more than 100" in event.error


def test_the_flow_sets_the_reader_by_its_config() -> None:
    reader = Books(text="t", id="n", number_in_name=True, max_document_bytes=9).reader()
    assert reader == BooksReader(DocumentsReader("t", id="n"), True, 9)
    assert BOOKS.read.reader() == BooksReader()
