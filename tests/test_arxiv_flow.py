"""The arXiv flow from the bundled papers and small ones to curated documents, with exact counts."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from conftest import RunJob
from test_arxiv_reader import packed, tar

from pipeline.ledger import read_ledger
from pipeline.parquet import read_parquet
from pipeline.schema import document_id

SAMPLES = Path(__file__).parent.parent / "samples" / "arxiv"
WORDS = "These words are the text of a short paper on nothing at all. " * 5


def source(body: str) -> bytes:
    return f"\\documentclass{{article}}\\begin{{document}}{body}\\end{{document}}".encode()


def run(
    tmp_path: Path, run_job: RunJob, pattern: str, settings: str = ""
) -> tuple[Any, list[dict[str, Any]]]:
    """Run the flow to `curate`; returns the run, and kept and dropped documents with metadata parsed."""
    config = tmp_path / "config.yaml"
    config.write_text(f"sources:\n  arxiv:\n    proportion: 1\n{settings}")
    phases = "prepare,lines,judge,duplicates,curate"
    options = ["--config", str(config), "--input", f"arxiv={pattern}", "--output", str(tmp_path / "out")]
    job, _ = run_job(*options, "--phases", phases)
    rows = []
    for folder in ("curated", "dropped"):
        for file in sorted((tmp_path / "out" / folder / "arxiv").glob("*.parquet")):
            rows += read_parquet(str(file)).to_pylist()
    for row in rows:
        row["metadata"] = orjson.loads(row["metadata"])
    return job, rows


def test_samples(tmp_path: Path, run_job: RunJob) -> None:
    job, rows = run(tmp_path, run_job, str(SAMPLES / "*.[tg][az]*"))
    totals: dict[tuple[str, str], int] = {}
    for line in read_ledger(job.out, "prepare", "arxiv"):
        totals[line.entry, line.rule] = totals.get((line.entry, line.rule), 0) + line.documents
    assert totals["in", "records"] == 18
    assert totals["passed_over", "folder"] == 3
    assert totals["out", ""] == 15
    assert [row["verdict"] for row in rows] == [None] * 15
    by_name = {row["metadata"].get("arxiv_id") or row["metadata"]["name"]: row for row in rows}
    assert by_name["1907.10121"]["metadata"]["title"].startswith("SciPy 1.0---Fundamental Algorithms")
    assert by_name["9901.00013"]["text"].startswith("\\part{Counter\\-factuals}")
    assert {name for name, row in by_name.items() if row["metadata"].get("no_section")} == {
        *("9901.00064", "9901.00065", "9901.00066", "9901.00075", "9901.00076"),
    }
    for row in rows:
        assert not re.search(r"(?m)^\s*%|\\(?:re)?newcommand|\\begin\{thebibliography\}", row["text"])


def test_of_several_versions_the_latest_stays(tmp_path: Path, run_job: RunJob) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for version in ("v1", "v2", "v10"):
        (folder / f"2401.00001{version}.gz").write_bytes(packed(source(f"\\section{{A}} {version} {WORDS}")))
    (folder / "2401.00002v3.gz").write_bytes(packed(source(f"\\section{{B}} old {WORDS}")))
    papers = {
        "2401/2401.00002.gz": packed(source(f"\\section{{B}} bulk {WORDS}")),
        "2401/2401.00003.gz": packed(source("\\section{C} withdrawn")),
        "2401/2401.00004.gz": packed(source(f"\\section{{D}} {WORDS}")),
    }
    (folder / "arXiv_src_2401_001.tar").write_bytes(tar(papers))
    (folder / "2401.00003v1.gz").write_bytes(packed(source(f"\\section{{C}} {WORDS}")))
    (folder / "again-2401.tar").write_bytes(tar({"2401/2401.00004.gz": papers["2401/2401.00004.gz"]}))
    _, rows = run(tmp_path, run_job, f"{folder}/*")
    kept = {row["id"] for row in rows if row["verdict"] is None}
    assert kept == {
        document_id("arxiv", key) for key in ("2401.00001v10", "2401.00002", "2401.00003v1", "2401.00004")
    }
    lost = {
        (row["metadata"]["arxiv_id"], row["metadata"].get("version"), row["verdict"], row["survivor"])
        for row in rows
        if row["verdict"] is not None
    }
    assert lost == {
        ("2401.00001", 1, "older_version", document_id("arxiv", "2401.00001v10")),
        ("2401.00001", 2, "older_version", document_id("arxiv", "2401.00001v10")),
        ("2401.00002", 3, "older_version", document_id("arxiv", "2401.00002")),
        ("2401.00003", None, "empty", None),
        ("2401.00004", None, "duplicate_id", document_id("arxiv", "2401.00004")),
    }


@pytest.mark.parametrize(
    ("settings", "expected", "verdicts"),
    [
        ("", ["Dear", "\\section"], [None, None]),
        ("    latex: {no_section: drop}\n", ["Dear", "\\section"], ["no_section", None]),
        ("    latex: {title_and_abstract: true}\n", ["Dear", "\\title{T}"], [None, None]),
        (
            "    latex: {appendix: drop}\n    empty: {min_letters: 260}\n",
            ["Dear", "\\section"],
            [None, "empty"],
        ),
        ("    empty: {min_letters: 260}\n", ["Dear", "\\section"], [None, None]),
    ],
)
def test_options(
    settings: str, expected: list[str], verdicts: list[str | None], tmp_path: Path, run_job: RunJob
) -> None:
    body = f"\\title{{T}}\\section{{A}} {WORDS} \\appendix more words of no weight, in an appendix at the end"
    papers = {
        "2401/2401.00001.gz": packed(
            source(f"Dear Sir, {WORDS} and some more of them, so that there are enough")
        ),
        "2401/2401.00002.gz": packed(source(body)),
    }
    (tmp_path / "bulk.tar").write_bytes(tar(papers))
    _, rows = run(tmp_path, run_job, f"{tmp_path}/bulk.tar", settings)
    rows.sort(key=lambda row: str(row["metadata"]["arxiv_id"]))
    assert [row["text"].startswith(begin) for row, begin in zip(rows, expected, strict=True)] == [True, True]
    assert [row["verdict"] for row in rows] == verdicts


def test_the_samples_say_where_they_come_from() -> None:
    listed = {line.split("\t")[0] for line in (SAMPLES / "PROVENANCE.tsv").read_text().splitlines()[1:]}
    with tarfile.open(fileobj=io.BytesIO((SAMPLES / "arXiv_src_samples_001.tar").read_bytes())) as archive:
        members = {f"arXiv_src_samples_001.tar!{member.name}" for member in archive if member.isfile()}
    assert listed == members | {"1707.08043.gz"}
