"""What line deduplication costs as the corpus grows: CPU, bytes exchanged, memory of driver and workers.

    python -m benchmarks.scale_lines [--input 'crawl/*.warc.wet.gz'] [--scales 1,4,16] [--output FILE.json]

At Nx the corpus is there N times; in each copy half of the lines, by their hash, are other lines. Each figure
comes from a run of its own, of the phases prepare, lines and judge without any rule but line deduplication.
CPU seconds are user and system time of the driver and of the workers it waited for.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xxhash
from fastwarc.warc import ArchiveIterator, WarcRecordType
from rich.console import Console

from pipeline.dedup.exchange import bucket_count
from pipeline.dedup.rounds_lines import ENTRY, REMOVAL
from pipeline.files import join, list_folder, write_file
from pipeline.inputs import InputPattern, find_inputs
from pipeline.options import parse_options
from pipeline.parquet import read_parquet
from pipeline.phases import PHASES, prepare
from pipeline.phases.phase import Run, required, versions
from pipeline.progress import Progress
from pipeline.run import make_run

SOURCE = "commoncrawl"
ROUND = "duplicate_lines"
SAMPLES = ("samples/commoncrawl/*.warc.wet.gz",)
CONFIG = """\
sources:
  commoncrawl:
    proportion: 1
    duplicate_lines: {scope: global}
    language: off
    perplexity: off
    wikipedia_reference: off
"""


def main() -> None:
    """Measure and print; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", action="append", help="pattern of WET files (default: the samples)")
    parser.add_argument("--scales", default="1,4,16")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--output", help="write the figures as JSON too")
    parser.add_argument("--measure", metavar="DIR", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.measure, chosen.workers)))
        return
    rows = []
    for scale in map(int, chosen.scales.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(folder, chosen.input or SAMPLES, scale)
            rows += [{"scale": scale, **measured_apart(folder, n)} for n in chosen.workers.split(",")]
            print(json.dumps(rows[-1]), file=sys.stderr)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    figures = json.dumps({"machine": machine, "versions": versions(), "rows": rows}, indent=2)
    print(figures)
    if chosen.output:
        write_file(chosen.output, figures.encode() + b"\n")


def write_corpus(folder: str, patterns: tuple[str, ...] | list[str], scale: int) -> None:
    """Write the WET files of `patterns` `scale` times, the copies varied, below `folder`/in."""
    for file in find_inputs(SOURCE, [InputPattern(pattern=pattern) for pattern in patterns]):
        pages = list(wet_pages(file.path))
        for copy in range(scale):
            records = [wet_record(url, copy, vary(text, copy)) for url, text in pages]
            data = b"".join(gzip.compress(record, 1, mtime=0) for record in records)
            write_file(join(folder, "in", f"{copy:03d}-{file.name}"), data)


def wet_pages(path: str) -> Iterator[tuple[str, str]]:
    """URL and text of each page of a WET file."""
    with Path(path).open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.conversion):
            url = record.headers.get("WARC-Target-URI", "")
            yield url, record.reader.read().decode("utf-8", "replace")


def vary(text: str, copy: int) -> str:
    """Copy number `copy` of a text: half of its lines, by their hash, with a word of the copy's own."""
    word = f" copy{'abcdefghijklmnop'[copy % 16]}{'abcdefghijklmnop'[copy // 16 % 16]}"
    return "\n".join(
        line + word if copy and line and xxhash.xxh3_64_intdigest(line.encode(), copy) & 1 else line
        for line in text.split("\n")
    )


def wet_record(url: str, copy: int, text: str) -> bytes:
    """A conversion record, with an id of its own for each copy."""
    block = text.encode()
    name = f"<urn:copy:{copy}:{xxhash.xxh3_128_hexdigest(url.encode())}>"
    head = [
        *("WARC/1.0", "WARC-Type: conversion", f"WARC-Target-URI: {url}", "WARC-Date: 2020-01-01T00:00:00Z"),
        *(f"WARC-Record-ID: {name}", f"WARC-Refers-To: {name}", "Content-Type: text/plain"),
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def measured_apart(folder: str, workers: str) -> dict[str, Any]:
    """What `measure` says in a process of its own, whose memory is then that of this run alone."""
    command = [sys.executable, "-m", "benchmarks.scale_lines", "--measure", folder, "--workers", workers]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(folder: str, workers: str) -> dict[str, Any]:
    """Run the phases over `folder`/in and return their cost."""
    out = join(folder, f"out-{workers}")
    write_file(join(folder, "config.yaml"), CONFIG.encode())
    arguments = ["--config", join(folder, "config.yaml"), "--input", f"{SOURCE}={folder}/in/*"]
    options = parse_options([*arguments, "--output", out, "--workers", workers])
    run = make_run(options, Progress(Console(file=io.StringIO())))
    seconds = {}
    for name in ("prepare", "lines", "judge"):
        before = cpu_seconds()
        PHASES[name](run)
        seconds[name] = cpu_seconds() - before
    return {"workers": int(workers), **cost(run, seconds)}


def cost(run: Run, seconds: dict[str, float]) -> dict[str, Any]:
    """The figures of one run, those of cost per MB (10^6 bytes) of text that `prepare` wrote."""
    batches = prepare.batches(required(run, prepare.PHASE, SOURCE))
    text = sum(text_bytes(join(run.out, batch["documents"].path)) for batch in batches) / 1e6
    entries = sum(batch["entries"][ROUND] for batch in batches)
    receipts = join(run.out, "work", "lines", ROUND, "buckets", SOURCE, "receipts")
    decided = [json.loads((Path(receipts) / name).read_text()) for name in sorted(list_folder(receipts))]
    met = sum(receipt["facts"]["entries"] for receipt in decided)
    listed = sum(receipt["outputs"][0]["rows"] for receipt in decided)
    driver, worker = (
        resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "text_mb": round(text, 1),
        "documents": sum(batch["rows"] for batch in batches),
        "lines": entries,
        "buckets": bucket_count(entries, run.engine.workers),
        "cpu_s_per_mb": {name: round(value / text, 4) for name, value in seconds.items()},
        "cpu_s_per_mb_all": round(sum(seconds.values()) / text, 4),
        "exchanged_bytes_per_mb": round((met * ENTRY.itemsize + listed * REMOVAL.itemsize) / text),
        "peak_mb": {"driver": driver, "largest_worker": worker},
    }


def text_bytes(path: str) -> int:
    """The bytes of text in a file of documents."""
    return int(read_parquet(path, ["bytes"]).column("bytes").to_numpy().sum())


def cpu_seconds() -> float:
    """User and system seconds of this process and of all children that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
