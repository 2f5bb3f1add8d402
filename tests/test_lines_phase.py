"""Duplicate lines through whole runs: crawls named in the config, scopes, and earlier runs as owners."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import RunJob, folder_digests, run_quietly, wet_bytes

from pipeline.run import main

PHASES = "prepare,lines,judge"
CONFIG = """\
batch_bytes: {batch}
sources:
  {source}:
    flow: commoncrawl
    proportion: 1
    inputs: {inputs}
    duplicate_lines: {lines}
    short: {{min_characters: 0}}
    language: off
    perplexity: off
    wikipedia_reference: off
"""


def config(
    folder: Path, inputs: str, lines: str, batch: str = "16MiB", source: str = "commoncrawl"
) -> list[str]:
    """The options of a run of line deduplication alone, with its own config."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(inputs=inputs, lines=lines, batch=batch, source=source))
    return ["--config", str(path), "--phases", PHASES]


def kept_lines(out: Path, source: str = "commoncrawl") -> dict[str, list[str]]:
    """The lines, blank ones aside, that are left of each page, by URL; empty for a page that went."""
    rows = [
        row for file in (out / "judged" / source).glob("*.parquet") for row in pq.read_table(file).to_pylist()
    ]
    return {row["url"]: [line for line in row["text"].split("\n") if line.strip()] for row in rows}


def write_pages(path: Path, pages: Iterable[str], snapshot: str = "") -> None:
    """A WET file whose pages are called after it and their place."""
    named = [(f"https://example.org/{path.name}/{place:02d}", page) for place, page in enumerate(pages)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wet_bytes(named, snapshot))


def test_a_crawl_s_name_from_the_file_else_the_config_else_one(tmp_path: Path, run_job: RunJob) -> None:
    write_pages(tmp_path / "in" / "says.wet.gz", ["shared\nown a"], "CC-MAIN-2019-09")
    for name in "bcd":
        write_pages(tmp_path / "in" / f"{name}.wet.gz", [f"shared\nown {name}"])

    def left(out: str, **named: str) -> set[str]:
        """Which files kept the shared line, with these snapshots in the config."""
        listed = ", ".join(
            f"{{pattern: '{tmp_path}/in/{name}.wet.gz', snapshot: {named[name]}}}"
            if name in named
            else f"'{tmp_path}/in/{name}.wet.gz'"
            for name in ("says", "b", "c", "d")
        )
        run_job(*config(tmp_path, f"[{listed}]", "{scope: snapshot}"), "--output", str(tmp_path / out))
        kept = kept_lines(tmp_path / out)
        return {url.split("/")[3].split(".")[0] for url, lines in kept.items() if "shared" in lines}

    # The three without a name are one crawl.
    assert left("none") == {"says"}
    # What the file says goes before the config: "says" is of 2019-09 in any case, and b joins it.
    assert left("joined", says="CC-MAIN-2000-01", b="CC-MAIN-2019-09") == set()
    assert left("joined", b="CC-MAIN-2019-09") == set()
    assert left("apart", b="CC-MAIN-2019-09", c="CC-MAIN-2019-18") == {"c", "d"}
    documents = pq.read_table(next((tmp_path / "apart" / "documents" / "commoncrawl").glob("c.*")))
    assert documents.column("snapshot").to_pylist() == ["CC-MAIN-2019-18"]


def test_another_snapshot_reads_again_only_the_files_it_is_of(tmp_path: Path, run_job: RunJob) -> None:
    for name in "ab":
        write_pages(tmp_path / "in" / f"{name}.wet.gz", [f"shared\nown {name}"])
    out = tmp_path / "out"
    inputs = f"['{tmp_path}/in/a*', {{pattern: '{tmp_path}/in/b*', snapshot: NAME}}]"
    run_job(*config(tmp_path, inputs.replace("NAME", "one"), "{}"), "--output", str(out))
    assert "shared" in kept_lines(out)["https://example.org/a.wet.gz/00"]
    written = {path: path.stat().st_mtime_ns for path in (out / "documents").rglob("*.parquet")}
    _, outcomes = run_job(*config(tmp_path, inputs.replace("NAME", "two"), "{}"), "--output", str(out))
    again = {path.name[0] for path, time in written.items() if path.stat().st_mtime_ns != time}
    assert again == {"b"}
    assert [outcome.phase for outcome in outcomes if outcome.ran] == ["prepare", "lines", "judge"]


def test_scope_keep_and_earlier_runs_do_not_read_again(tmp_path: Path, run_job: RunJob) -> None:
    write_pages(tmp_path / "in" / "a.wet.gz", ["one\nshared", "two\nshared"])
    write_pages(tmp_path / "old" / "b.wet.gz", ["three\ntwo"])
    run_job(*config(tmp_path, f"['{tmp_path}/old/*']", "{}"), "--output", str(tmp_path / "earlier"))
    given = f"['{tmp_path}/in/*']"
    run_job(*config(tmp_path, given, "{}"), "--output", str(tmp_path / "out"))
    against = f"{{keep: first, scope: global, against: ['{tmp_path}/earlier']}}"
    _, outcomes = run_job(*config(tmp_path, given, against), "--output", str(tmp_path / "out"))
    assert [outcome.phase for outcome in outcomes if outcome.ran] == ["lines", "judge"]
    assert list(kept_lines(tmp_path / "out").values()) == [["one", "shared"], []]


def test_an_earlier_run_owns_its_lines(tmp_path: Path, run_job: RunJob) -> None:
    write_pages(tmp_path / "old" / "a.wet.gz", ["first\nold twice", "second\nold twice"], "CC-MAIN-2019-09")
    new = ["old twice\nFIRST!\nfirst \nnew twice\nnew", "new twice\nsecond", "first\nsecond"]
    write_pages(tmp_path / "in" / "b.wet.gz", new[:1], "CC-MAIN-2019-18")
    write_pages(tmp_path / "in" / "c.wet.gz", new[1:], "CC-MAIN-2019-18")
    write_pages(tmp_path / "later" / "d.wet.gz", ["new\nlater"], "CC-MAIN-2019-22")
    run_job(*config(tmp_path, f"['{tmp_path}/old/*']", "{}", source="cc_old"), "--output", f"{tmp_path}/one")

    def left(out: str, keep: str, *more: str) -> list[list[str]]:
        against = f"{{keep: {keep}, against: [{{output: '{tmp_path}/one', source: cc_old}}]}}"
        given = config(tmp_path, f"['{tmp_path}/in/*']", against)
        run_job(*given, "--output", str(tmp_path / out), *more)
        return [lines for _, lines in sorted(kept_lines(tmp_path / out).items())]

    shutil.rmtree(tmp_path / "one" / "documents")  # which nobody asks for
    before = folder_digests(tmp_path / "one", leave_out="none")
    assert left("none", "none") == [["FIRST!", "new"], [], []]
    assert left("first", "first") == [["FIRST!", "new twice", "new"], [], []]
    assert left("shuffle", "first", "--exchange", "shuffle") == left("first", "first")
    assert folder_digests(tmp_path / "one", leave_out="none") == before
    # One after the other, each run against all before it; where they lie leaves no trace.
    chain = f"{{against: [{{output: '{tmp_path}/one', source: cc_old}}, '{tmp_path}/none']}}"
    run_job(*config(tmp_path, f"['{tmp_path}/later/*']", chain), "--output", str(tmp_path / "three"))
    assert list(kept_lines(tmp_path / "three").values()) == [["later"]]
    shutil.move(tmp_path / "one", tmp_path / "moved")
    moved = chain.replace(f"{tmp_path}/one", f"{tmp_path}/moved")
    run_job(*config(tmp_path, f"['{tmp_path}/later/*']", moved), "--output", str(tmp_path / "four"))
    assert folder_digests(tmp_path / "three") == folder_digests(tmp_path / "four")
    again = config(tmp_path, f"['{tmp_path}/later/*']", moved)
    _, outcomes = run_job(*again, "--output", str(tmp_path / "three"))
    assert not any(outcome.ran for outcome in outcomes)


def test_an_earlier_run_that_changed_is_asked_again(tmp_path: Path, run_job: RunJob) -> None:
    write_pages(tmp_path / "old" / "a.wet.gz", ["first"])
    write_pages(tmp_path / "in" / "b.wet.gz", ["first\nsecond"])
    earlier = [*config(tmp_path, f"['{tmp_path}/old/*']", "{}"), "--output", str(tmp_path / "one")]
    run_job(*earlier)
    new = f"['{tmp_path}/in/*']", f"{{against: ['{tmp_path}/one']}}"
    run_job(*config(tmp_path, *new), "--output", str(tmp_path / "two"))
    assert list(kept_lines(tmp_path / "two").values()) == [["second"]]
    write_pages(tmp_path / "old" / "a.wet.gz", ["second"])
    config(tmp_path, f"['{tmp_path}/old/*']", "{}")
    run_job(*earlier)
    _, outcomes = run_job(*config(tmp_path, *new), "--output", str(tmp_path / "two"))
    assert list(kept_lines(tmp_path / "two").values()) == [["first"]]
    assert [outcome.phase for outcome in outcomes if outcome.ran] == ["lines", "judge"]


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ("{}/nowhere", "nowhere holds no run whose phase prepare is finished for source commoncrawl"),
        ("{}/unfinished", "unfinished holds no run whose phase lines is finished for source commoncrawl"),
        (
            "{{output: '{}/one', source: web}}",
            "one holds no run whose phase prepare is finished for source web",
        ),
        ("{}/c4", "c4 has other fingerprints for source commoncrawl: its lines cannot be compared"),
        ("{}/emptied", "emptied has lost fingerprints or lists of source commoncrawl"),
        ("{}/ahead", "ahead has run its phase lines on other files than prepare"),
        ("{}/../new/./out", "out is this run's own output folder"),
    ],
)
def test_earlier_runs_that_cannot_be_used(
    against: str, message: str, earlier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = earlier.parent / "new"
    folder.mkdir(exist_ok=True)
    options = config(folder, f"['{earlier}/in/*']", f"{{against: [{against.format(earlier)}]}}")
    assert main([*options, "--output", str(folder / "out")]) == 1
    said = capsys.readouterr().err
    assert "sources.commoncrawl.duplicate_lines.against: " in said
    assert message in said
    assert said.count("winnow:") == 1
    assert not (folder / "out").exists()


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of earlier runs: whole ones, and in their ways unfit ones."""
    folder = tmp_path_factory.mktemp("runs") / "earlier"
    write_pages(folder / "in" / "a.wet.gz", ["first"])
    run_quietly(*config(folder, f"['{folder}/in/*']", "{}"), "--output", f"{folder}/one")
    for name, lost in (("unfinished", "manifests/lines"), ("emptied", "fingerprints")):
        shutil.copytree(folder / "one", folder / name)
        shutil.rmtree(folder / name / lost)
    write_pages(folder / "more" / "b.wet.gz", ["second"])
    ahead = config(folder, f"['{folder}/in/*', '{folder}/more/*']", "{}")
    shutil.copytree(folder / "one", folder / "ahead")
    run_quietly(*ahead[:2], "--phases", "prepare", "--output", f"{folder}/ahead")
    c4 = "sources:\n  commoncrawl: {flow: c4_from_web, proportion: 1}\n"
    (folder / "c4.yaml").write_text(c4)
    options = ["--config", f"{folder}/c4.yaml", "--phases", PHASES, "--input", f"commoncrawl={folder}/in/*"]
    run_quietly(*options, "--output", f"{folder}/c4")
    return folder
