"""Ours and datatrove's steps on the same texts, in turn: `python -m benchmarks.run --compare`.

datatrove runs in a process of its own with the interpreter of `make compare-env`
(benchmarks/datatrove_steps.py); each step is asked of it and of ours alternately. Compared are steps, not
recipes: either side does what its step does by its own defaults, as the comments below say. CPU seconds,
start-up and models outside the clock.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from benchmarks.datatrove_steps import PEERS, cpu_seconds
from benchmarks.minhash import near_duplicates
from benchmarks.rules import ours as page_rules
from benchmarks.rules import read
from filters.language import identify
from filters.minhash import PRESETS
from pipeline.models import load_fasttext, resolve
from pipeline.records import Document
from pipeline.transforms.read import WarcOrWet
from tokenizer.encode import Encoder

ROOT = Path(__file__).resolve().parent.parent
INTERPRETER = ROOT / ".venv-compare" / "bin" / "python"
STEPS = Path(__file__).with_name("datatrove_steps.py")
TOKENIZER = ROOT / "models" / "tokenizer.model"


def compare(
    texts_files: Sequence[str], wet_files: Sequence[str], rounds: int, python: Path
) -> dict[str, Any]:
    """Measure every step on either side: datatrove's versions, and MB a core-second and their ratio by step.

    `python` is the interpreter that has datatrove. Raises RuntimeError where its process ends.
    """
    texts = [text for path in texts_files for text in read(path) if text.strip()]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _lay_out(folder, texts, wet_files)
        steps = _ours(folder, texts)
        sizes = {"read WET": sum(len(text.encode()) for text in _wet_texts(folder))}
        size = sum(len(text.encode()) for text in texts)
        log = folder / "log"  # datatrove tells much of every step
        with (
            log.open("w") as told,
            subprocess.Popen(
                [python, STEPS, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True
            ) as process,
        ):
            try:
                versions = _ask(process, "versions")
                found = {
                    name: _compared(process, name, step, sizes.get(name, size) / 1e6, rounds)
                    for name, step in steps.items()
                }
            except RuntimeError as error:
                raise RuntimeError(f"{error}:\n{log.read_text()[-2000:]}") from error
            assert process.stdin is not None
            process.stdin.close()
    return {"texts": len(texts), "megabytes": round(size / 1e6, 3), "peer_versions": versions, "steps": found}


def _compared(
    process: subprocess.Popen[str], name: str, step: Callable[[], int], megabytes: float, rounds: int
) -> dict[str, Any]:
    """One step on either side in turn, an untimed time first: `times` is the median of the rounds' ratios."""
    step()
    turns = []
    for _ in range(rounds):
        start = cpu_seconds()
        documents = step()
        ours = cpu_seconds() - start
        theirs = _ask(process, name)
        turns.append((ours, theirs["cpu_s"]))
    return {
        "documents": documents,
        "datatrove_documents": theirs["documents"],  # its reader passes over what libmagic calls no text
        "ours_mb_a_core_second": round(megabytes / statistics.median(ours for ours, _ in turns), 2),
        "datatrove_mb_a_core_second": round(megabytes / statistics.median(theirs for _, theirs in turns), 2),
        "times": round(statistics.median(theirs / ours for ours, theirs in turns), 1),
        "times_in_each_round": [round(theirs / ours, 1) for ours, theirs in turns],
    }


def _ask(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(name + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"datatrove's process ended at {name!r}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _lay_out(folder: Path, texts: list[str], wet_files: Sequence[str]) -> None:
    """What the other process reads: see its module."""
    lines = [json.dumps({"text": text, "id": str(number)}) for number, text in enumerate(texts)]
    (folder / "texts.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (folder / "wet").mkdir()
    for number, path in enumerate(wet_files):
        shutil.copy(path, folder / "wet" / f"{number:05}.warc.wet.gz")
    shutil.copy(resolve("bundled:lid.176.ftz").path, folder)
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(TOKENIZER)).get_piece_size()
    (folder / "vocabulary").write_text(str(vocabulary))


def _wet_texts(folder: Path) -> list[str]:
    texts = []
    for path in sorted((folder / "wet").iterdir()):
        with path.open("rb") as stream:
            for event in WarcOrWet().reader().read(stream, path.name):
                if isinstance(event, Document):
                    texts.append(event.text)
    return texts


def _ours(folder: Path, texts: list[str]) -> dict[str, Callable[[], int]]:
    """Our side of each step: a function that answers how many documents went in."""
    lid = load_fasttext(resolve("bundled:lid.176.ftz"))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(TOKENIZER))
    rules = page_rules()

    def judged(rule: Callable[[str], object]) -> Callable[[], int]:
        def run() -> int:
            for text in texts:
                rule(text)
            return len(texts)

        return run

    def language() -> int:
        identify(lid, texts)  # all labels asked of the model there, one here
        return len(texts)

    def duplicates() -> int:
        # From file to file as datatrove's four stages, by its bands and shingles; pairs are verified too.
        given = read(str(folder / "texts.jsonl"))
        found = near_duplicates(given, PRESETS["datatrove"], threshold=0.75, measure="jaccard")
        with gzip.open(folder / "kept.json.gz", "wt") as sink:
            for number, text in enumerate(given):
                if found.survivor[number] == number:
                    sink.write(json.dumps({"text": text, "id": str(number)}) + "\n")
        return len(given)

    def tokens() -> int:
        encoder = Encoder(processor)  # knows no word yet
        ids, _ = encoder.encode(texts)
        ids.tofile(folder / "tokens")
        return len(texts)

    return {
        "read WET": lambda: len(_wet_texts(folder)),
        "language": language,
        **{name: judged(rules[name]) for name in PEERS},
        "near-duplicates": duplicates,
        "tokens": tokens,
    }
