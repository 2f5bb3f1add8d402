"""Speed of filtering and stripping code: python -m benchmarks.github SCRIPTS TOKENIZER_JSON [ROWS ...]

Compares, on the rows (default: the bundled samples), our stages after the licence with RedPajama's own
functions. SCRIPTS is the folder data_prep/github of a checkout of RedPajama-Data's branch rp_v1,
TOKENIZER_JSON Pythia's `tokenizer.json`, which that filter loads; it needs the package `transformers`. Each
way has all files in memory and reads them in turn, the best CPU time of a few rounds counts. `without
tokens` leaves the token rule out of both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import runpy
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.flows.github import GITHUB
from pipeline.readers.github import GithubReader
from pipeline.records import Document
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.code import AllowedLicenses, LettersPerToken

SAMPLES = Path(__file__).parents[1] / "samples" / "github"
RESULTS = Path(__file__).parent / "results" / "github.json"


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


def redpajama(files: list[Document], scripts: SimpleNamespace) -> int:
    """RedPajama's steps on each file, as their scripts have them: hash, strip, count, filter."""
    kept = 0
    for file in files:
        path = file.metadata["path"]
        if path.endswith(".crt") or path == "LICENSE":
            continue
        hashlib.md5(file.text.encode("utf8")).hexdigest()
        content = scripts.clean_copyright_comments(file.text)
        counts = {**scripts.get_filecontent_stats(content), "path": path}
        kept += not scripts.discard_record({"text": content, "meta": counts})
    return kept


def load_redpajama(folder: Path, tokenizer: Path) -> SimpleNamespace:
    """Their functions by name; `count_tokens` sets what they count tokens with."""
    import transformers  # noqa: PLC0415 needed for this comparison only

    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizer))
    transformers.AutoTokenizer.from_pretrained = lambda name: fast
    found: dict[str, Any] = {}
    arguments, sys.argv = sys.argv, sys.argv[:1]  # they read their own when they are loaded
    for name in ("github_clean_dedup_local", "github_run_filter"):
        found |= runpy.run_path(str(folder / f"{name}.py"))
    sys.argv = arguments
    counts = found["discard_record"].__globals__

    def count_tokens(with_tokenizer: bool) -> None:
        counts["get_token_count"] = found["get_token_count"] if with_tokenizer else lambda text: 1

    return SimpleNamespace(**found | {"count_tokens": count_tokens})


def main() -> None:
    """Measure and print the table; write results/github.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("scripts", metavar="SCRIPTS", type=Path)
    parser.add_argument("tokenizer", metavar="TOKENIZER_JSON", type=Path)
    parser.add_argument("rows", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    scripts = load_redpajama(arguments.scripts, arguments.tokenizer)
    files = documents(arguments.rows or sorted(SAMPLES.glob("*.jsonl.gz")))
    stages = [stage for stage in GITHUB.with_stages({}).clean if not isinstance(stage, AllowedLicenses)]
    plain = [stage for stage in stages if not isinstance(stage, LettersPerToken)]
    ways: dict[str, Callable[[], int]] = {
        "ours": lambda: ours(files, stages),
        "RedPajama's": lambda: redpajama(files, scripts),
        "ours, without tokens": lambda: ours(files, plain),
        "RedPajama's, without tokens": lambda: redpajama(files, scripts),
    }
    seconds = dict.fromkeys(ways, float("inf"))
    kept: dict[str, int] = {}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            scripts.count_tokens("without" not in name)
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
    packages = {name: version(name) for name in ("sentencepiece", "tokenizers", "transformers")}
    result = {
        "python": platform.python_version(),
        "packages": packages,
        "ways": table,
        "times_as_fast": speedups,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
