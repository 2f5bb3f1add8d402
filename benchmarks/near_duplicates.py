"""Near-duplicates in real runs: what is found of a known truth, and what it costs.

    python -m benchmarks.near_duplicates truth|planted|scale [--output FILE.json] [--datatrove PYTHON]

`truth`: pairs of real texts edited to known overlaps. `planted`: copies with 2% of words replaced, by the
settings of other tools. `scale`: CPU seconds and shuffled bytes a document at 1x, 4x and 16x, and, in turn,
datasketch's sketches and LSH, and datatrove's four stages with the interpreter that has it. Texts are the
bundled samples; variations come from seeds. CPU is user and system time of this process (of datatrove's with
its children).
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from datasketch import MinHashLSH
from rich.console import Console

from benchmarks.lines import wet_texts
from benchmarks.minhash import plain_datasketch
from filters.minhash import PRESETS
from pipeline.files import list_folder
from pipeline.options import parse_options
from pipeline.parquet import read_parquet
from pipeline.phases import PHASES
from pipeline.progress import Progress
from pipeline.run import make_run
from pipeline.units import Receipt

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
BATCH_DOCUMENTS = 2000
# What other tools find near-duplicates with: datatrove 14 x 8, text-dedup 16 x 8, 5-word shingles, no check.
TOOLS = {
    "datatrove's, 14 x 8, verify none": "{preset: datatrove, verify: none, threshold: 0.8}",
    "text-dedup's, 16 x 8, verify none": "{preset: web, verify: none, threshold: 0.8}",
    "16 x 8, verify exact at 0.75": "{preset: web, threshold: 0.75}",
    "16 x 8, verify exact at 0.8": "{preset: web, threshold: 0.8}",
}


def main() -> None:
    """Measure and print one JSON object; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("truth", "planted", "scale"))
    parser.add_argument("--output", help="write the figures as JSON too")
    parser.add_argument("--datatrove", help="a Python that has datatrove, to be measured in turn")
    parser.add_argument("--documents", type=int, default=1000, help="of 1x in `scale`")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if chosen.what == "truth":
            found: Any = {measure: truth(place / measure, measure) for measure in ("jaccard", "containment")}
        elif chosen.what == "planted":
            found = planted(place)
        else:
            found = [scale(place, chosen.documents, times, chosen.datatrove) for times in (1, 4, 16)]
    text = json.dumps(found, indent=2)
    print(text)
    if chosen.output:
        Path(chosen.output).write_text(text + "\n")


def sample_texts() -> list[str]:
    """Texts of the samples of CommonCrawl and C4, each once, of 60 words or more."""
    texts = [t for path in sorted(SAMPLES.glob("commoncrawl/texts-*.wet.gz")) for t in wet_texts(str(path))]
    for path in sorted(SAMPLES.glob("c4/*.json.gz")):
        texts += [orjson.loads(line)["text"] for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [text for text in dict.fromkeys(texts) if len(text.split()) >= 60]


def replaced(rng: random.Random, text: str, share: float, vocabulary: list[str]) -> str:
    """A text with this share of its words, at least one, replaced by others."""
    words = text.split(" ")
    for place in rng.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = rng.choice(vocabulary)
    return " ".join(words)


def overlaps(one: str, other: str, size: int = 5) -> tuple[float, float]:
    """Jaccard and containment of word shingles, computed on the words themselves."""
    sides = []
    for text in (one, other):
        words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
        sides.append({tuple(words[start : start + size]) for start in range(len(words) - size + 1)})
    shared = len(sides[0] & sides[1])
    return shared / max(1, len(sides[0] | sides[1])), shared / max(1, min(map(len, sides)))


def truth(folder: Path, measure: str, pairs: int = 1500, threshold: float = 0.9) -> dict[str, float]:
    """Precision and recall over pairs of real texts edited to overlaps between 0.5 and 1.0.

    Two of three pairs are edits of each other; of containment every third is a text inside a longer one.
    """
    rng = random.Random(measure)
    base = list(_pieces(rng, sample_texts()))
    vocabulary = sorted({word for text in base for word in text.split(" ")})
    rng.shuffle(base)
    texts, alike = [], []
    for number in range(min(pairs, len(base) // 2)):
        text, stranger = base[2 * number], base[2 * number + 1]
        # An edit of one word takes 5 shingles: these shares reach from Jaccard 0.5 to 1, many near 0.9.
        other = replaced(rng, text, rng.random() ** 2 * 0.07, vocabulary)
        if measure == "containment" and number % 3 == 0:
            other = f"{stranger} {other}"
        texts += [text, other]
        alike.append(overlaps(text, other)[measure == "containment"] >= threshold)
    dropped = _run(folder, texts, f"{{threshold: {threshold}, measure: {measure}, one_in: 16}}")[0]
    of = {f"{number}": number // 2 for number in range(len(texts))}
    found = [False] * len(alike)
    wrong = 0
    for name, survivor in dropped.items():
        if of[name] == of[survivor]:
            found[of[name]] = True
        else:
            wrong += 1
    right = sum(a and b for a, b in zip(found, alike, strict=True))
    return {
        "pairs": len(alike),
        "alike": sum(alike),
        "precision": right / (sum(found) + wrong),
        "recall": right / sum(alike),
    }


def _pieces(rng: random.Random, texts: list[str]) -> Iterator[str]:
    """The texts cut into pieces of 150 to 600 words."""
    for text in texts:
        words = text.split(" ")
        start = 0
        while len(words) - start >= 150:
            size = rng.randrange(150, 601)
            yield " ".join(words[start : start + size])
            start += size


def planted(folder: Path) -> dict[str, Any]:
    """How many copies with 2% of words replaced are found: not both of a copy and its original are kept."""
    texts, copies = _planted(sample_texts(), 0)
    answers = {}
    for number, (name, near) in enumerate(TOOLS.items()):
        dropped = _run(folder / str(number), texts, near)[0]
        found = sum(str(copy) in dropped or str(original) in dropped for copy, original in copies)
        answers[name] = {"copies": len(copies), "found": found, "share": found / len(copies)}
    return answers


def _planted(base: list[str], seed: int) -> tuple[list[str], list[tuple[int, int]]]:
    rng = random.Random(seed)
    vocabulary = sorted({word for text in base for word in text.split(" ")})
    texts = list(base)
    copies = []
    for original in range(0, len(base), 2):
        copies.append((len(texts), original))
        texts.append(replaced(rng, base[original], 0.02, vocabulary))
    return texts, copies


def scale(folder: Path, documents: int, times: int, datatrove: str | None) -> dict[str, Any]:
    """What near-duplicates cost: documents of which a third are copies with 2% of words replaced."""
    texts = list(_many(documents * times))
    place = folder / f"{times}x"
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with_near, seconds, shuffled = _run(place, texts, "{threshold: 0.8}")
    _, without, _ = _run(place / "plain", texts, "off")
    cost = {phase: seconds[phase] - without.get(phase, 0) for phase in ("judge", "duplicates")}
    found: dict[str, Any] = {
        "times": times,
        "documents": len(texts),
        "MB": round(megabytes, 1),
        "dropped": len(with_near),
        "cpu_seconds": {phase: round(value, 2) for phase, value in cost.items()},
        "documents_per_cpu_second": round(len(texts) / sum(cost.values())),
        "shuffled_bytes_a_document": round(shuffled / len(texts)),
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    found["datasketch_lsh"] = _datasketch(texts)
    found["times_datasketch_lsh"] = round(found["datasketch_lsh"]["cpu_seconds"] / sum(cost.values()), 1)
    if datatrove:
        found["datatrove"] = _datatrove(datatrove, place, len(texts))
        ratio = found["datatrove"]["cpu_seconds"] / sum(cost.values())
        found["times_datatrove"] = round(ratio, 1)
    return found


def _many(count: int) -> Iterator[str]:
    """Sample texts, then ever new mixtures of their paragraphs; every third text is an edit of the last."""
    base = sample_texts()
    vocabulary = sorted({word for text in base for word in text.split(" ")})
    rng = random.Random(1)
    text = base[0]
    for number in range(count):
        if number % 3 == 2:
            yield replaced(rng, text, 0.02, vocabulary)
            continue
        text = base[number] if number < len(base) else replaced(rng, rng.choice(base), 0.5, vocabulary)
        yield text


def _run(folder: Path, texts: list[str], near: str) -> tuple[dict[str, str], dict[str, float], int]:
    """Run the main job on texts; returns what was dropped by number, with the survivor's, CPU seconds by
    phase, and the bytes that the meetings brought together."""
    out = folder / "out"
    (folder / "in").mkdir(parents=True, exist_ok=True)
    for start in range(0, len(texts), BATCH_DOCUMENTS):
        lines = [
            orjson.dumps({"id": str(number), "number": number, "text": texts[number]})
            for number in range(start, min(start + BATCH_DOCUMENTS, len(texts)))
        ]
        (folder / "in" / f"{start:08d}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    config = folder / "config.yaml"
    config.write_text(
        "sources:\n  texts: {flow: documents, proportion: 1, read: {id: id}, duplicate_text: on, "
        f"near_duplicates: {near}}}\n"
    )
    options = parse_options(
        ["--config", str(config), "--input", f"texts={folder}/in/*.jsonl", "--output", str(out)]
    )
    run = make_run(options, Progress(Console(file=io.StringIO())))
    seconds = {}
    for phase in ("prepare", "lines", "judge", "duplicates", "curate"):
        start_cpu = time.process_time()
        PHASES[phase](run)
        seconds[phase] = time.process_time() - start_cpu
    columns = ["id", "metadata", "survivor"]
    rows = [
        row
        for part in ("curated", "dropped")
        for path in sorted((out / part / "texts").glob("*.parquet"))
        for row in read_parquet(str(path), columns).to_pylist()
    ]
    number = {row["id"]: str(orjson.loads(row["metadata"])["number"]) for row in rows}
    dropped = {number[row["id"]]: number[row["survivor"]] for row in rows if row["survivor"]}
    return dropped, seconds, _shuffled(out / "work" / "duplicates" / "near")


def _shuffled(room: Path) -> int:
    names = [name for name in list_folder(str(room)) if "/receipts/" in name]
    read = [Receipt.from_json((room / name).read_bytes()) for name in names]
    receipts = [receipt for receipt in read if receipt]
    return sum(receipt.facts.get("bytes", 0) for receipt in receipts)


def _datasketch(texts: list[str], threshold: float = 0.8) -> dict[str, float]:
    """CPU seconds of datasketch alone: a sketch a text, then its MinHashLSH, as its documentation shows."""
    start = time.process_time()
    lsh = MinHashLSH(threshold=threshold, num_perm=PRESETS["web"].permutations)
    dropped = 0
    for number, sketch in enumerate(plain_datasketch(texts, PRESETS["web"])):
        if lsh.query(sketch):
            dropped += 1
        else:
            lsh.insert(str(number), sketch)
    return {"cpu_seconds": round(time.process_time() - start, 2), "dropped": dropped}


def _datatrove(python: str, place: Path, documents: int) -> dict[str, float]:
    """CPU seconds of datatrove's four stages on the same files, its start-up taken off."""
    script = str(Path(__file__).resolve().parent / "datatrove_minhash.py")
    used = []
    for files in (place / "empty", place / "in"):
        files.mkdir(exist_ok=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, script, str(files), str(place / f"datatrove-{files.name}")], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    kept = sum(
        len(gzip.decompress(path.read_bytes()).splitlines())
        for path in (place / "datatrove-in" / "kept").glob("*.jsonl.gz")
    )
    return {"cpu_seconds": round(used[1] - used[0], 2), "dropped": documents - kept}


if __name__ == "__main__":
    main()
