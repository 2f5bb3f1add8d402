"""The main job on small corpora: same bytes however it is run, books that balance, sentences for mistakes."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from conftest import RunJob, english_page, folder_digests, wet_bytes, write_corpus

from pipeline.errors import WinnowError
from pipeline.ledger import read_ledger
from pipeline.manifest import read_manifest
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases import prepare
from pipeline.run import main

CURATION = "prepare,lines,judge,duplicates,curate"
CONFIG = """\
batch_bytes: {batch}
sources:
  commoncrawl:
    proportion: 100
    perplexity: {{keep: [head, middle, tail]}}
    language: {{min_score: {min_score}}}
"""


def arguments(pattern: str, out: Path, *more: str, batch: str = "16MiB", min_score: float = 0.5) -> list[str]:
    """The options of a run of the curation phases on a corpus of CommonCrawl alone."""
    config = out.parent / f"{out.name}-{batch}-{min_score}.yaml"
    config.write_text(CONFIG.format(batch=batch, min_score=min_score))
    source = ["--config", str(config), "--input", f"commoncrawl={pattern}"]
    return [*source, "--output", str(out), "--phases", CURATION, *more]


def rows(out: Path, folder: str) -> list[dict[str, object]]:
    """All rows of a folder of the output, in the order of their files."""
    files = sorted((out / folder / "commoncrawl").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_what_is_kept_and_what_goes(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run_job(*arguments(pattern, tmp_path / "out"))
    kept = rows(tmp_path / "out", "curated")
    dropped = rows(tmp_path / "out", "dropped")
    assert len(kept) + len(dropped) == 3 * 13
    # Pages 0 and 12 and 24 of four copies: all lines of page 1 are shared, so every copy of it is gone.
    assert sum(row["verdict"] == "duplicate_lines" for row in dropped) == 4
    assert all("newsletter" not in str(row["text"]) for row in kept)
    assert all(row["verdict"] is None and row["language"] == "en" for row in kept)
    assert all(row["bytes"] == len(str(row["text"]).encode()) for row in kept + dropped)


def test_workers_order_and_ways_leave_no_trace(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run_job(*arguments(pattern, tmp_path / "one", "--workers", "1"))
    run_job(*arguments(pattern, tmp_path / "two", "--workers", "2"))
    run_job(*arguments(pattern, tmp_path / "shuffle", "--exchange", "shuffle"))
    files = sorted((tmp_path / "in").iterdir(), reverse=True)
    others = [option for file in files[1:] for option in ("--input", f"commoncrawl={file}")]
    run_job(*arguments(str(files[0]), tmp_path / "order", *others))
    shutil.move(tmp_path / "in", tmp_path / "elsewhere")
    run_job(*arguments(f"{tmp_path}/elsewhere/*.wet.gz", tmp_path / "moved"))
    one = folder_digests(tmp_path / "one")
    assert len(one) > 20
    for other in ("two", "order", "moved"):
        assert folder_digests(tmp_path / other) == one
    curated = {
        name: digest for name, digest in one.items() if name.startswith(("curated", "dropped", "lists"))
    }
    assert {name: folder_digests(tmp_path / "shuffle")[name] for name in curated} == curated


def test_batches_change_names_only(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run_job(*arguments(pattern, tmp_path / "large"))
    run_job(*arguments(pattern, tmp_path / "small", batch="2KiB"))
    assert len(list((tmp_path / "small" / "documents" / "commoncrawl").iterdir())) > 9
    assert rows(tmp_path / "small", "curated") == rows(tmp_path / "large", "curated")


def test_a_second_run_does_nothing_and_an_edit_only_what_it_must(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    out = tmp_path / "out"
    _, first = run_job(*arguments(pattern, out))
    assert [outcome.ran for outcome in first] == [["commoncrawl"]] * 5
    before = {path: path.stat().st_mtime_ns for path in (out / "curated").rglob("*.parquet")}
    _, second = run_job(*arguments(pattern, out))
    assert [outcome.ran for outcome in second] == [[]] * 5
    _, third = run_job(*arguments(pattern, out, min_score=0.6))
    assert [outcome.phase for outcome in third if outcome.ran] == ["judge"]
    assert {path: path.stat().st_mtime_ns for path in (out / "curated").rglob("*.parquet")} == before


def test_a_new_input_is_read_alone(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in", files=2)
    out = tmp_path / "out"
    run_job(*arguments(pattern, out))
    old = {path: path.stat().st_mtime_ns for path in (out / "documents" / "commoncrawl").iterdir()}
    page = ("https://example.org/new", english_page(999))
    (tmp_path / "in" / "part-9.warc.wet.gz").write_bytes(wet_bytes([page], "CC-MAIN-2020-05"))
    run_job(*arguments(pattern, out))
    assert {path: path.stat().st_mtime_ns for path in old} == old
    run_job(*arguments(pattern, tmp_path / "at-once"))
    assert folder_digests(out) == folder_digests(tmp_path / "at-once")


def test_an_input_taken_away_leaves_nothing_behind(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run_job(*arguments(pattern, tmp_path / "out"))
    (tmp_path / "in" / "part-1.warc.wet.gz").unlink()
    run_job(*arguments(pattern, tmp_path / "out"))
    run_job(*arguments(pattern, tmp_path / "fresh"))
    assert folder_digests(tmp_path / "out") == folder_digests(tmp_path / "fresh")


def test_books_that_do_not_balance_fail_the_run(
    tmp_path: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = write_corpus(tmp_path / "in")
    whole = to_parquet

    def loses_a_row(table: object) -> bytes:
        return whole(table.slice(0, table.num_rows - 1))  # type: ignore[attr-defined]  # a pyarrow table

    monkeypatch.setattr("pipeline.phases.curate.to_parquet", loses_a_row)
    with pytest.raises(
        WinnowError, match=r"books of phase curate do not balance for commoncrawl, input part-0"
    ):
        run_job(*arguments(pattern, tmp_path / "out"))
    assert read_manifest(str(tmp_path / "out"), "curate", "commoncrawl") is None


def test_a_file_that_lost_a_row_later_is_made_again(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run_job(*arguments(pattern, tmp_path / "out"))
    expected = folder_digests(tmp_path / "out")
    victim = next((tmp_path / "out" / "judged" / "commoncrawl").iterdir())
    table = read_parquet(str(victim))
    victim.write_bytes(to_parquet(table.slice(1)))
    run_job(*arguments(pattern, tmp_path / "out"))
    assert folder_digests(tmp_path / "out") == expected


@pytest.mark.parametrize(
    ("settings", "copies_gone"),
    [
        ("scope: global", 4),
        ("scope: snapshot", 4),
        ("scope: files, files_in_group: 1", 2),
        ("scope: files, files_in_group: 2", 3),
        ("scope: global, keep: first", 3),
    ],
)
def test_scopes_of_duplicate_lines(settings: str, copies_gone: int, tmp_path: Path, run_job: RunJob) -> None:
    # Page 1 stands once as itself, in part-0, and once as a copy in each of the three files.
    pattern = write_corpus(tmp_path / "in")
    options = arguments(pattern, tmp_path / "out")
    config = Path(options[options.index("--config") + 1])
    config.write_text(config.read_text() + f"    duplicate_lines: {{{settings}}}\n")
    run_job(*options)
    dropped = rows(tmp_path / "out", "dropped")
    assert sum(row["verdict"] == "duplicate_lines" for row in dropped) == copies_gone


def test_limit_takes_the_first_records_of_each_file(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run, _ = run_job(*arguments(pattern, tmp_path / "out", "--limit", "4"))
    records = [line for line in read_ledger(run.out, "prepare", "commoncrawl") if line.entry == "in"]
    assert [line.documents for line in records] == [4, 4, 4]
    manifest = read_manifest(run.out, "prepare", "commoncrawl")
    assert manifest is not None
    assert (
        sum(batch["rows"] for batch in prepare.batches(manifest)) == 9
    )  # the warcinfo record is one of four


def test_damage_is_a_dead_letter_and_the_rest_is_read(tmp_path: Path, run_job: RunJob) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pages = [(f"https://example.org/{n}", english_page(n)) for n in range(6)]
    whole = wet_bytes(pages)
    (folder / "cut.warc.wet.gz").write_bytes(whole[:-40])
    (folder / "empty.warc.wet.gz").write_bytes(b"")
    (folder / "picture.warc.wet.gz").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (folder / "nul.warc.wet.gz").write_bytes(
        wet_bytes([("https://example.org/nul", "a\0b\n" + english_page(7))])
    )
    run_job(*arguments(f"{folder}/*", tmp_path / "out"))
    letters = [
        orjson.loads(line)
        for file in sorted((tmp_path / "out" / "dead_letters" / "commoncrawl").iterdir())
        for line in file.read_bytes().splitlines()
    ]
    damaged = {"cut.warc.wet.gz", "empty.warc.wet.gz", "picture.warc.wet.gz"}
    assert {letter["input"] for letter in letters} == damaged
    assert all(letter["error"] and str(tmp_path) not in letter["error"] for letter in letters)
    assert len(rows(tmp_path / "out", "documents")) == 6


def test_a_source_without_a_document_is_done_like_any_other(tmp_path: Path, run_job: RunJob) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.warc.wet.gz").write_bytes(wet_bytes([], "CC-MAIN-2020-05"))
    run, outcomes = run_job(*arguments(f"{tmp_path}/in/*", tmp_path / "out"))
    assert [outcome.ran for outcome in outcomes] == [["commoncrawl"]] * 5
    books = [line for line in read_ledger(run.out, "prepare", "commoncrawl") if line.documents]
    assert [(line.entry, line.rule, line.documents) for line in books] == [
        ("in", "records", 1),
        ("passed_over", "warc:warcinfo", 1),
    ]


def test_what_a_killed_run_left_half_written_goes(tmp_path: Path, run_job: RunJob) -> None:
    pattern = write_corpus(tmp_path / "in")
    run_job(*arguments(pattern, tmp_path / "out"))
    expected = folder_digests(tmp_path / "out", leave_out="none")
    for place in ("manifests/judge/commoncrawl.json", "ledger/lines/x", "work/judge/commoncrawl/receipts/y"):
        (tmp_path / "out" / f"{place}.0123456789abcdef.tmp").write_bytes(b"half")
    run_job(*arguments(pattern, tmp_path / "out"))
    assert folder_digests(tmp_path / "out", leave_out="none") == expected


def test_fresh_deletes_only_what_is_ours(tmp_path: Path, run_job: RunJob) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    pattern = write_corpus(tmp_path / "in")
    with pytest.raises(WinnowError, match=r"holds thesis\.txt and no run of ours"):
        run_job(*arguments(pattern, tmp_path / "out", "--fresh"))
    run_job(*arguments(pattern, tmp_path / "out"))
    run_job(*arguments(pattern, tmp_path / "out", "--fresh"))
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--input", "commoncrawl=/nowhere/*.gz"],
            "sources.commoncrawl.inputs: no file matches /nowhere/*.gz",
        ),
        (["--input", "comoncrawl=x"], "the config has no source 'comoncrawl'"),
        (["--sources", "books,lectures"], "the config has no source 'lectures'"),
        (["--limt", "3"], "'--limt' is no option of ours or of Beam's; did you mean --limit?"),
        (["--projct=x"], "'--projct' is no option of ours or of Beam's; did you mean --project?"),
        (["--config", "/nowhere/x.yaml"], "cannot read /nowhere/x.yaml: No such file or directory"),
    ],
)
def test_mistakes_are_one_sentence(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path / "out"), *more]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()
