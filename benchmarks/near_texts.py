"""Texts with near-duplicates of which the truth is known: edits, plants and crowds of the bundled samples."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.lines import wet_texts

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def sample_texts() -> list[str]:
    """Texts of the samples of CommonCrawl and C4, each once, of 60 words or more."""
    texts = [t for path in sorted(SAMPLES.glob("commoncrawl/texts-*.wet.gz")) for t in wet_texts(str(path))]
    for path in sorted(SAMPLES.glob("c4/*.json.gz")):
        texts += [orjson.loads(line)["text"] for line in gzip.decompress(path.read_bytes()).splitlines()]
    return [text for text in dict.fromkeys(texts) if len(text.split()) >= 60]


def vocabulary(texts: list[str]) -> list[str]:
    """All words of texts, each once."""
    return sorted({word for text in texts for word in text.split(" ")})


def replaced(rng: random.Random, text: str, share: float, words: list[str]) -> str:
    """A text with this share of its words, at least one, replaced by others."""
    changed = text.split(" ")
    for place in rng.sample(range(len(changed)), max(1, round(share * len(changed)))):
        changed[place] = rng.choice(words)
    return " ".join(changed)


def overlaps(one: str, other: str, size: int = 5) -> tuple[float, float]:
    """Jaccard and containment of word shingles, computed on the words themselves."""
    sides = []
    for text in (one, other):
        words = "".join(c if c.isalnum() else " " for c in text.lower()).split()
        sides.append({tuple(words[start : start + size]) for start in range(len(words) - size + 1)})
    shared = len(sides[0] & sides[1])
    return shared / max(1, len(sides[0] | sides[1])), shared / max(1, min(map(len, sides)))


def pairs(measure: str, most: int = 1500) -> Iterator[tuple[str, str, float]]:
    """Pairs of real texts, one edited, and their overlap by `measure`, from 0.5 to 1.0, many near 0.9.

    Two of three pairs are edits of each other; of containment every third is a text inside a longer one.
    """
    rng = random.Random(measure)
    base = list(pieces(rng, sample_texts()))
    words = vocabulary(base)
    rng.shuffle(base)
    for number in range(min(most, len(base) // 2)):
        text, stranger = base[2 * number], base[2 * number + 1]
        # An edit of one word takes 5 shingles.
        other = replaced(rng, text, rng.random() ** 2 * 0.07, words)
        if measure == "containment" and number % 3 == 0:
            other = f"{stranger} {other}"
        yield text, other, overlaps(text, other)[measure == "containment"]


def pieces(rng: random.Random, texts: list[str]) -> Iterator[str]:
    """The texts cut into pieces of 150 to 600 words."""
    for text in texts:
        words = text.split(" ")
        start = 0
        while len(words) - start >= 150:
            size = rng.randrange(150, 601)
            yield " ".join(words[start : start + size])
            start += size


def planted(base: list[str], share: float = 0.02) -> tuple[list[str], list[tuple[int, int]]]:
    """Texts, and behind them an edited copy of every other one; beside them (copy, original) by number."""
    rng = random.Random(0)
    words = vocabulary(base)
    texts = list(base)
    copies = []
    for original in range(0, len(base), 2):
        copies.append((len(texts), original))
        texts.append(replaced(rng, base[original], share, words))
    return texts, copies


def many(count: int) -> Iterator[str]:
    """Sample texts, then ever new mixtures of their words; every third text is an edit of the last."""
    base = sample_texts()
    words = vocabulary(base)
    rng = random.Random(1)
    text = base[0]
    for number in range(count):
        if number % 3 == 2:
            yield replaced(rng, text, 0.02, words)
            continue
        text = base[number] if number < len(base) else replaced(rng, rng.choice(base), 0.5, words)
        yield text


def crowd(kind: str, count: int) -> Iterator[str]:
    """`count` texts of 150 words that all meet: `copies`, `respelled` (equal shingles, different texts), or
    `pages` of one template, each with one word of its own."""
    template = " ".join(sample_texts()[0].split()[:150])
    for number in range(count):
        if kind == "copies":
            yield template
        elif kind == "respelled":
            yield f"{template} {'.' * (number % 400)}{'!' * (number // 400)}"
        else:
            yield f"{template} page{number}"
