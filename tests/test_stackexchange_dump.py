"""Stack Exchange dumps to documents: threads whole whatever the order of rows, each row counted once, the
site from the name, archives, flat memory, and the flow on the bundled samples."""

from __future__ import annotations

import io
import random
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import py7zr
import pyarrow.parquet as pq
import pytest
from conftest import RunJob
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_stackexchange_reader import HEADER, QUESTION, answer, dump, row

from pipeline.errors import WinnowError
from pipeline.flows.stackexchange import JoinThread, StackExchangeDump
from pipeline.ledger import read_ledger
from pipeline.parts import Spread
from pipeline.readers import stackexchange_threads
from pipeline.readers.stackexchange import Post
from pipeline.readers.stackexchange_dump import StackExchangeReader, is_other_table, site_of
from pipeline.records import DeadLetter, Document, Event, Merged, PassedOver, Verdict
from pipeline.run import main

SAMPLES = Path(__file__).parent.parent / "samples" / "stackexchange"
NAME = "a.example__Posts.xml"


def read(data: bytes, name: str = NAME, **settings: Any) -> list[Event]:
    return list(StackExchangeReader(**settings).read(io.BytesIO(data), name))


def cleaned(data: bytes, **settings: Any) -> list[Document]:
    found = [event for event in read(data) if isinstance(event, Document)]
    for document in found:
        JoinThread(**settings).clean(document)
    return found


def packed(files: dict[str, bytes], **settings: Any) -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", **settings) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return buffer.getvalue()


def question(number: int, score: int = 1) -> str:
    return row(Id=number, PostTypeId=1, Score=score, Title=f"T{number}", Body=f"<p>B{number}</p>")


def reply(number: int, to: int, score: int = 1) -> str:
    return row(Id=number, PostTypeId=2, ParentId=to, Score=score, Body=f"<p>R{number}</p>")


def test_a_thread_is_one_document_with_all_it_owes() -> None:
    data = dump(QUESTION, answer(2, 9), answer(3, 10, OwnerDisplayName="Nn"), answer(4, 9), answer(5, -1))
    document, *merged = read(data)
    assert isinstance(document, Document)
    assert document.key == "a.example 1"
    assert merged == [Merged(document.key)] * 4
    JoinThread().clean(document)
    assert document.url == "https://a.example/questions/1"
    assert document.timestamp == "2012-01-02T03:04:05.678"
    # By score as a number, then the accepted one, then by id.
    assert document.text == "Q: Is 1 < 2?\n\nSay.\n\nA: Answer 3\n\nA: Answer 4\n\nA: Answer 2\n\nA: Answer 5"
    assert (document.content, document.verdict) == (None, None)
    assert document.metadata == {
        "site": "a.example", "tags": ["maths", "c#"],
        "id": 1, "score": 5, "licence": "CC BY-SA 3.0", "author": "", "author_id": "7",
        "answers": [
            {"id": 3, "score": 10, "licence": "", "author": "Nn", "author_id": "", "accepted": False},
            {"id": 4, "score": 9, "licence": "", "author": "", "author_id": "", "accepted": True},
            {"id": 2, "score": 9, "licence": "", "author": "", "author_id": "", "accepted": False},
            {"id": 5, "score": -1, "licence": "", "author": "", "author_id": "", "accepted": False},
        ],
    }  # fmt: skip


def test_a_question_without_title_or_answers_is_a_document() -> None:
    """RedPajama-v1 drops the first without count."""
    (document,) = cleaned(dump(row(Id=1, PostTypeId=1, Score=-7, Body="<p>Say.</p>")))
    assert (document.text, document.metadata["score"]) == ("Q: \n\nSay.", -7)


def test_an_answer_without_text_leaves_no_empty_a() -> None:
    image = row(Id=3, PostTypeId=2, ParentId=1, Score=9, Body='<p><img src="a.png" alt="x"></p>')
    (document,) = cleaned(dump(QUESTION, answer(2, 1), image))
    assert document.text == "Q: Is 1 < 2?\n\nSay.\n\nA: Answer 2"
    assert ([a["id"] for a in document.metadata["answers"]], document.metadata["answers_left_out"]) == (
        [2],
        1,
    )


def test_minimum_scores_and_the_template_are_options() -> None:
    data = dump(QUESTION, answer(2, 9), answer(3, -1))
    (document,) = cleaned(data, min_answer_score=0, min_question_score=5)
    assert document.text == "Q: Is 1 < 2?\n\nSay.\n\nA: Answer 2"
    assert [a["id"] for a in document.metadata["answers"]] == [2]
    assert (document.metadata["answers_left_out"], document.verdict) == (1, None)
    (document,) = cleaned(data, min_question_score=6)
    assert document.verdict == Verdict("question_score", 5, 6)
    (document,) = cleaned(data, question="{title}", answer="{score}: {text}", between="\n")
    assert document.text == "Is 1 < 2?\n9: Answer 2\n-1: Answer 3"
    with pytest.raises(ValidationError, match=r"answer: there is no \{title\}, only score, text"):
        JoinThread(answer="{title}")


def test_every_row_is_one_event() -> None:
    data = dump(
        question(40_000), reply(40_001, 40_000), reply(50_000, 7), question(3), reply(90_000, 3),
        reply(40_001, 40_000), question(3), row(Id=6, PostTypeId=5), "broken\n", reply(8, 9),
    )  # fmt: skip
    found = read(data)
    assert [type(event).__name__ for event in found[:2]] == ["PassedOver", "DeadLetter"]
    assert [event.key for event in found if isinstance(event, Document)] == ["a.example 3", "a.example 40000"]
    assert Counter(event for event in found if isinstance(event, PassedOver | Merged)) == {
        PassedOver("tag wiki"): 1,
        PassedOver("post read before"): 2,
        PassedOver("answer without its question"): 2,
        Merged("a.example 3"): 1,
        Merged("a.example 40000"): 1,
    }
    assert len(found) == 10


def test_a_thread_above_the_limit_is_a_dead_letter_and_its_answers_are_counted() -> None:
    data = dump(question(1), reply(2, 1), reply(3, 1), question(4), reply(5, 4))
    (large, *over, small, merged) = read(data, max_document_bytes=400)
    assert large == DeadLetter(-1, "question 1 with its answers is larger than 400 bytes")
    assert over == [PassedOver("answer to a question that is too large")] * 2
    assert isinstance(small, Document)
    assert merged == Merged("a.example 4")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_neither_the_order_of_rows_nor_the_partitions_leave_a_trace(data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(1, 200), min_size=1, max_size=20, unique=True))
    asked = data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
    lines = [
        question(i) if i in asked else reply(i, data.draw(st.integers(1, 200)), data.draw(st.integers(-2, 2)))
        for i in ids
    ]
    shuffled = data.draw(st.permutations(lines))
    expected = read(dump(*lines))
    assert read(dump(*shuffled)) == expected
    assert len(expected) == len(lines)
    found = read(dump(*shuffled), partition_bytes=data.draw(st.integers(40, 1000)))
    assert sorted(map(repr, found)) == sorted(map(repr, expected))


def test_partitions_appended_to_many_times_give_the_same(tmp_path: Path) -> None:
    posts = [
        Post(i, 0 if i % 5 == 0 else i // 5 * 5, 0, i, "", "x" * (i % 90), "", "", "", "", "")
        for i in range(5, 60_000, 7)
    ]  # fmt: skip
    random.Random(5).shuffle(posts)
    found = []
    for run_bytes in (1 << 30, 9_000):
        runs: list[str] = []

        def write(data: bytes, runs: list[str] = runs, run_bytes: int = run_bytes) -> None:
            path = tmp_path / f"{run_bytes}-{len(runs)}"
            path.write_bytes(data)
            runs.append(str(path))

        spread = Spread(7, write, run_bytes)
        for post in posts:
            stackexchange_threads.put(spread, post)
        spread.finish()
        found.append([list(stackexchange_threads.threads(runs, number, 1 << 20)) for number in range(7)])
        assert spread.entries == [sum(len(t.posts) for t in threads) for threads in found[-1]]
    assert len(runs) > 50
    assert found[0] == found[1]
    questions = [t.question for threads in found[0] for t in threads]
    assert sorted(questions) == sorted({p.parent or p.id for p in posts})
    assert sum(len(t.posts) for threads in found[0] for t in threads) == len(posts)


@pytest.mark.parametrize(
    ("name", "site", "other"),
    [
        ("beer.stackexchange.com__Posts.xml", "beer.stackexchange.com", False),
        ("2023__stackoverflow.com__Posts.xml.gz", "stackoverflow.com", False),
        ("beer.stackexchange.com.7z", "beer.stackexchange.com", False),
        ("dumps__stackoverflow.com-Posts.7z", "stackoverflow.com", False),
        ("Math.StackExchange.com.7z", "math.stackexchange.com", False),
        ("3dprinting.meta.stackexchange.com.7z", "3dprinting.meta.stackexchange.com", False),
        ("stackoverflow.com-Comments.7z", "", True),
        ("beer.stackexchange.com__Users.xml", "", True),
        ("Posts.xml", "", False),
        ("beer__Posts.xml", "", False),
        ("dump-2023.7z", "", False),
        ("beer.stackexchange.com__other.xml", "", False),
    ],
)
def test_the_site_is_in_the_name(name: str, site: str, other: bool) -> None:
    assert (site_of(name), is_other_table(name)) == (site, other)


def test_inputs_without_a_site_are_one_sentence_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Posts.xml").write_bytes(dump(QUESTION))
    arguments = ["--input", f"stackexchange={tmp_path}/in/Posts.xml", "--sources", "stackexchange"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "in__Posts.xml: which site it is of cannot be told from its name" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_site_that_is_set_is_that_of_one_input() -> None:
    stage = StackExchangeDump(site="beer.stackexchange.com")
    stage.check_inputs("stackexchange", ["Posts.xml", "Users.xml"])
    with pytest.raises(WinnowError, match=r"read.site names one site, but 2 inputs have posts"):
        stage.check_inputs("stackexchange", ["a__Posts.xml", "b__Posts.xml"])
    (document,) = stage.reader().read(io.BytesIO(dump(QUESTION)), "Posts.xml")
    assert isinstance(document, Document)
    assert document.key == "beer.stackexchange.com 1"
    assert read(dump(QUESTION), "Posts.xml") == [
        DeadLetter(-1, "which site it is of cannot be told from its name")
    ]


@pytest.mark.parametrize(
    "filters", [None, [{"id": py7zr.FILTER_BZIP2}], [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 24}]]
)
def test_an_archive_is_read_as_the_file_in_it(filters: Any) -> None:
    data = dump(QUESTION, answer(2, 1), "broken\n")
    files = {"Badges.xml": b"<badges>\n</badges>", "dump/Posts.xml": data, "Votes.xml": b"<votes/>"}
    archive = packed(files, filters=filters)
    found = read(archive, "a.example.7z")
    expected = [e._replace(offset=-1) if isinstance(e, DeadLetter) else e for e in read(data)]
    assert found == expected
    assert len(found) == 3


def test_a_path_in_an_archive_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("py7zr.py7zr.check_archive_path", lambda _: True)  # it refuses to write one
    archive = packed({"../escaped/Posts.xml": dump(QUESTION)})
    (tmp_path / "within").mkdir()
    monkeypatch.chdir(tmp_path / "within")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "within"))
    assert read(archive, "a.example.7z") == [DeadLetter(-1, "the 7z archive is damaged: Bad7zFile")]
    assert [path.name for path in tmp_path.rglob("*")] == ["within"]


def test_bad_archives_are_dead_letters() -> None:
    whole = packed({"Posts.xml": dump(*[question(i) for i in range(1, 2000)])})
    name = "a.example.7z"
    assert read(packed({"Users.xml": b"x"}), name) == [DeadLetter(-1, "the archive holds no Posts.xml")]
    assert read(packed({"Posts.xml": b"x"}, password="p"), name) == [
        DeadLetter(-1, "the archive is encrypted")
    ]
    (cut,) = read(whole[: len(whole) // 2], name)
    assert isinstance(cut, DeadLetter)
    assert cut.error.startswith("the 7z archive is damaged: ")
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    *_, last = read(bytes(broken), name)
    assert isinstance(last, DeadLetter)
    assert last.error.startswith("the 7z archive is damaged: ")
    assert read(b"", "stackoverflow.com-Comments.7z") == [PassedOver("table other than Posts")]


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(WinnowError, match=r"cannot write temporary files: .*; set TMPDIR"):
        read(dump(QUESTION))


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    events = StackExchangeReader().read(io.BytesIO(packed({"Posts.xml": dump(QUESTION)})), "a.example.7z")
    next(events)
    assert list(tmp_path.iterdir())
    events.close()  # type: ignore[attr-defined]  # a generator, as `--limit` leaves it
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_site(tmp_path: Path) -> None:
    # Partitions and runs are smaller than usual, so that 20 MB of rows held would show.
    path = tmp_path / "Posts.xml"
    body = "&lt;p&gt;" + "word " * 300 + "&lt;/p&gt;"
    with path.open("w") as file:
        file.write(HEADER)
        for i in range(1, 13_001):
            kind = f'PostTypeId="2" ParentId="{i - i % 3}"' if i % 3 and i > 2 else 'PostTypeId="1" Title="T"'
            file.write(f'  <row Id="{i}" {kind} Score="{i % 7}" Body="{body}" />\n')
        file.write("</posts>")
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    try:
        runs: list[str] = []

        def write(data: bytes) -> None:
            runs.append(str(tmp_path / f"run-{len(runs)}"))
            Path(runs[-1]).write_bytes(data)

        spread = Spread(
            stackexchange_threads.partition_count(NAME, path.stat().st_size, 1 << 20), write, 1 << 20
        )
        reader = StackExchangeReader()
        with path.open("rb") as stream:
            assert list(reader.spread(stream, NAME, spread)) == []
        spread.finish()
        assert (spread.partitions, len(runs)) == (20, 21)
        kinds: Counter[type] = Counter()
        for number in range(spread.partitions):
            kinds.update(type(event) for event in reader.partition(runs, NAME, number))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kinds == {Document: 2 + 13_000 // 3, Merged: 13_000 - 2 - 13_000 // 3}
    assert peak < 8_000_000


CONFIG = """\
sources:
  stackexchange:
    proportion: 100
    thread: {min_question_score: 0}
"""


def rows_of(out: Path, folder: str) -> list[dict[str, Any]]:
    files = sorted((out / folder / "stackexchange").glob("*.parquet"))
    return [found for file in files for found in pq.read_table(file).to_pylist()]


def test_the_samples_from_dumps_to_curated(tmp_path: Path, run_job: RunJob) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    common = ["--config", str(tmp_path / "config.yaml"), "--phases", "prepare,lines,judge,duplicates,curate"]
    pattern = f"stackexchange={SAMPLES}/*/Posts.xml"
    run, _ = run_job(*common, "--output", str(tmp_path / "out"), "--input", pattern)
    books: Counter[tuple[str, str]] = Counter()
    for line in read_ledger(run.out, "prepare", "stackexchange"):
        books[line.entry, line.rule] += line.documents
    assert books == {
        ("in", "records"): 423 + 9 + 177,
        ("out", ""): 215,
        ("dropped", "question_score"): 2,
        ("merged", "merged"): 261 + 4 + 115,
        ("passed_over", "tag wiki"): 6,
        ("passed_over", "tag wiki excerpt"): 6,
    }
    kept, dropped = rows_of(tmp_path / "out", "curated"), rows_of(tmp_path / "out", "dropped")
    assert (len(kept), len(dropped)) == (215, 2)
    metadata = [orjson.loads(found["metadata"]) for found in kept]
    assert len({found["id"] for found in kept}) == len(kept)
    assert all(
        data["licence"].startswith("CC BY-SA ") and (data["author_id"] or data["author"]) for data in metadata
    )
    # An archive, one file or another pattern is the same site: same ids, same texts.
    archive = tmp_path / "conlang.meta.stackexchange.com.7z"
    archive.write_bytes(packed({"Posts.xml": (SAMPLES / archive.stem / "Posts.xml").read_bytes()}))
    texts = {found["id"]: found["text"] for found in kept if "conlang" in found["url"]}
    for number, path in enumerate([archive, SAMPLES / archive.stem / "Posts.xml"]):
        out = tmp_path / str(number)
        run_job(*common, "--output", str(out), "--input", f"stackexchange={path}")
        assert {found["id"]: found["text"] for found in rows_of(out, "curated")} == texts
