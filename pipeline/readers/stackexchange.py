"""Stack Exchange dumps: rows of Posts.xml and Users.xml."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from filters.stackexchange import licence
from pipeline.readers.byte_lines import HEAD_BYTES, byte_lines
from pipeline.readers.members import pieces
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter, PassedOver

MAX_ROW_BYTES = 64 << 20

# The dumps' form: a row is an empty element on a line of its own, line feeds inside values are `&#xA;`.
_ROW = re.compile(r'\s*<row((?:\s+\w+="[^"<]*")*)\s*/>\s*')
_ATTRIBUTE = re.compile(r'\b(\w+)="([^"]*)"')
_OTHER_LINE = re.compile(r"\ufeff?\s*+(?:<\?xml[^>]*>\s*+)?(?:<!DOCTYPE[^>]*>\s*+)?(?:</?[a-z]+>\s*+)?")
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#xA;", "\n"), ("&#xD;", "\r"))
_MAX_INT = (1 << 31) - 1  # SQL Server's int, which ids and scores are
# Stack Exchange Data Explorer, PostTypes; all but the first two are passed over.
_KINDS = {
    "1": "question",
    "2": "answer",
    "3": "orphaned tag wiki",
    "4": "tag wiki excerpt",
    "5": "tag wiki",
    "6": "moderator nomination",
    "7": "wiki placeholder",
    "8": "privilege wiki",
}


@dataclass(frozen=True, slots=True)
class Post:
    """A question (`parent` is 0) or an answer; `body` is HTML, `accepted` an answer's id or 0."""

    id: int
    parent: int
    accepted: int
    score: int
    title: str
    body: str
    tags: str
    created: str
    licence: str
    owner: str
    owner_name: str


def rows(stream: BinaryIO, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Row | DeadLetter]:
    """Yield the attributes of each row of a dump's XML file, plain or compressed, in file order.

    A line that is neither a row nor the frame around them, is not UTF-8 or is above `max_row_bytes`, is a
    dead letter, and the next line is read.
    """
    for line in byte_lines(pieces(stream), max_row_bytes, b"<row"):
        if isinstance(line, DeadLetter):
            yield line
            continue
        data = line.bytes()
        error = ""
        if line.size > max_row_bytes:
            error = f"a line of {line.size} bytes, more than {max_row_bytes}"
        else:
            try:
                text = data.decode()
            except UnicodeDecodeError as reason:
                error = f"not UTF-8: {reason.reason} at byte {reason.start} of the row"
        if not error:
            match = _ROW.fullmatch(text)
            if match:
                values = {name: _unescaped(value) for name, value in _ATTRIBUTE.findall(match[1])}
                yield Row(line.offset, line.place, values, data[:HEAD_BYTES])
                continue
            if _OTHER_LINE.fullmatch(text):
                continue
            error = "not a row of a dump"
        yield DeadLetter(line.offset, f"{line.place}: {error}", data[:HEAD_BYTES])


def _unescaped(value: str) -> str:
    # html.unescape calls a function for each reference; nearly all are among these.
    if "&" in value:
        for reference, character in _REFERENCES:
            value = value.replace(reference, character)
        if "&" in value:
            value = html.unescape(value)
    return value


def posts(stream: BinaryIO, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Post | PassedOver | DeadLetter]:
    """Yield the questions and answers of a Posts.xml; posts of other kinds are passed over.

    A row whose id, parent or score is no whole number of 32 bits is a dead letter.
    """
    for row in rows(stream, max_row_bytes):
        if isinstance(row, DeadLetter):
            yield row
            continue
        values = row.values
        kind = _KINDS.get(values.get("PostTypeId", ""), "other post")
        if kind not in ("question", "answer"):
            yield PassedOver(kind)
            continue
        try:
            post = Post(
                id=int(values["Id"]),
                parent=int(values["ParentId"]) if kind == "answer" else 0,
                accepted=int(values.get("AcceptedAnswerId", 0)),
                score=int(values["Score"]),
                title=values.get("Title", ""),
                body=values.get("Body", ""),
                tags=values.get("Tags", ""),
                created=values.get("CreationDate", ""),
                licence=licence(values.get("ContentLicense", ""), values.get("CreationDate", "")),
                owner=values.get("OwnerUserId", ""),
                owner_name=values.get("OwnerDisplayName", ""),
            )
            if not (
                0 < post.id <= _MAX_INT
                and (kind == "answer") <= post.parent <= _MAX_INT
                and 0 <= post.accepted <= _MAX_INT
                and abs(post.score) <= _MAX_INT
            ):
                raise ValueError
            yield post
        except KeyError as missing:
            yield DeadLetter(row.offset, f"{row.place}: {missing.args[0]} is missing", row.head)
        except ValueError:
            yield DeadLetter(
                row.offset, f"{row.place}: an id or score is not a whole number in range", row.head
            )


def user_names(
    stream: BinaryIO, max_row_bytes: int = MAX_ROW_BYTES
) -> Iterator[tuple[int, str] | DeadLetter]:
    """Yield id and display name of each user of a Users.xml; a row without an id is a dead letter."""
    for row in rows(stream, max_row_bytes):
        if isinstance(row, DeadLetter):
            yield row
            continue
        try:
            user = int(row.values.get("Id", ""))
            if abs(user) > _MAX_INT:
                raise ValueError
        except ValueError:
            yield DeadLetter(row.offset, f"{row.place}: Id is no whole number in range", row.head)
            continue
        yield user, row.values.get("DisplayName", "")
