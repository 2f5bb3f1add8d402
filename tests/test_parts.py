"""Inputs read in parts: the same documents and books as in one piece, for any number of workers, also where
a part is damaged or the run is killed between the first pass and the last partition."""

from __future__ import annotations

import bz2
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from conftest import RunJob, folder_digests
from test_stackexchange_reader import dump, row
from test_wikipedia_reader import FOOTER, HEADER, page

from pipeline.errors import WinnowError
from pipeline.ledger import read_ledger
from pipeline.manifest import read_manifest
from pipeline.run import main

NAME = "dewiki-20220801-pages-articles-multistream"


def write_dump(folder: Path, pages: int = 30) -> tuple[Path, list[int]]:
    """A multistream dump of three pages a stream with its index; returns it and where streams begin."""
    folder.mkdir(parents=True, exist_ok=True)
    data = bz2.compress(HEADER.encode())
    index, starts = "", []
    for first in range(1, pages, 3):
        starts.append(len(data))
        index += "".join(f"{len(data)}:{n}:P {n}\n" for n in range(first, first + 3))
        texts = (page(n, f"Seite {n}: " + f"Wort{n} " * 60, title=f"P {n}") for n in range(first, first + 3))
        data += bz2.compress("".join(texts).encode())
    path = folder / f"{NAME}.xml.bz2"
    path.write_bytes(data + bz2.compress(FOOTER.encode()))
    (folder / f"{NAME}-index.txt.bz2").write_bytes(bz2.compress(index.encode()))
    return path, starts


def config(folder: Path, source: str, more: str, phases: str = "prepare") -> list[str]:
    """Options for a run of one source, whose block has `more`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source}.yaml"
    path.write_text(f"sources:\n  {source}:\n    proportion: 1\n{more}")
    return ["--config", str(path), "--phases", phases]


def rows_of(out: Path, source: str, *columns: str) -> list[tuple[Any, ...]]:
    files = sorted((out / "documents" / source).glob("*.parquet"))
    rows = [found for file in files for found in pq.read_table(file).to_pylist()]
    return sorted(tuple(found[name] for name in columns) for found in rows)


def books(out: Path, source: str) -> Counter[tuple[str, str, str]]:
    total: Counter[tuple[str, str, str]] = Counter()
    for line in read_ledger(str(out), "prepare", source):
        total[line.input, line.entry, line.rule] += line.documents
    return total


PHASES = "prepare,lines,judge,duplicates,curate"
COLUMNS = ("id", "ordinal", "input", "text", "snapshot")


def test_a_multistream_dump_in_parts_is_the_whole_dump(tmp_path: Path, run_job: RunJob) -> None:
    path, _ = write_dump(tmp_path / "in")
    given = ["--input", f"wikipedia={path}"]
    small = config(tmp_path, "wikipedia", "    read: {part_bytes: 900}\n")
    run_job(*small, *given, "--output", str(tmp_path / "parts"))
    run_job(*small, *given, "--output", str(tmp_path / "two"), "--workers", "2")
    whole = config(tmp_path / "whole", "wikipedia", "    read: {}\n")
    run_job(*whole, *given, "--output", str(tmp_path / "one"))
    names = sorted(file.name for file in (tmp_path / "parts" / "documents" / "wikipedia").iterdir())
    assert names[:2] == [f"{NAME}.xml.bz2-p00000-00000.parquet", f"{NAME}.xml.bz2-p00001-00000.parquet"]
    assert len(names) > 2
    assert folder_digests(tmp_path / "parts") == folder_digests(tmp_path / "two")
    found = rows_of(tmp_path / "parts", "wikipedia", *COLUMNS)
    assert found == rows_of(tmp_path / "one", "wikipedia", *COLUMNS)
    assert [ordinal for _, ordinal in sorted((f[2], f[1]) for f in found)] == list(range(30))
    assert books(tmp_path / "parts", "wikipedia") == books(tmp_path / "one", "wikipedia")
    assert books(tmp_path / "one", "wikipedia")[f"{NAME}.xml.bz2", "in", "records"] == 30


def test_a_damaged_stream_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path, run_job: RunJob) -> None:
    path, starts = write_dump(tmp_path / "in")
    data = bytearray(path.read_bytes())
    data[starts[4] + 40] ^= 0xFF
    path.write_bytes(bytes(data))
    options = config(tmp_path, "wikipedia", "    read: {part_bytes: 900}\n")
    run_job(*options, "--input", f"wikipedia={path}", "--output", str(tmp_path / "out"))
    (letters,) = (tmp_path / "out" / "dead_letters" / "wikipedia").iterdir()
    (letter,) = map(orjson.loads, letters.read_bytes().splitlines())
    assert (letter["input"], letter["offset"]) == (path.name, starts[4])
    assert letter["error"] == "the bzip2 stream is damaged"
    assert len(rows_of(tmp_path / "out", "wikipedia", "id")) == 27


def test_an_index_may_be_named_and_is_no_dump(tmp_path: Path, run_job: RunJob) -> None:
    path, _ = write_dump(tmp_path / "in")
    index = path.with_name(f"{NAME}-index.txt.bz2")
    beside = config(tmp_path, "wikipedia", "    read: {part_bytes: 900}\n")
    run_job(*beside, "--input", f"wikipedia={path}", "--output", str(tmp_path / "beside"))
    (tmp_path / "elsewhere").mkdir()
    index = index.rename(tmp_path / "elsewhere" / index.name)
    for number, named in enumerate((index, index.parent)):
        block = f"    read: {{part_bytes: 900, index: '{named}'}}\n"
        options = config(tmp_path / str(number), "wikipedia", block)
        out = tmp_path / f"named-{number}"
        run_job(*options, "--input", f"wikipedia={path}", "--output", str(out))
        assert folder_digests(out / "documents") == folder_digests(tmp_path / "beside" / "documents")
    # A pattern that matches the index too counts it as one record that is passed over.
    run_job(*beside, "--input", f"wikipedia={tmp_path}/elsewhere/*", "--output", str(tmp_path / "alone"))
    assert books(tmp_path / "alone", "wikipedia")[index.name, "passed_over", "multistream index"] == 1


def test_a_wrong_index_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = write_dump(tmp_path / "in")
    other = bz2.compress("".join(f"{n * 100}:{n}:X\n" for n in range(1, 20)).encode())
    path.with_name(f"{NAME}-index.txt.bz2").write_bytes(other)
    options = config(tmp_path, "wikipedia", "    read: {part_bytes: 500}\n")
    assert main([*options, "--input", f"wikipedia={path}", "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert f"{NAME}-index.txt.bz2: the multistream index is of another dump" in said.replace("\n", "")
    assert "Traceback" not in said


def write_site(folder: Path, rows: int = 1500) -> Path:
    """A site whose answers come long after their questions, with users, tag wikis and a broken row."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["broken\n", row(Id=rows + 1, PostTypeId=5)]
    for number in range(rows, 0, -1):
        asked = number <= rows // 3
        kind = {"PostTypeId": 1, "Title": f"T{number}"} if asked else {"PostTypeId": 2}
        parent = {} if asked else {"ParentId": number % (rows // 3) + 1}
        body = f"<p>Post {number} says {'word ' * (number % 40)}</p>"
        lines.append(row(Id=number, Score=number % 9, Body=body, OwnerUserId=number % 70, **kind, **parent))
    path = folder / "Posts.xml"
    path.write_bytes(dump(*lines))
    users = [row(Id=number, DisplayName=f"Name {number}") for number in range(-1, 60)]
    (folder / "Users.xml").write_bytes(dump(*users))
    return path


def test_a_site_in_partitions_is_the_whole_site(tmp_path: Path, run_job: RunJob) -> None:
    path = write_site(tmp_path / "a.example")
    given = ["--input", f"stackexchange={path}"]
    small = config(tmp_path, "stackexchange", "    read: {partition_bytes: 50000}\n", PHASES)
    run_job(*small, *given, "--output", str(tmp_path / "parts"))
    run_job(*small[:-1], "prepare", *given, "--output", str(tmp_path / "two"), "--workers", "2")
    whole = config(tmp_path / "whole", "stackexchange", "    read: {}\n")
    run_job(*whole, *given, "--output", str(tmp_path / "one"))
    for made in ("documents", "fingerprints/prepare", "dead_letters", "manifests/prepare"):
        assert folder_digests(tmp_path / "parts" / made) == folder_digests(tmp_path / "two" / made)
    columns = ("id", "input", "url", "text", "metadata")
    found = rows_of(tmp_path / "parts", "stackexchange", *columns)
    assert found == rows_of(tmp_path / "one", "stackexchange", *columns)
    assert len({ordinal for (ordinal,) in rows_of(tmp_path / "parts", "stackexchange", "ordinal")}) == 500
    assert books(tmp_path / "parts", "stackexchange") == books(tmp_path / "one", "stackexchange")
    assert books(tmp_path / "parts", "stackexchange") == {
        ("a.example__Posts.xml", "in", "records"): 1502,
        ("a.example__Posts.xml", "out", ""): 500,
        ("a.example__Posts.xml", "merged", "merged"): 1000,
        ("a.example__Posts.xml", "passed_over", "tag wiki"): 1,
        ("a.example__Posts.xml", "dead", "dead_letter"): 1,
    }
    # What the first pass put aside is gone, and nothing in the manifest names it.
    assert not list((tmp_path / "parts" / "work" / "prepare").rglob("*.packed"))
    manifest = read_manifest(str(tmp_path / "parts"), "prepare", "stackexchange")
    assert manifest is not None and len(manifest.units) > 4
    _, outcomes = run_job(*small, *given, "--output", str(tmp_path / "parts"))
    assert not any(outcome.ran for outcome in outcomes)


def test_authors_have_the_names_of_users(tmp_path: Path, run_job: RunJob) -> None:
    path = write_site(tmp_path / "a.example", rows=300)
    options = config(tmp_path, "stackexchange", "    read: {partition_bytes: 20000}\n")
    given = ["--input", f"stackexchange={path}"]
    run_job(*options, *given, "--output", str(tmp_path / "out"))
    found = [orjson.loads(m) for (m,) in rows_of(tmp_path / "out", "stackexchange", "metadata")]
    posts = [post for data in found for post in [data, *data["answers"]]]
    assert len(posts) == 300
    for post in posts:
        number = post["id"] % 70
        assert post["author_id"] == str(number)
        assert post["author"] == (f"Name {number}" if number < 60 else "")
    # Other names are another input.
    users = path.with_name("Users.xml")
    users.write_bytes(users.read_bytes().replace(b"Name 5", b"Neim 5"))
    _, outcomes = run_job(*options, *given, "--output", str(tmp_path / "out"))
    assert outcomes[0].ran == ["stackexchange"]


def test_an_input_named_as_a_part_of_another_is_one_sentence(tmp_path: Path, run_job: RunJob) -> None:
    path, _ = write_dump(tmp_path / "in")
    path.with_name(f"{path.name}-p00001").write_bytes(path.read_bytes())
    options = config(tmp_path, "wikipedia", "    read: {part_bytes: 900}\n")
    with pytest.raises(WinnowError, match=r"xml.bz2-p00001, as a part of another one is; rename it"):
        run_job(*options, "--input", f"wikipedia={path}*", "--output", str(tmp_path / "out"))


@pytest.mark.slow
def test_killed_between_partitions_and_resumed(tmp_path: Path) -> None:
    path = write_site(tmp_path / "a.example", rows=6_000)
    block = "    read: {partition_bytes: 60000}\n"
    command = [sys.executable, "-m", "pipeline.run", *config(tmp_path, "stackexchange", block)]
    command += ["--input", f"stackexchange={path}", "--output"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, stdout=subprocess.DEVNULL)
    receipts = "work/prepare/stackexchange/receipts"
    spread = "work/prepare/spread/stackexchange/receipts"
    for number, (folder, least) in enumerate([(spread, 1), (receipts, 5)]):
        out = tmp_path / f"killed-{number}"
        job = subprocess.Popen(
            [*command, str(out)], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while job.poll() is None and len(list((out / folder).glob("*.json"))) < least:
            time.sleep(0.005)
        assert job.poll() is None, "the run was over before it could be killed"
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        assert not (out / "manifests" / "prepare").exists()
        first_pass = next((out / spread).glob("*.json")).stat().st_mtime_ns
        subprocess.run([*command, str(out)], check=True, stdout=subprocess.DEVNULL)
        assert next((out / spread).glob("*.json")).stat().st_mtime_ns == first_pass, "read once"
        left_out = "work/inputs/"
        assert folder_digests(out, left_out) == folder_digests(tmp_path / "whole", left_out)
