"""Speed of filtering and stripping source files: python -m benchmarks.github TOKENIZER_JSON [ROWS ...]

Compares, on the rows (default: the bundled samples), our stages after the licence with RedPajama's cleaning
and filter, written anew from their description (rp_v1, data_prep/github): MD5 of the text, header comment by
expression, lines and characters counted one by one, letters per token. TOKENIZER_JSON is Pythia's
`tokenizer.json`, which that rule uses; it needs the package `tokenizers`. Each way reads all files in turn,
the best CPU time of a few rounds counts. `without tokens` leaves the token rule out of both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filters.code_heuristics import ENDINGS
from pipeline.flows.github import GITHUB
from pipeline.readers.github import GithubReader
from pipeline.records import Document
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.code import AllowedLicenses, LettersPerToken

SAMPLES = Path(__file__).parents[1] / "samples" / "github"
RESULTS = Path(__file__).parent / "results" / "github.json"
_BLOCK = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")


def documents(paths: list[Path]) -> list[Document]:
    """All documents of the rows at `paths`."""
    found: list[Document] = []
    for path in paths:
        with path.open("rb") as stream:
            events = GithubReader().read(stream, path.name)
            found += [event for event in events if isinstance(event, Document)]
    return found


def ours(files: list[Document], stages: list[CleanStage]) -> int:
    """The stages, one file after another; returns how many files they keep."""
    kept = 0
    for file in files:
        copy = Document(key=file.key, text=file.text, metadata=dict(file.metadata))
        for stage in stages:
            if copy.verdict is None:
                stage.clean(copy)
        kept += copy.verdict is None
    return kept


def redpajama(files: list[Document], tokenizer: Any) -> int:
    """RedPajama's rules as described; `tokenizer` is None to leave the token rule out."""
    kept = 0
    for file in files:
        hashlib.md5(file.text.encode()).hexdigest()
        text = _without_header(file.text)
        lines = text.splitlines()
        if not text or not lines or not file.metadata["path"].endswith(ENDINGS):
            continue
        longest = max(len(line) for line in lines)
        alphanumeric = sum(1 for char in text if char.isalnum()) / len(text)
        alphabetic = sum(1 for char in text if char.isalpha())
        ratio = alphabetic / max(len(tokenizer.encode(text).ids), 1) if tokenizer else 2.0
        kept += longest <= 1000 and len(text) / len(lines) <= 100 and alphanumeric >= 0.25 and ratio >= 1.5
    return kept


def _without_header(text: str) -> str:
    found = _BLOCK.search(text)
    if found is not None:
        return text.replace(found[0], "", 1) if "copyright" in found[0].lower() else text
    lines = text.split("\n")
    first = 0
    while first < len(lines) and lines[first].startswith(("//", "#", "--")) | (not lines[first]):
        first += 1
    return "\n".join(lines[first:])


def main() -> None:
    """Measure and print the table; write results/github.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("tokenizer", metavar="TOKENIZER_JSON")
    parser.add_argument("rows", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    from tokenizers import Tokenizer  # noqa: PLC0415 needed for this comparison only

    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    files = documents(arguments.rows or sorted(SAMPLES.glob("*.jsonl.gz")))
    stages = [stage for stage in GITHUB.with_stages({}).clean if not isinstance(stage, AllowedLicenses)]
    plain = [stage for stage in stages if not isinstance(stage, LettersPerToken)]
    ways: dict[str, Callable[[], int]] = {
        "ours": lambda: ours(files, stages),
        "RedPajama's": lambda: redpajama(files, tokenizer),
        "ours, without tokens": lambda: ours(files, plain),
        "RedPajama's, without tokens": lambda: redpajama(files, None),
    }
    seconds = dict.fromkeys(ways, float("inf"))
    kept: dict[str, int] = {}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            started = time.process_time()
            kept[name] = way()
            seconds[name] = min(seconds[name], time.process_time() - started)
    size = sum(len(file.text.encode()) for file in files)
    table = [
        {
            "way": name,
            "files": len(files),
            "kept": kept[name],
            "megabytes_per_cpu_second": round(size / seconds[name] / 1e6, 2),
        }
        for name in ways
    ]
    for row in table:
        print(row)
    speedups = {
        "with_tokens": round(seconds["RedPajama's"] / seconds["ours"], 2),
        "without_tokens": round(seconds["RedPajama's, without tokens"] / seconds["ours, without tokens"], 2),
    }
    print(f"times as fast: {speedups}")
    packages = {name: version(name) for name in ("sentencepiece", "tokenizers")}
    result = {
        "python": platform.python_version(),
        "packages": packages,
        "ways": table,
        "times_as_fast": speedups,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
