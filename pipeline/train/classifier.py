"""A linear classifier of pages that Wikipedia cites against others: RedPajama's, without its defects.

RedPajama-Data `rp_v1`, data_prep/cc/classifier. Its positives alone had a least length, its negatives were
the first of each file, its copies stayed, labels were not shuffled, and nothing was held out.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from filters.reference import NEGATIVE, POSITIVE, REDPAJAMA_THRESHOLD, reference_scores
from pipeline.errors import WinnowError
from pipeline.models import load_reference, resolve
from pipeline.train.corpus import Counts, Text, read_texts, text_hash
from pipeline.train.measures import AtThreshold, at_threshold, calibration, roc_auc
from pipeline.train.output import finished, table, write_card
from pipeline.train.references import CitedPages, Match
from pipeline.train.supervised import Settings, Trained, train

REDPAJAMA_PAGES: Final = 300_000
"""At most this many texts of each class: RedPajama's crawl of cited pages stopped there."""

LEAST_TEXTS: Final = 20
"""Of each class, in training and held out: below that nothing can be said of a classifier."""

CROWDED: Final = 0.2
"""A host with more of its class's texts than this is split by URL: it would fill one side alone."""

BINS_AN_OCTAVE: Final = 4
"""Lengths are matched in bins of a quarter octave: 19% from end to end."""


Texts = dict[int, tuple[str, str]]


@dataclass(frozen=True)
class ClassifierSettings:
    """What `python -m pipeline.train classifier` can be told."""

    output: Path
    training: Settings
    positives: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    match: Match = "url"
    name: str = "reference.en"
    field: str = "text"
    language: str = ""
    documents: int = REDPAJAMA_PAGES
    min_chars: int = 1000
    chunk_chars: int = 0
    heldout: float = 0.2
    threshold: float = REDPAJAMA_THRESHOLD
    about: str = ""


class Example(NamedTuple):
    """A text of one class, the hash that orders it, and whether it is held out."""

    positive: bool
    order: int
    heldout: bool
    text: str


def train_classifier(settings: ClassifierSettings) -> str:
    """Write `<name>.ftz` (`.bin` where not quantised) and its card; returns the card.

    Raises WinnowError, one sentence, where a class is missing or too small; nothing is then left under a
    final name.
    """
    classes = _classes(settings)
    for name, side in zip(("positive", "negative"), classes, strict=True):
        if not side.texts:
            raise WinnowError(f"no {name} text has {settings.min_chars:,} characters or more: {side.counts}")
    both = classes[0].texts.keys() & classes[1].texts.keys()
    examples = [
        example
        for positive, side in zip((True, False), classes, strict=True)
        for example in _split(side.texts, positive, settings)
    ]
    examples = _once(examples)
    training, heldout = (_matched([e for e in examples if e.heldout is side]) for side in (False, True))
    for purpose, chosen in (("train on", training), ("hold out", heldout)):
        if len(chosen) < 2 * LEAST_TEXTS:
            raise WinnowError(
                f"only {len(chosen) // 2} texts of each class and equal length are left to {purpose}; "
                f"{LEAST_TEXTS} are needed"
            )
    with finished(settings.output) as work:
        file = f"{settings.name}.{'ftz' if settings.training.quantize else 'bin'}"
        pairs = ((POSITIVE if example.positive else NEGATIVE, example.text) for example in training)
        trained = train(pairs, work, file, settings.training)
        scores = reference_scores(load_reference(resolve(str(work / file))), [e.text for e in heldout])
        outcome = Outcome(classes, len(both), trained, training, heldout, scores.tolist())
        return write_card(work, f"{settings.name}.md", card(settings, outcome), settings.about)


class Class:
    """The distinct texts of one class, no more than the `most` of smallest hash: (URL, text) by hash."""

    def __init__(self, most: int) -> None:
        self.texts: Texts = {}
        self.counts = Counts()
        self.matched = 0
        self._most = most
        self._largest: list[int] = []  # a heap of the hashes, negated
        self._offered = 0
        self._full = False

    def add(self, text: Text, settings: ClassifierSettings) -> bool:
        """Take `text` unless it is too short or of another language; whether it was worth looking at."""
        if text.language and settings.language and text.language != settings.language:
            self.counts.left_out["of another language"] += 1
            return False
        if len(text.text) < settings.min_chars:
            self.counts.left_out["too short"] += 1
            return False
        self._offered += 1
        number = text_hash(text.text, settings.training.seed)
        if number in self.texts:
            self.texts[number] = min(self.texts[number], (text.url, text.text))
            return True
        self.texts[number] = (text.url, text.text)
        heapq.heappush(self._largest, -number)
        if len(self.texts) > self._most:
            self._full = True
            del self.texts[-heapq.heappop(self._largest)]
        return True

    def finish(self) -> None:
        """Count what was taken, and what was not, the same whatever the order of the files."""
        self.counts.taken = len(self.texts)
        if rest := self._offered - len(self.texts):
            self.counts.left_out["copies or not drawn by hash" if self._full else "copies"] = rest


def _classes(settings: ClassifierSettings) -> tuple[Class, Class]:
    """The texts of both classes, positives first."""
    if bool(settings.pages) != bool(settings.references):
        raise WinnowError("--pages and --references belong together: the ones are looked up in the others")
    found = (Class(settings.documents), Class(settings.documents))
    for side, patterns in zip(found, (settings.positives, settings.negatives), strict=True):
        for text in read_texts(patterns, settings.field, side.counts):
            side.add(text, settings)
    if settings.pages:
        cited = CitedPages(settings.references, settings.match)
        for text in read_texts(settings.pages, settings.field, found[1].counts):
            positive = text.url in cited
            found[0 if positive else 1].matched += found[0 if positive else 1].add(text, settings)
    for side in found:
        side.finish()
    return found


def _split(texts: dict[int, tuple[str, str]], positive: bool, settings: ClassifierSettings) -> list[Example]:
    """Each text, or its chunks, held out or not by the hash of its host, or where that is crowded its URL."""
    hosts: dict[str, int] = defaultdict(int)
    for url, _ in texts.values():
        hosts[_host(url)] += 1
    examples = []
    for number, (url, text) in texts.items():
        host = _host(url)
        crowded = not host or hosts[host] > CROWDED * len(texts)
        key = (url or str(number)) if crowded else host
        heldout = text_hash(key, settings.training.seed) / 2**64 < settings.heldout
        for chunk in chunks(text, settings.chunk_chars):
            order = text_hash(chunk, settings.training.seed)
            examples.append(Example(positive, order, heldout, chunk))
    return examples


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def chunks(text: str, size: int) -> list[str]:
    """`text` in runs of whole lines, of `size` characters or more, without a shorter rest; 0: whole."""
    if not size:
        return [text]
    parts: list[str] = []
    lines: list[str] = []
    for line in text.split("\n"):
        lines.append(line)
        if sum(map(len, lines)) >= size:
            parts.append("\n".join(lines))
            lines = []
    return parts


def _order(example: Example) -> tuple[int, bool, str]:
    return example.order, example.positive, example.text


def _once(examples: list[Example]) -> list[Example]:
    """Those whose text is no other's: what pages, or the classes, share must not be on both sides."""
    counts = Counter(example.order for example in examples)
    return [example for example in examples if counts[example.order] == 1]


def _matched(examples: list[Example]) -> list[Example]:
    """As many of each class in every bin of lengths, the smallest hashes of each, all in hash order."""
    bins: dict[int, tuple[list[Example], list[Example]]] = defaultdict(lambda: ([], []))
    for example in sorted(examples, key=_order):
        bins[int(math.log2(max(len(example.text), 1)) * BINS_AN_OCTAVE)][example.positive].append(example)
    chosen = []
    for negatives, positives in bins.values():
        count = min(len(negatives), len(positives))
        chosen += positives[:count] + negatives[:count]
    return sorted(chosen, key=_order)


class Outcome(NamedTuple):
    """What a training run found, for its card; a score for each text held out."""

    classes: tuple[Class, Class]
    in_both: int
    trained: Trained
    training: Sequence[Example]
    heldout: Sequence[Example]
    scores: list[float]


def card(settings: ClassifierSettings, outcome: Outcome) -> str:
    """The model's card in Markdown: data, settings, and how it does on what was held out."""
    positive = np.array([example.positive for example in outcome.heldout], bool)
    scores = np.array(outcome.scores)
    lengths = np.array([float(len(example.text)) for example in outcome.heldout])
    at = at_threshold(scores, positive, settings.threshold)
    # Length at the threshold that takes as many texts as the classifier does.
    as_many = float(np.sort(lengths)[len(lengths) - at.kept]) if at.kept else math.inf
    rows: list[list[object]] = [
        ["classifier", roc_auc(scores, positive), *_cells(at)],
        [
            "length alone",
            roc_auc(lengths, positive),
            *_cells(at_threshold(lengths, positive, as_many)),
        ],
    ]
    bins = [
        [f"{low:.1f} to {high:.1f}", texts, mean, share]
        for low, high, texts, mean, share in calibration(scores, positive)
    ]
    fit = settings.training
    failed = outcome.trained.attempts - 1
    made = [
        f"fastText, supervised: {outcome.trained.words:,} words",
        f"{fit.dimensions} dimensions",
        f"{fit.epochs} epochs",
        f"rate {fit.rate:g}",
        f"words of {fit.min_count} or more",
        f"seed {outcome.trained.seed}{f' after {failed} that met a NaN' if failed else ''}",
        *(["quantised"] if fit.quantize else []),
    ]
    chunked = f", cut to chunks of about {settings.chunk_chars:,} characters" if settings.chunk_chars else ""
    positives, negatives = outcome.classes
    cited = ""
    if settings.references:
        weak = " (a weak label: not every page of such a host is cited)" if settings.match == "host" else ""
        named_by = {"url": "URL", "host": "host"}[settings.match]
        named = " The other positives were named as such." if settings.positives else ""
        cited = (
            f"\n- A crawled page is a positive where Wikipedia cites its {named_by}{weak},\n"
            f"  else a negative: {positives.matched:,} and {negatives.matched:,} pages.{named}"
        )
    return f"""# Reference classifier `{settings.name}`

{", ".join(made)}.

- Positives: {positives.counts}.
- Negatives: {negatives.counts}.{cited}
- {outcome.in_both:,} texts that are in both classes are in neither; texts have {settings.min_chars:,}
  characters or more{chunked}; classes are matched in length.
- Trained on {len(outcome.training):,}, held out {len(outcome.heldout):,}, half of each class, split by host.

On the texts held out, at threshold {settings.threshold:g}:

{table(["score", "ROC AUC", "precision", "recall", "texts taken"], rows)}

Calibration:

{table(["score", "texts", "mean score", "share of positives"], bins)}
"""


def _cells(at: AtThreshold) -> list[object]:
    return [at.precision, at.recall, at.kept]
