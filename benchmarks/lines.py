"""Speed of line deduplication by CPU time: `python -m benchmarks.lines FILE.warc.wet.gz ...`."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fastwarc.warc import ArchiveIterator, WarcRecordType

from filters.ccnet_text import normalize_for_dedup
from filters.lines import line_hashes, remove_lines
from pipeline.dedup.kernels import Hashes, document_lines, removed_lines, shared, unique_with_flag


def naive_hashes(texts: list[str]) -> Hashes:
    """Hash line by line: the plain loop that `line_hashes` replaces."""
    digests = [
        hashlib.sha1(normalize_for_dedup(line).encode()).digest()[:8]
        for text in texts
        for line in text.split("\n")
    ]
    return np.frombuffer(b"".join(digests), "<u8")


def cpu_seconds(rounds: int, calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Run all calls in turn, `rounds` times, and return the least CPU seconds of each."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            least[name] = min(least[name], time.process_time() - start)
    return least


def measure(texts: list[str], rounds: int, rows: int = 256) -> dict[str, float]:
    """Return MB of UTF-8 text a core-second for each step, batches of `rows` documents."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    batches = [texts[start : start + rows] for start in range(0, len(texts), rows)]
    hashed = [line_hashes(batch) for batch in batches]
    entries = [document_lines(*lines) for lines in hashed]
    slices = [unique_with_flag(lines) for lines in entries]
    removals = shared(slices, "none")
    flags = [removed_lines(*pair) for pair in zip(entries, removals, strict=True)]
    pages = [
        (text, page)
        for batch, lines, gone in zip(batches, entries, flags, strict=True)
        for text, page in zip(batch, np.split(gone, lines.row_starts[1:-1]), strict=True)
    ]
    calls: dict[str, Callable[[], object]] = {
        "naive_hashes": lambda: [naive_hashes(batch) for batch in batches],
        "line_hashes": lambda: [line_hashes(batch) for batch in batches],
        "document_lines": lambda: [document_lines(*lines) for lines in hashed],
        "unique_with_flag": lambda: [unique_with_flag(lines) for lines in entries],
        "shared": lambda: shared(slices, "none"),
        "removed_lines": lambda: [removed_lines(*pair) for pair in zip(entries, removals, strict=True)],
        "remove_lines": lambda: [remove_lines(text, page) for text, page in pages],
    }
    speeds = {name: megabytes / seconds for name, seconds in cpu_seconds(rounds, calls).items()}
    speeds["all but naive_hashes"] = 1 / sum(1 / s for name, s in speeds.items() if name != "naive_hashes")
    return speeds


def wet_texts(path: str) -> list[str]:
    """Return the texts of a WET file."""
    with Path(path).open("rb") as stream:
        records = ArchiveIterator(stream, record_types=WarcRecordType.conversion)
        return [record.reader.read().decode("utf-8", "replace") for record in records]


def main() -> None:
    """Print one JSON object: MB of text a core-second for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", help="WET files")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts = [text for path in arguments.files for text in wet_texts(path)]
    print(json.dumps({name: round(speed, 1) for name, speed in measure(texts, arguments.rounds).items()}))


if __name__ == "__main__":
    main()
