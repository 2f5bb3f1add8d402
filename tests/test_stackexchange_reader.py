"""The rows of Stack Exchange dumps and their faults."""

from __future__ import annotations

import gzip
import html
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.readers.stackexchange import Post, posts, rows, user_names
from pipeline.records import DeadLetter, PassedOver

SAMPLES = Path(__file__).parent.parent / "samples" / "stackexchange"
HEADER = '\ufeff<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE posts SYSTEM "p.dtd">\n<posts>\n'


def row(**attributes: object) -> str:
    written = " ".join(
        f'{name}="{html.escape(str(value)).replace(chr(10), "&#xA;")}"' for name, value in attributes.items()
    )
    return f"  <row {written} />\n"


def dump(*lines: str) -> bytes:
    return (HEADER + "".join(lines) + "</posts>").encode()


QUESTION = row(
    Id=1, PostTypeId=1, AcceptedAnswerId=4, Score=5, Title="Is 1 < 2?", Body="<p>Say.</p>\n",
    Tags="<maths><c#>", CreationDate="2012-01-02T03:04:05.678", OwnerUserId=7,
)  # fmt: skip


def answer(number: int, score: object, **more: object) -> str:
    return row(Id=number, PostTypeId=2, ParentId=1, Score=score, Body=f"<p>Answer {number}</p>", **more)


def read(data: bytes) -> list[Any]:
    return list(posts(io.BytesIO(data)))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_posts_are_read_with_their_attributes(compress: Any) -> None:
    found = read(
        compress(dump(QUESTION, answer(2, -3, ContentLicense="CC BY-SA 4.0", OwnerDisplayName="Nn")))
    )
    assert found == [
        Post(1, 0, 4, 5, "Is 1 < 2?", "<p>Say.</p>\n", "<maths><c#>", "2012-01-02T03:04:05.678",
             "CC BY-SA 3.0", "7", ""),
        Post(2, 1, 0, -3, "", "<p>Answer 2</p>", "", "", "CC BY-SA 4.0", "", "Nn"),
    ]  # fmt: skip


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5)
        | st.sampled_from(["&", "lt;", "amp;", "#38;", "&lt;", "&amp;", "<", ">", '"', "'", "\n", "\r", "\t"])
    ).map("".join)
)
def test_whatever_a_value_holds_comes_back(text: str) -> None:
    written = html.escape(text).replace("\n", "&#xA;").replace("\r", "&#xD;").replace("\t", "&#x9;")
    data = f'  <row Id="1" Body="{written}" />\n'.encode()
    (found,) = rows(io.BytesIO(data))
    assert not isinstance(found, DeadLetter)
    assert found.values["Body"] == text


def test_other_kinds_are_passed_over_by_name() -> None:
    assert read(dump(row(Id=1, PostTypeId=5), row(Id=2, PostTypeId=99), row(Id=3))) == [
        PassedOver("tag wiki"),
        PassedOver("other post"),
        PassedOver("other post"),
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('  <row Id="2" PostTypeId="2" Scor\n', "not a row of a dump"),
        ("some text\n", "not a row of a dump"),
        (row(Id="x", PostTypeId=1, Score=1), "an id or score is not a whole number in range"),
        (answer(2, "many"), "an id or score is not a whole number in range"),
        (row(Id=2, PostTypeId=2, ParentId=0, Score=1), "an id or score is not a whole number in range"),
        (row(Id=1 << 31, PostTypeId=1, Score=1), "an id or score is not a whole number in range"),
        (answer(2, -(1 << 40)), "an id or score is not a whole number in range"),
        (row(Id=2, PostTypeId=2, Score=1), "ParentId is missing"),
        (row(Id=2, PostTypeId=1), "Score is missing"),
        (answer(2, 1).replace("Answer", "\udcff"), "not UTF-8: invalid start byte at byte 67 of the row"),
    ],
)
def test_a_bad_row_is_one_dead_letter_and_the_next_is_read(line: str, error: str) -> None:
    data = (HEADER + QUESTION + line + answer(3, 1) + "</posts>").encode(errors="surrogateescape")
    found = read(data)
    assert [post.id for post in found if isinstance(post, Post)] == [1, 3]
    (dead,) = [event for event in found if isinstance(event, DeadLetter)]
    at = len((HEADER + QUESTION).encode())
    assert (dead.offset, dead.error) == (at, f"byte {at}: {error}")


def test_a_row_above_the_limit_is_a_dead_letter() -> None:
    data = dump(QUESTION, answer(2, 1, Body2="x" * 600), answer(3, 1))
    found = list(rows(io.BytesIO(data), max_row_bytes=500))
    assert [event.values["Id"] for event in found if not isinstance(event, DeadLetter)] == ["1", "3"]
    assert [event.error.split(": ")[1][:16] for event in found if isinstance(event, DeadLetter)] == [
        "a line of 698 by"
    ]


def test_users_have_names() -> None:
    data = dump(row(Id=-1, DisplayName="Community"), row(Id=7, DisplayName="A & B"), row(DisplayName="x"))
    *users, dead = user_names(io.BytesIO(data))
    assert users == [(-1, "Community"), (7, "A & B")]
    assert isinstance(dead, DeadLetter)


@pytest.mark.parametrize(
    ("site", "questions", "answers", "passed_over"),
    [
        ("3dprinting.meta.stackexchange.com", 158, 261, 4),
        ("blender.meta.stackexchange.com", 5, 4, 0),
        ("conlang.meta.stackexchange.com", 54, 115, 8),
    ],
)
def test_the_samples_are_read_whole(site: str, questions: int, answers: int, passed_over: int) -> None:
    found = read((SAMPLES / site / "Posts.xml").read_bytes())
    kinds = [
        "passed over" if isinstance(event, PassedOver) else "answer" if event.parent else "question"
        for event in found
    ]
    assert [kinds.count(kind) for kind in ("question", "answer", "passed over")] == [
        questions,
        answers,
        passed_over,
    ]
