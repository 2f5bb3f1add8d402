"""What each phase of the main job costs, and `judge` against a plain loop over the same calls.

    python -m benchmarks.phases --input 'crawl/*.warc.wet.gz' [--workers 1] [--output FILE.json]

CPU seconds are user and system time of this process and of the workers it waited for. The two judges are run
in turn, over the same batches, reading and Parquet included in both; their ratio is what the framework costs.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import resource
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

from filters.language import identify
from filters.perplexity import judge as judge_texts
from filters.reference import reference_scores
from pipeline.files import delete, join, list_folder, write_file
from pipeline.manifest import manifest_path
from pipeline.models import load_fasttext, load_language_model, load_reference, resolve
from pipeline.options import parse_options
from pipeline.packed import PackedFile, read_packed
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases import PHASES, judge, prepare
from pipeline.phases.exchange_rounds import list_path
from pipeline.phases.phase import Run, required, versions
from pipeline.progress import Progress
from pipeline.run import make_run
from pipeline.transforms.judges import Language, Perplexity, WikipediaReference
from pipeline.transforms.judging import Judging

SOURCE = "commoncrawl"


def main() -> None:
    """Measure and print; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", required=True, help="pattern of WARC or WET files")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="how often the two judges are run in turn")
    parser.add_argument("--output", help="write the figures as JSON too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out")
        arguments = ["--sources", SOURCE, "--input", f"{SOURCE}={chosen.input}", "--output", out]
        options = parse_options([*arguments, "--workers", str(chosen.workers)])
        run = make_run(options, Progress(Console(file=io.StringIO())))
        figures = measure(run, chosen.rounds)
    json.dump(figures, sys.stdout, indent=2)
    print()
    if chosen.output:
        write_file(chosen.output, json.dumps(figures, indent=2).encode() + b"\n")


def measure(run: Run, rounds: int) -> dict[str, Any]:
    """Run all phases once, then the two judges in turn."""
    phases = {}
    for name, phase in PHASES.items():
        before = cpu_seconds()
        outcome = phase(run)
        phases[name] = {"cpu_s": round(cpu_seconds() - before, 2), "wall_s": round(outcome.seconds, 2)}
    texts = sum(
        read_parquet(join(run.out, batch["documents"].path), ["bytes"]).column("bytes").to_numpy().sum()
        for batch in prepare.batches(required(run, prepare.PHASE, SOURCE))
    )
    framework, plain = [], []
    for _ in range(rounds):
        plain.append(timed(lambda: plain_judge(run)))
        forget(run)
        framework.append(timed(lambda: judge.judge(run)))
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "versions": versions(),
        "input_text_mb": round(int(texts) / 1e6, 2),
        "phases": phases,
        "peak_rss_mb": {
            "driver": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "largest_worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        },
        "judge_cpu_s": round(statistics.median(framework), 2),
        "plain_loop_cpu_s": round(statistics.median(plain), 2),
        "judge_over_plain": round(statistics.median(f / p for f, p in zip(framework, plain, strict=True)), 3),
    }


def cpu_seconds() -> float:
    """User and system seconds of this process and of all children that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def timed(work: Any) -> float:
    """The CPU seconds of one call."""
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


def forget(run: Run) -> None:
    """Take `judge` back to the state before its first run."""
    delete([manifest_path(run.out, judge.PHASE, SOURCE)])
    folder = join(run.out, "work", judge.PHASE, SOURCE, "receipts")
    delete(join(folder, name) for name in list_folder(folder))


def plain_judge(run: Run) -> None:
    """The calls of `judge` one after the other, on lists and arrays, without stages, units or Beam."""
    language, perplexity, reference = Language(), Perplexity(), WikipediaReference()
    files = perplexity.models["en"]
    lm = load_language_model(
        resolve(files.kenlm), resolve(files.sentencepiece), resolve(files.cutoffs), "en", perplexity.mode
    )
    folder = Path(run.out).parent / "plain"
    for batch in prepare.batches(required(run, prepare.PHASE, SOURCE)):
        table = read_parquet(join(run.out, batch["documents"].path))
        judging = Judging(table)
        with PackedFile(join(run.out, batch["fingerprint"].path)) as fingerprint:
            for round_ in run.flows[SOURCE].rounds:
                path = join(run.out, list_path("lines", round_.name, SOURCE, batch["name"]))
                round_.apply(judging, read_packed(path)["removals"], fingerprint)
        rows = np.flatnonzero(judging.kept()).tolist()
        texts = [judging.texts[row] for row in rows]
        labels, scores = identify(load_fasttext(resolve(language.model)), texts)
        english = [i for i, label in enumerate(labels) if label == "en" and scores[i] >= language.min_score]
        judged = judge_texts({"en": lm}, ["en"] * len(english), [texts[i] for i in english])
        kept = [texts[i] for i, j in zip(english, judged, strict=True) if j.bucket in perplexity.keep]
        likeness = reference_scores(load_reference(resolve(reference.model)), kept)
        written = table.set_column(
            table.column_names.index("text"), "text", pa.array(judging.texts, pa.large_string())
        ).append_column("language_score", pa.nulls(table.num_rows, pa.float64()))
        write_file(str(folder / batch["name"]), to_parquet(written) + likeness.tobytes())
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
