"""The report of a run: nothing from the web gets out of its place, its numbers are the ledgers', and it needs
nothing but itself."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows.stackexchange import LargestSites, StackExchangeDump
from pipeline.ledger import Line, read_ledger
from pipeline.look.finished import FinishedRun
from pipeline.look.statistics import host_column
from pipeline.phases.phase import Run
from pipeline.report import __main__ as command
from pipeline.report.build import report, report_of
from pipeline.report.cluster_view import cluster_view
from pipeline.report.funnel import _texts, funnel
from pipeline.report.markup import Markup, tag, text
from pipeline.report.moving import moves
from pipeline.report.record import write_record
from pipeline.report.spread import Spread, floor
from pipeline.report.survey import EXAMPLES, Names, survey
from tests.conftest import english_page, run_quietly, wet_bytes

LIMIT = 0.983
HOSTILE = [
    ("https://evil.example/</script><script>alert(1)</script>", "</pre></article><script>alert(2)</script>"),
    (
        'javascript:alert(3)//"><img src=x onerror=alert(4)>',
        "<img src=http://evil.example/x onerror=alert(5)>",
    ),
    ("https://evil.example/'onmouseover='x", "<style>@import 'http://evil.example'</style> ]]> --> {{7*7}}"),
    ("https://evil.example/bidi", "\u202egnp.exe <iframe srcdoc='<script>1</script>'></iframe> &lt;b&gt;"),
]
CONFIG = """
missing_sources: renormalise
sources:
  commoncrawl:
    proportion: 100
    inputs: []
    published_epochs: 1.1
    published_disk: "<b>3.3 TB</b>"
    language: {languages: [], min_score: %s}
    short: {min_characters: 200}
    duplicate_lines: off
"""


def make(folder: Path, name: str, min_score: float = LIMIT, phases: str = "") -> tuple[Run, FinishedRun]:
    folder.mkdir(exist_ok=True)
    pages = [(url, f"{words}\n{english_page(n)}") for n, (url, words) in enumerate(HOSTILE)]
    pages += [(f"https://site{n % 3}.example/{n}", english_page(n)) for n in range(10, 40)]
    pages += [(f"https://copy.example/{n}", english_page(n)) for n in range(10, 13)]
    pages += [(f"https://short.example/{n}", f"Too short, {n}. <script>") for n in range(12)]
    pages += [(f"https://noise.example/{n}", f"xq zzk {n} 7 # " * 40) for n in range(5)]
    for part in range(2):
        (folder / f"part-{part}.warc.wet.gz").write_bytes(wet_bytes(pages[part::2], "CC-MAIN-2020-05"))
    config = folder / f"{min_score}.yaml"
    config.write_text(CONFIG % min_score)
    run, outcomes = run_quietly(
        "--config", str(config), "--output", str(folder / name), "--input", f"commoncrawl={folder}/*.wet.gz",
        "--workers", "1", *(["--phases", phases] if phases else []),
    )  # fmt: skip
    write_record(run, outcomes)
    return run, FinishedRun(run.out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def made(folder: Path) -> tuple[Run, FinishedRun]:
    return make(folder, "out")


@pytest.fixture(scope="module")
def page(made: tuple[Run, FinishedRun]) -> str:
    return report(made[1], with_timings=True)


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_nothing_from_the_web_becomes_an_element(page: str) -> None:
    elements = Elements(page)
    names = [name for name, _ in elements.found]
    assert not elements.open and not elements.wrong
    assert not {"img", "iframe", "object", "embed", "link", "base", "form", "b"} & set(names)
    assert names.count("script") == names.count("style") == names.count("title") == 1
    attributes = [(key, value) for _, found in elements.found for key, value in found.items()]
    assert not [key for key, _ in attributes if key.startswith("on") or key in ("style", "src", "srcdoc")]
    # The texts are there, as texts.
    shown = "".join(elements.words)
    assert (
        "<script>alert(2)</script>" in shown and "<img src=http://evil.example/x onerror=alert(5)>" in shown
    )
    assert "\u202e" not in page and "\\u202egnp.exe" in shown


def test_nothing_is_fetched(page: str) -> None:
    elements = Elements(page)
    ids = {found["id"] for _, found in elements.found if "id" in found}
    links = [found["href"] for _, found in elements.found if "href" in found]
    assert links and all(link and link[0] == "#" and link[1:] in ids for link in links)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", page.partition("<body>")[0])
    policy = next(found["content"] for _, found in elements.found if "http-equiv" in found)
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("made", "written"),
    [
        (tag("p", "<b>"), "<p>&lt;b&gt;</p>"),
        (tag("p", tag("b", "a"), "&"), "<p><b>a</b>&amp;</p>"),
        (tag("p", class_='"x', data_y=None, hidden=True), '<p class="&quot;x" hidden></p>'),
        (tag("b", "1") + "<", "<b>1</b>&lt;"),
        (text("a\x00\ud800"), "a\\u0000\\ud800"),
    ],
)
def test_markup(made: Markup, written: str) -> None:
    assert str(made) == written


def test_the_funnel_is_the_ledgers(made: tuple[Run, FinishedRun]) -> None:
    run, finished = made
    found = funnel(finished, "commoncrawl")
    curated = read_ledger(run.out, "curate", "commoncrawl")
    dropped = {line.rule: 0 for line in curated if line.entry == "dropped"}
    for line in curated:
        if line.entry == "dropped":
            dropped[line.rule] += line.documents
    assert {step.rule: step.documents for step in found.steps if step.rule in dropped} == dropped
    assert {"short", "duplicate_text", "language_score"} <= {step.rule for step in found.steps}
    assert found.kept == sum(line.documents for line in curated if line.entry == "out") > 0
    # Every step counts down to what was kept, in documents and in bytes.
    assert (found.steps[-1].documents_left, found.steps[-1].bytes_left) == (found.kept, found.kept_bytes)
    assert found.records - sum(step.documents for step in found.steps) == found.kept
    assert found.steps[-1].tokens_left == found.tokens
    assert found.steps[0].tokens_left is not None and found.tokens is not None
    assert found.steps[0].tokens_left > found.tokens
    order = ["read", "prepare", "lines", "judge", "duplicates"]
    assert sorted(found.steps, key=lambda step: order.index(step.phase)) == found.steps


def test_parts_of_texts_are_counted_less_what_came_in_their_place() -> None:
    books = [
        Line("a", "removed", "mask", 0, 10),
        Line("b", "removed", "mask", 0, 5),
        Line("a", "added", "mask", 0, 7),
        Line("a", "removed", "duplicate_lines", 0, 0),
    ]
    assert _texts(books) == [("judge", "mask: parts of texts", 0, 8)]


def test_the_page_says_the_funnel(made: tuple[Run, FinishedRun], page: str) -> None:
    found = funnel(made[1], "commoncrawl")
    shown = Elements(page).words
    assert (
        f"{found.kept:,}" in shown
        and f"{found.tokens:,}" in shown
        and f"−{found.steps[-1].documents:,}" in shown
    )
    assert "<b>3.3 TB</b>" in shown and "1.10" in shown  # what was published, beside what was drawn


def test_scores_count_every_scored_document(made: tuple[Run, FinishedRun]) -> None:
    _, finished = made
    view = survey(finished, "commoncrawl")
    tables = [t for f in ("curated", "dropped") for _, t in finished.tables(f, "commoncrawl")]
    rows = [row for t in tables for row in t.to_pylist()]
    score = view.rules["language_score", True]
    assert score.limit == LIMIT
    assert score.spread.total() == sum(row["language_score"] is not None for row in rows)
    assert score.spread.total("here") == sum(row["verdict"] == "language_score" for row in rows) > 0
    short = view.rules["short", True]
    assert not short.full and short.limit == 200
    assert len(short.dropped) == EXAMPLES < short.spread.total() == 12
    drawn = sorted(row["id"] for row in rows if row["verdict"] == "short")[:EXAMPLES]
    assert [place.id for place in short.dropped] == drawn
    kept = sorted((row["language_score"], row["id"]) for row in rows if row["verdict"] is None)[:EXAMPLES]
    assert [(place.rank, place.id) for place in score.passed] == kept
    assert view.hosts.counts["copy.example"] + view.hosts.counts["site0.example"] > 0
    assert view.languages.counts.total() == len([row for row in rows if row["verdict"] is None])
    hosts = [row["url"] for row in rows if row["verdict"] is None and row["url"].startswith("http")]
    assert view.hosts.counts.total() == len(hosts)
    assert view.lengths.total("kept") == view.languages.counts.total()


def test_moving_a_threshold_says_what_another_run_does(folder: Path, made: tuple[Run, FinishedRun]) -> None:
    view = survey(made[1], "commoncrawl").rules["language_score", True]
    for move in moves(view):
        assert move.lost == view.spread.total("kept") - view.spread.passing("kept", move.threshold)
    stricter = next(move for move in moves(view) if move.lost)
    _, other = make(folder, "stricter", stricter.threshold, "prepare,lines,judge,duplicates,curate")
    now = survey(other, "commoncrawl").rules["language_score", True]
    assert now.spread.total("here") >= view.spread.total("here") + stricter.lost
    lowest = moves(view)[0]
    assert lowest.freed == view.spread.total("here") and lowest.lost == 0
    assert next(move for move in moves(view) if move.threshold == LIMIT) == type(lowest)(LIMIT, 0, 0)


def test_clusters_list_what_was_lost(made: tuple[Run, FinishedRun], page: str) -> None:
    view = cluster_view(made[1], "commoncrawl")
    assert view.lost == {"duplicate_text": 3}
    assert view.sizes == {"1": 3}
    assert page.count("what they lost to") == 1


def test_the_same_input_gives_the_same_page(folder: Path, made: tuple[Run, FinishedRun]) -> None:
    _, other = make(folder, "again")
    first = report(made[1], with_timings=False)
    assert report(other, with_timings=False) == first
    assert "Timings" not in first and str(folder) not in first


def test_timings_are_of_the_run_that_did_the_work(made: tuple[Run, FinishedRun], page: str) -> None:
    run, _ = made
    before = (Path(run.out) / "work" / "timings.json").read_bytes()
    write_record(run, [])
    assert (Path(run.out) / "work" / "timings.json").read_bytes() == before
    assert set(json.loads(before)) == {"prepare", "lines", "judge", "duplicates", "curate", "tokenize", "mix"}
    assert "Wall time of each phase" in page


def test_the_command_writes_the_page(
    made: tuple[Run, FinishedRun], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, finished = made
    assert command.main(["--run", run.out, "--no-timings"]) == 0
    written = (Path(run.out) / "report" / "index.html").read_text("utf-8")
    assert written == report(finished, with_timings=False)
    assert command.main(["--run", str(tmp_path)]) == 1
    assert "holds no run" in capsys.readouterr().err
    assert not report_of(str(tmp_path)) and report_of(run.out)


values = st.lists(
    st.floats(-1e9, 1e9) | st.sampled_from([0.0, 0.3, 0.5, 1.1, 1000.0, 681.2, 1e-7]), max_size=30
)


@given(values)
def test_counts_at_edges_are_exact(values: list[float]) -> None:
    for upwards in (True, False):
        spread = Spread(upwards)
        spread.add("kept", np.array(values))
        spread.add("kept", np.array([np.nan]))
        assert spread.total() == len(values)
        for edge in spread.edges():
            expected = sum(v >= edge if upwards else v <= edge for v in values)
            assert spread.passing("kept", edge) == expected


@pytest.mark.parametrize(
    ("value", "edge"),
    [
        (0.3, 0.3),
        (0.1234, 0.123),
        (681.29, 681.0),
        (-0.1234, -0.124),
        (0, 0),
        (99999, 99900),
        (999999999.9999999, 999e6),
    ],
)
def test_edges_are_decimals(value: float, edge: float) -> None:
    assert floor(np.array([value]))[0] == edge


def test_too_many_names_become_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.report.survey.NAMES", 4)
    names = Names()
    names.add(pa.chunked_array([["a", "a", "b", "c", "d", "e", None]]))
    assert names.pruned and names.counts == {"a": 2, "": 1}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://User:pw@Example.ORG:8080/a@b", "example.org"),
        ("http://[2001:db8::1]:80/x", "[2001:db8::1]"),
        ("https://example.org?x=//evil", "example.org"),
        ("no url", None),
        (None, None),
    ],
)
def test_hosts(url: str | None, host: str | None) -> None:
    assert host_column(pa.chunked_array([[url]], pa.string())).to_pylist() == [host]


def test_a_stage_settled_in_a_run_is_read_back() -> None:
    settled = LargestSites(keep=1).settled(StackExchangeDump(), {"a.example.7z": 3})
    settings = {key: value for key, value in settled.settings().items() if key != "stage"}
    assert LargestSites.recorded().model_validate(settings) == settled
    assert settled.gives("site_rank") and not settled.gives("largest_sites")
