"""GitHub from rows to verdicts: the reader, the rules at their boundaries, and the flow on the samples."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from filters.code_heuristics import ENDINGS
from pipeline.errors import WinnowError
from pipeline.flows.github import GITHUB, GithubFiles
from pipeline.models import ModelError
from pipeline.readers.github import GithubReader
from pipeline.readers.license_table import license_table
from pipeline.records import DeadLetter, Document, Event, PassedOver, Verdict
from pipeline.schema import document_id
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.code import (
    AllowedLicenses,
    AlphanumericShare,
    CodeEndings,
    DropEmpty,
    DropEncoded,
    DropGenerated,
    DropVendored,
    LettersPerToken,
    MaxLineLength,
    MeanLineLength,
    StripHeader,
)

SAMPLES = Path(__file__).parents[1] / "samples" / "github"
ROW: dict[str, Any] = {
    "repo_name": "a/b",
    "license": "mit",
    "ref": "refs/heads/main",
    "path": "src/x y.py",
    "mode": 33188,
    "id": "0123",
    "size": 6,
    "binary": False,
    "content": "x = 1\n",
}


def json_rows(*rows: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def parquet(*rows: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink)
    return sink.getvalue()


def read(data: bytes, **settings: Any) -> list[Event]:
    return list(GithubReader(**settings).read(io.BytesIO(data), "x"))


def document(text: str, path: str = "a.py", **metadata: str) -> Document:
    return Document(key="k", text=text, metadata={"repository": "a/b", "path": path, **metadata})


def verdict(stage: CleanStage, text: str, path: str = "a.py", **metadata: str) -> Verdict | None:
    found = document(text, path, **metadata)
    stage.clean(found)
    return found.verdict


@pytest.mark.parametrize("stored", [json_rows(ROW), gzip.compress(json_rows(ROW), mtime=0), parquet(ROW)])
def test_a_row_is_a_document_in_every_stored_form(stored: bytes) -> None:
    (found,) = read(stored)
    assert isinstance(found, Document)
    assert found.text == "x = 1\n"
    assert found.url == "https://github.com/a/b/blob/main/src/x%20y.py"
    assert found.metadata == {
        "repository": "a/b",
        "path": "src/x y.py",
        "license": "MIT",
        "ref": "refs/heads/main",
        "blob": "0123",
    }


def test_rows_that_a_join_multiplied_have_one_id_and_other_rows_do_not() -> None:
    others = [{"repo_name": "a/c"}, {"path": "y.py"}, {"content": "x = 2\n"}]
    events = read(json_rows(ROW, ROW | {"license": "apache-2.0"}, *(ROW | other for other in others)))
    ids = [document_id("github", event.key) for event in events if isinstance(event, Document)]
    assert len(ids) == 5
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"binary": True, "content": None}, "binary"),
        ({"binary": True}, "binary"),
        ({"content": "a\0b"}, "binary"),
        ({"content": None}, "no content"),
        ({"mode": 0o120000, "content": "../x"}, "symbolic link"),
    ],
)
def test_what_is_no_text_is_passed_over_by_kind(change: dict[str, Any], kind: str) -> None:
    assert read(json_rows(ROW | change)) == [PassedOver(kind)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"repo_name": None}, "no 'repo_name' or no 'path'"),
        ({"path": ""}, "no 'repo_name' or no 'path'"),
        ({"content": 5}, "'content' is not a string"),
    ],
)
def test_rows_that_cannot_be_used_are_dead_letters(change: dict[str, Any], error: str) -> None:
    bad, good = read(json_rows(ROW | change, ROW))
    assert isinstance(bad, DeadLetter)
    assert bad.error == f"byte 0: {error}"
    assert isinstance(good, Document)


def test_a_file_over_the_limit_is_a_dead_letter() -> None:
    bad, good = read(
        parquet(ROW | {"content": "ä" * 51}, ROW | {"content": "ä" * 50}), max_document_bytes=100
    )
    assert isinstance(bad, DeadLetter)
    assert bad.error == "row 0: 'content' has 102 bytes, more than 100"
    assert isinstance(good, Document)


def test_a_parquet_column_of_bytes_is_decoded_and_what_is_not_utf8_is_passed_over() -> None:
    first, second = read(
        parquet(ROW | {"content": "é = 1".encode()}, ROW | {"content": "é = 1".encode("latin-1")})
    )
    assert isinstance(first, Document)
    assert first.text == "é = 1"
    assert second == PassedOver("not UTF-8")


def test_bad_lines_and_damaged_files_cost_only_themselves() -> None:
    events = read(json_rows(ROW) + b'{"repo_name": "\xff"}\n[1]\n' + json_rows(ROW))
    assert [type(event) for event in events] == [Document, DeadLetter, DeadLetter, Document]
    assert [type(event) for event in read(b"PAR1 nothing")] == [DeadLetter]


@pytest.mark.parametrize(
    ("row", "table", "expected"),
    [
        ({"license": "apache-2.0"}, {"a/b": "MIT"}, {"license": "Apache-2.0"}),
        ({"license": None}, {"a/b": "MIT"}, {"license": "MIT", "license_from": "table"}),
        ({"license": None}, {}, {}),
        ({"license": ""}, {"a/b": ""}, {}),
        ({"license": "Proprietary"}, {"a/b": "MIT"}, {"license_name": "Proprietary"}),
        ({"license": ["mit", "isc"]}, {}, {"license": "ISC AND MIT"}),
    ],
)
def test_the_licence_is_the_rows_else_the_tables(
    row: dict[str, Any], table: dict[str, str], expected: dict[str, str]
) -> None:
    (found,) = read(json_rows(ROW | row), licenses=table)
    assert isinstance(found, Document)
    assert {key: value for key, value in found.metadata.items() if "license" in key} == expected


def test_a_table_of_licences_is_read_and_is_part_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "licenses.jsonl"
    rows = [("a/b", "mit"), ("a/c", "bsd-3-clause"), ("a/c", "mit"), ("a/d", None), ("a/e", "own")]
    path.write_bytes(json_rows(*({"repo_name": name, "license": license} for name, license in rows)))
    table = license_table(str(path))
    assert table.licenses == {"a/b": "MIT", "a/c": "BSD-3-Clause AND MIT", "a/e": ""}
    stage = GithubFiles(licenses=str(path))
    assert stage.settings()["digest"] == table.digest
    (found,) = list(stage.reader().read(io.BytesIO(json_rows(ROW | {"license": None})), "x"))
    assert isinstance(found, Document)
    assert found.metadata["license"] == "MIT"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "cannot read"), (b'{"license": "mit"}\n', "no 'repo_name'"), (b"{]", "JSON")],
)
def test_a_bad_table_of_licences_is_one_sentence(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "table.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WinnowError, match=sentence):
        GithubFiles(licenses=str(path)).settings()


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"license": "MIT"}, None),
        ({"license": "BSD-2-Clause"}, None),
        ({"license": "GPL-3.0"}, Verdict("license")),
        ({"license": "MIT OR GPL-3.0"}, None),
        ({"license": "MIT AND GPL-3.0"}, Verdict("license")),
        ({}, Verdict("no_license")),
        ({"license_name": "MIT OR own"}, Verdict("no_license")),
    ],
)
def test_licences(metadata: dict[str, str], expected: Verdict | None) -> None:
    assert verdict(AllowedLicenses(), "x", **metadata) == expected


def test_allowed_licences_are_normalised_and_unknown_ones_refused() -> None:
    assert AllowedLicenses(allowed=("isc", "mpl-2.0")).allowed == ("ISC", "MPL-2.0")
    with pytest.raises(ValidationError, match="none that is known"):
        AllowedLicenses(allowed=("permissive",))


@pytest.mark.parametrize(
    ("stage", "kept", "dropped", "expected"),
    [
        (MaxLineLength(), "x" * 1000, "x" * 1001, Verdict("max_line_length", 1001, 1000)),
        (
            MeanLineLength(),
            "x" * 99 + "\n" + "x" * 99 + "\n",
            "x" * 101,
            Verdict("mean_line_length", 101, 100),
        ),
        (AlphanumericShare(), "a+++", "a++++", Verdict("alphanumeric_share", 0.2, 0.25)),
        (AlphanumericShare(), "é++一+++٣", "é++++", Verdict("alphanumeric_share", 0.2, 0.25)),
        (DropEncoded(), "x " * 9 + "A" * 64, "\\u00e9" * 9, Verdict("encoded_share", 1.0, 0.5)),
        (DropEncoded(), "x " * 900, "x " * 900 + "A" * 1025, Verdict("encoded", 1025, 1024)),
        (DropEmpty(), "x", " \n\t", Verdict("empty")),
    ],
)
def test_a_value_at_its_threshold_stays(
    stage: CleanStage, kept: str, dropped: str, expected: Verdict
) -> None:
    if isinstance(stage, DropEncoded) and expected.rule == "encoded_share":
        kept = "x " * 32 + "A" * 64
    assert verdict(stage, kept) is None
    assert verdict(stage, dropped) == expected


def test_letters_per_token_drops_numbers_and_keeps_code() -> None:
    code = "def distance(first, second):\n    return abs(first.position - second.position)\n"
    assert verdict(LettersPerToken(), code) is None
    found = verdict(LettersPerToken(), "1, 2, 3, 4, x\n" * 20)
    assert found is not None
    assert (found.rule, found.threshold) == ("letters_per_token", 1.35)
    assert found.value is not None
    at_threshold = LettersPerToken(min_ratio=found.value)
    assert verdict(at_threshold, "1, 2, 3, 4, x\n" * 20) is None
    assert verdict(LettersPerToken(), "") is None, "no division by zero"


def test_the_tokenizers_digest_decides_and_a_missing_one_is_one_sentence() -> None:
    bundled = LettersPerToken().settings()
    other = LettersPerToken(tokenizer="bundled:tokenizer.model").settings()
    assert len(bundled["digest"]) == 32
    assert bundled["digest"] != other["digest"]
    with pytest.raises(ModelError, match="no bundled model"):
        LettersPerToken(tokenizer="bundled:none.model").settings()


@pytest.mark.parametrize(
    ("path", "keeps"),
    [
        ("a.py", True),
        ("a.PY", False),
        ("docs/a.md", True),
        ("LICENSE", False),
        ("cert.crt", False),
        ("x/Makefile", True),
        ("a.json", False),
        ("a.H", True),
    ],
)
def test_endings(path: str, keeps: bool) -> None:
    assert (verdict(CodeEndings(), "x", path) is None) is keeps
    assert len(ENDINGS) == len(set(ENDINGS)) == 66


@pytest.mark.parametrize(
    ("stage", "path", "text", "drops"),
    [
        (DropGenerated(), "a.min.js", "x", True),
        (DropGenerated(), "admin.js", "x", False),
        # RedPajama keeps a bundle that says no more than this where its lines are short enough.
        (DropGenerated(), "bundle.js", "/* eslint-disable */\n// This file is generated.\nf();", True),
        (DropGenerated(), "bundle.js", "/* eslint-disable */\nf();", False),
        (DropGenerated(), "a.go", "// Code generated by protoc. DO NOT EDIT.\n", True),
        (DropGenerated(), "a.go", "\n" * 5 + "// Code generated by protoc.\n", False),
        (DropVendored(), "node_modules/x/a.js", "x", True),
        (DropVendored(), "lib/third_party/a.c", "x", True),
        (DropVendored(), "vendoring/a.c", "x", False),
    ],
)
def test_rules_of_later_corpora(stage: CleanStage, path: str, text: str, drops: bool) -> None:
    assert (verdict(stage, text, path) is not None) is drops


def test_what_is_off_by_default_is_only_what_the_paper_does_not_have() -> None:
    off = {stage.name for stage in GITHUB.clean if not stage.on}
    later = {"alphabetic_share", "data_size", "max_lines", "text_name", "visible_text", "xml"}
    assert off == {"generated", "vendored", "encoded"} | later


def cleaned(row: dict[str, Any]) -> Document:
    (found,) = read(json_rows(row))
    assert isinstance(found, Document)
    for stage in GITHUB.with_stages({}).clean:
        if found.verdict is None:
            stage.clean(found)
    return found


def test_files_that_differ_in_the_year_of_their_header_are_one_text() -> None:
    body = (
        "#include <stdio.h>\n\n/* Says hello to everybody who is listening. */\n"
        'int main(int arguments, char **values) { return puts("hello everybody"); }\n'
    )
    first, second = (
        cleaned(ROW | {"path": "a.c", "content": f"/* Copyright {year} Jane Roe */\n\n{body}"})
        for year in (2019, 2020)
    )
    assert first.text == second.text == body


def test_a_file_that_was_nothing_but_its_header_is_empty() -> None:
    header = "// Copyright Jane Roe\n// Use of this source code is governed by a license found elsewhere.\n"
    found = cleaned(ROW | {"path": "a.h", "content": header})
    assert found.verdict == Verdict("empty")
    assert cleaned(ROW | {"content": ""}).verdict == Verdict("empty")


def test_the_header_goes_by_the_language_of_the_name() -> None:
    found = document("# Copyright 2020 Jane Roe\nx = 1\n")
    CodeEndings().clean(found)
    StripHeader().clean(found)
    assert found.metadata["code_language"] == "Python"
    assert found.text == "x = 1\n"


def test_the_samples_are_what_their_provenance_says() -> None:
    with (SAMPLES / "PROVENANCE.tsv").open() as stream:
        listed = list(csv.DictReader(stream, delimiter="\t"))
    for path in sorted(SAMPLES.glob("*.jsonl.gz")):
        rows = [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        assert len(rows) == sum(int(row["documents"]) for row in listed if row["file"] == path.name)
        own = {row["source_repo"] for row in listed}
        assert all(row["repo_name"] in own or row["repo_name"].startswith("example/") for row in rows)


def test_the_samples_have_checkouts_with_a_licence_by_file_and_by_header() -> None:
    with (SAMPLES / "PROVENANCE.tsv").open() as stream:
        listed = [row for row in csv.DictReader(stream, delimiter="\t") if row["file"] == "checkouts.tar.gz"]
    with (SAMPLES / "checkouts.tar.gz").open("rb") as archive:
        events = list(GithubReader().read(archive, "checkouts.tar.gz"))
    found = [event.metadata for event in events if isinstance(event, Document)]
    assert len(found) == len(events) == sum(int(row["documents"]) for row in listed)
    assert {(row["repository"], row["ref"]) for row in found} == {
        (row["source_repo"].split("/")[1], row["commit"]) for row in listed
    }
    by_source = Counter((row["license"], row["license_from"]) for row in found)
    assert by_source == {
        ("MIT", "LICENSE"): 45,
        ("Apache-2.0", "LICENSE"): 2,
        ("Apache-2.0", "SPDX-License-Identifier"): 26,
    }
