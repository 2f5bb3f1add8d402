"""How good the judges are: `python -m benchmarks.quality --udhr ZIP --labelled FILE.jsonl.gz`.

Language identification on paragraphs of the Universal Declaration of Human Rights, one file a language;
perplexity and the reference classifier on web texts that people labelled good (1) or not (0), beside length.
"""

from __future__ import annotations

import argparse
import gzip
import json
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from filters.language import CCNET_THRESHOLD, identify
from filters.perplexity import LanguageModel, Mode
from filters.reference import reference_scores
from pipeline.models import load_fasttext, load_language_model, load_reference, resolve
from pipeline.train.measures import Bools, Floats, paired_auc, roc_auc

_NAMES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "udhr_labels.json").read_text())

LABELS: Final[dict[str, str]] = _NAMES["labels"]
"""The label of lid.176 for the ISO 639-3 code that begins a file's name (`deu_1901`, `por_BR`)."""

LLAMA: Final[list[str]] = _NAMES["llama"]
"""The 20 languages of LLaMA's Wikipedia (2302.13971, section 2.1)."""

SHORTEST: Final = 30
"""Characters of a paragraph that is asked for: below, headings and numbers are left."""

FACTOR: Final = 1.2
"""Two texts are of one length when neither is longer than this many times the other."""

RESAMPLES: Final = 1000


def udhr_paragraphs(archive: Path) -> dict[str, list[str]]:
    """The files of the collection: name -> lines of SHORTEST characters or more."""
    found: dict[str, list[str]] = defaultdict(list)
    with zipfile.ZipFile(archive) as files:
        for name in sorted(files.namelist()):
            if name.endswith(".txt"):
                lines = files.read(name).decode("utf-8", "replace").splitlines()
                found[Path(name).stem] += [line.strip() for line in lines if len(line.strip()) >= SHORTEST]
    return found


def judge_language(model: Any, paragraphs: dict[str, list[str]], refine: bool) -> dict[str, Any]:
    """Accuracy by language and together, and how English comes out at the threshold of CCNet."""
    right: dict[str, list[bool]] = defaultdict(list)
    files: dict[str, float] = {}
    called = {"all": 0, "at threshold": 0}
    wrong = english = english_kept = 0
    for code, lines in paragraphs.items():
        labels, scores = identify(model, lines, refine)
        wanted = LABELS.get(code.split("_")[0])
        taken = [label == "en" for label in labels]
        kept = [
            is_english and score >= CCNET_THRESHOLD for is_english, score in zip(taken, scores, strict=True)
        ]
        if wanted == "en":
            english, english_kept = len(lines), sum(kept)
        else:
            wrong += len(lines)
            called["all"] += sum(taken)
            called["at threshold"] += sum(kept)
        if wanted:
            hits = [label == wanted for label in labels]
            right[wanted] += hits
            files[code] = float(np.mean(hits))
    by_language = {label: float(np.mean(hits)) for label, hits in sorted(right.items())}
    return {
        "paragraphs": sum(map(len, paragraphs.values())),
        "languages": len(by_language),
        "macro": float(np.mean(list(by_language.values()))),
        "macro_llama": float(np.mean([by_language[label] for label in LLAMA])),
        "by_language": by_language,
        "by_file": files,
        "english_recall_at_threshold": english_kept / max(english, 1),
        "others_called_english": {name: count / max(wrong, 1) for name, count in called.items()},
    }


def labelled_texts(file: Path) -> tuple[list[str], Bools]:
    """The distinct texts of a JSON lines file with `text` and `label`, and whether each is labelled 1."""
    labels: dict[str, int] = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            labels.setdefault(row["text"], row["label"])
    return list(labels), np.array(list(labels.values()), bool)


def judge_scores(scores: dict[str, Floats], positive: Bools, lengths: Floats) -> dict[str, dict[str, float]]:
    """ROC AUC of each score with its bootstrap deviation, and the same among texts of one length."""
    draws = np.random.default_rng(0).integers(0, len(positive), (RESAMPLES, len(positive)))
    found = {}
    for name, values in scores.items():
        fixed, pairs = paired_auc(values, positive, lengths, FACTOR)
        found[name] = {
            "auc": roc_auc(values, positive),
            "deviation": float(np.nanstd([roc_auc(values[draw], positive[draw]) for draw in draws])),
            "auc_length_fixed": fixed,
            "deviation_length_fixed": float(
                np.nanstd(
                    [
                        paired_auc(values[d], positive[d], lengths[d], FACTOR)[0]
                        for d in draws[: RESAMPLES // 5]
                    ]
                )
            ),
            "pairs": pairs,
        }
    return found


def judge_buckets(model: LanguageModel, texts: list[str], positive: Bools) -> dict[str, dict[str, float]]:
    """How many texts each bucket holds, and the share of them that is labelled good."""
    buckets = np.array([model.judge(text).bucket for text in texts])
    return {
        name: {"texts": int((buckets == name).sum()), "good": float(positive[buckets == name].mean())}
        for name in ("head", "middle", "tail")
        if (buckets == name).any()
    }


def measure(udhr: Path, labelled: Path) -> dict[str, Any]:
    """Every figure, by name."""
    lid = load_fasttext(resolve("bundled:lid.176.ftz"))
    paragraphs = udhr_paragraphs(udhr)
    small = {
        code: [line.lower() if line.isupper() else line for line in lines]
        for code, lines in paragraphs.items()
    }
    texts, positive = labelled_texts(labelled)
    lengths = np.array([float(len(text)) for text in texts])
    modes: tuple[Mode, ...] = ("lines", "ccnet")
    models = {
        mode: load_language_model(
            *(resolve(f"bundled:en.{kind}") for kind in ("lm.bin", "sp.model", "cutoffs.json")), "en", mode
        )
        for mode in modes
    }
    scores = {"length": lengths}
    for mode, model in models.items():
        values = [model.judge(text).perplexity or np.inf for text in texts]
        scores[f"-perplexity, mode {mode}"] = -np.array(values)
    scores["reference classifier"] = reference_scores(
        load_reference(resolve("bundled:reference.en.ftz")), texts
    )
    return {
        "language": {
            "as cc_net": judge_language(lid, paragraphs, False),
            "capitals made small": judge_language(lid, small, False),
            "refined": judge_language(lid, paragraphs, True),
        },
        "labelled": {
            "texts": len(texts),
            "good": int(positive.sum()),
            "scores": judge_scores(scores, positive, lengths),
            "buckets": {mode: judge_buckets(model, texts, positive) for mode, model in models.items()},
        },
    }


def main() -> None:
    """Print the figures as JSON, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--udhr", type=Path, required=True, help="zip of UDHR texts named by ISO 639-3 code")
    parser.add_argument("--labelled", type=Path, required=True, help="gzipped JSON lines of text and label")
    parser.add_argument("--output", type=Path, help="where to write the figures")
    options = parser.parse_args()
    found = json.dumps(measure(options.udhr, options.labelled), indent=2, ensure_ascii=False)
    if options.output:
        options.output.write_text(found + "\n")
    print(found)


if __name__ == "__main__":
    main()
