"""docs/quality.md says what benchmarks/results/quality.json holds."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "quality.md").read_text()
FOUND: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "quality.json").read_text())


def short(value: float, places: int = 3) -> str:
    return f"{value:.{places}f}".removeprefix("0")


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("length", "length"),
        ("perplexity, mode `lines`", "-perplexity, mode lines"),
        ("perplexity, mode `ccnet`", "-perplexity, mode ccnet"),
        ("reference classifier (demonstration)", "reference classifier"),
    ],
)
def test_scores(row: str, name: str) -> None:
    score = FOUND["labelled"]["scores"][name]
    free = f"{short(score['auc'])} ± {short(score['deviation'])}"
    fixed = f"{short(score['auc_length_fixed'])} ± {short(score['deviation_length_fixed'])}"
    assert f"| {row} | {free} | {fixed} |" in PAGE


@pytest.mark.parametrize("mode", ["lines", "ccnet"])
def test_buckets(mode: str) -> None:
    buckets = FOUND["labelled"]["buckets"][mode]
    cells = [f"{buckets[name]['texts']}: {short(buckets[name]['good'], 2)}" for name in buckets]
    assert f"| `{mode}` | {' | '.join(cells)} |" in PAGE


def test_what_head_and_middle_keep() -> None:
    buckets = FOUND["labelled"]["buckets"]["lines"]
    kept = [buckets["head"], buckets["middle"]]
    texts, good = sum(b["texts"] for b in kept), round(sum(b["texts"] * b["good"] for b in kept))
    bad = FOUND["labelled"]["texts"] - FOUND["labelled"]["good"]
    dropped = bad - (texts - good)
    assert f"keeps {texts} texts, {good} of them good, and drops {dropped} of the {bad} bad ones" in PAGE


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("as cc_net asks", "as cc_net"),
        ("capitals made small", "capitals made small"),
        ("and letters weighed (`refine`)", "refined"),
    ],
)
def test_languages(row: str, name: str) -> None:
    found = FOUND["language"][name]
    means = [
        found["macro"],
        found["macro_llama"],
        *(found["by_language"][label] for label in ("sr", "hr", "sl")),
    ]
    wrong = f"{100 * found['others_called_english']['at threshold']:.2f}".removeprefix("0")
    assert f"| {row} | {' | '.join(map(short, means))} | {wrong}% |" in PAGE
