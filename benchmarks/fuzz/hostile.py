"""Files made to exhaust, mislead or crash their reader."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from benchmarks.fuzz.archives import tar_parts
from benchmarks.fuzz.check import Broken, check_file
from benchmarks.fuzz.mutations import Mutated
from benchmarks.fuzz.readers import SAMPLES_OF

BOMB = 320 << 20  # readable bytes of a bomb: more than what is read before its ratio counts
_ESCAPES = "\x1b]0;owned\x07\u202e\x00\r\n"


@dataclass(frozen=True)
class Hostile:
    """A file for one reader; `dead`: it must leave a dead letter."""

    name: str
    reader: str
    file: str
    make: Callable[[], bytes]
    dead: bool = True
    form: int = 0  # which of the reader's samples has the reader for it


def check_hostile(hostile: Hostile) -> int:
    """Read a hostile file through all of `prepare`; returns the dead letters. Raises Broken."""
    source, samples = SAMPLES_OF[hostile.reader]
    sample = replace(samples()[hostile.form], records=())
    damaged = Mutated("hostile", hostile.make(), hostile.file, whole=True, foreign=True)
    dead = check_file(source, sample, damaged, clean=True)
    if hostile.dead and not dead:
        raise Broken("it leaves no dead letter")
    return dead


def _zeros(method: str, size: int = BOMB) -> bytes:
    """That many zeros, compressed."""
    if method == "gz":
        packer: Any = zlib.compressobj(1, zlib.DEFLATED, 31)
    elif method == "bz2":
        packer = bz2.BZ2Compressor(1)
    elif method == "xz":
        packer = lzma.LZMACompressor(preset=0)
    else:
        packer = zstandard.ZstdCompressor(level=1).compressobj()
    piece = bytes(1 << 20)
    return b"".join(packer.compress(piece) for _ in range(size >> 20)) + packer.flush()


def warc(body: bytes, length: int | str | None = None, fields: str = "", kind: str = "response") -> bytes:
    """A record, with `length` instead of the right one."""
    said = len(body) if length is None else length
    media = "application/http" if kind == "response" else "text/plain"
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:1>\r\nContent-Type: {media}\r\n"
    head += f"WARC-Target-URI: http://a.example/\r\n{fields}Content-Length: {said}\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + body + b"\r\n\r\n"


def page(html: bytes, fields: str = "") -> bytes:
    """A record of a web page."""
    return warc(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{fields}\r\n".encode() + html)


def _record_bomb() -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    head = warc(b"", BOMB)[:-4]
    zeros = bytes(1 << 20)
    return (
        packer.compress(head) + b"".join(packer.compress(zeros) for _ in range(BOMB >> 20)) + packer.flush()
    )


_GOOD = page(b"<p>A page that is read.")
_WARC: dict[str, Callable[[], bytes]] = {
    "gzip bomb": lambda: _zeros("gz"),
    "zstd bomb": lambda: _zeros("zst"),
    "record bomb": _record_bomb,
    "header without end": lambda: b"WARC/1.0\r\n" + b"A: b\r\n" * 2_000_000,
    "header line without end": lambda: b"WARC/1.0\r\n" + b"A" * 8_000_000,
    "length beyond all": lambda: warc(b"x", 10**17) + _GOOD,
    "length of many digits": lambda: warc(b"x", "9" * 50_000) + _GOOD,
    "negative length": lambda: warc(b"x", -5) + _GOOD,
    "coding bomb": lambda: page(_zeros("gz", 80 << 20), "Content-Encoding: gzip\r\n"),
    "many codings": lambda: page(gzip.compress(b"x"), "Content-Encoding: " + "gzip, " * 5000 + "gzip\r\n"),
    "chunk beyond all": lambda: page(b"FFFFFFFF\r\nx", "Transfer-Encoding: chunked\r\n"),
}
_PAGES: dict[str, Callable[[], bytes]] = {
    "deep HTML": lambda: page(b"<div>" * 500_000),
    "deep HTML tables": lambda: page(b"<table><tr><td>" * 100_000),
    "unclosed formatting": lambda: page(b"<b><i><a>" * 50_000 + b"</p>" * 1000),
    "attributes without end": lambda: page(b"<p " + b"a=1 " * 500_000 + b">x"),
    "entities": lambda: page(b"&amp;&#0;&#xD800;&#x10FFFF;" * 100_000),
    "escapes": lambda: page(("<title>" + _ESCAPES + "</title>" + _ESCAPES * 100).encode()),
    "escapes in fields": lambda: warc(
        b"x" * 500, fields=f"WARC-Date: {_ESCAPES[:-3]}\r\n", kind="conversion"
    ),
}


def _deep_json() -> bytes:
    return b'{"text":' * 500_000 + b"\n" + b'{"text": "read"}\n' + b'{"text": ' + b"[" * 1_000_000 + b"\n"


_ROWS: dict[str, Callable[[], bytes]] = {
    "gzip bomb": lambda: gzip.compress(b'{"text": "a"}\n') + _zeros("gz"),
    "zstd bomb": lambda: zstandard.ZstdCompressor().compress(b'{"text": "a"}\n') + _zeros("zst"),
    "deep JSON": _deep_json,
    "line without end": lambda: b'{"text": "' + b"a" * (20 << 20),
    "surrogates": lambda: b'{"text": "\\ud800", "repo_name": "\\udfff", "path": "a", "content": "\\ud800"}\n',
    "number beyond all": lambda: b'{"text": 1' + b"0" * 1_000_000 + b"}\n",
    "NULs": lambda: b'{"text": "a\\u0000b"}\n' + bytes(100_000) + b"\n",
    "Parquet with a footer beyond all": lambda: b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1",
    "Parquet of no text": lambda: _bad_text_parquet(),  # noqa: PLW0108  # it comes below
}


def _bad_text_parquet() -> bytes:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    held = io.BytesIO()
    columns = dict.fromkeys(("text", "content", "repo_name", "path"), bad)
    pq.write_table(pa.table(columns), held)
    return held.getvalue()


def _tar(*entries: tuple[str, bytes, bytes, str]) -> bytes:
    """A tar of (name, type, content, link target)."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, content, target in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), target
            archive.addfile(info, io.BytesIO(content))
    return held.getvalue()


def _escaping_tar() -> bytes:
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.BLKTYPE)
    names = ("../../tmp/winnow-escaped", "/tmp/winnow-escaped", "C:\\winnow-escaped", "a/../../b")
    files = [(name, tarfile.REGTYPE, b"text", "") for name in names]
    return _tar(*[(f"link{i}", kind, b"", "/etc/passwd") for i, kind in enumerate(kinds)], *files)


def _lying_tar() -> bytes:
    """Headers that each announce all the rest of the archive, and more."""
    info = tarfile.TarInfo("lie.txt")
    info.size = 7 << 20
    return info.tobuf() * 12_000


def _zip(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return held.getvalue()


def _overlapping_zip() -> bytes:
    """A directory of many entries for one member, as the bombs of David Fifield have."""
    one = _zip([("a.txt", bytes(7 << 20))])
    directory = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry = one[directory:end]
    tail = bytearray(one[end:])
    tail[8:12] = (2000).to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * 2000).to_bytes(4, "little")
    return one[:directory] + entry * 2000 + bytes(tail)


def _lzma_zip() -> bytes:
    """An LZMA member that announces a dictionary of 4 GiB."""
    data = bytearray(_zip([("a.txt", b"text " * 100)], zipfile.ZIP_LZMA))
    at = data.index(b"a.txt") + 5 + 4 + 1
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def _xz_memory() -> bytes:
    """A block header that asks for a dictionary of 4 GiB."""
    return b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x28" + bytes(40)


_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "tar that leads out": _escaping_tar,
    "tar of lies": _lying_tar,
    "tar.gz bomb": lambda: gzip.compress(tar_parts([("a.txt", b"text")])[0]) + _zeros("gz"),
    "tar.bz2 bomb": lambda: bz2.compress(tar_parts([("a.txt", b"text")])[0]) + _zeros("bz2"),
    "tar.xz bomb": lambda: lzma.compress(tar_parts([("a.txt", b"text")])[0]) + _zeros("xz"),
    "zip bomb": lambda: _zip([(f"{n}.txt", bytes(7 << 20)) for n in range(60)]),
    "zip of one member many times": _overlapping_zip,
    "zip that leads out": lambda: _zip(
        [("../../a.txt", b"x"), ("/etc/a.txt", b"y"), ("b\\..\\..\\c.txt", b"z")]
    ),
    "zip with a dictionary beyond all": _lzma_zip,
}


def _xml(body: bytes, before: bytes = b"") -> bytes:
    head = b'<mediawiki xml:lang="en"><siteinfo><dbname>enwiki</dbname></siteinfo>\n'
    return before + head + body + b"\n</mediawiki>"


def wiki_page(text: bytes) -> bytes:
    """A dump of one page."""
    ids = b"<page><title>T</title><ns>0</ns><id>1</id><revision><id>2</id><text>"
    return _xml(ids + text + b"</text></revision></page>")


_LAUGHS = b'<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(12)
)
_WIKIPEDIA: dict[str, Callable[[], bytes]] = {
    "bzip2 bomb": lambda: _zeros("bz2"),
    "gzip bomb": lambda: _zeros("gz"),
    "billion laughs": lambda: _xml(b"<page><title>&a11;</title></page>", _LAUGHS + b"]>"),
    "external entity": lambda: _xml(
        b"<page><title>&x;</title></page>", b'<!DOCTYPE m [<!ENTITY x SYSTEM "/etc/passwd">]>'
    ),
    "deep XML": lambda: _xml(b"<a>" * 300_000),
    "instruction without end": lambda: _xml(b"<?x " + wiki_page(b"text " * 100)[80:] * 500),
    "comment without end": lambda: _xml(b"<!-- " + wiki_page(b"text " * 100)[80:] * 500),
    "tag without end": lambda: _xml(b"<page " + b'a="b" ' * 2_000_000),
    "text without end": lambda: wiki_page(b"a " * (12 << 19))[:-40],
}
_WIKITEXT: dict[str, Callable[[], bytes]] = {
    "deep templates": lambda: wiki_page(b"{{a|" * 100_000),
    "deep arguments": lambda: wiki_page(b"{{{" * 100_000 + b"}}}" * 50_000),
    "deep links": lambda: wiki_page(b"[[a|" * 100_000),
    "deep tables": lambda: wiki_page(b"{|\n|\n" * 50_000),
    "deep tags": lambda: wiki_page(b"&lt;div&gt;" * 100_000 + b"&lt;ref&gt;" * 50_000),
    "quotes": lambda: wiki_page(b"''''" * 200_000),
    "lists": lambda: wiki_page(b"*#:;" * 200_000 + b"\n"),
    "headings": lambda: wiki_page(b"=" * 500_000 + b"\n=a" * 100_000),
}

_ROW = b'  <row Id="1" PostTypeId="1" Score="1" Title="T" Body="%s" />\n'


def _posts(body: bytes, before: bytes = b"") -> bytes:
    return before + b"<posts>\n" + _ROW % body + b"</posts>"


def _seven_zip(content: Callable[[], bytes], filters: list[dict[str, Any]]) -> Callable[[], bytes]:
    def made() -> bytes:
        held = io.BytesIO()
        with py7zr.SevenZipFile(held, "w", filters=filters) as archive:
            archive.writestr(content(), "Posts.xml")
        return held.getvalue()

    return made


_STACKEXCHANGE: dict[str, Callable[[], bytes]] = {
    "7z bomb": _seven_zip(lambda: bytes(BOMB), [{"id": py7zr.FILTER_BZIP2}]),
    "7z with a header beyond all": lambda: (
        b"7z\xbc\xaf\x27\x1c\0\4" + b"\xff" * 4 + b"\xff" * 7 + b"\x7f" + b"\xff" * 40
    ),
    "gzip bomb": lambda: _zeros("gz"),
    "line without end": lambda: _posts(b"a" * (20 << 20)),
    "billion laughs": lambda: b"<?xml?>" + _LAUGHS + b"]>\n" + _posts(b"&a11;"),
}
_POSTS: dict[str, Callable[[], bytes]] = {
    "deep HTML": lambda: _posts(b"&lt;div&gt;" * 300_000),
    "deep quotes": lambda: _posts(b"&lt;blockquote&gt;" * 100_000),
    "references": lambda: _posts(b"&amp;#xD800;&amp;#0;&#x1b;&#0;&#xD800;" * 50_000),
}


def tex(body: bytes) -> bytes:
    """A paper of one file."""
    return b"\\documentclass{article}\n\\begin{document}\n\\section{A}\n" + body + b"\n\\end{document}\n"


def _doubling(kind: bytes) -> bytes:
    names = [bytes([97 + n]) * 3 for n in range(26)]
    lines = [kind % {b"name": a, b"body": (b"\\" + b + b" ") * 8} for a, b in itertools.pairwise(names)]
    return tex(b"\n".join(lines) + b"\n\\aaa")


_ARXIV: dict[str, Callable[[], bytes]] = {
    "gzip bomb": lambda: _zeros("gz"),
    "bomb in a bulk archive": lambda: b"".join(tar_parts([("0001/0001.00001.gz", _zeros("gz"))])),
    "gzip in gzip in gzip": lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(tex(b"x"))))),
    "more files than any paper": lambda: b"".join(tar_parts([(f"{n}.tex", b"") for n in range(20_002)])),
    "tar that leads out": _escaping_tar,
    "tar of lies": _lying_tar,
}
_TEX: dict[str, Callable[[], bytes]] = {
    "doubling macros": lambda: _doubling(b"\\def\\%(name)s{%(body)s}"),
    "doubling commands": lambda: _doubling(b"\\newcommand{\\%(name)s}{%(body)s}"),
    "macros of themselves": lambda: tex(b"\\def\\a{\\b}\\def\\b{\\a\\a}\\a" * 100),
    "deep braces": lambda: tex(b"{" * 300_000 + b"x" + b"}" * 300_000),
    "deep environments": lambda: tex(b"\\begin{a}" * 100_000),
    "deep conditions": lambda: tex(b"\\iffalse \\iftrue " * 100_000),
    "arguments without end": lambda: tex(b"\\newcommand{\\x}[9]{#1#2#3#4#5#6#7#8#9}" + b"\\x{\\x" * 50_000),
    "comments": lambda: tex(b"%" * 500_000 + b"\n%" * 200_000),
    "backslashes": lambda: tex(b"\\" * 500_001),
    "inputs of itself": lambda: b"".join(
        tar_parts([("a.tex", tex(b"\\input{a}\\input{b}")), ("b.tex", b"\\input{a}" * 1000)])
    ),
}

_BOOKS: dict[str, Callable[[], bytes]] = {
    **_ARCHIVES,
    "gzip bomb": lambda: _zeros("gz"),
    "xz that takes more memory than there is": _xz_memory,
    "zip in zip in zip": lambda: _nested(_zip, 6),
}


def _nested(pack: Callable[[list[tuple[str, bytes]]], bytes], depth: int) -> bytes:
    data = b"text " * 100
    for _ in range(depth):
        data = pack([("a.zip", data)])
    return data


def _all(
    reader: str, file: str, made: dict[str, Callable[[], bytes]], dead: bool = True, form: int = 0
) -> list[Hostile]:
    # A dictionary is taken as far as it is used, where the system gives more than there is.
    must = {name: dead and "dictionary" not in name for name in made}
    return [Hostile(name, reader, file, make, must[name], form) for name, make in made.items()]


HOSTILE: dict[str, list[Hostile]] = {
    "warc": _all("warc", "a.warc", _WARC) + _all("warc", "a.warc", _PAGES, dead=False),
    "wet": _all("wet", "a.warc.wet.gz", {"gzip bomb": lambda: _zeros("gz")}),
    "c4": _all("c4", "a.json.gz", _ROWS),
    "documents": _all("documents", "a.jsonl", _ROWS),
    "github-rows": _all("github-rows", "a.jsonl", _ROWS),
    "github-checkouts": _all("github-checkouts", "a.tar.gz", _ARCHIVES),
    "wikipedia": _all("wikipedia", "enwiki-20200101-a.xml", _WIKIPEDIA)
    + _all("wikipedia", "enwiki-20200101-a.xml", _WIKITEXT, dead=False),
    "stackexchange": _all("stackexchange", "a.example.com.7z", _STACKEXCHANGE)
    + _all("stackexchange", "a.example.com__Posts.xml", _POSTS, dead=False),
    "books": _all("books", "a.txt", _BOOKS),
    "arxiv": _all("arxiv", "a.tar", _ARXIV) + _all("arxiv", "a.tex", _TEX, dead=False),
}
