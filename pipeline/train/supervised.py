"""fastText's supervised training, made to give the same bytes every time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import fasttext
import numpy as np

from filters.language import LABEL_PREFIX, as_one_line
from pipeline.errors import WinnowError

ATTEMPTS: Final = 10
LEAST_ROWS: Final = 256
"""fastText quantises no matrix of fewer words."""

_END_MARK: Final = "</s>"  # the word that fastText reads at a line's end
_SPACES: Final = str.maketrans(dict.fromkeys("\r\t\v\f\0", " "))


@dataclass(frozen=True)
class Settings:
    """fastText's settings; defaults as RedPajama's classifier has them, which are fastText's own.

    (RedPajama-Data `rp_v1`, data_prep/cc/classifier: `fasttext supervised` without flags.) Words alone are
    features: those rows can be given their first values, see `train`.
    """

    dimensions: int = 100
    epochs: int = 5
    rate: float = 0.1
    min_count: int = 1
    seed: int = 0
    quantize: bool = True


class Trained(NamedTuple):
    """The seed that led to a model, how many were tried, and how many words the model knows."""

    seed: int
    attempts: int
    words: int


def train(examples: Iterable[tuple[str, str]], folder: Path, name: str, settings: Settings) -> Trained:
    """Train on (label, text) pairs in the order given and write `folder/name`.

    One thread. fastText 0.9.3 leaves nine tenths of its first matrix uninitialised when it has one thread:
    results differ from run to run, and it stops with "Encountered NaN" when what lies there is none. So each
    word's first values are given, drawn by hash(seed, word) from its own range of +-1/dimensions. Should it
    meet a NaN all the same, the next seed is tried. `folder` also gets the files that fastText reads, which
    are removed. Raises WinnowError where the words are too few or every seed fails.
    """
    text, vectors = folder / "training.txt", folder / "vectors.txt"
    counts: Counter[str] = Counter()
    try:
        with text.open("w", encoding="utf-8", newline="\n") as out:
            for label, example in examples:
                words = _words(example)
                counts.update(words)
                out.write(f"{label} {' '.join(words)}\n")
        vocabulary = sorted(word for word, count in counts.items() if count >= settings.min_count)
        if settings.quantize and len(vocabulary) < LEAST_ROWS:
            raise WinnowError(
                f"the training texts hold {len(vocabulary)} words that occur {settings.min_count} times or "
                f"more; a quantised classifier needs {LEAST_ROWS}"
            )
        for attempt in range(ATTEMPTS):
            seed = settings.seed + attempt
            _write_vectors(vectors, [*vocabulary, _END_MARK], settings.dimensions, seed)
            try:
                _fit(text, vectors, folder / name, settings, seed)
            except RuntimeError as error:
                if "NaN" not in str(error):
                    raise WinnowError(f"fastText stopped: {error}") from error
                continue
            return Trained(seed, attempt + 1, len(vocabulary))
    finally:
        text.unlink(missing_ok=True)
        vectors.unlink(missing_ok=True)
    raise WinnowError(f"fastText met a NaN with each of {ATTEMPTS} seeds; try a lower --rate")


def _words(text: str) -> list[str]:
    """The words as fastText would cut them, none of them a label or an end mark."""
    line = as_one_line(text).translate(_SPACES).replace(LABEL_PREFIX, " ")
    return [word for word in line.rstrip("\n").split(" ") if word]


def _write_vectors(path: Path, words: Sequence[str], dimensions: int, seed: int) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(f"{len(words)} {dimensions}\n")
        for word in words:
            drawn = hashlib.shake_128(f"{seed} {word}".encode()).digest(4 * dimensions)
            values = (np.frombuffer(drawn, "<u4") / 2**31 - 1) / dimensions
            out.write(f"{word} {' '.join(f'{value:.6f}' for value in values)}\n")


def _fit(text: Path, vectors: Path, target: Path, settings: Settings, seed: int) -> None:
    model = fasttext.train_supervised(
        str(text),
        dim=settings.dimensions,
        epoch=settings.epochs,
        lr=settings.rate,
        minCount=settings.min_count,
        wordNgrams=1,
        minn=0,
        maxn=0,
        loss="softmax",
        thread=1,
        seed=seed,
        verbose=0,
        pretrainedVectors=str(vectors),
    )
    if settings.quantize:
        model.quantize(qnorm=True, verbose=0)
    model.save_model(str(target))
