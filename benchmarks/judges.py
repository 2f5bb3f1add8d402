"""Speed of the judges by CPU time beside native calls: `python -m benchmarks.judges FILE.jsonl ...`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.lines import cpu_seconds
from filters.ccnet_text import normalize_for_language_model
from filters.language import CCNET_THRESHOLD, identify
from filters.perplexity import LanguageModel
from filters.reference import reference_scores
from pipeline.models import load_fasttext, load_language_model, load_reference, resolve
from pipeline.train.corpus import Counts, read_texts

BATCH: Final = 256
PREFIXES: Final = (4000, 2000, 1000, 500)


def plain_identify(model: Any, texts: list[str]) -> None:
    """The native call alone, in batches."""
    for start in range(0, len(texts), BATCH):
        lines = [text.replace("\n", " ") + "\n" for text in texts[start : start + BATCH]]
        model.f.multilinePredict(lines, 1, 0.0, "strict")


def plain_lines(model: LanguageModel, texts: list[str]) -> None:
    """Normalise, cut and score line by line, with nothing remembered."""
    for text in texts:
        for line in text.split("\n"):
            pieces = model.processor.encode(normalize_for_language_model(line), out_type=str)
            if pieces:
                model.kenlm.score(" ".join(pieces))


def measure(texts: list[str], rounds: int) -> dict[str, Any]:
    """MB of UTF-8 text a CPU second of each judge, and what a prefix of a text changes in its language."""
    lid = load_fasttext(resolve("bundled:lid.176.ftz"))
    reference = load_reference(resolve("bundled:reference.en.ftz"))
    files = [resolve(f"bundled:en.{kind}") for kind in ("lm.bin", "sp.model", "cutoffs.json")]
    warm = load_language_model(files[0], files[1], files[2], "en", "lines")
    calls: dict[str, Callable[[], object]] = {
        "fastText alone": lambda: plain_identify(lid, texts),
        "language": lambda: identify(lid, texts),
        "language, refined": lambda: identify(lid, texts, refine=True),
        **{
            f"language, first {count} characters": partial(identify, lid, texts, characters=count)
            for count in PREFIXES
        },
        "reference": lambda: reference_scores(reference, texts),
        "perplexity, plain calls": lambda: plain_lines(warm, texts),
        "perplexity, lines, nothing known yet": lambda: [
            model.lines(text) for model in [LanguageModel(warm.processor, warm.kenlm)] for text in texts
        ],
        "perplexity, lines": lambda: [warm.lines(text) for text in texts],
        "perplexity, ccnet": lambda: [warm.ccnet(text) for text in texts],
    }
    for text in texts:
        warm.lines(text)
    seconds = cpu_seconds(rounds, calls)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    return {
        "texts": len(texts),
        "megabytes": megabytes,
        "megabytes_a_second": {name: megabytes / taken for name, taken in seconds.items()},
        "prefixes": {str(count): _differences(lid, texts, count) for count in PREFIXES},
    }


def _differences(model: Any, texts: list[str], characters: int) -> dict[str, int]:
    whole, part = identify(model, texts), identify(model, texts, characters=characters)
    passes = [
        [
            label == "en" and score >= CCNET_THRESHOLD
            for label, score in zip(labels, scores.tolist(), strict=True)
        ]
        for labels, scores in (whole, part)
    ]
    return {
        "label": sum(one != other for one, other in zip(whole[0], part[0], strict=True)),
        "english_at_threshold": sum(one != other for one, other in zip(*passes, strict=True)),
    }


def main() -> None:
    """Print the figures as JSON, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", nargs="+", help="JSON lines or Parquet with a column `text`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="where to write the figures")
    options = parser.parse_args()
    texts = [text.text for text in read_texts(options.inputs, "text", Counts())]
    found = json.dumps(measure(texts, options.rounds), indent=2)
    if options.output:
        options.output.write_text(found + "\n")
    print(found)


if __name__ == "__main__":
    main()
