"""A user's own documents: each stage of ours that a config names is done, none besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from conftest import SENTENCES, RunJob, english_page

from pipeline.flows.documents import DOCUMENTS

# By name: a text, and the rule that is to take it where all of FIRST are done; none takes the first five.
TEXTS = {
    "page": (english_page(1), None),
    "mail": (f"{english_page(2)} Write to jane.doe@company.org for more.", None),
    "new": (english_page(3), None),
    "prose": ("\n".join(SENTENCES[:4]), None),
    "other": ("\n".join([SENTENCES[0], *SENTENCES[4:]]), None),
    "old": (english_page(5), "duplicate_url"),
    "copy": (english_page(1), "duplicate_text"),
    "blank": (" \t\n", "empty"),
    "menu": ("Home", "short"),
    "long": ("words\n" * 400, "too_long"),
    "line": ("words " * 300, "max_line_length"),
    "mean": ("words " * 240, "mean_line_length"),
    "lines": ("a b c\n" * 30, "max_lines"),
    "marks": ("1 = 2 + 3; # ! " * 9, "alphanumeric_share"),
    "digits": ("1234567890 " * 9, "alphabetic_share"),
    "mixed": ("a1b2c3d4e5f6 " * 9, "letters_per_token"),
    "coded": (f"{SENTENCES[3]} {'QUJD' * 280}", "encoded"),
    "french": ("La rivière est montée pendant la nuit et a emporté le pont du village.", "language"),
    "german": (
        "Der Fluss stieg in der Nacht und nahm die untere Brücke des Dorfes mit sich fort.",
        "detect_english.ignored_language",
    ),
    "bad": (f"{english_page(6)} That was pure shit.", "bad_words"),
    "few": ("It is a long way to the village.", "gopher.words"),
}
FIRST = """\
empty: on
short: {min_characters: 10}
too_long: {max_characters: 2000}
max_line_length: {max_characters: 1500}
mean_line_length: {max_characters: 1400}
max_lines: {max_lines: 20}
alphanumeric_share: on
alphabetic_share: on
letters_per_token: {min_ratio: 0.7}
encoded: on
duplicate_url: on
language: {languages: [en, de], min_score: 0.3}
detect_english: on
bad_words: on
gopher: {thresholds: {words: {minimum: 12}}}
duplicate_text: on
mask: on
""".splitlines()
URLS = {"old": "https://a.example/x?utm_source=y", "new": "https://a.example/x"}
ROWS: list[dict[str, Any]] = [
    {
        "name": name,
        "body": text,
        "meta": {"link": URLS.get(name, ""), "day": "2020-02-01T00:00:00Z" if name == "new" else ""},
        "n": n,
    }
    for n, (name, (text, _)) in enumerate(TEXTS.items())
]


def run(folder: Path, run_job: RunJob, *stages: str) -> dict[str, dict[str, Any]]:
    """What became of each row, by its name."""
    (folder / "in.jsonl").write_bytes(b"\n".join(map(orjson.dumps, ROWS)))
    block = ["read: {text: body, url: meta.link, timestamp: meta.day, id: name}", *stages]
    lines = "".join(f"    {line}\n" for line in block)
    (folder / "c.yaml").write_text(f"sources:\n  mine:\n    flow: documents\n    proportion: 1\n{lines}")
    run_job(
        *("--config", f"{folder}/c.yaml", "--input", f"mine={folder}/in.jsonl", "--output", f"{folder}/out"),
        *("--phases", "prepare,lines,judge,duplicates,curate"),
    )
    files = sorted((folder / "out").glob("curated/mine/*")) + sorted((folder / "out").glob("dropped/mine/*"))
    found = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert len(found) == len(ROWS)
    return {orjson.loads(row["metadata"])["name"]: row for row in found}


def test_without_stages_all_stay_as_they_were(tmp_path: Path, run_job: RunJob) -> None:
    found = run(tmp_path, run_job)
    assert {row["verdict"] for row in found.values()} == {None}
    assert {name: row["text"] for name, row in found.items()} == {
        name: text for name, (text, _) in TEXTS.items()
    }
    assert orjson.loads(found["new"]["metadata"]) == {"name": "new", "n": 2}
    assert (found["new"]["url"], found["new"]["timestamp"]) == (URLS["new"], "2020-02-01T00:00:00Z")


def test_every_stage_is_done_where_it_is_named(tmp_path: Path, run_job: RunJob) -> None:
    found = run(tmp_path, run_job, *FIRST)
    # Of a text and its copy the one of the smaller id stays.
    page, copy = sorted(("page", "copy"), key=lambda name: found[name]["id"])
    expected = {name: rule for name, (_, rule) in TEXTS.items()} | {page: None, copy: "duplicate_text"}
    assert {name: row["verdict"] for name, row in found.items()} == expected
    assert "jane.doe" not in found["mail"]["text"]
    assert found["mail"]["text"].startswith(english_page(2))


def test_c4_s_stages_lines_and_scores_too(tmp_path: Path, run_job: RunJob) -> None:
    stages = [
        "language: on",
        "c4_page: {preset: c4}",
        "duplicate_lines: {keep: first}",
        "c4_sentences: on",
        "fineweb: on",
    ]
    stages += ["perplexity: {keep: [head, middle, tail]}", "wikipedia_reference: {min_score: 0.0}"]
    found = run(tmp_path, run_job, *stages)
    named = {stage.split(":")[0] for stage in (*stages, *FIRST)}
    assert named | {"read", "duplicate_id", "near_duplicates"} == DOCUMENTS.stages().keys()
    assert found["menu"]["verdict"] == "c4.too_few_sentences"
    prose = [found["prose"], found["other"]]
    assert [row["verdict"] for row in prose] == [None, None]
    assert [row["lines_removed"] for row in prose] == [0, 1]
    assert all(row["perplexity"] and row["reference_score"] is not None for row in prose)
