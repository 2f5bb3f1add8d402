"""Stack Exchange dumps: rows of Posts.xml and Users.xml, a question with its answers as a document."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from filters.stackexchange import Answer, ThreadTemplate, in_order, licence, tags
from filters.stackexchange_html import html_to_text
from pipeline.readers.byte_lines import HEAD_BYTES, byte_lines
from pipeline.readers.members import pieces
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter, Document, Merged, PassedOver

MAX_ROW_BYTES = 64 << 20

# The dumps' form: a row is an empty element on a line of its own, line feeds inside values are `&#xA;`.
_ROW = re.compile(r'\s*<row((?:\s+\w+="[^"<]*")*)\s*/>\s*')
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_OTHER_LINE = re.compile(r"\ufeff?\s*(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE[^>]*>\s*)?(?:</?[a-z]+>)?\s*")
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
                values = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[1])}
                yield Row(line.offset, line.place, values, data[:HEAD_BYTES])
                continue
            if _OTHER_LINE.fullmatch(text):
                continue
            error = "not a row of a dump"
        yield DeadLetter(line.offset, f"{line.place}: {error}", data[:HEAD_BYTES])


def posts(stream: BinaryIO, max_row_bytes: int = MAX_ROW_BYTES) -> Iterator[Post | PassedOver | DeadLetter]:
    """Yield the questions and answers of a Posts.xml; posts of other kinds are passed over.

    A row whose id, parent or score is no whole number is a dead letter.
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
            yield Post(
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
        except KeyError as missing:
            yield DeadLetter(row.offset, f"{row.place}: {missing.args[0]} is missing", row.head)
        except ValueError:
            yield DeadLetter(row.offset, f"{row.place}: an id or score is not a whole number", row.head)


def user_names(stream: BinaryIO) -> Iterator[tuple[str, str] | DeadLetter]:
    """Yield id and display name of each user of a Users.xml."""
    for row in rows(stream):
        if isinstance(row, DeadLetter):
            yield row
        elif "Id" in row.values:
            yield row.values["Id"], row.values.get("DisplayName", "")
        else:
            yield DeadLetter(row.offset, f"{row.place}: Id is missing", row.head)


def thread(
    site: str,
    question: Post,
    answers: Sequence[Post],
    *,
    template: ThreadTemplate | None = None,
    min_question_score: int | None = None,
    min_answer_score: int | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[Document | PassedOver, list[Merged | PassedOver]]:
    """A question and its answers, in any order, as one document; and what became of each answer's row.

    `site` is the dump's name, as `stackoverflow.com`; `names` has users' names by id. A question under its
    minimum score, and with it its answers, and answers under theirs are passed over.
    """
    if min_question_score is not None and question.score < min_question_score:
        return PassedOver("question under the minimum score"), [
            PassedOver("answer to a question under the minimum score") for _ in answers
        ]
    key = f"{site}\0{question.id}"
    ordered = in_order(
        (
            Answer(answer.id, answer.score, html_to_text(answer.body), answer.id == question.accepted)
            for answer in answers
        ),
        min_answer_score,
    )
    kept = {answer.id: answer for answer in answers}
    document = Document(
        key=key,
        text=(template or ThreadTemplate()).thread(
            question.title.strip(), html_to_text(question.body), ordered
        ),
        url=f"https://{site}/questions/{question.id}",
        timestamp=question.created,
        metadata={
            "site": site,
            "tags": tags(question.tags),
            **_attribution(question, names or {}),
            "answers": [
                _attribution(kept[answer.id], names or {}) | {"accepted": answer.accepted}
                for answer in ordered
            ],
        },
    )
    read = {answer.id for answer in ordered}
    return document, [
        Merged(key) if answer.id in read else PassedOver("answer under the minimum score")
        for answer in answers
    ]


def _attribution(post: Post, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": post.id,
        "score": post.score,
        "licence": post.licence,
        "author": post.owner_name or names.get(post.owner, ""),
        "author_id": post.owner,
    }
