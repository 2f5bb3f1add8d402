"""arXiv's archives: what they hold comes through, what is hostile or broken is one dead letter a paper."""

from __future__ import annotations

import gzip
import io
import resource
import tarfile
from collections.abc import Mapping

import orjson
import pytest

from filters.arxiv_id import ArxivId, arxiv_id
from pipeline.readers.arxiv import ArxivReader
from pipeline.records import DeadLetter, Document, Event, PassedOver

TEX = b"\\documentclass{article}\\begin{document}\\section{A} text\\end{document}"


def tar(members: Mapping[str, bytes | str], mtime: int = 0) -> bytes:
    """A tar archive; a member whose content is a string is a symbolic link to it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.mtime = mtime
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def read(data: bytes, name: str = "arXiv_src_2401_001.tar", **limits: int) -> list[Event]:
    return list(ArxivReader(**limits).read(io.BytesIO(data), name))


def files(event: Event) -> dict[str, str]:
    assert isinstance(event, Document)
    assert event.content is not None
    found: dict[str, str] = orjson.loads(event.content)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1707.08043", ArxivId("1707.08043", 0, "", "2017-07")),
        ("0704.0001v2", ArxivId("0704.0001", 2, "", "2007-04")),
        ("hep-th9901001", ArxivId("hep-th/9901001", 0, "hep-th", "1999-01")),
        ("hep-th/9901001v3", ArxivId("hep-th/9901001", 3, "hep-th", "1999-01")),
        ("math.GT0309136", ArxivId("math/0309136", 0, "math.GT", "2003-09")),
        ("1799.08043", ArxivId("1799.08043", 0, "", "")),
        ("2004.08070-cvpr", None),
        ("hott-book", None),
        ("1707.08043v0", None),
    ],
)
def test_ids(text: str, expected: ArxivId | None) -> None:
    assert arxiv_id(text) == expected


def test_the_bulk_layout() -> None:
    papers = {
        "2401/2401.00001.gz": packed(TEX),
        "2401/2401.00002.gz": packed(tar({"main.tex": TEX, "figs/a.eps": b"%!PS", "refs.bib": b"@a{}"})),
        "2401/2401.00003.pdf": b"%PDF-1.4",
        "2401/2401.00004.gz": packed(b"%PDF-1.4"),
        "2401/2401.00005.gz": packed(b"%!PS-Adobe"),
        "2401/2401.00006.gz": packed(tar({"a.pdf": b"%PDF-1.4", "b.png": b"\x89PNG"})),
        "9901/hep-th9901001.gz": packed(TEX),
        "9999/thesis.gz": packed(TEX),
    }
    events = read(tar(papers, mtime=86400))
    assert [event.kind for event in events if isinstance(event, PassedOver)] == [
        *("pdf", "pdf", "postscript", "no TeX"),
    ]
    first, second, third, fourth = [event for event in events if isinstance(event, Document)]
    assert files(first) == {"paper.tex": TEX.decode()}
    assert files(second) == {"main.tex": TEX.decode()}
    assert (first.key, first.url) == ("2401.00001", "https://arxiv.org/abs/2401.00001")
    assert first.timestamp == "1970-01-02T00:00:00Z"
    assert first.metadata == {"arxiv_id": "2401.00001", "submitted": "2024-01"}
    assert third.key == "hep-th/9901001"
    assert third.metadata["category"] == "hep-th"
    assert fourth.metadata == {"name": "thesis"}
    assert len(fourth.key) == 32


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("2401.00001v2.gz", packed(TEX)),
        ("2401.00001v2.tex", TEX),
        ("2401.00001v2.tar", tar({"paper.tex": TEX})),
        ("2401.00001v2.tar.gz", packed(tar({"paper.tex": TEX}))),
        ("2401__2401.00001v2", packed(tar({"./paper.tex": TEX}))),
    ],
)
def test_single_papers(name: str, data: bytes) -> None:
    (event,) = read(data, name)
    assert files(event) == {"paper.tex": TEX.decode()}
    assert isinstance(event, Document)
    assert event.key == "2401.00001v2"
    assert event.metadata == {"arxiv_id": "2401.00001", "version": 2, "submitted": "2024-01"}


def test_the_same_paper_has_one_key_however_it_is_packed() -> None:
    stored = [
        packed(tar({"a.tex": TEX, "b.tex": b"\\input{a}"})),
        tar({"b.tex": b"\\input{a}", "a.tex": TEX}),
    ]
    keys = {event.key for data in stored for event in read(data, "x.tar.gz") if isinstance(event, Document)}
    assert len(keys) == 1


def many(count: int) -> bytes:
    """A tar archive of empty files, made without holding that many members."""
    block = tarfile.TarInfo("a.tex").tobuf(tarfile.USTAR_FORMAT)
    return block * count + bytes(1024)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (tar({"../../etc/passwd.tex": TEX, "a.tex": TEX}), "the member's name leads out of the archive"),
        (tar({"/etc/passwd.tex": TEX}), "the member's name leads out of the archive"),
        (tar({"./.": TEX, "a.tex": TEX}), "the member's name leads out of the archive"),
        (tar({"a.tex": TEX * 40})[:1500], "the tar archive breaks off: it is cut short"),
        (packed(packed(packed(TEX))), "compressed more than 2 times"),
        (many(20_001), "its archive has more than 20000 files"),
        (tar({"a.tex": b"x" * 3000}), "the member has 3000 bytes, more than 2500"),
        (tar({"a.tex": b"x" * 2000, "b.tex": b"y" * 2000}), "the paper has more than 2500 bytes of TeX"),
        (b"\\section" + b"x" * 3000, "the paper has more than 2500 bytes of TeX"),
    ],
)
def test_a_hostile_paper_is_a_dead_letter_and_the_others_come_through(content: bytes, error: str) -> None:
    stored = packed(content)
    if len(stored) > 2500:
        (event,) = read(stored, "2401.00002.gz", max_document_bytes=2500)
    else:
        papers = {
            "2401/2401.00001.gz": packed(TEX),
            "2401/2401.00002.gz": stored,
            "2401/2401.00003.gz": packed(TEX),
        }
        before, event, after = read(tar(papers), max_document_bytes=2500)
        assert isinstance(before, Document)
        assert isinstance(after, Document)
    assert isinstance(event, DeadLetter)
    assert event.error.startswith("2401.00002.gz: ")
    assert event.error.endswith(error)


def test_links_are_not_followed() -> None:
    (event,) = read(tar({"a.tex": TEX, "b.tex": "/etc/passwd"}), "2401.00001.tar")
    assert files(event) == {"a.tex": TEX.decode()}


def test_large_pictures_do_not_cost_the_paper() -> None:
    (event,) = read(tar({"a.png": bytes(5000), "a.tex": TEX}), "2401.00001.tar", max_document_bytes=2500)
    assert files(event) == {"a.tex": TEX.decode()}


def test_damage_ends_an_archive_and_not_what_was_before_it() -> None:
    whole = tar({"2401/2401.00001.gz": packed(TEX), "2401/2401.00002.gz": packed(TEX)})
    first, broken = read(whole[:1600])
    assert isinstance(first, Document)
    assert broken == DeadLetter(1024, "the tar archive breaks off: it is cut short")
    (letter,) = read(packed(TEX * 99)[:-20], "2401.00001.gz")
    assert isinstance(letter, DeadLetter)
    assert letter.error == "2401.00001.gz: the file ends inside a gzip member"
    (letter,) = read(packed(TEX)[:-6] + b"\0\0\0\0\0\0", "2401.00001.gz")
    assert isinstance(letter, DeadLetter)
    assert letter.error == "2401.00001.gz: the gzip member is damaged"


def test_a_bomb_takes_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    piece = gzip.compress(bytes(16 << 20), 9, mtime=0)
    (event,) = read(piece * 20, "2401.00001.gz", max_document_bytes=1 << 30)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(event, DeadLetter)
    assert event.error == "2401.00001.gz: it expands more than 200 times"
    assert grown < 700 << 10  # KiB; the 256 MiB from which the ratio counts, twice


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_file_is_passed_over(data: bytes) -> None:
    assert read(data, "2401.00001.tex") == [PassedOver("empty")]
