"""Near-duplicates in real runs: what is found of a known truth, and what it costs.

    python -m benchmarks.near_duplicates quality|crowded|scale [--output FILE.json]
        [--datatrove PYTHON] [--text-dedup PYTHON] [--books PATTERN]

`quality`: precision and recall over pairs of real texts edited to known overlaps; copies with 2% of words
replaced, by the settings of other tools and by these tools; editions of real books, with their measured
similarity and the books flow's answer. `crowded`: 100,000 copies of a text, 20,000 pages of a template.
`scale`: CPU seconds, shuffled bytes a document and memory at 1x, 4x and 16x, and, in turn on the same files,
datasketch's LSH, datatrove's four stages and text-dedup, each with the interpreter that has it.

Texts are the bundled samples; variations come from seeds. CPU is user and system time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.near_editions import editions
from benchmarks.near_peers import Peer, datasketch_lsh, datatrove, text_dedup
from benchmarks.near_run import Found, apart, peak_megabytes, run_job, write_texts
from benchmarks.near_texts import SAMPLES, crowd, many, pairs, planted, sample_texts

# What other tools find near-duplicates with: datatrove 14 x 8, text-dedup 16 x 8, 5-word shingles, no check.
SETTINGS = {
    "datatrove's, 14 x 8, verify none": "{preset: datatrove, verify: none, threshold: 0.8}",
    "text-dedup's, 16 x 8, verify none": "{preset: web, verify: none, threshold: 0.8}",
    "16 x 8, verify exact at 0.75": "{preset: web, threshold: 0.75}",
    "16 x 8, verify exact at 0.8": "{preset: web, threshold: 0.8}",
}
CROWDS = {"copies": 100_000, "respelled": 100_000, "pages": 20_000}


def main() -> None:
    """Measure and print one JSON object; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("quality", "crowded", "scale"))
    parser.add_argument("--output", help="put the figures into this JSON file too, beside those of others")
    parser.add_argument("--datatrove", help="a Python that has datatrove, to be measured in turn")
    parser.add_argument("--text-dedup", help="a Python that has text-dedup 0.4.0")
    parser.add_argument("--books", action="append", help="pattern of books (default: the samples)")
    parser.add_argument("--documents", type=int, default=1000, help="of 1x in `scale`")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if chosen.what == "quality":
            found: Any = {measure: truth(place / measure, measure) for measure in ("jaccard", "containment")}
            found["planted"] = found_plants(place / "planted", chosen.datatrove, chosen.text_dedup)
            patterns = chosen.books or [
                f"{SAMPLES}/books/*.{end}" for end in ("jsonl.gz", "zip", "tar.gz", "txt")
            ]
            found["editions"] = editions(place / "editions", patterns)
        elif chosen.what == "crowded":
            found = [
                apart(crowded, place / f"{kind}-{measure}", kind, count, measure)
                for kind, count in CROWDS.items()
                for measure in ("jaccard", "either")
            ]
        else:
            found = [
                scale(place / f"{times}x", chosen.documents, times, chosen.datatrove, chosen.text_dedup)
                for times in (1, 4, 16)
            ]
    print(json.dumps(found, indent=2))
    if chosen.output:
        output = Path(chosen.output)
        figures = json.loads(output.read_text()) if output.exists() else {}
        output.write_text(json.dumps(figures | {chosen.what: found}, indent=2) + "\n")


def truth(folder: Path, measure: str, threshold: float = 0.9) -> dict[str, float]:
    """Precision and recall over `benchmarks.near_texts.pairs`."""
    made = list(pairs(measure))
    alike = [overlap >= threshold for _, _, overlap in made]
    write_texts(folder / "in", (text for one, other, _ in made for text in (one, other)))
    dropped = run_job(
        folder, folder / "in", f"{{threshold: {threshold}, measure: {measure}, one_in: 16}}"
    ).dropped
    found = {text // 2 for text, survivor in dropped.items() if text // 2 == survivor // 2}
    wrong = sum(text // 2 != survivor // 2 for text, survivor in dropped.items())
    right = sum(alike[pair] for pair in found)
    return {
        "pairs": len(alike),
        "alike": sum(alike),
        "precision": right / (len(found) + wrong),
        "recall": right / sum(alike),
    }


def found_plants(folder: Path, datatrove_python: str | None, text_dedup_python: str | None) -> dict[str, Any]:
    """How many copies with 2% of words replaced are found: not both of a copy and its original are kept."""
    texts, copies = planted(sample_texts())
    inputs = folder / "in"
    write_texts(inputs, texts)
    kept = {
        name: set(range(len(texts))) - set(run_job(folder / str(number), inputs, near).dropped)
        for number, (name, near) in enumerate(SETTINGS.items())
    }
    if datatrove_python:
        kept["datatrove itself"] = datatrove(datatrove_python, inputs, folder / "datatrove").kept
    if text_dedup_python:
        kept["text-dedup itself"] = text_dedup(text_dedup_python, inputs, folder / "text-dedup").kept
    answers = {}
    for name, stays in kept.items():
        found = sum(not {copy, original} <= stays for copy, original in copies)
        answers[name] = {"copies": len(copies), "found": found, "share": round(found / len(copies), 4)}
    return answers


def crowded(folder: Path, kind: str, count: int, measure: str) -> dict[str, Any]:
    """A run over `count` texts that all meet: pairs, seconds, memory, and how many texts are left."""
    write_texts(folder / "in", crowd(kind, count))
    before = peak_megabytes()
    found = run_job(folder, folder / "in", f"{{threshold: 0.9, measure: {measure}}}")
    return {
        "texts": f"{count} {kind}",
        "measure": measure,
        "all_pairs": count * (count - 1) // 2,
        "compared": found.facts["compared"],
        "not_compared": found.facts["not_compared"],
        "kept": count - len(found.dropped),
        "survivors": len(set(found.dropped.values())),
        "cpu_seconds": {phase: round(seconds, 1) for phase, seconds in found.cpu.items()},
        "wall_seconds": round(sum(found.wall.values()), 1),
        "peak_MB": peak_megabytes(),
        "peak_MB_before": before,
    }


def scale(
    folder: Path, documents: int, times: int, datatrove_python: str | None, text_dedup_python: str | None
) -> dict[str, Any]:
    """What near-duplicates cost: documents of which a third are copies with 2% of words replaced."""
    inputs = folder / "in"
    size = write_texts(inputs, many(documents * times))
    ours, without, peak = apart(_measured, folder, inputs)
    cost = {phase: ours.cpu[phase] - without.cpu[phase] for phase in ("judge", "duplicates")}
    peers: dict[str, Peer] = {"datasketch_lsh": apart(datasketch_lsh, inputs)}
    if datatrove_python:
        peers["datatrove"] = datatrove(datatrove_python, inputs, folder / "datatrove")
    if text_dedup_python:
        peers["text_dedup"] = text_dedup(text_dedup_python, inputs, folder / "text-dedup")
    return {
        "times": times,
        "documents": documents * times,
        "MB": round(size / 1e6, 1),
        "dropped": len(ours.dropped),
        "cpu_seconds": {phase: round(value, 2) for phase, value in cost.items()},
        "documents_per_cpu_second": round(documents * times / sum(cost.values())),
        "shuffled_bytes_a_document": round(ours.shuffled / (documents * times)),
        "peak_MB": peak,
    } | {
        name: {
            "cpu_seconds": round(peer.cpu, 2),
            "dropped": documents * times - len(peer.kept),
            "ours_is_times_faster": round(peer.cpu / sum(cost.values()), 1),
        }
        for name, peer in peers.items()
    }


def _measured(folder: Path, inputs: Path) -> tuple[Found, Found, int]:
    """A run with near-duplicates and one without, and the peak memory of the first, behind a small one that
    starts everything up."""
    write_texts(folder / "few", many(20))
    run_job(folder / "warm", folder / "few", "{threshold: 0.8}")
    ours = run_job(folder / "near", inputs, "{threshold: 0.8}")
    peak = peak_megabytes()
    return ours, run_job(folder / "plain", inputs, "off"), peak


if __name__ == "__main__":
    main()
