"""Our encoder against SentencePiece's own batch calls, in turn, by CPU time: `python -m benchmarks.encode
FILES...`.

Prints JSON: for each way the CPU seconds of every round, the best of them as MB of UTF-8 a second, and how
many times the best of SentencePiece's ways each of ours is. Tokens of all ways are compared. `cold` starts
with an empty memory of words in every round, `warm` meets the texts for the second time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipeline.errors import WinnowError
from tokenizer.draw import read_texts
from tokenizer.encode import Encoder
from tokenizer.train import parse_inputs

MODEL = Path(__file__).parents[1] / "models" / "tokenizer.model"
CHUNK_CHARACTERS = 4000  # of parallel_encode, which asks for one


def read(path: str) -> Iterator[str]:
    """The texts of a WET file, or of any file that the tokenizer's trainer reads."""
    if ".wet" in Path(path).suffixes:
        with Path(path).open("rb") as stored:
            for record in ArchiveIterator(stored, record_types=WarcRecordType.conversion):
                yield record.reader.read().decode(errors="replace")
    else:
        yield from (text.text for text in read_texts(path))


def ways(
    processor: sentencepiece.SentencePieceProcessor, texts: list[str]
) -> dict[str, Callable[[], tuple[Any, float]]]:
    """Name and call of each way; a call answers (tokens of all texts in a row, CPU seconds)."""
    warm = Encoder(processor)
    warm.encode(texts)

    def timed(call: Callable[[], Any], flat: Callable[[Any], Any]) -> tuple[Any, float]:
        start = time.process_time()
        answer = call()
        spent = time.process_time() - start
        return flat(answer), spent

    def theirs(**options: Any) -> tuple[Any, float]:
        return timed(lambda: processor.encode(texts, num_threads=1, **options), np.concatenate)

    def chunked() -> tuple[Any, float]:
        options: dict[str, Any] = {"num_threads": 1, "chunk_len": CHUNK_CHARACTERS, "return_type": "numpy"}
        return timed(lambda: processor.parallel_encode(texts, **options), np.concatenate)

    def cold() -> tuple[Any, float]:
        encoder = Encoder(processor)
        return timed(lambda: encoder.encode(texts), lambda answer: answer[0])

    return {
        "sentencepiece list": theirs,
        "sentencepiece numpy": lambda: theirs(return_type="numpy"),
        "sentencepiece parallel_encode": chunked,
        "ours cold": cold,
        "ours warm": lambda: timed(lambda: warm.encode(texts), lambda answer: answer[0]),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit status is 0 where every way gave the same tokens."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--model", default=str(MODEL))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    processor = sentencepiece.SentencePieceProcessor(model_file=options.model)
    try:
        texts = [text for _, path in parse_inputs(options.files) for text in read(path)]
    except WinnowError as error:
        print(f"benchmarks.encode: {error}", file=sys.stderr)
        return 1
    size = sum(len(text.encode()) for text in texts) / 1e6
    seconds: dict[str, list[float]] = {}
    first: Any = None
    same = True
    calls = ways(processor, texts)
    for _ in range(options.rounds):
        for name, call in calls.items():
            tokens, spent = call()
            seconds.setdefault(name, []).append(round(spent, 3))
            first = tokens if first is None else first
            same = same and np.array_equal(first, tokens)
    best = {name: min(spent) for name, spent in seconds.items()}
    rival = min(spent for name, spent in best.items() if name.startswith("sentencepiece"))
    report = {
        "texts": len(texts),
        "megabytes": round(size, 3),
        "tokens": len(first),
        "same_tokens": same,
        "cpu_seconds": seconds,
        "megabytes_per_second": {name: round(size / spent, 2) for name, spent in best.items()},
        "times_the_best_of_sentencepiece": {
            name: round(rival / spent, 2) for name, spent in best.items() if name.startswith("ours")
        },
    }
    print(json.dumps(report, indent=2))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
