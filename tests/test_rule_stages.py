"""Page rules as stages: off until named, values recorded, thresholds changed, one analysis of each text."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from conftest import SENTENCES, RunJob, english_page

from filters.fineweb import FINEWEB
from filters.gopher import GOPHER
from filters.gopher_tools import GOPHER_PRESETS
from filters.textview import TextView
from pipeline.config import parse_config
from pipeline.errors import WinnowError
from pipeline.flows import FLOWS
from pipeline.records import Document
from pipeline.schema import documents_table
from pipeline.transforms import rules
from pipeline.transforms.judging import Judging
from pipeline.transforms.rules import FineWeb, Gopher, RuleStage, run_stages

CONFIG = """\
batch_bytes: {batch}
scores: {scores}
sources:
  documents:
    proportion: 100
    gopher: {gopher}
    fineweb: on
"""
WORDS = re.findall(r"\w+", " ".join(SENTENCES))
TEXTS = {
    "good": english_page(1, 8).replace(")", ")."),
    "other": english_page(2, 8).replace(")", ")."),
    "few words": "The cat and the dog have been here with that. It is so.",
    "cut": "\n".join(" ".join(WORDS[start : start + 4]) for start in range(0, len(WORDS), 4)),
    "repeats": "The end of the world that we have known. " * 20,
    "empty": "",
}


def table(texts: list[str]) -> Any:
    return documents_table(
        "documents", "in", [(n, Document(key=str(n), text=t)) for n, t in enumerate(texts)]
    )


def judged(texts: list[str], *stages: RuleStage, score_all: bool = False) -> list[dict[str, Any]]:
    batch = Judging(table(texts), score_all)
    run_stages(stages, batch)
    return list(batch.table().to_pylist())


def run_documents(
    folder: Path, run_job: RunJob, batch: str, scores: str = "needed", gopher: str = "on"
) -> Any:
    folder.mkdir(exist_ok=True)
    rows = [
        orjson.dumps({"text": text, "url": f"https://example.org/{name}"}) for name, text in TEXTS.items()
    ]
    (folder / "in.json.gz").write_bytes(gzip.compress(b"\n".join(rows)))
    (folder / "c.yaml").write_text(CONFIG.format(batch=batch, scores=scores, gopher=gopher))
    out = folder / f"out-{batch}-{scores}"
    run_job(
        *("--config", str(folder / "c.yaml"), "--input", f"documents={folder}/in.json.gz"),
        *("--output", str(out), "--phases", "prepare,lines,judge,duplicates,curate"),
    )
    files = sorted((out / "curated").rglob("*.parquet")) + sorted((out / "dropped").rglob("*.parquet"))
    return sorted((row for file in files for row in pq.read_table(file).to_pylist()), key=lambda r: r["url"])


def test_a_run_records_values_and_verdicts_whatever_the_batches(tmp_path: Path, run_job: RunJob) -> None:
    rows = run_documents(tmp_path, run_job, "16MiB")
    assert run_documents(tmp_path, run_job, "600") == rows
    assert len(list((tmp_path / "out-600-needed" / "judged" / "documents").iterdir())) > 3
    by_name = {row["url"].rsplit("/", 1)[1]: row for row in rows}
    assert {name: row["verdict"] for name, row in by_name.items()} == {
        "good": None,
        "other": None,
        "few words": "gopher.words",
        "cut": "fineweb.ended_lines",
        "repeats": "gopher.top_3_gram",
        "empty": "gopher.words",
    }
    for name, row in by_name.items():
        view = TextView(TEXTS[name])
        expected = {f"gopher.{value}": number for value, number in GOPHER.values(view).items()}
        if not str(row["verdict"]).startswith("gopher"):
            expected |= {f"fineweb.{value}": number for value, number in FINEWEB.values(view).items()}
        assert orjson.loads(row["rule_values"]) == expected
    few = by_name["few words"]
    assert (few["verdict_value"], few["verdict_threshold"]) == (13, 50)


def test_with_all_scores_every_rule_is_measured_and_the_first_failure_stays(
    tmp_path: Path, run_job: RunJob
) -> None:
    rows = run_documents(tmp_path, run_job, "16MiB", "all")
    assert all(len(orjson.loads(row["rule_values"])) == 21 + 4 for row in rows)
    assert sum(row["verdict"] == "gopher.words" for row in rows) == 2


def test_a_threshold_from_the_config(tmp_path: Path, run_job: RunJob) -> None:
    gopher = "{thresholds: {words: {minimum: 5}, top_3_gram: {maximum: null}}}"
    rows = run_documents(tmp_path, run_job, "16MiB", gopher=gopher)
    verdicts = {row["url"].rsplit("/", 1)[1]: row["verdict"] for row in rows}
    assert verdicts["few words"] is None
    assert verdicts["empty"] == "gopher.words"
    assert verdicts["repeats"] == "gopher.top_4_gram"


@pytest.mark.parametrize("preset", sorted(GOPHER_PRESETS))
def test_the_verdict_is_the_presets_first_failure(preset: str) -> None:
    texts = list(TEXTS.values())
    rows = judged(texts, Gopher.model_validate({"preset": preset}))
    for text, row in zip(texts, rows, strict=True):
        failure = GOPHER_PRESETS[preset].first_failure(TextView(text))
        found = (row["verdict"], row["verdict_value"], row["verdict_threshold"])
        assert found == (tuple(failure) if failure else (None, None, None))


def test_one_analysis_of_each_text_for_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def analysed(text: str) -> TextView:
        seen.append(text)
        return TextView(text)

    monkeypatch.setattr(rules, "TextView", analysed)
    together = judged(list(TEXTS.values()), Gopher(), FineWeb(), score_all=True)
    assert seen == list(TEXTS.values())
    batch = Judging(table(list(TEXTS.values())), score_all=True)
    for stage in (Gopher(), FineWeb()):
        stage.judge(batch, {})
    assert batch.table().to_pylist() == together


def test_rows_that_no_rule_measured_have_no_values() -> None:
    assert [row["rule_values"] for row in judged(["a", "b"])] == [None, None]


@pytest.mark.parametrize("flow", sorted(FLOWS))
def test_rules_are_off_until_they_are_named(flow: str) -> None:
    config = f"sources:\n  {flow}:\n    proportion: 100\n"

    def stages(text: str) -> set[str]:
        made = parse_config(text, "c.yaml")[1][flow].flow
        assert made is not None
        return set(made.stages())

    assert {"gopher", "fineweb"} <= set(FLOWS[flow].stages())
    assert not {"gopher", "fineweb"} & stages(config)
    assert stages(config + "    gopher: on\n") - stages(config) == {"gopher"}


@pytest.mark.parametrize(
    ("gopher", "message"),
    [
        ("{preset: gopher@1}", "line 4: sources.c4.gopher.preset: input should be 'gopher@2112.11446', 'go"),
        ("{thresholds: {wrds: {minimum: 1}}}", "the rules of gopher@2112.11446 are duplicate_paragraphs, "),
        ("{thresholds: {words: {least: 1}}}", "input should be 'minimum' or 'maximum', not 'least'"),
        ("{preset: gopher@dolma, thresholds: {duplicate_paragraphs: {}}}", "the rules of gopher@dolma are"),
    ],
)
def test_mistakes_are_one_sentence(gopher: str, message: str) -> None:
    text = f"sources:\n  c4:\n    proportion: 100\n    gopher: {gopher}\n"
    with pytest.raises(WinnowError) as raised:
        parse_config(text, "c.yaml")
    assert message in str(raised.value)


def test_changed_thresholds_are_part_of_what_a_stage_does() -> None:
    free = Gopher(thresholds={"words": {"minimum": 1, "maximum": None}})
    bound = Gopher(thresholds={"words": {"minimum": 1}})
    assert free.settings() != bound.settings()
    maxima = [
        rule.maximum for stage in (free, bound) for rule in stage.rules().rules if rule.value == "words"
    ]
    assert maxima == [None, 100_000]
