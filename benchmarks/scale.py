"""What the whole main job costs as the corpus grows: CPU, memory of each process, bytes exchanged.

    python -m benchmarks.scale [--mb 66,264,1056] [--rounds 3,3,1] [--workers 1] [--output FILE.json]
    python -m benchmarks.scale --mb 66 --rounds 1 --each-source [--output FILE.json]

The corpus is made of the bundled samples, all seven sources (benchmarks/scale_corpus.py). Each run is a
process of its own. CPU seconds are user and system time of driver and workers; with one worker the work is
done in the driver. Behind the run, each look at it (report, --plan, explain, ...) is timed as a process too.
With --each-source every source is run alone, which says what its CPU seconds are.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.scale_lines import cpu_seconds, text_bytes
from pipeline.files import join, write_file
from pipeline.manifest import read_manifest
from pipeline.options import default_config, parse_options
from pipeline.phases import PHASES, prepare
from pipeline.phases.phase import Run, required, versions
from pipeline.progress import Progress
from pipeline.run import make_run

# An edit of the bundled mixture, for what_if.
HERE, EDIT = "  commoncrawl:\n", "    language: {min_score: 0.8}\n"


def main() -> None:
    """Measure and print; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mb", default="66,264,1056", help="sizes of the corpus, 10^6 bytes of raw text")
    parser.add_argument("--rounds", default="3,3,1", help="how often each size is run; the median counts")
    parser.add_argument("--workers", default="1", help="numbers of workers, each measured")
    parser.add_argument("--output", help="write the figures as JSON too, after each run what there is")
    parser.add_argument("--folder", help="keep corpora and runs here (default: a temporary folder)")
    parser.add_argument("--each-source", action="store_true", help="run every source alone instead")
    parser.add_argument("--measure", metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--source", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(Path(chosen.measure), chosen.workers, chosen.source)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(chosen.folder or temporary)
        samples = folder / "samples"
        if not samples.exists():
            apart("pipeline.run", "--phases", "prepare", "--workers", "1", "--output", str(samples))
        rows = []
        for mb, rounds in zip(chosen.mb.split(","), chosen.rounds.split(","), strict=True):
            corpus = folder / f"corpus-{mb}"
            if not corpus.exists():
                # Apart: the peak of a process begins at what its parent held when it was started.
                apart("benchmarks.scale_corpus", str(corpus), "--mb", mb, "--samples", str(samples))
            alone = sorted(path.name for path in corpus.glob("in/*")) if chosen.each_source else [""]
            for workers, source in itertools.product(chosen.workers.split(","), alone):
                found = [measured_apart(corpus, workers, source) for _ in range(int(rounds))]
                seen = {"source": source} if source else {"looks": looks(corpus, workers)}
                rows.append({"mb": int(mb), **middle(found), **seen})
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                machine = f"{platform.machine()}, Python {platform.python_version()}"
                figures = json.dumps({"machine": machine, "versions": versions(), "rows": rows}, indent=2)
                if chosen.output:
                    write_file(chosen.output, figures.encode() + b"\n")
    print(figures)


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run of median CPU seconds, with those of all."""
    middle = sorted(runs, key=lambda run: run["cpu_s_all"])[len(runs) // 2]
    return middle | {
        "cpu_s_of_each_run": [run["cpu_s_all"] for run in runs],
        "cpu_s_per_mb": round(statistics.median(run["cpu_s_all"] for run in runs) / middle["text_mb"], 4),
    }


def arguments(corpus: Path, workers: str, source: str = "") -> list[str]:
    """The main job's arguments for the corpus, or for one source of it."""
    folders = [folder for folder in sorted(corpus.glob("in/*")) if source in ("", folder.name)]
    inputs = [f"{folder.name}={folder}/{_pattern(folder)}" for folder in folders]
    named = [argument for value in inputs for argument in ("--input", value)]
    only = ["--sources", source] if source else []
    return [*named, *only, "--output", f"{corpus}/out-{workers}{source}", "--workers", workers]


def _pattern(folder: Path) -> str:
    return "*/Posts.xml" if folder.name == "stackexchange" else "*"


def measured_apart(corpus: Path, workers: str, source: str) -> dict[str, Any]:
    """What `measure` says in a process of its own, whose memory is then that of this run alone."""
    said, _ = apart("benchmarks.scale", "--measure", str(corpus), "--workers", workers, "--source", source)
    figures: dict[str, Any] = json.loads(said.splitlines()[-1])
    return figures


def measure(corpus: Path, workers: str, source: str = "") -> dict[str, Any]:
    """Run all phases anew over the corpus and return their cost."""
    options = parse_options([*arguments(corpus, workers, source), "--fresh"])
    run = make_run(options, Progress(Console(file=io.StringIO())))
    phases = {}
    for name in options.phases:
        cpu, wall = cpu_seconds(), time.monotonic()
        PHASES[name](run)
        phases[name] = {
            "cpu_s": round(cpu_seconds() - cpu, 2),
            "wall_s": round(time.monotonic() - wall, 1),
            "peak_mb_so_far": peaks(),
        }
        print(name, phases[name], file=sys.stderr, flush=True)
    return {"workers": int(workers), **cost(run, phases)}


def peaks() -> dict[str, int]:
    """The largest resident memory so far, of this process and of any worker that has ended, MiB."""
    of = {"driver": resource.RUSAGE_SELF, "largest_worker": resource.RUSAGE_CHILDREN}
    return {name: resource.getrusage(who).ru_maxrss // 1024 for name, who in of.items()}


def cost(run: Run, phases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The figures of one run; MB are 10^6 bytes of the text that `prepare` wrote."""
    manifests = {source: required(run, prepare.PHASE, source) for source in run.flows}
    batches = {source: prepare.batches(manifest) for source, manifest in manifests.items()}
    text = {
        source: sum(text_bytes(join(run.out, batch["documents"].path)) for batch in found)
        for source, found in batches.items()
    }
    whole = sum(text.values()) / 1e6
    exchanged = exchanged_bytes(Path(run.out))
    cpu = sum(phase["cpu_s"] for phase in phases.values())
    return {
        "text_mb": round(whole, 1),
        "text_mb_by_source": {source: round(size / 1e6, 1) for source, size in text.items()},
        "documents": {source: sum(batch["rows"] for batch in found) for source, found in batches.items()},
        "curated": {source: rows(run.out, "curate", f"curated/{source}", source) for source in run.flows},
        "batches": sum(map(len, batches.values())),
        "cpu_s_all": round(cpu, 1),
        "phases": phases,
        "peak_mb": peaks(),
        "exchanged_bytes": exchanged,
        "exchanged_bytes_per_mb": round(sum(sum(found.values()) for found in exchanged.values()) / whole),
        "output_mb": round(sum(p.stat().st_size for p in Path(run.out).rglob("*") if p.is_file()) / 1e6, 1),
        "manifests_mb": round(sum(p.stat().st_size for p in Path(run.out).glob("manifests/*/*")) / 1e6, 2),
    }


def rows(out: str, phase: str, folder: str, source: str) -> int:
    """The rows that a phase wrote below `folder`."""
    manifest = read_manifest(out, phase, source)
    return sum(file.rows for file in manifest.files(folder)) if manifest else 0


def exchanged_bytes(out: Path) -> dict[str, dict[str, int]]:
    """For each phase and round of an exchange, and each party to it, the bytes that met in its buckets; for
    rounds those of the answers that went back too."""
    found: dict[str, dict[str, int]] = {}
    for path in sorted(out.glob("work/*/**/receipts/*.json")):
        receipt = json.loads(path.read_bytes())
        facts = receipt["facts"]
        if "bytes" not in facts:
            continue
        room, party = path.relative_to(out / "work").parent.parent.parent, path.parent.parent.name
        back = sum(file["size"] for file in receipt["outputs"]) if "entries" in facts else 0
        parties = found.setdefault(room.as_posix(), {})
        parties[party] = parties.get(party, 0) + facts["bytes"] + back
    return found


def looks(corpus: Path, workers: str) -> dict[str, dict[str, float]]:
    """What it costs to look at the run: each command in a process of its own."""
    out = f"{corpus}/out-{workers}"
    edited = corpus / "edited.yaml"
    edited.write_text(Path(default_config()).read_text().replace(HERE, HERE + EDIT))
    lost = json.loads(
        apart("pipeline.sample", "--run", out, "--rule", "perplexity.tail", "-n", "1", "--json")[0]
    )
    commands = {
        "--help (start of Python)": ["pipeline.run", "--help"],
        "report": ["pipeline.report", "--run", out],
        "--plan": ["pipeline.run", *arguments(corpus, workers), "--plan"],
        "explain": ["pipeline.explain", lost[0]["id"], "--run", out],
        "sample": ["pipeline.sample", "--run", out, "--rule", "perplexity.tail"],
        "sample --near": ["pipeline.sample", "--run", out, "--rule", "perplexity.tail", "--near"],
        "stats": ["pipeline.stats", "--run", out],
        "what_if": ["pipeline.what_if", "--run", out, "--config", str(edited)],
    }
    return {name: apart(*command)[1] for name, command in commands.items()}


def apart(module: str, *given: str) -> tuple[str, dict[str, float]]:
    """Run a module of ours; what it printed, and its CPU seconds, wall seconds and peak memory.

    Raises SystemExit where it fails.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "-m", module, *given], stdout=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read().decode()
    if process.returncode:
        raise SystemExit(f"{module} {' '.join(given)} ended with {process.returncode}:\n{output}")
    return output, {
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_s": round(time.monotonic() - began, 2),
        "peak_mb": usage.ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
