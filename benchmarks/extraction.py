"""Extraction quality and speed: python -m benchmarks.extraction --truth DIR

DIR holds ground-truth.json and html/<key>.html.gz, as in scrapinghub's article-extraction-benchmark, whose
measure this is: precision and recall of each page's multiset of 4-token shingles, averaged over pages, and F1
of the two averages. Speed is in pages per CPU second, the best of some rounds in which extractors take turns.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import hashlib
import importlib.metadata
import json
import platform
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from resiliparse.extract.html2text import extract_plain_text

from filters.html import extract
from filters.html_charset import decode
from filters.html_winnow import _is_suspect

RESULTS = Path(__file__).parent / "results" / "extraction.json"
_TOKEN = re.compile(r"\w+")


class Score(NamedTuple):
    """Precision and recall of one page; None where the page has nothing predicted, or nothing to find."""

    precision: float | None
    recall: float | None


def shingles(text: str, n: int = 4) -> Counter[tuple[str, ...]]:
    """Count the runs of `n` words of a text; a shorter text is one run."""
    tokens = _TOKEN.findall(text)
    return Counter(tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1)) if tokens)


def score(true: str, predicted: str) -> Score:
    """Compare one page's text with the truth."""
    wanted, got = shingles(true), shingles(predicted)
    common = (wanted & got).total()
    if wanted == got:
        return Score(1.0 if got else None, 1.0 if wanted else None)
    return Score(common / got.total() if got else None, common / wanted.total() if wanted else None)


def summary(scores: list[Score]) -> dict[str, float]:
    """Average precision and recall over pages, and the F1 of the averages."""
    precision = statistics.mean([s.precision for s in scores if s.precision is not None] or [0.0])
    recall = statistics.mean([s.recall for s in scores if s.recall is not None] or [0.0])
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"f1": f1, "precision": precision, "recall": recall}


def deviation(scores: list[Score], rounds: int = 500) -> float:
    """Bootstrap standard deviation of F1, from fixed draws."""
    draw = random.Random(0)
    return statistics.stdev(summary(draw.choices(scores, k=len(scores)))["f1"] for _ in range(rounds))


def _plain(**options: Any) -> Callable[[bytes], str]:
    return lambda content: extract_plain_text(decode(content)[0], **options)


def _trafilatura(**options: Any) -> Callable[[bytes], str]:
    def run(content: bytes) -> str:
        import trafilatura  # noqa: PLC0415 (optional)

        return trafilatura.extract(decode(content)[0], **options) or ""

    return run


CANDIDATES: dict[str, Callable[[bytes], str]] = {
    "ours: winnow": lambda content: extract(content).body,
    "ours: winnow, text with title": lambda content: extract(content).text,
    "ours: resiliparse": lambda content: extract(content, extractor="resiliparse").body,
    "ours: trafilatura": lambda content: extract(content, extractor="trafilatura").body,
    "resiliparse, everything": _plain(),
    "resiliparse, main content": _plain(main_content=True),
    "resiliparse, main content, no alt texts": _plain(main_content=True, alt_texts=False),
    "resiliparse, main content, no alt texts, no bullets": _plain(
        main_content=True, alt_texts=False, list_bullets=False
    ),
    "trafilatura": _trafilatura(),
    "trafilatura, precision": _trafilatura(favor_precision=True),
    "trafilatura, fast": _trafilatura(fast=True),
    "trafilatura, fast, no comments": _trafilatura(fast=True, include_comments=False),
}


def half_of(key: str) -> int:
    """Which of two halves a page is in, by the hash of its key: rules are made on 0 and checked on 1."""
    return hashlib.sha256(key.encode()).digest()[0] & 1


def measure(
    pages: dict[str, bytes], truth: dict[str, str], names: list[str], rounds: int
) -> dict[str, dict[str, float]]:
    """Score each candidate over all pages and each half, and time it: `rounds` rounds, candidates in turn."""
    results: dict[str, dict[str, float]] = {}
    for name in names:
        run = CANDIDATES[name]
        by_key = {key: score(truth[key], run(pages[key])) for key in truth}
        result = summary(list(by_key.values()))
        result["f1_sd"] = deviation(list(by_key.values()))
        for half in (0, 1):
            result[f"f1_half{half}"] = summary([s for key, s in by_key.items() if half_of(key) == half])["f1"]
        results[name] = result
    for _ in range(rounds):
        for name in names:
            _is_suspect.cache_clear()  # pages of a crawl come once
            gc.collect()  # nobody pays for what the one before left behind
            started = time.process_time()
            for content in pages.values():
                CANDIDATES[name](content)
            speed = len(pages) / (time.process_time() - started)
            results[name]["pages_per_cpu_s"] = max(speed, results[name].get("pages_per_cpu_s", 0.0))
    return results


def main(argv: list[str] | None = None) -> int:
    """Measure, print a table, write the results; 2 and a sentence where there is no truth."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.extraction", description="Extraction quality and speed"
    )
    parser.add_argument("--truth", type=Path, required=True, help="folder with ground-truth.json and html/")
    parser.add_argument("--only", nargs="*", help="names of candidates (beginnings suffice)")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds (default 3)")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args(argv)
    if not (args.truth / "ground-truth.json").is_file():
        print(f"There is no ground-truth.json in {args.truth}.", file=sys.stderr)
        return 2
    labels = json.loads((args.truth / "ground-truth.json").read_text())
    truth = {key: labels[key].get("articleBody", "") for key in sorted(labels)}
    pages = {key: gzip.decompress((args.truth / "html" / f"{key}.html.gz").read_bytes()) for key in truth}
    names = [name for name in CANDIDATES if not args.only or name.startswith(tuple(args.only))]
    results = measure(pages, truth, names, args.rounds)
    print(f"{'':52} {'F1':>6} {'sd':>5} {'P':>6} {'R':>6} {'half 0':>6} {'half 1':>6} {'pages/s':>8}")
    for name, r in results.items():
        print(
            f"{name:52} {r['f1']:6.4f} {r['f1_sd']:5.3f} {r['precision']:6.4f} {r['recall']:6.4f} "
            f"{r['f1_half0']:6.4f} {r['f1_half1']:6.4f} {r['pages_per_cpu_s']:8.1f}"
        )
    versions = {name: importlib.metadata.version(name) for name in ("resiliparse", "trafilatura", "lxml")}
    report = {
        "pages": len(pages),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": versions,
        "results": {n: {k: round(v, 4) for k, v in r.items()} for n, r in results.items()},
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
