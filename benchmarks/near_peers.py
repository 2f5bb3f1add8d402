"""Other tools that find near-duplicates, on the same files, by CPU time: datasketch here, the others with the
interpreter that has them. The time of a run over the first `WARM` texts is taken off, as start-up."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa
from datasketch import MinHashLSH

from benchmarks.minhash import DATATROVE, plain_datasketch
from filters.minhash import PRESETS

WARM = 20
THRESHOLD = 0.8


class Peer(NamedTuple):
    """CPU seconds without start-up, and the numbers of the texts that were kept."""

    cpu: float
    kept: set[int]


def datasketch_lsh(inputs: Path) -> Peer:
    """datasketch alone: a sketch a text, then its MinHashLSH, as its documentation shows."""
    texts = {row["number"]: row["text"] for row in _rows(inputs)}
    start = time.process_time()
    lsh = MinHashLSH(threshold=THRESHOLD, num_perm=PRESETS["web"].permutations)
    kept = set()
    for number, sketch in zip(texts, plain_datasketch(list(texts.values()), PRESETS["web"]), strict=True):
        if not lsh.query(sketch):
            lsh.insert(str(number), sketch)
            kept.add(number)
    return Peer(time.process_time() - start, kept)


def datatrove(python: str, inputs: Path, place: Path) -> Peer:
    """Its four stages, 14 bands of 8 rows, 5-word shingles."""

    def kept(out: Path) -> set[int]:
        files = [gzip.decompress(path.read_bytes()) for path in (out / "kept").glob("*.jsonl.gz")]
        return {int(orjson.loads(line)["id"]) for data in files for line in data.splitlines()}

    return _apart(
        lambda files, out: [python, str(DATATROVE), "stages", str(files), str(out)], kept, inputs, place
    )


def text_dedup(python: str, inputs: Path, place: Path) -> Peer:
    """Its `minhash` command, version 0.4.0 of PyPI: 16 bands of 8 rows, 5-word shingles."""

    def command(files: Path, out: Path) -> list[str]:
        of_data = [
            "--path",
            "json",
            "--data_files",
            f"{files}/*.jsonl",
            "--split",
            "train",
            "--column",
            "text",
        ]
        of_hash = [
            "--ngram",
            "5",
            "--num_perm",
            "128",
            "--b",
            "16",
            "--r",
            "8",
            "--threshold",
            f"{THRESHOLD}",
        ]
        of_place = ["--num_proc", "1", "--cache_dir", f"{out}-cache", "--output", str(out)]
        return [python, "-m", "text_dedup.minhash", *of_data, *of_hash, *of_place]

    def kept(out: Path) -> set[int]:
        numbers: set[int] = set()
        for path in out.glob("*.arrow"):
            numbers.update(pa.ipc.open_stream(path.read_bytes()).read_all()["number"].to_pylist())
        return numbers

    return _apart(command, kept, inputs, place)


def _apart(
    command: Callable[[Path, Path], list[str]],
    kept: Callable[[Path], set[int]],
    inputs: Path,
    place: Path,
) -> Peer:
    few = place / "few"
    few.mkdir(parents=True)
    some = [orjson.dumps(row) + b"\n" for row in islice(_rows(inputs), WARM)]
    (few / "few.jsonl").write_bytes(b"".join(some))
    used = []
    for files, out in ((few, place / "few-out"), (inputs, place / "out")):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "home")}
        subprocess.run(command(files, out), check=True, env=offline, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Peer(used[1] - used[0], kept(place / "out"))


def _rows(inputs: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for path in sorted(inputs.glob("*.jsonl")) for line in path.open("rb")]
