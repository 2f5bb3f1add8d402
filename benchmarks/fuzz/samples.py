"""Small real files of which it is known which stored bytes each of their documents depends on."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import orjson
import xxhash
import zstandard

from pipeline.records import Document, Event

Read = Callable[[bytes, str], Iterator[Event]]

BZIP2_FED = 1 << 10  # the readers feed what cannot be copied by the KiB: what a KiB with damage gave is lost
_STEPS = {"gz": 0, "zst": BZIP2_FED, "bz2": BZIP2_FED, "xz": BZIP2_FED}


class Record(NamedTuple):
    """A document by its print, the stored bytes it depends on, and the end of those that must not move."""

    print: str
    spans: tuple[tuple[int, int], ...]
    placed: int = 0


@dataclass(frozen=True)
class Sample:
    """A file in the form `form` and what is in it.

    `sealed`: checksums tell every change of a document. `named`: its name says what its documents are.
    `prints` gives what of an event is looked for.
    """

    form: str
    name: str
    data: bytes
    read: Read
    records: Sequence[Record] = ()
    sealed: bool = False
    named: bool = False
    prints: Callable[[Event], list[str]] = field(default=lambda event: document_print(event))  # noqa: PLW0108  # it comes below

    def intact(self, touched: Sequence[tuple[int, int]], moved: int) -> Counter[str]:
        """The prints of the documents whose bytes are all there and in their places."""
        return Counter(
            record.print
            for record in self.records
            if record.placed <= moved
            and not any(_meet(span, damage) for span in record.spans for damage in touched)
        )

    def edges(self) -> set[int]:
        """Where a document's bytes begin or end: damage that begins and ends there leaves no trace."""
        return {0, len(self.data)} | {edge for r in self.records for span in r.spans for edge in span}

    def between_files(self, start: int, end: int) -> bool:
        """Whether a range begins and ends in the zeros between the files of a tar archive."""
        return "tar" in self.form and self.data[start - 1 : start] == b"\0" == self.data[end - 1 : end]


def _meet(span: tuple[int, int], damage: tuple[int, int]) -> bool:
    return damage[0] < span[1] and span[0] < damage[1]


def document_print(event: Event) -> list[str]:
    """What a document says, without what neighbours say of it (the crawl, the licence of its repository)."""
    if not isinstance(event, Document):
        return []
    parts = [event.key, event.url, event.text.encode("utf-8", "surrogatepass"), event.content or b""]
    return [xxhash.xxh3_64_hexdigest(b"\0".join(p if isinstance(p, bytes) else p.encode() for p in parts))]


def post_prints(event: Event) -> list[str]:
    """The posts of a thread; an answer is nothing without its question."""
    if not isinstance(event, Document) or event.content is None:
        return []
    thread = orjson.loads(event.content)
    posts = [thread["question"], *thread["answers"]]
    return [xxhash.xxh3_64_hexdigest(orjson.dumps(post, option=orjson.OPT_SORT_KEYS)) for post in posts]


def file_of(
    sample: Sample,
    parts: Sequence[bytes],
    before: int = 0,
    always: Sequence[tuple[int, int]] = (),
    placed: bool | None = None,
) -> Sample:
    """The file of `parts` one after another, each with the documents that reading grows by when it is added.

    A document depends on its part, on `before` bytes before that, and on the ranges `always`. `placed`: its
    part must not move (True), or nothing of the file may (None is: it may).
    """
    data = b"".join(parts)
    records: list[Record] = []
    seen: Counter[str] = Counter()
    at = 0
    for part in parts:
        end = at + len(part)
        now = all_prints(replace(sample, data=data[:end]))
        span = (max(0, at - before), end)
        records += [Record(p, (span, *always), end if placed else 0) for p in (now - seen).elements()]
        seen |= now
        at = end
    return replace(sample, data=data, records=records)


def all_prints(sample: Sample) -> Counter[str]:
    """The prints of a sample's documents, as its reader gives them."""
    return Counter(p for event in sample.read(sample.data, sample.name) for p in sample.prints(event))


def compressed(sample: Sample, method: str, level: int = 1) -> Sample:
    """The sample as one compressed stream: a document depends on all that is before its end."""
    step = _STEPS[method]
    packed = _pack(sample.data, method, level)
    inflater = _unpacker(method)
    given, reached = 0, []  # how much was readable after each stored byte
    for at in range(len(packed)):
        given += len(inflater.decompress(packed[at : at + 1]))
        reached.append(given)
    assert given == len(sample.data)
    records, stored = [], 0
    for record in sorted(sample.records, key=lambda record: max(end for _, end in record.spans)):
        end = max(end for _, end in record.spans)
        while reached[stored] < end:
            stored += 1
        records.append(Record(record.print, ((0, min(len(packed), stored + 1 + step)),)))
    return replace(
        sample,
        form=f"{sample.form}.{method}",
        name=f"{sample.name}.{method}",
        data=packed,
        records=records,
        sealed=True,
    )


def members(sample: Sample, parts: Sequence[bytes], method: str) -> Sample:
    """The parts as compressed members of their own, each with its documents."""
    packed = [_pack(part, method, 1) for part in parts]
    made = file_of(replace(sample, form=f"{sample.form}, {method} members", sealed=True), packed)
    return replace(made, name=f"{sample.name}.{method}")


def _pack(data: bytes, method: str, level: int) -> bytes:
    if method == "gz":
        return gzip.compress(data, level, mtime=0)
    if method == "bz2":
        return bz2.compress(data, level)
    if method == "xz":
        return lzma.compress(data, preset=level)
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


def _unpacker(method: str) -> Any:
    if method == "gz":
        return zlib.decompressobj(31)
    if method == "zst":
        return zstandard.ZstdDecompressor().decompressobj()
    return bz2.BZ2Decompressor() if method == "bz2" else lzma.LZMADecompressor()


def stream_reader(read: Callable[[io.BytesIO, str], Iterator[Event]]) -> Read:
    """A reader's method as a function of bytes."""
    return lambda data, name: read(io.BytesIO(data), name)
