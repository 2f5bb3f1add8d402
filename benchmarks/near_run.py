"""The main job, `prepare` to `curate`, on texts of a benchmark: what was dropped, and what it cost."""

from __future__ import annotations

import io
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.console import Console

from pipeline.files import list_folder
from pipeline.manifest import read_manifest
from pipeline.options import parse_options
from pipeline.parquet import read_parquet
from pipeline.phases import PHASES
from pipeline.progress import Progress
from pipeline.run import make_run
from pipeline.units import Receipt

SOURCE = "texts"
NAMES = ("prepare", "lines", "judge", "duplicates", "curate")
BATCH_DOCUMENTS = 2000


class Found(NamedTuple):
    """What a run did: texts dropped by number, with the survivor's; CPU and wall seconds by phase; bytes that
    the meetings brought together; what the manifest says of near-duplicates."""

    dropped: dict[int, int]
    cpu: dict[str, float]
    wall: dict[str, float]
    shuffled: int
    facts: dict[str, Any]


def write_texts(folder: Path, texts: Iterable[str]) -> int:
    """Write texts as JSON lines, numbered through, a file for each `BATCH_DOCUMENTS`; returns their bytes."""
    folder.mkdir(parents=True)
    rows = enumerate(texts)
    size = 0
    while some := list(islice(rows, BATCH_DOCUMENTS)):
        size += sum(len(text.encode()) for _, text in some)
        lines = [orjson.dumps({"id": str(n), "number": n, "text": text}) + b"\n" for n, text in some]
        (folder / f"{some[0][0]:08d}.jsonl").write_bytes(b"".join(lines))
    return size


def run_job(folder: Path, inputs: Path, near: str) -> Found:
    """Run the flow `documents` on the texts in `inputs`, with `near` as its near-duplicates."""
    folder.mkdir(parents=True, exist_ok=True)
    config, out = folder / "config.yaml", folder / "out"
    config.write_text(
        f"sources:\n  {SOURCE}: {{flow: documents, proportion: 1, read: {{id: id}}, duplicate_text: on, "
        f"near_duplicates: {near}}}\n"
    )
    options = parse_options(
        [
            *("--config", str(config), "--input", f"{SOURCE}={inputs}/*.jsonl", "--output", str(out)),
            *("--workers", "1"),  # in this process, whose CPU and memory are measured
        ]
    )
    run = make_run(options, Progress(Console(file=io.StringIO())))
    cpu, wall = {}, {}
    for phase in NAMES:
        start_cpu, start = time.process_time(), time.monotonic()
        PHASES[phase](run)
        cpu[phase], wall[phase] = time.process_time() - start_cpu, time.monotonic() - start
    manifest = read_manifest(str(out), "duplicates", SOURCE)
    units = manifest.units if manifest else []
    facts = next((unit.facts for unit in units if unit.name == "near_duplicates"), {})
    return Found(_dropped(out), cpu, wall, _shuffled(out / "work" / "duplicates" / "near"), facts)


def _dropped(out: Path) -> dict[int, int]:
    columns = ["id", "metadata", "survivor"]
    files = [
        path for part in ("curated", "dropped") for path in sorted((out / part / SOURCE).glob("*.parquet"))
    ]
    number: dict[str, int] = {}
    survivors: dict[str, str] = {}
    for path in files:
        for row in read_parquet(str(path), columns).to_pylist():
            number[row["id"]] = orjson.loads(row["metadata"])["number"]
            if row["survivor"]:
                survivors[row["id"]] = row["survivor"]
    return {number[name]: number[survivor] for name, survivor in survivors.items()}


def _shuffled(room: Path) -> int:
    names = [name for name in list_folder(str(room)) if "/receipts/" in name]
    receipts = [Receipt.from_json((room / name).read_bytes()) for name in names]
    return sum(receipt.facts.get("bytes", 0) for receipt in receipts if receipt)


def peak_megabytes() -> int:
    """The most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6


def apart(call: Callable[..., Any], *arguments: object) -> Any:
    """The result of `call` in a process of its own, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(call, arguments)
