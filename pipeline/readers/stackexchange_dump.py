"""Stack Exchange dumps as archive.org publishes them: a site's Posts.xml, or its 7z, to documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import orjson

from pipeline.readers.local_disk import disk_errors, temporary_folder
from pipeline.readers.seven_zip import unpack
from pipeline.readers.stackexchange import Post, posts
from pipeline.readers.stackexchange_threads import Thread, Threads
from pipeline.records import DeadLetter, Document, Event, Merged, PassedOver

_7Z_MAGIC = b"7z\xbc\xaf\x27\x1c"
_SITE = r"(?:.*__)?((?:[a-z0-9-]+\.)+[a-z]{2,})"
_NAMES = re.compile(rf"{_SITE}(?:__Posts\.xml(?:\.\w+)?|(?:-Posts)?\.7z)", re.IGNORECASE)
_OTHER_TABLE = re.compile(
    r"(?:.*__|.*-)?(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.(?:xml(?:\.\w+)?|7z)",
    re.IGNORECASE,
)
NO_SITE = "which site it is of cannot be told from its name"


def site_of(name: str) -> str:
    """The site of an input called `name`: `beer.stackexchange.com__Posts.xml`, `beer.stackexchange.com.7z`
    or `stackoverflow.com-Posts.7z`, folders before it; "" where none of these."""
    match = _NAMES.fullmatch(name)
    return match[1].lower() if match else ""


def is_other_table(name: str) -> bool:
    """Whether an input called `name` is one of a dump's files without posts, as `…-Comments.7z`."""
    return _OTHER_TABLE.fullmatch(name) is not None


class StackExchangeReader:
    """Reads a Posts.xml (plain, gzip or zstd) or the 7z that holds it; a document is a question and all its
    answers.

    Documents come by question id, in whatever order the rows are; their `content` is JSON, `question` and
    `answers` (by id) with the fields of `Post`, and key is site and question id. Each row is one event:
    answers are merged, those without their question, posts read before and posts of other kinds are passed
    over, and so are the answers of a question above `max_document_bytes`, itself a dead letter. Rows are put
    aside in Python's temporary folder (TMPDIR), the 7z's Posts.xml too. `site` overrides the input's name.
    """

    def __init__(self, site: str = "", max_document_bytes: int = 64 << 20) -> None:
        self._site = site
        self._max = max_document_bytes

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each row of the site's Posts.xml."""
        if is_other_table(name):
            yield PassedOver("table other than Posts")
            return
        site = self._site or site_of(name)
        if not site:
            yield DeadLetter(-1, NO_SITE)
            return
        with temporary_folder() as folder:
            threads = Threads(folder)
            for event in _posts(stream, folder, self._max):
                if isinstance(event, Post):
                    threads.add(event)
                else:
                    yield event
            for thread in threads.by_question(self._max):
                yield from self._events(site, thread)

    def _events(self, site: str, thread: Thread) -> Iterator[Event]:
        again = [a[:2] == b[:2] for a, b in pairwise(thread.posts)]
        found = [post for post, seen in zip(thread.posts, [False, *again], strict=True) if not seen]
        for _ in range(len(thread.posts) - len(found)):
            yield PassedOver("post read before")
        if found[0].answer:
            for _ in found:
                yield PassedOver("answer without its question")
            return
        question, *answers = found
        if thread.size > self._max:
            yield DeadLetter(-1, f"question {question.id} with its answers is larger than {self._max} bytes")
            for _ in answers:
                yield PassedOver("answer to a question that is too large")
            return
        key = f"{site} {question.id}"
        yield Document(
            key=key,
            url=f"https://{site}/questions/{question.id}",
            timestamp=orjson.loads(question.json)["created"],
            content=b'{"question":%b,"answers":[%b]}' % (question.json, b",".join(a.json for a in answers)),
            metadata={"site": site},
        )
        for _ in answers:
            yield Merged(key)


def _posts(stream: BinaryIO, folder: Path, max_row_bytes: int) -> Iterator[Post | PassedOver | DeadLetter]:
    magic = stream.read(len(_7Z_MAGIC))
    stream.seek(0)
    if magic != _7Z_MAGIC:
        yield from posts(stream, max_row_bytes)
        return
    path = folder / "Posts.xml"
    with disk_errors(), path.open("wb") as target:
        error = unpack(stream, "Posts.xml", target)
    with path.open("rb") as unpacked:
        for event in posts(unpacked, max_row_bytes):
            # An offset is one in the stored bytes, which a row of an archive does not have.
            yield event._replace(offset=-1) if isinstance(event, DeadLetter) else event
    path.unlink()
    if error:
        yield DeadLetter(-1, error)
