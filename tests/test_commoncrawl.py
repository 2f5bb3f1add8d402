"""The CommonCrawl flow against the defects of the code it stands in for, and its rules as configured."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import RunJob, english_page, letters, wet_bytes

from filters.reference import NEGATIVE, POSITIVE
from pipeline.config import parse_config
from pipeline.models import resolve
from pipeline.records import Document
from pipeline.schema import documents_table
from pipeline.transforms import judges
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.judging import JudgeStage, Judging

PHASES = "prepare,lines,judge,duplicates,curate"
CONFIG = """\
sources:
  commoncrawl:
    proportion: 1
    short: {{min_characters: 0}}
    language: off
    perplexity: off
    wikipedia_reference: off
    duplicate_lines: {lines}
"""


def run_pages(
    folder: Path, run_job: RunJob, files: dict[str, list[tuple[str, str]]], lines: str = "{}"
) -> dict[tuple[str, str], dict[str, Any]]:
    """Run WET files, called by their snapshots, and return every row by snapshot and URL."""
    (folder / "config.yaml").write_text(CONFIG.format(lines=lines))
    (folder / "in").mkdir(exist_ok=True)
    for snapshot, pages in files.items():
        # A page has another record id in each crawl.
        plain = gzip.decompress(wet_bytes(pages, snapshot)).replace(
            b"<urn:uuid:", f"<urn:{snapshot}:".encode()
        )
        (folder / "in" / f"{snapshot}.wet").write_bytes(plain)
    options = ["--config", f"{folder}/config.yaml", "--input", f"commoncrawl={folder}/in/*"]
    run_job(*options, "--output", f"{folder}/out", "--phases", PHASES)
    rows: Iterable[dict[str, Any]] = [
        row
        for part in ("curated", "dropped")
        for file in sorted((folder / "out" / part).rglob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]
    return {(row["snapshot"], row["url"]): row for row in rows}


def test_title_and_paragraphs_stay_where_others_share_lines(tmp_path: Path, run_job: RunJob) -> None:
    text = "How to bake\n\nStep one\n\nSubscribe now\n\nStep two\n\nShare"
    rows = run_pages(
        tmp_path, run_job, {"x": [("https://a/1", text), ("https://a/2", "About us\n\nSubscribe now\nShare")]}
    )
    assert rows["x", "https://a/1"]["text"] == "How to bake\n\nStep one\n\nStep two"
    assert rows["x", "https://a/2"]["text"] == "About us"


def test_equal_texts_go_by_what_they_say_and_not_by_their_url(tmp_path: Path, run_job: RunJob) -> None:
    page, other = english_page(1), english_page(2)
    crawls = {
        "one": [("https://a/1", page), ("https://a/2", other)],
        "two": [("https://a/1", english_page(3)), ("https://b/moved", page)],
    }
    rows = run_pages(tmp_path, run_job, crawls)
    kept = {name for name, row in rows.items() if row["verdict"] is None}
    # Another text at the same URL stays; the same text at another URL goes, in another crawl too.
    assert kept >= {("one", "https://a/2"), ("two", "https://a/1")}
    copies = {name: rows[name] for name in (("one", "https://a/1"), ("two", "https://b/moved"))}
    assert sorted(row["verdict"] or "" for row in copies.values()) == ["", "duplicate_text"]
    survivor = min(row["id"] for row in copies.values())
    assert {row["survivor"] for row in copies.values()} == {None, survivor}


def test_a_million_lines_of_one_kind_and_of_all_kinds(tmp_path: Path, run_job: RunJob) -> None:
    same = [(f"https://same/{page}", "\n".join(["one line"] * 4000)) for page in range(250)]
    different = [
        (f"https://own/{page}", "\n".join(f"{letters(page)} {letters(line)}" for line in range(4000)))
        for page in range(250)
    ]
    rows = run_pages(tmp_path, run_job, {"x": same + different})
    left = {url: row["text"] for (_, url), row in rows.items()}
    assert {left[url] for url, _ in same} == {""}
    assert all(left[url] == text for url, text in different)


def judged(stage: JudgeStage, documents: list[Document]) -> list[dict[str, Any]]:
    """The rows of a batch that one stage has judged."""
    batch = Judging(documents_table("commoncrawl", "in", list(enumerate(documents))))
    stage.judge(batch, {path: resolve(path) for path in stage.model_paths()})
    rows: list[dict[str, Any]] = batch.table().to_pylist()
    return rows


def perplexity(text: str) -> Perplexity:
    """The stage that a block of a config sets."""
    config = f"sources:\n  commoncrawl:\n    proportion: 1\n    perplexity: {text}\n"
    flow = parse_config(config, "c.yaml")[1]["commoncrawl"].flow
    assert flow is not None
    stage = flow.stages()["perplexity"]
    assert isinstance(stage, Perplexity)
    return stage


FILES = "kenlm: bundled:en.lm.bin, sentencepiece: bundled:en.sp.model, cutoffs: bundled:ccnet-cutoff.csv"


@pytest.mark.parametrize(
    ("settings", "verdicts"),
    [
        ("{}", [None, "perplexity.no_model", "perplexity.no_model"]),
        ("{without_model: keep}", [None, None, None]),
        # Swedish has a model here and no cutoffs in CCNet's table.
        (f"{{mode: ccnet, models: {{sv: {{{FILES}}}}}}}", ["perplexity.no_model"] * 3),
        (f"{{mode: ccnet, models: {{sv: {{{FILES}}}}}, without_model: keep}}", [None] * 3),
    ],
)
def test_a_language_without_model_or_cutoffs_is_a_choice(settings: str, verdicts: list[str | None]) -> None:
    text = "The university was founded in the nineteenth century and is one of the oldest in the country."
    documents = [Document(key=code, text=text, language=code) for code in ("en", "sv", "")]
    rows = judged(perplexity(settings), documents)
    assert [row["verdict"] for row in rows] == verdicts
    assert rows[0]["perplexity_bucket"] == ("head" if settings in {"{}", "{without_model: keep}"} else "none")


@pytest.mark.parametrize(
    ("keep", "verdicts"),
    [
        ("[head, middle]", [None, None, "perplexity.tail"]),
        ("[head]", [None, "perplexity.middle", "perplexity.tail"]),
        ("[tail]", ["perplexity.head", "perplexity.middle", None]),
    ],
)
def test_which_buckets_stay_is_configuration(keep: str, verdicts: list[str | None]) -> None:
    texts = [
        "The university was founded in the nineteenth century and is one of the oldest in the country.",
        "I sold my laptop to a friend, so the tablet was perfect for me and all I did was email and music.",
        "Login Cart 0 items Qty SKU tops bottoms xs s m l xl sign-up npm undefined click here >> next",
    ]
    rows = judged(perplexity(f"{{keep: {keep}}}"), [Document(key=t, text=t, language="en") for t in texts])
    assert [row["perplexity_bucket"] for row in rows] == ["head", "middle", "tail"]
    assert [row["verdict"] for row in rows] == verdicts


class Fixed:
    """Answers a fastText model's call for a whole batch at once, with the probabilities given."""

    def __init__(self, *answers: tuple[str, float]) -> None:
        self.f, self._answers, self.calls = self, answers, 0

    def multilinePredict(self, lines: list[str], k: int, threshold: float, errors: str) -> Any:
        self.calls += 1
        assert len(lines) == len(self._answers)
        return [[label] for label, _ in self._answers], [np.array([p]) for _, p in self._answers]


def test_a_score_just_under_the_threshold_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Rounded to two decimals first, as cc_net does, 0.496 would pass 0.5.
    model = Fixed(("__label__en", 0.496), ("__label__en", 0.5))
    monkeypatch.setattr(judges, "load_fasttext", lambda path: model)
    rows = judged(Language(), [Document(key="a", text="a"), Document(key="b", text="b")])
    assert [row["verdict"] for row in rows] == ["language_score", None]


def test_the_classifier_scores_and_one_line_makes_it_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    config = "sources:\n  commoncrawl:\n    proportion: 1\n"
    for line, verdicts in (
        ("", [None, None, None]),
        ("    wikipedia_reference: {min_score: 0.25}\n", [None, None, "wikipedia_reference"]),
    ):
        flow = parse_config(config + line, "c.yaml")[1]["commoncrawl"].flow
        assert flow is not None
        stage = flow.stages()["wikipedia_reference"]
        assert isinstance(stage, WikipediaReference)
        model = Fixed((POSITIVE, 0.9), (NEGATIVE, 0.75), (NEGATIVE, 1.00001))
        monkeypatch.setattr(judges, "load_reference", lambda path, model=model: model)
        rows = judged(stage, [Document(key=key, text=key) for key in "abc"])
        assert [row["verdict"] for row in rows] == verdicts
        assert [row["reference_score"] for row in rows] == [0.9, 0.25, 0.0]
        assert model.calls == 1
