"""Our page rules against datatrove's filters, in turn, by CPU time: `python -m benchmarks.rules FILES...`.

FILES are JSON lines or Parquet of texts. Prints JSON: for each set of rules the best CPU seconds of either
side, documents and MB of UTF-8 a second, and how many times datatrove's speed ours is. Language
identification is on neither side, reading outside the clock. Ours measures every value, datatrove stops at
the first that fails. Without datatrove (`pip install 'datatrove[processing]==0.10.1' spacy
lxml_html_clean`) ours alone is timed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.datatrove_steps import PEERS, filters
from filters.c4 import C4_PRESETS, clean_page
from filters.fineweb import FINEWEB
from filters.gopher import GOPHER, GOPHER_QUALITY, GOPHER_REPETITION
from filters.punkt import Punkt
from filters.textview import TextView
from filters.thresholds import Preset
from pipeline.readers.documents import DocumentsReader
from pipeline.records import Document

PUNKT = Path(__file__).parents[1] / "models" / "punkt-en" / "punkt.json"


def read(path: str) -> list[str]:
    """The texts of one file."""
    with Path(path).open("rb") as stream:
        events = DocumentsReader().read(stream, Path(path).name)
        return [event.text for event in events if isinstance(event, Document)]


def ours() -> dict[str, Callable[[str], object]]:
    """Each set of rules as a function of a text; the names are those of PEERS."""
    punkt = Punkt.parse(PUNKT.read_bytes())
    rules = C4_PRESETS["c4@datatrove"]

    def measured(*presets: Preset) -> Callable[[str], object]:
        def judge(text: str) -> object:
            view = TextView(text)
            return [preset.failures(preset.values(view)) for preset in presets]

        return judge

    def all_rules(text: str) -> object:
        view = TextView(text)
        return clean_page(text, rules, punkt.count), GOPHER.values(view), FINEWEB.values(view)

    return {
        "c4, sentences counted": lambda text: clean_page(text, rules, punkt.count),
        "c4, sentences not counted": lambda text: clean_page(
            text, replace(rules, min_sentences=0), punkt.count
        ),
        "gopher quality": measured(GOPHER_QUALITY),
        "gopher repetition": measured(GOPHER_REPETITION),
        "fineweb": measured(FINEWEB),
        "all of them": all_rules,
    }


def seconds(judge: Callable[[str], object], texts: Sequence[str]) -> float:
    """The CPU seconds that judging all texts takes."""
    start = time.process_time()
    for text in texts:
        judge(text)
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    texts = [text for path in options.files for text in read(path) if text.strip()]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    report: dict[str, Any] = {"documents": len(texts), "megabytes": round(megabytes, 2), "rules": {}}
    for name, judge in ours().items():
        sides = {"ours": judge, "datatrove": filters(PEERS[name])}
        spent: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for side, call in sides.items():
                if call is not None:
                    spent.setdefault(side, []).append(seconds(call, texts))
        best = {side: min(times) for side, times in spent.items()}
        found: dict[str, Any] = {
            side: {
                "seconds": round(time_, 3),
                "documents_a_second": round(len(texts) / time_),
                "megabytes_a_second": round(megabytes / time_, 2),
            }
            for side, time_ in best.items()
        }
        if "datatrove" in best:
            found["times"] = round(best["datatrove"] / best["ours"], 1)
        report["rules"][name] = found
    json.dump(report, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
