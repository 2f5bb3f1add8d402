"""Whole runs of the benchmark's corpora, scaled down: crowds make few pairs, known truth, real editions."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.near_duplicates import crowded, truth
from benchmarks.near_editions import editions
from benchmarks.near_texts import SAMPLES


@pytest.mark.parametrize(
    ("kind", "measure", "count", "pairs_a_text"),
    [
        ("copies", "either", 5000, 0),
        ("respelled", "either", 5000, 0),
        ("pages", "jaccard", 1000, 24),
        ("pages", "either", 1000, 24),
    ],
)
def test_a_crowd_makes_few_pairs_and_one_survivor(
    kind: str, measure: str, count: int, pairs_a_text: int, tmp_path: Path
) -> None:
    found = crowded(tmp_path / "run", kind, count, measure)
    assert (found["kept"], found["survivors"]) == (1, 1)
    # Each meets the 8 smallest of its bands: few different ones, and once more the 8 best of its cluster.
    assert found["compared"] <= pairs_a_text * count < found["all_pairs"] / 20
    left_out = found["not_compared"]["bands"]
    assert (left_out > found["all_pairs"]) == (kind == "pages"), "counted once for each band"


@pytest.mark.parametrize("measure", ["jaccard", "containment"])
def test_known_overlaps_are_found_in_a_whole_run(measure: str, tmp_path: Path) -> None:
    found = truth(tmp_path / "run", measure)
    assert 0.3 < found["alike"] / found["pairs"] < 0.7
    assert found["precision"] >= 0.99
    assert found["recall"] >= 0.99


def test_the_right_calls_on_editions_of_books(tmp_path: Path) -> None:
    found = editions(tmp_path / "run", [f"{SAMPLES}/books/*.{end}" for end in ("jsonl.gz", "zip", "tar.gz")])
    calls = {pair["books"][1].split(" (")[0].split(";")[0]: pair for pair in found}
    assert {title: sorted(pair["verdicts"]) for title, pair in calls.items()} == {
        "The Yellow Wallpaper": ["duplicate_text", "kept"],
        "Frankenstein": ["kept", "near_duplicate"],
        "Alice's Adventures in Wonderland": ["duplicate_id", "kept"],
    }
    frankenstein = calls["Frankenstein"]
    assert (frankenstein["jaccard"], frankenstein["containment"]) == (0.8812, 0.9552)
    assert calls["Alice's Adventures in Wonderland"]["containment"] > 0.999
