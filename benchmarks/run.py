"""Speed of every flow, phase by phase and stage by stage, by CPU time: `python -m benchmarks.run`.

    python -m benchmarks.run [--flows commoncrawl,c4] [--input commoncrawl='crawl/*.warc.wet.gz']
                             [--rounds 3] [--output benchmarks/results/run.json]
    python -m benchmarks.run --compare [--input c4=FILES] [--input commoncrawl=FILES]

`--compare` measures datatrove's steps in turn with ours instead (benchmarks/compare.py), on the texts of c4
and the WET files of commoncrawl; `make compare-env` installs it.

Each flow is run in a process of its own on one core, on the bundled samples where no input is named. For each
phase: CPU seconds (all of the process), and with the text that `prepare` made MB a core-second. For each
stage: documents and MB of what reaches it a core-second, in a plain loop over the same inputs and batches;
beside it, where there is one, the native call alone on the same texts in the same process, and how much of
its speed the stage has. `overhead` is what phases `prepare`, `judge` and `curate` take for the plain loop's
1, the two in turn, the median of all rounds; reading, Parquet and files are in both. What the three take for
two records of each file (the first of a WET file is no page) is `start_s`; without that, which no amount of
text changes, they take `beyond_start` (null where the plain loop takes under a second: too little to tell).
"""

from __future__ import annotations

import argparse
import glob
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from fastwarc.warc import ArchiveIterator, WarcRecordType
from isal import igzip
from resiliparse.extract.html2text import extract_plain_text
from rich.console import Console
from rich.table import Table

from benchmarks.compare import INTERPRETER, compare
from benchmarks.judges import plain_identify, plain_lines
from benchmarks.plain import Clock, Cost, again, plain_loop
from filters.perplexity import LanguageModel
from pipeline.flows import FLOWS
from pipeline.models import load_fasttext, load_language_model, resolve
from pipeline.options import parse_options
from pipeline.phases import PHASES
from pipeline.phases.phase import Run, versions
from pipeline.progress import Progress
from pipeline.run import make_run
from pipeline.sources import SAMPLES
from pipeline.transforms.read import Documents, WarcOrWet
from pipeline.yaml_lines import load_yaml

_PAGES = WarcRecordType.response | WarcRecordType.conversion
CONFIG = "sources:\n  {flow}:\n    proportion: 100\n"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--flows", help="only these, by commas (default: all that have samples)")
    parser.add_argument("--input", metavar="FLOW=PATTERN", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=3, help="how often flow and plain loop take turns")
    parser.add_argument("--output", type=Path, help="write the figures as JSON too")
    parser.add_argument("--compare", action="store_true", help="ours and datatrove's steps in turn, no flows")
    parser.add_argument("--interpreter", type=Path, default=INTERPRETER, help="the Python that has datatrove")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    inputs: dict[str, list[str]] = {}
    for pair in chosen.input:
        flow, _, pattern = pair.partition("=")
        inputs.setdefault(flow, []).append(pattern)
    patterns = {**_samples(), **inputs}
    if chosen.one:
        json.dump(measure(chosen.one, patterns[chosen.one], chosen.rounds), sys.stdout)
        return 0
    names = chosen.flows.split(",") if chosen.flows else list(inputs or patterns)
    if unknown := [name for name in names if name not in patterns]:
        parser.error(f"no input for {unknown[0]}: give some with --input {unknown[0]}=PATTERN")
    figures: dict[str, Any] = {
        "machine": f"{_cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": versions(),
        "rounds": chosen.rounds,
    }
    if chosen.compare:
        if not chosen.interpreter.exists():
            parser.error(f"no {chosen.interpreter}: run `make compare-env` first")
        files = {name: _files(patterns[name]) for name in ("c4", "commoncrawl")}
        figures |= compare(files["c4"], files["commoncrawl"], chosen.rounds, chosen.interpreter)
        _print_compared(figures)
        names = []
    for name in names:
        given = [option for pattern in patterns[name] for option in ("--input", f"{name}={pattern}")]
        command = [sys.executable, "-m", "benchmarks.run", "--one", name, "--rounds", str(chosen.rounds)]
        done = subprocess.run([*command, *given], stdout=subprocess.PIPE, check=True)
        figures.setdefault("flows", {})[name] = json.loads(done.stdout)
        _print(name, figures["flows"][name])
    if chosen.output:
        chosen.output.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def _samples() -> dict[str, list[str]]:
    named, _ = load_yaml((SAMPLES / "samples.yaml").read_text(), "samples.yaml")
    patterns = {name: [str(SAMPLES / pattern) for pattern in listed] for name, listed in named.items()}
    patterns["documents"] = patterns["c4"]
    patterns["c4_from_web"] = [str(SAMPLES / "commoncrawl/*.wet.gz")]
    return {name: listed for name, listed in patterns.items() if name in FLOWS}


def _files(patterns: list[str]) -> list[str]:
    return sorted(path for pattern in patterns for path in glob.glob(pattern))  # noqa: PTH207  may be absolute


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "unknown CPU")


def measure(flow: str, patterns: list[str], rounds: int) -> dict[str, Any]:
    """The figures of one flow, measured in this process."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text(CONFIG.format(flow=flow))
        given = [option for pattern in patterns for option in ("--input", f"{flow}={pattern}")]
        options = ["--config", str(config), "--output", str(Path(folder, "out")), "--workers", "1", *given]
        run = make_run(parse_options(options), Progress(Console(file=io.StringIO())))
        phases = {
            name: _cpu_seconds(partial(phase, run)) for name, phase in PHASES.items() if name != "export"
        }
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        plain = str(Path(folder, "plain"))
        clock = Clock()
        plain_loop(run, flow, plain, clock)
        options[options.index("--output") + 1] = str(Path(folder, "one"))
        one = make_run(parse_options([*options, "--limit", "2"]), Progress(Console(file=io.StringIO())))
        for name, phase in PHASES.items():
            if name not in ("export", "tokenize", "mix"):
                phase(one)
        turns = [
            (
                _cpu_seconds(partial(again, one, flow)),
                _cpu_seconds(partial(again, run, flow)),
                _cpu_seconds(partial(plain_loop, run, flow, plain, Clock(count=False))),
            )
            for _ in range(rounds)
        ]
    text = clock.costs["prepare", "write"]
    megabytes = text.bytes / 1e6
    return {
        "documents": text.documents,
        "megabytes": round(megabytes, 3),
        "phases": {
            name: {"cpu_s": round(spent, 2), "mb_a_core_second": round(megabytes / spent, 2)}
            for name, spent in phases.items()
        },
        "to_curated_mb_a_core_second": round(
            megabytes / sum(spent for name, spent in phases.items() if name not in ("tokenize", "mix")), 2
        ),
        "stages": [
            {"phase": phase, "stage": stage, **_rates(phase, stage, cost, run)}
            for (phase, stage), cost in clock.costs.items()
        ],
        "overhead": round(statistics.median(ours / loop for _, ours, loop in turns), 3),
        "beyond_start": round(statistics.median((ours - start) / loop for start, ours, loop in turns), 3)
        if statistics.median(loop for _, _, loop in turns) >= 1
        else None,
        "start_s": round(statistics.median(start for start, _, _ in turns), 3),
        "plain_loop_s": round(statistics.median(loop for _, _, loop in turns), 3),
        "peak_memory_mib": memory,
    }


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _rates(phase: str, stage: str, cost: Cost, run: Run) -> dict[str, Any]:
    if not cost.documents or cost.seconds <= 0:
        return {"cpu_s": round(cost.seconds, 4), "documents": cost.documents}
    speed = cost.bytes / 1e6 / cost.seconds
    found: dict[str, Any] = {
        "cpu_s": round(cost.seconds, 4),
        "documents": cost.documents,
        "documents_a_core_second": round(cost.documents / cost.seconds),
        "mb_a_core_second": round(speed, 2),
    }
    if floor := _floor(phase, stage, run):
        sizes = sum(len(text if isinstance(text, bytes) else text.encode()) for text in cost.seen)
        if sizes and any(isinstance(text, bytes) for text in cost.seen) == (stage == "extract_text"):
            native = sizes / 1e6 / max(_cpu_seconds(lambda: floor(cost.seen)), 1e-9)
            found |= {"native_mb_a_core_second": round(native, 2), "of_native": round(speed / native, 2)}
    return found


def _floor(phase: str, stage: str, run: Run) -> Callable[[list[Any]], object] | None:
    """The native call behind a stage, with no framework: a function of what the stage was given."""
    if stage == "language":
        model = load_fasttext(resolve("bundled:lid.176.ftz"))
        return lambda texts: plain_identify(model, texts)
    if stage == "perplexity":
        files = [resolve(f"bundled:en.{kind}") for kind in ("lm.bin", "sp.model", "cutoffs.json")]
        loaded = load_language_model(files[0], files[1], files[2], "en", "lines")
        return lambda texts: plain_lines(LanguageModel(loaded.processor, loaded.kenlm), texts)
    if stage == "extract_text":
        return lambda pages: [
            extract_plain_text(p.decode("utf-8", "replace"), main_content=True)
            for p in pages
            if isinstance(p, bytes)
        ]
    (source,) = run.flows
    read = run.flows[source].read
    paths = [file.path for file in run.inputs[source]]
    bare = _iterate if isinstance(read, WarcOrWet) else None
    if type(read) is Documents and all(path.endswith(".gz") for path in paths):
        bare = _parse_lines
    return partial(_bare_read, bare, paths) if bare and (phase, stage) == ("prepare", "read") else None


def _bare_read(bare: Callable[[list[str], int], None], paths: list[str], seen: list[Any]) -> None:
    bare(paths, len(seen))


def _iterate(paths: list[str], pages: int) -> None:
    """Read the bodies of as many pages from the first of `paths` on, by fastwarc alone."""
    for path in paths:
        with Path(path).open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=_PAGES):
                record.reader.read()
                pages -= 1
                if not pages:
                    return


def _parse_lines(paths: list[str], rows: int) -> None:
    """Parse as many lines from the first of `paths` on, by isal and orjson alone."""
    for path in paths:
        with igzip.open(path) as lines:
            for line in lines:
                orjson.loads(line)
                rows -= 1
                if not rows:
                    return


def _print_compared(figures: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    peer = figures["peer_versions"]["datatrove"]
    title = f"{figures['texts']:,} texts, {figures['megabytes']} MB; datatrove {peer}"
    table = Table(title=title, title_justify="left")
    table.add_column("step")
    for name in ("ours, MB/s", "datatrove, MB/s", "times", "in each round"):
        table.add_column(name, justify="right")
    for name, step in figures["steps"].items():
        speeds = [step["ours_mb_a_core_second"], step["datatrove_mb_a_core_second"], step["times"]]
        table.add_row(name, *map(str, speeds), " ".join(map(str, step["times_in_each_round"])))
    console.print(table)


def _print(flow: str, figures: dict[str, Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    title = f"{flow}: {figures['documents']:,} documents, {figures['megabytes']} MB of text"
    table = Table(title=title, title_justify="left")
    table.add_column("phase")
    table.add_column("stage")
    for name in ("documents", "CPU s", "documents/s", "MB/s", "native MB/s", "of native"):
        table.add_column(name, justify="right")
    for name, cost in figures["phases"].items():
        table.add_row(name, "", "", f"{cost['cpu_s']:.2f}", "", f"{cost['mb_a_core_second']:.2f}")
        for row in figures["stages"]:
            if row["phase"] == name:
                keys = ("documents_a_core_second", "mb_a_core_second", "native_mb_a_core_second", "of_native")
                rates = [f"{row[key]:,}" if key in row else "" for key in keys]
                table.add_row("", row["stage"], f"{row['documents']:,}", f"{row['cpu_s']:.3f}", *rates)
        table.add_section()
    console.print(table)
    speed = figures["to_curated_mb_a_core_second"]
    console.print(
        f"to curated: {speed} MB a core-second; peak memory {figures['peak_memory_mib']} MiB; prepare, judge "
        f"and curate take {figures['overhead']} times the plain loop's {figures['plain_loop_s']} s, "
        f"{figures['beyond_start'] or 'unknown'} without the {figures['start_s']} s of their start",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
