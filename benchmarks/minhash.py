"""Near-duplicates in one process, and their speed by CPU time.

    python -m benchmarks.minhash WET_FILE ... [--datatrove PYTHON]

`near_duplicates` is the phase without files: the tests run it against constructed truth. The plain datasketch
loop is the usual one: a regular expression for words, a joined string a shingle, datasketch's default hash.
datatrove signs the same texts in memory, by the interpreter that has it, with shingles of 5 words and as many
permutations; its word splitter is loaded before its clock starts.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from benchmarks.lines import cpu_seconds, wet_texts
from filters.minhash import PRESETS, Preset, signatures
from filters.shingles import Shingles, distinct, sample, shingles
from pipeline.dedup.bands import (
    Candidates,
    band_keys,
    candidate_pairs,
    expected_recall,
    sum_shared,
    worth_comparing,
)
from pipeline.dedup.components import components, survivors
from pipeline.dedup.kernels import losers
from pipeline.dedup.verify import Measure, Similarity, over, set_keys, similarity

DATATROVE = Path(__file__).resolve().parent / "datatrove_minhash.py"
_WORD = re.compile(r"\w+")


class NearDuplicates(NamedTuple):
    """For each text the one that stands for it (itself, if it stays), and the verified pairs of texts.

    `first`, `second` and `found` are one entry a pair; copies with equal shingle sets are no pairs.
    """

    survivor: NDArray[np.int64]
    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    found: Similarity
    not_compared: int


def near_duplicates(
    texts: list[str], preset: Preset, *, threshold: float, measure: Measure, one_in: int = 64
) -> NearDuplicates:
    """Find the near-duplicates of texts, which stand in survivor order."""
    every = shingles(texts, preset.shingling)
    sets = distinct(every)
    numbers = np.flatnonzero(np.diff(sets.starts)).astype(np.uint32)
    keys = [column[numbers] for column in set_keys(sets)]
    copies = losers(keys, [numbers], np.zeros(len(numbers), np.uint32), numbers)
    alone = np.ones(len(texts), np.bool_)
    alone[copies.row] = False

    band, row = band_keys(signatures(every, preset.permutations, preset.seed), preset.bands, preset.rows)
    candidates = candidate_pairs(band[alone[row]], row[alone[row]].astype(np.uint64))
    if measure != "jaccard":
        candidates = sum_shared(candidates, _may_contain(sample(sets, one_in), alone, threshold))
    met = _verified(sets, candidates, threshold, measure)
    # In a cluster each member meets those who would survive it, whoever it met in its buckets.
    members, label = components(*met[:2])
    met_again = _verified(sets, candidate_pairs(label, members), threshold, measure)
    first, second, shared, jaccard, containment = (
        np.concatenate(columns) for columns in zip(met, met_again, strict=True)
    )
    drops = survivors(first, second)
    survivor = np.arange(len(texts))
    survivor[drops.document] = drops.survivor
    survivor[copies.row] = survivor[copies.winner_row]
    return NearDuplicates(
        survivor, first, second, Similarity(shared, jaccard, containment), candidates.not_compared
    )


def _may_contain(sampled: Shingles, alone: NDArray[np.bool_], threshold: float) -> Candidates:
    sizes = np.diff(sampled.starts)
    row = np.repeat(np.arange(len(sizes)), sizes)
    first, second, shared, not_compared = candidate_pairs(
        sampled.hashes[alone[row]], row[alone[row]].astype(np.uint64)
    )
    chosen = worth_comparing(shared, sizes[first], sizes[second], threshold)
    return Candidates(first[chosen], second[chosen], shared[chosen], not_compared)


def _verified(
    sets: Shingles, pairs: Candidates, threshold: float, measure: Measure
) -> tuple[NDArray[Any], ...]:
    found = similarity(sets, pairs.first.astype(np.int64), pairs.second.astype(np.int64))
    yes = over(found, threshold, measure)
    return tuple(column[yes] for column in (pairs.first, pairs.second, *found))


def plain_datasketch(texts: list[str], preset: Preset) -> list[MinHash]:
    """Sign texts with datasketch alone."""
    size = preset.shingling.size
    sketches = []
    for text in texts:
        words = _WORD.findall(text.lower())
        sketch = MinHash(num_perm=preset.permutations, seed=preset.seed)
        sketch.update_batch([" ".join(words[i : i + size]).encode() for i in range(len(words) - size + 1)])
        sketches.append(sketch)
    return sketches


def measure_speed(texts: list[str], preset: Preset, rounds: int, rows: int = 256) -> dict[str, float]:
    """Return MB of UTF-8 text a core-second for each step, batches of `rows` documents."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    batches = [texts[start : start + rows] for start in range(0, len(texts), rows)]
    shingled = [shingles(batch, preset.shingling) for batch in batches]
    signed = [signatures(every, preset.permutations, preset.seed) for every in shingled]
    calls: dict[str, Callable[[], object]] = {
        "shingles": lambda: [shingles(batch, preset.shingling) for batch in batches],
        "signatures of shingles": lambda: [
            signatures(every, preset.permutations, preset.seed) for every in shingled
        ],
        "distinct": lambda: [distinct(every) for every in shingled],
        "band_keys": lambda: [band_keys(signature, preset.bands, preset.rows) for signature in signed],
        "signatures of texts": lambda: [
            signatures(shingles(batch, preset.shingling), preset.permutations, preset.seed)
            for batch in batches
        ],
        "plain datasketch": lambda: plain_datasketch(texts, preset),
        "near_duplicates, Jaccard 0.8": lambda: near_duplicates(
            texts, preset, threshold=0.8, measure="jaccard"
        ),
        "near_duplicates, either 0.9": lambda: near_duplicates(
            texts, preset, threshold=0.9, measure="either"
        ),
    }
    return {name: megabytes / seconds for name, seconds in cpu_seconds(rounds, calls).items()}


def datatrove_seconds(python: str, texts: list[str], permutations: int) -> float:
    """The CPU seconds in which datatrove signs texts."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps({"text": text}) for text in texts]
        (Path(folder) / "texts.jsonl").write_text("\n".join(lines) + "\n")
        command = [python, str(DATATROVE), "signatures", folder, str(permutations)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print one JSON object: MB of text a core-second for each step, and how many times others are slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", help="WET files")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="web")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--datatrove", help="a Python that has datatrove")
    arguments = parser.parse_args()
    preset = PRESETS[arguments.preset]
    texts = [text for path in arguments.files for text in wet_texts(path)]
    speeds = measure_speed(texts, preset, arguments.rounds)
    others = ["plain datasketch"]
    if arguments.datatrove:
        if (preset.shingling.unit, preset.shingling.size) != ("words", 5) or preset.permutations % 8:
            parser.error("datatrove signs 5-word shingles with a multiple of 8 permutations")
        seconds = datatrove_seconds(arguments.datatrove, texts, preset.permutations)
        speeds["datatrove"] = sum(len(text.encode()) for text in texts) / 1e6 / seconds
        others.append("datatrove")
    times = {other: round(speeds["signatures of texts"] / speeds[other], 1) for other in others}
    recall = {
        str(jaccard): round(expected_recall(jaccard, preset.bands, preset.rows), 4) for jaccard in (0.8, 0.9)
    }
    figures = {
        "MB_per_cpu_second": {name: round(speed, 2) for name, speed in speeds.items()},
        "signatures_of_texts_are_times_faster_than": times,
        "expected_recall": recall,
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
