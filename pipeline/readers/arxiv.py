"""arXiv's papers as TeX sources: the bulk archives' tar files, and sources of single papers as downloaded."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from posixpath import splitext
from typing import Any, BinaryIO, cast

import orjson
import xxhash

from filters.arxiv_id import arxiv_id
from filters.latex_charset import decoded
from pipeline.readers.archives import BLOCK, HEAD_BYTES, Member, Unreadable, first_header, is_tar, tar_members
from pipeline.readers.inflated import first, inflated, peeked
from pipeline.records import DeadLetter, Document, Event, PassedOver

_HEAD = 1 << 16
_MAX_DEPTH = 3  # what arXiv has is a tar in a gzip
_MAX_MEMBERS = 20_000  # of one paper; arXiv's own limit on size leaves room for some hundred
_MAX_UNPACKED = 1 << 30  # bytes of one paper with its pictures
_STORED = re.compile(r"\.(?:tar\.gz|tgz|tar|gz|tex|ltx|latex|pdf|ps|html|docx)$", re.I)
_BULK = re.compile(r"\.(?:gz|pdf)$", re.I)
_PACKED = re.compile(r"\.(?:tar|t?gz)$", re.I)
_NO_SOURCE = PassedOver("no TeX")
_SOURCE = re.compile(r"\.(?:tex|ltx|latex)$", re.I)
_TEX = re.compile(
    rb"\\(?:document(?:class|style)|begin\s*\{|input\b|def\b|section|magnification|font\b|bye\b|end\b)"
)
# Files that come with a paper and hold nothing that is typeset by TeX.
_NO_TEX = frozenset(
    {
        *(".eps", ".epsi", ".epsf", ".ps", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".tif", ".tiff"),
        *(".bib", ".bst", ".cls", ".clo", ".fd", ".cfg", ".ist", ".tfm", ".pfb", ".ttf", ".otf"),
        *(
            ".csv",
            ".dat",
            ".json",
            ".xml",
            ".html",
            ".htm",
            ".md",
            ".py",
            ".c",
            ".cpp",
            ".h",
            ".r",
            ".m",
            ".nb",
        ),
        *(".log", ".aux", ".out", ".toc", ".zip", ".gz", ".mp4", ".avi", ".mov", ".xlsx", ".ipynb", ".sh"),
    }
)
_KINDS = ((b"%PDF", "pdf"), (b"%!PS", "postscript"), (b"%!", "postscript"), (b"PK\x03\x04", "zip or docx"))
_HTML = re.compile(rb"\s*<(?:!doctype|html|\?xml)", re.I)


@dataclass(frozen=True)
class ArxivReader:
    """Papers from arXiv's bulk archives, or one paper a file, told by what is in them and not by their names.

    A tar of members `YYMM/id.gz` is a bulk archive: each member a paper, which is a tar or a single TeX file
    in gzip. A file by itself is a paper too: `id.gz`, `id.tar.gz`, `id.tar`, `id.tex`. Papers that are PDF,
    PostScript, HTML or Word alone, and tars without TeX, are passed over, counted by kind.

    The key is arXiv's id and version ("1707.08043v2", "hep-th/9901001") as the file's name has it; where it
    has none, the hash of the stored bytes. `content` is JSON: the paper's TeX files by path, as text.
    Metadata: `arxiv_id`, `version` and `category` where known, `submitted` (year and month of the id), `name`
    where that is no id.

    A paper whose archive is damaged, hostile (names that lead out of it, archives in archives, what expands
    beyond any text, more than 20,000 files, more than 1 GiB) or that has more than `max_document_bytes` of
    TeX is a dead letter, and the next paper follows.
    """

    max_document_bytes: int = 64 << 20

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each paper, and for each file of an archive that is none."""
        head, source = peeked(stream, _HEAD)
        whole = cast(BinaryIO, source)
        if not _BULK.search(_first_file(head)):
            yield self._paper(whole, name.rpartition("__")[2], 0)
            return
        for member in tar_members(whole, self.max_document_bytes):
            if isinstance(member, Member):
                name = PurePosixPath(member.name).name
                yield self._paper(io.BytesIO(member.data), name, member.offset, member.changed)
            else:
                yield member

    def _paper(self, stream: BinaryIO, name: str, offset: int, changed: int = 0) -> Event:
        """The paper that `stream` holds; `name` is its file's, `changed` when that was, if known."""
        head, source = peeked(stream, _HEAD)
        whole = cast(BinaryIO, source)
        try:
            files = self._files(whole, 1)
        except Unreadable as reason:
            return DeadLetter(offset, f"{_shown(name)}: {reason}", head[:HEAD_BYTES])
        if (
            files == _NO_SOURCE
            and _PACKED.search(name)
            and inflated(head, source) is None
            and not is_tar(head)
        ):
            return DeadLetter(
                offset, f"{_shown(name)}: not the archive that its name says", head[:HEAD_BYTES]
            )
        if isinstance(files, PassedOver):
            return files
        metadata: dict[str, Any] = {}
        stem = _STORED.sub("", name)
        known = arxiv_id(stem)
        if known is None:
            key, url = _digest(files), ""
            metadata["name"] = _shown(stem)
        else:
            key, url = known.versioned, f"https://arxiv.org/abs/{known.versioned}"
            metadata |= {"arxiv_id": known.name} | {
                field: value
                for field, value in (
                    ("version", known.version),
                    ("category", known.category),
                    ("submitted", known.month),
                )
                if value
            }
        timestamp = datetime.fromtimestamp(changed, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if changed > 0 else ""
        content = orjson.dumps(decoded(files), option=orjson.OPT_SORT_KEYS)
        return Document(key, url=url, timestamp=timestamp, metadata=metadata, content=content)

    def _files(self, stream: BinaryIO, depth: int) -> dict[str, bytes] | PassedOver:
        """The TeX files of a paper by path, or why it is passed over; Unreadable for what is broken."""
        head, source = peeked(stream, _HEAD)
        whole = cast(BinaryIO, source)
        readable = inflated(head, source)
        if readable is not None:
            if depth == _MAX_DEPTH:
                raise Unreadable(f"compressed more than {_MAX_DEPTH - 1} times")
            return self._files(readable, depth + 1)
        if is_tar(head):
            return self._project(whole)
        kind = next((kind for magic, kind in _KINDS if head.startswith(magic)), "")
        if not kind and _HTML.match(head):
            kind = "html"
        if kind:
            return PassedOver(kind)
        data = first(whole, self.max_document_bytes + 1)
        if len(data) > self.max_document_bytes:
            raise Unreadable(f"the paper has more than {self.max_document_bytes} bytes of TeX")
        if not data.strip():
            return PassedOver("empty")
        return {"paper.tex": data} if b"\0" not in data else _NO_SOURCE

    def _project(self, stream: BinaryIO) -> dict[str, bytes] | PassedOver:
        files: dict[str, bytes] = {}
        members = unpacked = size = 0
        for member in tar_members(stream, self.max_document_bytes):
            members += 1
            if members > _MAX_MEMBERS:
                raise Unreadable(f"its archive has more than {_MAX_MEMBERS} files")
            if isinstance(member, DeadLetter) and not _is_picture(member.head):
                raise Unreadable(f"in its archive, {member.error}")
            if not isinstance(member, Member):
                continue
            unpacked += len(member.data)
            if unpacked > _MAX_UNPACKED:
                raise Unreadable(f"it unpacks to more than {_MAX_UNPACKED} bytes")
            if _may_be_tex(member):
                # An archive may have a name twice: the later file overwrites the earlier, as in tar itself.
                size += len(member.data)
                if size > self.max_document_bytes:
                    raise Unreadable(f"the paper has more than {self.max_document_bytes} bytes of TeX")
                files[str(PurePosixPath(_printable(member.name)))] = member.data
        has_tex = any(_SOURCE.search(path) or _TEX.search(data) for path, data in files.items())
        return files if has_tex else _NO_SOURCE


def _first_file(head: bytes) -> str:
    """The name of the first file of the tar archive that begins with `head`, "" for anything else."""
    at = first_header(head)
    while at >= 0:
        info = tarfile.TarInfo.frombuf(head[at : at + BLOCK], "utf-8", "surrogateescape")
        if info.isfile():
            return info.name
        at = first_header(head, at + BLOCK + -(-info.size // BLOCK) * BLOCK)
    return ""


def _may_be_tex(member: Member) -> bool:
    parts = [part for part in member.name.split("/") if part not in ("", ".")]
    hidden = parts[-1].startswith(".") or "__MACOSX" in parts
    return not hidden and splitext(parts[-1])[1].lower() not in _NO_TEX and b"\0" not in member.data


def _is_picture(name: bytes) -> bool:
    """Whether a file that was refused for its size is one that would not have been read."""
    suffix = PurePosixPath(name.decode("utf-8", "replace")).suffix
    return suffix.lower() in _NO_TEX and b".." not in name and not name.startswith(b"/")


def _digest(files: dict[str, bytes]) -> str:
    digest = xxhash.xxh3_128()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _printable(text: str) -> str:
    """`text` without the halves of characters that a name of unknown charset may have."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _shown(name: str) -> str:
    return _printable(name)[:HEAD_BYTES]
