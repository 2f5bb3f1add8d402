"""Exported documents: every curated row in each format, written once, read back as what was curated."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import zstandard
from conftest import english_page, folder_digests, run_quietly, write_corpus

from pipeline.errors import WinnowError
from pipeline.ledger import read_ledger
from pipeline.manifest import read_manifest
from pipeline.options import EXPORT_FORMATS, parse_options
from pipeline.phases.export import FORMATS
from pipeline.phases.phase import Outcome
from pipeline.readers.documents import DocumentsReader
from pipeline.records import Document
from pipeline.run import main

CURATION = "prepare,lines,judge,duplicates,curate"
CONFIG = """\
batch_bytes: 2KiB
sources:
  documents:
    proportion: 50
    language: on
    gopher: {thresholds: {words: {minimum: 5}}}
  commoncrawl:
    proportion: 50
    perplexity: off
    language: off
    wikipedia_reference: off
"""
ROWS = [
    {
        "text": english_page(n) + "\nÉté, \u2028\"quoted\" and \x1f\\ all.",
        "url": f"https://example.org/{n}",
        "timestamp": "2020-01-01T00:00:00Z",
        "tags": ["a", {"b": n}],
        "language": "xx",
        "score": n / 3,
    }
    for n in range(8)
]  # fmt: skip


def run_export(folder: Path, *more: str, out: str = "out") -> list[Outcome]:
    """Run both sources as far as `curate`."""
    inputs = [f"documents={folder}/in.jsonl.gz", f"commoncrawl={folder}/web/*"]
    given = [option for pattern in inputs for option in ("--input", pattern)]
    options = ["--config", str(folder / "c.yaml"), *given, "--output", str(folder / out)]
    return run_quietly(*options, "--phases", CURATION, *more)[1]


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with input, config and `out`, curated and not exported."""
    folder = tmp_path_factory.mktemp("curated")
    lines = [orjson.dumps(row) for row in [*ROWS, {"text": "short", "url": "s"}]]
    (folder / "in.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    write_corpus(folder / "web", files=2, pages=4)
    (folder / "c.yaml").write_text(CONFIG)
    run_export(folder)
    assert not (folder / "out" / "export").exists()
    return folder


def rows_of(file: Path, format_: str) -> list[dict[str, Any]]:
    data = file.read_bytes()
    if format_ == "parquet":
        rows = pq.read_table(io.BytesIO(data)).to_pylist()
        return [row | {name: orjson.loads(row[name]) for name in ("metadata", "scores")} for row in rows]
    if format_ == "jsonl.zst":
        data = zstandard.ZstdDecompressor().decompress(data)
    if format_ == "jsonl.gz":
        data = gzip.decompress(data)
    return [orjson.loads(line) for line in data.split(b"\n")[:-1]]


def read(file: Path) -> list[Document]:
    with file.open("rb") as stream:
        events = list(DocumentsReader().read(stream, file.name))
    assert all(isinstance(event, Document) for event in events)
    return [event for event in events if isinstance(event, Document)]


@pytest.mark.parametrize("format_", EXPORT_FORMATS)
def test_every_format_holds_what_was_curated(format_: str, curated: Path) -> None:
    assert set(FORMATS) == set(EXPORT_FORMATS)
    out = curated / "out"
    outcomes = run_export(curated, "--export-documents", format_)
    assert [outcome.phase for outcome in outcomes if outcome.ran] == ["export"]
    for source in ("documents", "commoncrawl"):
        kept = sorted((out / "curated" / source).iterdir())
        exported = sorted((out / "export" / source).iterdir())
        assert len(kept) > 1
        assert [f"{file.stem}.{format_}" for file in kept] == [file.name for file in exported]
        for before, after in zip(kept, exported, strict=True):
            expected = pq.read_table(before).to_pylist()
            rows = rows_of(after, format_)
            names = ("id", "text", "source", "url", "timestamp", "snapshot", "language")
            assert list(rows[0]) == [*names, "metadata", "scores"]
            assert [{name: row[name] for name in names} for row in rows] == [
                {name: row[name] for name in names} for row in expected
            ]
            for row, old in zip(rows, expected, strict=True):
                assert row["metadata"] == orjson.loads(old["metadata"])
                assert row["scores"].get("language_score") == old["language_score"]
                assert "perplexity" not in row["scores"]
                if source == "documents":
                    assert row["scores"]["rule_values"] == orjson.loads(old["rule_values"])
                    assert row["metadata"]["tags"] == ["a", {"b": int(row["url"][-1])}]
            # Through flow `documents` both are the same documents.
            assert read(after) == read(before)
        books = read_ledger(str(out), "export", source)
        assert sum(line.documents for line in books if line.entry == "out") == sum(
            pq.read_metadata(file).num_rows for file in kept
        )


def test_an_export_touches_nothing_else_and_is_done_once(curated: Path) -> None:
    out = curated / "out"
    run_export(curated, "--export-documents", "jsonl.gz")
    before = folder_digests(out)
    run_export(curated, "--export-documents", "jsonl.zst")
    after = folder_digests(out)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert {name.split("/")[0] for name in changed} == {"export", "manifests"}
    assert {file.suffix for file in (out / "export").rglob("*.*")} == {".zst"}
    manifest = read_manifest(str(out), "export", "documents")
    assert manifest is not None
    assert len(manifest.files("export/documents")) == len(list((out / "export/documents").iterdir()))
    files = sorted((out / "export").rglob("*.zst"))
    times = {file: file.stat().st_mtime_ns for file in files}
    assert not any(outcome.ran for outcome in run_export(curated, "--export-documents", "jsonl.zst"))
    files[0].unlink()
    outcomes = run_export(curated, "--export-documents", "jsonl.zst")
    assert [outcome.ran for outcome in outcomes if outcome.ran] == [["commoncrawl"]]
    assert [file for file in files if file.stat().st_mtime_ns != times[file]] == files[:1]
    assert folder_digests(out) == after


def test_an_export_can_be_curated_again(curated: Path, tmp_path: Path) -> None:
    out = curated / "out"
    run_export(curated, "--export-documents", "jsonl.zst")
    texts = sorted(row["text"] for f in (out / "export").rglob("*.zst") for row in rows_of(f, "jsonl.zst"))
    (tmp_path / "again.yaml").write_text("sources:\n  documents: {proportion: 1, gopher: on}\n")
    options = ["--config", str(tmp_path / "again.yaml"), "--output", str(tmp_path / "again")]
    run_quietly(*options, "--input", f"documents={out}/export/*/*", "--phases", CURATION)
    files = [
        *(tmp_path / "again/curated").rglob("*.parquet"),
        *(tmp_path / "again/dropped").rglob("*.parquet"),
    ]
    assert sorted(row["text"] for file in files for row in pq.read_table(file).to_pylist()) == texts
    assert not (tmp_path / "again/dead_letters").exists()


def test_where_the_export_stands() -> None:
    assert parse_options(["--export-documents", "jsonl"]).phases == (
        *("prepare", "lines", "judge", "duplicates", "curate", "export", "tokenize", "mix"),
    )
    chosen = parse_options(["--export-documents", "jsonl", "--phases", "mix,curate"]).phases
    assert chosen == ("curate", "export", "mix")
    assert "export" not in parse_options([]).phases


def test_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(WinnowError, match=r"argument --export-documents: invalid choice: 'csv'"):
        parse_options(["--export-documents", "csv"])
    write_corpus(tmp_path / "web", files=1)
    options = ["--input", f"commoncrawl={tmp_path}/web/*", "--sources", "commoncrawl"]
    status = main(
        [*options, "--output", str(tmp_path / "out"), "--phases", "prepare", "--export-documents", "jsonl"]
    )
    assert status == 1
    assert "phase curate has not been finished for commoncrawl" in capsys.readouterr().err
