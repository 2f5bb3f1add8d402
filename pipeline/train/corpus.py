"""Texts to train on, from any files: read once, put on disk in an order that no file order changes."""

from __future__ import annotations

import codecs
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

import numpy as np
import xxhash

from pipeline.errors import WinnowError
from pipeline.files import open_file
from pipeline.readers.byte_lines import byte_lines
from pipeline.readers.documents import DocumentsReader
from pipeline.readers.members import pieces
from pipeline.readers.parquet_rows import PARQUET_MAGIC
from pipeline.records import DeadLetter, Document
from pipeline.remote import match
from pipeline.train import crawl

_SNIFF: Final = 4096
LONGEST_LINE: Final = 64 << 20
"""Bytes of a line of plain text; a longer one is an error."""


class Text(NamedTuple):
    """A text, its URL, and its language by the column of that name; "" for what it has not."""

    url: str
    language: str
    text: str


@dataclass
class Counts:
    """What reading met: texts taken, and by reason those that were not."""

    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        reasons = [f"{count:,} {reason}" for reason, count in sorted(self.left_out.items())]
        return f"{self.taken:,} documents" + (f" (left out: {', '.join(reasons)})" if reasons else "")


def text_hash(text: str, seed: int = 0) -> int:
    """The xxh3_64 by which copies are found and orders and samples drawn."""
    return xxhash.xxh3_64_intdigest(text.encode("utf-8", "surrogatepass"), seed)


def read_texts(patterns: Iterable[str], field: str, counts: Counts) -> Iterator[Text]:
    """The texts of the files that `patterns` match: Parquet, JSON lines, WARC, WET or plain text.

    Which it is, the first bytes tell, compressed or not. `field` names the text's column. A row marked as
    dropped by the pipeline is left out. Pages of a crawl are extracted and their language is looked up
    (`crawl.crawled_pages`). Of plain text, a document is what blank lines separate. Raises WinnowError for a
    pattern that matches nothing, and where a file cannot be read at all.
    """
    for path in matching_files(patterns):
        kind = _kind(path)
        if kind == "plain":
            yield from _paragraphs(path)
            continue
        with open_file(path) as stream:
            if kind == "crawl":
                yield from starmap(Text, crawl.crawled_pages(stream, counts.left_out))
                continue
            for event in DocumentsReader(text=field).read(stream, ""):
                if isinstance(event, DeadLetter):
                    counts.left_out["unreadable"] += 1
                elif isinstance(event, Document):
                    if event.metadata.get("verdict"):
                        counts.left_out["dropped by the pipeline"] += 1
                    else:
                        language = event.language or str(event.metadata.get("language") or "")
                        yield Text(event.url, language, event.text)


def matching_files(patterns: Iterable[str]) -> list[str]:
    """The files that any of `patterns` matches, by name; WinnowError where one matches none."""
    found: set[str] = set()
    for pattern in patterns:
        paths = [file.path for file in match(pattern)]
        matches = [path for path in paths if "://" in path or Path(path).is_file()]
        if not matches:
            raise WinnowError(f"no file matches {pattern}")
        found.update(matches)
    return sorted(found)


def _kind(path: str) -> Literal["rows", "crawl", "plain"]:
    """What a file is, by how its readable bytes begin."""
    head = b""
    with open_file(path) as stream:
        for piece in pieces(stream):
            head += piece.data
            if piece.error:
                return "rows"  # damaged at its beginning: the reader of documents says how
            if len(head) >= _SNIFF:
                break
    if head.startswith(crawl.MAGIC):
        return "crawl"
    is_rows = head.startswith(PARQUET_MAGIC) or head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
    return "rows" if is_rows else "plain"


def _paragraphs(path: str) -> Iterator[Text]:
    lines: list[str] = []
    with open_file(path) as stream:
        for line in byte_lines(pieces(stream), LONGEST_LINE, b""):
            if isinstance(line, DeadLetter):
                raise WinnowError(f"{path} is damaged: {line.error}")
            if line.size > LONGEST_LINE:
                raise WinnowError(f"{path} has a line of more than {LONGEST_LINE:,} bytes")
            text = line.bytes().decode("utf-8", "replace").rstrip("\r")
            if text.strip():
                lines.append(text)
            elif lines:
                yield Text("", "", "\n".join(lines))
                lines = []
    if lines:
        yield Text("", "", "\n".join(lines))


class Spool:
    """Distinct texts on disk, read back in the order of their hashes.

    Memory holds about 200 bytes a text; the disk, until the spool is closed, the texts.
    """

    def __init__(self) -> None:
        self._stream = tempfile.TemporaryFile()  # noqa: SIM115 closed by __exit__
        self._entries: dict[int, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, text: str) -> bool:
        """Keep `text`; False where it, or one of its hash, is there already."""
        number = text_hash(text)
        if number in self._entries:
            return False
        data = text.encode("utf-8", "replace")
        self._entries[number] = (self._stream.tell(), len(data))
        self._stream.write(data)
        return True

    def split(self, heldout: float, most: int) -> tuple[list[int], list[int]]:
        """Names of the texts for training and of those held out, each in hash order, together at most `most`.

        `heldout` is the share of the second; which those are depends on each text alone.
        """
        hashes = np.sort(np.fromiter(self._entries, np.uint64, len(self._entries)))[:most]
        # Drawn by a hash of the hash, since the texts are in the order of the hash itself.
        drawn = np.array([xxhash.xxh3_64_intdigest(h.tobytes()) / 2**64 < heldout for h in hashes], bool)
        return hashes[~drawn].tolist(), hashes[drawn].tolist()

    def texts(self, names: Iterable[int]) -> Iterator[str]:
        """The texts of these names, in their order."""
        for name in names:
            place, size = self._entries[name]
            self._stream.seek(place)
            yield self._stream.read(size).decode()
