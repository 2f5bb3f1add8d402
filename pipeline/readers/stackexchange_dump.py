"""Stack Exchange dumps as archive.org publishes them: a site's Posts.xml, or its 7z, to documents."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import orjson

from pipeline.parts import Spread
from pipeline.readers.local_disk import disk_errors, temporary_folder
from pipeline.readers.stackexchange import Post, posts, user_names
from pipeline.readers.stackexchange_tables import open_tables
from pipeline.readers.stackexchange_threads import PARTITION_BYTES, Thread, partition_count, put, threads
from pipeline.readers.stackexchange_users import UserNames
from pipeline.records import DeadLetter, Document, Event, Merged, PassedOver

_SITE = r"(?:.*__)?((?:[a-z0-9-]+\.)+[a-z]{2,})"
_NAMES = re.compile(rf"{_SITE}(?:__Posts\.xml(?:\.\w+)?|(?:-Posts)?\.7z)", re.IGNORECASE)
_OTHER_TABLE = re.compile(
    r"(?:.*__|.*-)?(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.(?:xml(?:\.\w+)?|7z)",
    re.IGNORECASE,
)
_USERS_NAMES = ("Users.xml", "Users.xml.gz", "Users.xml.zst")
NO_SITE = "which site it is of cannot be told from its name"


def site_of(name: str) -> str:
    """The site of an input called `name`: `beer.stackexchange.com__Posts.xml`, `beer.stackexchange.com.7z`
    or `stackoverflow.com-Posts.7z`, folders before it; "" where none of these."""
    match = _NAMES.fullmatch(name)
    return match[1].lower() if match else ""


def users_paths(path: str) -> tuple[str, ...]:
    """Where the Users.xml of the posts at `path` may lie: beside a Posts.xml, or a 7z beside `…-Posts.7z`.

    A site's 7z holds its own.
    """
    folder, slash, name = path.rpartition("/")
    if name.lower().endswith("-posts.7z"):
        return (folder + slash + name[: -len("Posts.7z")] + "Users.7z",)
    return tuple(folder + slash + users for users in _USERS_NAMES) if name.startswith("Posts.xml") else ()


def is_other_table(name: str) -> bool:
    """Whether an input called `name` is one of a dump's files without posts, as `…-Comments.7z`."""
    return _OTHER_TABLE.fullmatch(name) is not None


class StackExchangeReader:
    """Reads a Posts.xml (plain, gzip or zstd) or the 7z that holds it; a document is a question and all its
    answers.

    `spread` is the first pass, over the rows; `partition` then gives the threads of one partition, by
    question id, in whatever order the rows were; `read` does both. A document's `content` is JSON, `question`
    and `answers` (by id) with the fields of `Post`, and key is site and question id. Each row is one event:
    answers are merged, those without their question, posts read before and posts of other kinds are passed
    over, and so are the answers of a question above `max_document_bytes`, itself a dead letter. A 7z is
    unpacked into Python's temporary folder (TMPDIR). `site` overrides the input's name.
    """

    def __init__(
        self, site: str = "", max_document_bytes: int = 64 << 20, partition_bytes: int = PARTITION_BYTES
    ) -> None:
        self._site = site
        self._max = max_document_bytes
        self._partition_bytes = partition_bytes

    def read(
        self, stream: BinaryIO, name: str, users: BinaryIO | None = None, limit: int | None = None
    ) -> Iterator[Event]:
        """Yield one event for each row of the site's Posts.xml, or of its first `limit` rows."""
        if is_other_table(name):
            yield PassedOver("table other than Posts")
            return
        with temporary_folder() as folder:
            runs: list[str] = []

            def write(data: bytes) -> None:
                path = Path(folder, f"run-{len(runs):05d}")
                with disk_errors():
                    path.write_bytes(data)
                runs.append(str(path))

            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            spread = Spread(partition_count(name, size, self._partition_bytes), write)
            yield from self.spread(stream, name, spread, users, limit)
            spread.finish()
            for number in range(spread.partitions):
                yield from self.partition(runs, name, number)

    def spread(
        self,
        stream: BinaryIO,
        name: str,
        spread: Spread,
        users: BinaryIO | None = None,
        limit: int | None = None,
    ) -> Iterator[DeadLetter | PassedOver]:
        """Put questions and answers into `spread`; yield an event for each other row.

        Authors get their names from `users`, a Users.xml or the 7z that holds it, or from the Users.xml of
        the same archive.
        """
        if not (self._site or site_of(name)):
            yield DeadLetter(-1, NO_SITE)
            return
        with open_tables(stream, users) as tables:
            names = UserNames()
            for user in user_names(tables.users, self._max) if tables.users else ():
                if isinstance(user, DeadLetter):
                    yield DeadLetter(-1, f"Users.xml: {user.error}", user.head)
                else:
                    names.add(*user)
            names.finish()
            for event in itertools.islice(posts(tables.posts, self._max), limit) if tables.posts else ():
                if isinstance(event, Post):
                    put(spread, _named(event, names))
                elif isinstance(event, DeadLetter) and tables.archive:
                    # An offset is one in the stored bytes, which a row of an archive does not have.
                    yield event._replace(offset=-1)
                else:
                    yield event
            yield from (DeadLetter(-1, error) for error in tables.errors)

    def partition(self, runs: Sequence[str], name: str, number: int) -> Iterator[Event]:
        """Yield the threads of one partition of what `spread` wrote for the input called `name`."""
        site = self._site or site_of(name)
        for thread in threads(runs, number, self._max):
            yield from self._events(site, thread)

    def _events(self, site: str, thread: Thread) -> Iterator[Event]:
        again = [a[:2] == b[:2] for a, b in itertools.pairwise(thread.posts)]
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


def _named(post: Post, names: UserNames) -> Post:
    if post.owner_name or not post.owner or not len(names):
        return post
    name = names.name(post.owner)
    return replace(post, owner_name=name) if name else post
