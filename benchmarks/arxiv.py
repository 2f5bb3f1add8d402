"""From arXiv's bulk archives to text, by CPU time: python -m benchmarks.arxiv [ARCHIVE ...] [--rounds 5]

Reads the archives with the flow's reader and cleans each paper with the flow's own functions, in one process,
no Beam around them: papers and MB (of UTF-8 TeX as read, and of text as written) a CPU second, and beside it
the
floor: the same archives' tar and gzip read by Python's own modules and thrown away. The two take turns; the
best of some rounds counts. `longest_mb` and `without_longest`: the same without the paper with most TeX, as
one book can be half of an archive. Peak memory is the process's, floor and all.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import platform
import resource
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from pipeline.flows.arxiv import ARXIV
from pipeline.readers.arxiv import ArxivReader
from pipeline.records import Document

SAMPLES = Path(__file__).parents[1] / "samples" / "arxiv"
RESULTS = Path(__file__).parent / "results" / "arxiv.json"


def documents(archives: list[Path]) -> Iterator[Document]:
    """The papers of some archives, as read."""
    for path in archives:
        with path.open("rb") as stream:
            for event in ArxivReader().read(stream, path.name):
                if isinstance(event, Document):
                    yield event


def tex_bytes(document: Document) -> int:
    """UTF-8 bytes of a paper's files."""
    return sum(len(text.encode()) for text in orjson.loads(document.content or b"{}").values())


def to_text(archives: list[Path], skip: str = "") -> tuple[int, int]:
    """Read and clean all papers but that with the key `skip`: documents kept, and bytes of their text."""
    kept = size = 0
    for document in documents(archives):
        if document.key == skip:
            continue
        for stage in ARXIV.clean:
            if document.verdict is None:
                stage.clean(document)
        if document.verdict is None:
            kept += 1
            size += len(document.text.encode())
    return kept, size


def only_read(archives: list[Path]) -> None:
    """The floor: everything unpacked once."""
    for path in archives:
        if path.suffix != ".tar":
            _unpack(path.read_bytes())
            continue
        with tarfile.open(path) as bulk:
            for member in bulk:
                if member.isfile() and (file := bulk.extractfile(member)):
                    _unpack(file.read())


def _unpack(stored: bytes) -> None:
    data = gzip.decompress(stored) if stored.startswith(b"\x1f\x8b") else stored
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as paper:
            for member in paper:
                if member.isfile() and (file := paper.extractfile(member)):
                    file.read()
    except tarfile.ReadError:
        return  # one TeX file, or a PDF


def best(rounds: int, *turns: Callable[[], object]) -> list[float]:
    """The least CPU seconds of each of `turns`, taken in turn."""
    seconds = [float("inf")] * len(turns)
    for _ in range(rounds):
        for place, turn in enumerate(turns):
            start = time.process_time()
            turn()
            seconds[place] = min(seconds[place], time.process_time() - start)
    return seconds


def measure(archives: list[Path], rounds: int) -> dict[str, Any]:
    """All figures of some archives."""
    papers = sorted((tex_bytes(document), document.key) for document in documents(archives))
    longest, skip = papers[-1]
    kept, written = to_text(archives)
    whole, rest, read, floor = best(
        rounds,
        lambda: to_text(archives),
        lambda: to_text(archives, skip),
        lambda: sum(1 for _ in documents(archives)),
        lambda: only_read(archives),
    )
    tex = sum(size for size, _ in papers)
    return {
        "archives": [path.name for path in archives],
        "stored_mb": round(sum(path.stat().st_size for path in archives) / 1e6, 3),
        "papers": len(papers),
        "documents_kept": kept,
        "tex_mb": round(tex / 1e6, 3),
        "text_mb": round(written / 1e6, 3),
        "documents_a_cpu_second": round(len(papers) / whole, 1),
        "tex_mb_a_cpu_second": round(tex / 1e6 / whole, 2),
        "text_mb_a_cpu_second": round(written / 1e6 / whole, 2),
        "reader_alone_tex_mb_a_cpu_second": round(tex / 1e6 / read, 2),
        "floor_tex_mb_a_cpu_second": round(tex / 1e6 / floor, 2),
        "longest_mb": round(longest / 1e6, 3),
        "without_longest": {
            "papers": len(papers) - 1,
            "tex_mb_a_cpu_second": round((tex - longest) / 1e6 / rest, 2),
        },
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def main() -> None:
    """Measure, print, and write results/arxiv.json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arxiv", description=__doc__)
    parser.add_argument("archives", nargs="*", type=Path, help="default: the bundled samples")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    archives = chosen.archives or sorted([*SAMPLES.glob("*.tar"), *SAMPLES.glob("*.gz")])
    figures = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, one core",
        "rounds": chosen.rounds,
        **measure(archives, chosen.rounds),
    }
    print(json.dumps(figures, indent=1))
    chosen.output.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
