"""Preset `c4@tfds` against the code that made C4: page by page and counter by counter, defects included."""

from __future__ import annotations

import gzip
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import xxhash
from c4_corpora import DATA, ROOT, corpus, made, wet
from conftest import RunJob
from hypothesis import given
from hypothesis import strategies as st

from filters.c4_badwords import BadWords
from filters.c4_english import detect
from filters.c4_urls import is_validation, keeps_bad_page, normalize_url_tfds
from filters.c4_wet import WetPage, split_wet_page
from pipeline.errors import WinnowError
from pipeline.ledger import read_ledger
from pipeline.transforms.c4_original import DetectEnglish

CURATION = "prepare,lines,judge,duplicates,curate"
Row = dict[str, Any]


def run_files(folder: Path, run_job: RunJob, files: dict[str, bytes], preset: str) -> list[Row]:
    """The flow's rows for WET files, in the order of names and places, with the text that `prepare` left."""
    (folder / "in").mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / "in" / name).write_bytes(data)
    (folder / "c.yaml").write_text(f"sources:\n  c4_from_web:\n    proportion: 100\n{preset}")
    out = folder / "out"
    run_job(
        *("--config", str(folder / "c.yaml"), "--input", f"c4_from_web={folder}/in/*"),
        *("--output", str(out), "--phases", CURATION, "--fresh"),
    )
    prepared = {(row["input"], row["ordinal"]): row["text"] for row in rows_of(out / "documents")}
    rows = [*rows_of(out / "curated"), *rows_of(out / "dropped")]
    assert len(rows) == len(prepared)
    assert not list((out / "dead_letters").rglob("*.jsonl"))
    for row in rows:
        row["prepared"] = prepared[row["input"], row["ordinal"]]
        row["metadata"] = orjson.loads(row["metadata"])
    return sorted(rows, key=lambda row: (row["input"], row["ordinal"]))


def rows_of(folder: Path) -> list[Row]:
    return [row for file in sorted(folder.rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def tfds_counters(row: Row) -> dict[str, int]:  # noqa: PLR0911 (a page leaves at one of these steps)
    """What the row says of its page, by the names of c4_utils.py's counters."""
    rule = row["verdict"] or ""
    if rule.startswith("split_wet."):
        return {f"split-wet-file/filtered:{rule.removeprefix('split_wet.')}": 1}
    found = {"split-wet-file/passed": 1}
    if rule == "too_long":
        return found | {"too-long-filter/filtered": 1}
    found |= {"too-long-filter/passed": 1}
    if rule == "duplicate_url":
        return found | {"duplicate-url-filter/filtered": 1}
    found |= {"duplicate-url-filter/passed": 1}
    for name, count in row["metadata"]["c4"]["lines"].items():
        found[f"clean-page/{'line-passed' if name == 'passed' else f'line-filtered:{name}'}"] = count
    if rule.startswith("c4."):
        return found | {f"clean-page/filtered:{rule.removeprefix('c4.')}": 1}
    found |= {"clean-page/passed": 1} | line_counters(row["prepared"], row["text"])
    if rule in ("duplicate_lines", "c4_sentences"):
        left = "empty" if rule == "duplicate_lines" else "too_few_sentences"
        return found | {f"dedupe-lines/filtered:{left}": 1}
    found |= {"dedupe-lines/passed": 1}
    if rule.startswith("detect_english."):
        fault = rule.removeprefix("detect_english.")
        found |= {f"english-filter/filtered:{fault}": 1}
        if fault == "ignored_language":
            found[f"english-filter/filtered:{fault}-{row['language']}"] = 1
        return found
    assert rule in ("", "bad_words")
    outcome = "filtered" if rule else "passed"
    return found | {
        "english-filter/passed": 1,
        f"badwords-filter/{outcome}": 1,
        f"badwords-filter-{row['language']}/{outcome}": 1,
    }


def line_counters(before: str, after: str) -> dict[str, int]:
    """Lines of `before` that stay in `after`, that this page has already, and that another has."""
    kept = after.split("\n") if after else []
    keys = {line.strip().lower() for line in kept}
    assert len(keys) == len(kept)
    found: Counter[str] = Counter()
    position = 0
    for line in before.split("\n"):
        if kept[position : position + 1] == [line]:
            found["dedupe-lines/line-passed"] += 1
            position += 1
        elif line.strip().lower() in keys:
            found["dedupe-lines/line-filtered:local_duplicate"] += 1
        else:
            found["dedupe-lines/line-filtered:global_duplicate"] += 1
    assert position == len(kept)
    return dict(found)


def outcome(row: Row) -> Row:
    """What the goldens have of a page."""
    kept = row["verdict"] is None
    validation = is_validation(normalize_url_tfds(row["url"]))
    return {
        "file": row["input"],
        "url": row["url"],
        "counters": tfds_counters(row),
        "text": xxhash.xxh3_64_hexdigest(row["text"].encode()) if kept else None,
        "split": ("validation" if validation else "train") if kept else None,
    }


def test_every_page_and_counter_is_that_of_tfds(tmp_path: Path, run_job: RunJob) -> None:
    rows = run_files(tmp_path, run_job, corpus(), "    preset: c4@tfds\n")
    lines = gzip.decompress((DATA / "tfds_pipeline.jsonl.gz").read_bytes()).splitlines()
    goldens = [orjson.loads(line) for line in lines]
    # Records without an address: no pages, pages without one, and what a line `WARC/1.0` cut off.
    without_url: Counter[str] = Counter()
    for line in read_ledger(str(tmp_path / "out"), "prepare", "c4_from_web"):
        if line.entry == "passed_over" or line.rule == "split_wet.no_url":
            without_url[line.input] += line.documents
    for row in rows:
        without_url[row["input"]] += row["metadata"].get("split_wet", {}).get("texts_cut", 0)
    files = [golden for golden in goldens if "no_url" in golden]
    assert {golden["file"]: golden["no_url"] for golden in files} == {
        f["file"]: without_url[f["file"]] for f in files
    }
    assert sum(without_url.values()) == 7
    pages = [golden for golden in goldens if "no_url" not in golden]
    found = [outcome(row) for row in rows if row["verdict"] != "split_wet.no_url"]
    assert len(pages) == len(found) == 1139
    for page, golden in zip(found, pages, strict=True):
        named = page if golden["url"] else page | {"url": ""}
        assert named == golden
    # All counters of these steps are in the goldens, but for `no_predictions`.
    counters = {name.partition("ignored_language-")[0] for golden in pages for name in golden["counters"]}
    assert len(counters) == 32


# What the original does to pages made for it, and what preset `c4` does: verdicts by the end of the address.
DEFECTS = {
    "headers": (None, None),
    "cut": (None, None),
    "moved": (None, None),
    "redated": ("duplicate_url", None),
    "redated/": (None, "duplicate_url"),
    "undated": ("split_wet.no_timestamp", None),
    "empty": ("split_wet.no_content", "c4.too_few_sentences"),
    "long": (None, "too_long"),
    "shop?refund_id=7": ("duplicate_url", None),
    "feed?feed=rss&page=2": ("duplicate_url", None),
    "by?u=https://www.other.example.org/": ("duplicate_url", None),
    "over": ("c4_sentences", None),
    "numbers": ("detect_english.langdetect_exception", "language"),
    "names": ("detect_english.low_confidence", "language_score"),
    "french": ("detect_english.ignored_language", "language"),
    "bad/1": ("bad_words", "bad_words"),
    # The list of C4's day and today's.
    "bad/5": (None, "bad_words"),
}


def test_what_preset_c4_does_instead(tmp_path: Path, run_job: RunJob) -> None:
    files = {"made.warc.wet.gz": wet(made())}
    found: list[dict[str, Row]] = []
    for name, preset in (("original", "    preset: c4@tfds\n"), ("ours", "")):
        (tmp_path / name).mkdir()
        rows = run_files(tmp_path / name, run_job, files, preset)
        # By the address that the headers give, which the original may believe another one for.
        assert len(rows) == len(made())
        found.append({url: row for (url, _, _), row in zip(made(), rows, strict=True)})
    original, ours = found
    site = "https://made.example.org/"
    assert {end: (original[site + end]["verdict"], ours[site + end]["verdict"]) for end in DEFECTS} == DEFECTS
    assert original[""]["verdict"] == "split_wet.no_url"
    assert ours[""]["verdict"] is None
    texts = {url: text for url, _, text in made()}
    for end in ("headers", "warc", "blank"):
        assert ours[site + end]["text"].split("\n") == [
            line for line in texts[site + end].split("\n") if line.strip()
        ]
    assert original[site + "headers"]["text"].split("\n") == texts[site + "headers"].split("\n")[1:]
    assert [len(rows[site + "cut"]["text"].split("\n")) for rows in found] == [4, 8]
    assert [rows[site + "moved"]["url"] for rows in found] == [site + "elsewhere", site + "moved"]


def test_bad_words_are_found_as_tfds_finds_them_in_every_language() -> None:
    golden = orjson.loads((DATA / "tfds_bad_words.json").read_bytes())
    assert len(golden["found"]) == 27
    for language, expected in golden["found"].items():
        listed = (ROOT / "models/bad-words" / language).read_text("utf-8").split("\n")
        words = [word.strip() for word in listed if word]
        finder = BadWords(words, language, as_listed=True)
        texts = [text for w in words for text in (f"x {w} y", w, f"x{w}y", f"({w.upper()})")]
        bits = "".join("01"[finder.find(text) is not None] for text in texts)
        assert f"{int('1' + bits, 2):x}" == expected, language
    kept = [number for number in range(1000) if keeps_bad_page(f"a.com/{number}", 0.75)]
    assert kept == golden["kept"]


# How the original reads a WET file.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", WetPage("u", "d", "", "no_content")),
        (" a \r\n\n\tb\rc", WetPage("u", "d", "a\nb\nc", None, {"white_space": 5})),
        (
            "a\nContent-ment is all.\nCONTENT-\nb",
            WetPage("u", "d", "a\nb", None, {"headers": 28, "white_space": 2}),
        ),
        (
            "a\n WARC/1.0 \nb\nWARC/1.0",
            WetPage("u", "d", "a", None, {"after_delimiter": 21, "white_space": 1}, 2),
        ),
        (
            "WARC-Target-URI: v\nWARC-Date: e\na",
            WetPage("v", "e", "a", None, {"headers": 30, "white_space": 2}),
        ),
        ("WARC-Target-URI:\na", WetPage("", "d", "a", "no_url", {"headers": 16, "white_space": 1})),
        ("WARC-Date:\na", WetPage("u", "", "a", "no_timestamp", {"headers": 10, "white_space": 1})),
        ("a\x0bb\x85c", WetPage("u", "d", "a\x0bb\x85c")),
    ],
)
def test_a_page_is_split_as_the_original_splits_it(text: str, expected: WetPage) -> None:
    assert split_wet_page(text, "u", "d") == expected


@given(
    st.lists(
        st.sampled_from(["a b", " é\r", "WARC/1.0", "WARC-Date: x", "Content-", "", "\t", "\r\n"]), max_size=8
    )
)
def test_every_byte_of_a_split_page_is_accounted_for(parts: list[str]) -> None:
    text = "\n".join(parts)
    page = split_wet_page(text, "u", "d")
    assert len(page.text.encode()) + sum(page.removed.values()) == len(text.encode())
    assert all(size > 0 for size in page.removed.values())
    assert split_wet_page(page.text, "u", "d").text == page.text


def test_langdetect_s_answers_do_not_depend_on_what_was_asked_before() -> None:
    texts = ["Anna Peter Maria Ivan Juan.", "It is a long way to the village from here.", "", "12 34"]
    answers = [detect(text) for text in texts]
    assert [answer.language for answer in answers[1:]] == ["en", "", ""]
    assert [detect(text) for text in reversed(texts)] == answers[::-1]


def test_absent_langdetect_is_one_sentence_before_anything_is_read(
    tmp_path: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr("pipeline.transforms.c4_original.version", absent)
    with pytest.raises(WinnowError, match="pip install 'winnow\\[langdetect\\]'"):
        DetectEnglish().load({})
    with pytest.raises(WinnowError, match="langdetect, which is not installed"):
        run_files(tmp_path, run_job, {"a.warc.wet.gz": wet([("u", "d", "x")])}, "    preset: c4@tfds\n")
    assert not (tmp_path / "out" / "documents").exists()
