"""How likely a text is to a language model of Wikipedia: CCNet's perplexity and its head, middle and tail."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from filters.ccnet_text import normalize_for_language_model

Mode = Literal["lines", "ccnet"]
Bucket = Literal["head", "middle", "tail", "none"]

HEAD_PERCENTILE: Final = 30
TAIL_PERCENTILE: Final = 60
"""Where cc_net's code ends head and middle (`PerplexityBucket`); its paper says three even parts."""

WORD_MEMORY: Final = 64 << 20
"""How many bytes of distinct words, roughly, a model remembers the pieces of before it starts anew."""
ENTRY_BYTES: Final = 250
"""What a remembered word costs beside its characters: a str, a bytes and a place in a dict."""
ASKED_AT_ONCE: Final = 512
"""How many words are cut in one call, and so how far a memory may be overdrawn."""


class Cutoffs(NamedTuple):
    """The perplexities below which a text is head, and below which it is middle."""

    head: float
    tail: float


class Likelihood(NamedTuple):
    """What a language model says of a text: the log10 probability of it all, and its length in pieces.

    The length counts the end mark of each line scored, as cc_net does; 0 where there was nothing to score.
    """

    log10: float
    length: int

    @property
    def perplexity(self) -> float | None:
        """10 ** (-log10 / length), unrounded; None where there was nothing to score."""
        return float(10.0 ** (-self.log10 / self.length)) if self.length else None


class Judgement(NamedTuple):
    """A text's perplexity, unrounded and as cc_net shows it (one decimal), and its bucket."""

    perplexity: float | None
    rounded: float | None
    bucket: Bucket


class WordPieces(dict[str, bytes]):
    """Raw word -> its pieces in KenLM's form, each with a space before it; SentencePiece answers a miss.

    What is remembered, about `limit` bytes, only saves time.
    """

    def __init__(self, processor: Any, limit: int = WORD_MEMORY) -> None:
        super().__init__()
        self._processor = processor
        self._limit = limit
        self._held = 0

    def learn(self, text: str) -> None:
        """Ask for all words of `text` that are new in one call: single ones take three times as long."""
        new = [word for word in set(text.split()) if word not in self]
        for start in range(0, len(new), ASKED_AT_ONCE):
            self._ask(new[start : start + ASKED_AT_ONCE])

    def of_line(self, line: str) -> bytes:
        """The pieces of a line, which is cut at white space before anything else; empty for a blank one."""
        return b"".join(map(self.__getitem__, line.split()))

    def __missing__(self, word: str) -> bytes:
        self._ask([word])
        return self[word]

    def _ask(self, words: list[str]) -> None:
        normalized = list(map(normalize_for_language_model, words))
        # One thread: it starts one a core otherwise, and workers are as many already.
        cut: list[list[str]] = self._processor.encode(normalized, out_type=str, num_threads=1)
        size = ENTRY_BYTES * len(words) + sum(map(len, words))
        if self._held + size > self._limit:
            self.clear()
            self._held = 0
        self._held += size
        for word, pieces in zip(words, cut, strict=True):
            self[word] = f" {' '.join(pieces)}".encode() if pieces else b""


class LanguageModel:
    """A SentencePiece and a KenLM model of one language, and the cutoffs and mode they are used with.

    `processor` is a `sentencepiece.SentencePieceProcessor`, `kenlm` a `kenlm.Model` over its pieces.
    `cutoffs` is None where the language has none: its texts are then of bucket "none". A score depends on
    nothing but the text; what is remembered from one text to the next (about `memory` bytes) only saves time.
    """

    def __init__(
        self,
        processor: Any,
        kenlm: Any,
        cutoffs: Cutoffs | None = None,
        mode: Mode = "lines",
        memory: int = WORD_MEMORY,
    ) -> None:
        self.processor = processor
        self.kenlm = kenlm
        self.cutoffs = cutoffs
        self.mode = mode
        self._pieces = WordPieces(processor, memory)

    def lines(self, text: str) -> Likelihood:
        """The likelihood of `text` line by line, summed, each line between begin and end marks.

        Words are what white space separates, and SentencePiece cuts each by itself, so that it has to cut
        each distinct word only once. Blank lines count nothing.
        """
        log10, length = 0.0, 0
        self._pieces.learn(text)
        of_line, score = self._pieces.of_line, self.kenlm.score
        for line in text.split("\n"):
            pieces = of_line(line)
            if pieces:
                log10 += score(pieces)
                length += pieces.count(b" ") + 1
        return Likelihood(log10, length)

    def ccnet(self, text: str) -> Likelihood:
        """The likelihood of `text` as cc_net takes it: newlines deleted, one line a document.

        cc_net `perplexity.py`: `MultiSentencePiece` with `normalize`, then `DocLM` without.
        """
        tokens = " ".join(self.processor.encode(normalize_for_language_model(text), out_type=str))
        if not tokens:
            return Likelihood(0.0, 0)
        return Likelihood(self.kenlm.score(tokens), len(tokens.split()) + 1)

    def judge(self, text: str) -> Judgement:
        """The perplexity of `text` in this model's mode, and its bucket.

        In mode `ccnet` the rounded value meets the cutoffs, as in cc_net, so that buckets agree as well.
        """
        likelihood = self.ccnet(text) if self.mode == "ccnet" else self.lines(text)
        perplexity = likelihood.perplexity
        if perplexity is None:
            return NOT_JUDGED
        rounded = round(perplexity, 1)
        return Judgement(
            perplexity, rounded, bucket(rounded if self.mode == "ccnet" else perplexity, self.cutoffs)
        )


NOT_JUDGED: Final = Judgement(None, None, "none")


def bucket(perplexity: float, cutoffs: Cutoffs | None) -> Bucket:
    """The bucket of a perplexity: head and middle lie below their cutoffs (cc_net `PerplexityBucket`)."""
    if cutoffs is None:
        return "none"
    if perplexity < cutoffs.head:
        return "head"
    return "middle" if perplexity < cutoffs.tail else "tail"


def judge(
    models: Mapping[str, LanguageModel], languages: Sequence[str], texts: Sequence[str]
) -> list[Judgement]:
    """The judgement of each text by the model of its language; bucket "none" where there is no model."""
    return [
        models[language].judge(text) if language in models else NOT_JUDGED
        for language, text in zip(languages, texts, strict=True)
    ]


def keeps(judged: Bucket, keep: Iterable[Bucket], unjudged: Literal["keep", "drop"]) -> bool:
    """Whether a text of this bucket stays: named in `keep`, or as `unjudged` says for bucket "none"."""
    return unjudged == "keep" if judged == "none" else judged in keep


def percentiles(perplexities: Sequence[float]) -> list[float]:
    """Percentiles 0 to 99 of a sample, the form of CCNet's cutoff table: at p, p% of the sample lie below."""
    ordered = sorted(perplexities)
    if not ordered:
        raise ValueError("percentiles of an empty sample")
    return [ordered[len(ordered) * p // 100] for p in range(100)]


def read_ccnet_cutoffs(
    table: str, head: int = HEAD_PERCENTILE, tail: int = TAIL_PERCENTILE
) -> dict[str, Cutoffs]:
    """The cutoffs of each language in CCNet's table (cc_net `data/cutoff.csv`: a row for each percentile).

    Raises ValueError where the text is no such table or lacks the percentiles `head` and `tail`.
    """
    rows = {row.pop(""): row for row in csv.DictReader(io.StringIO(table)) if "" in row}
    try:
        low, high = rows[str(head)], rows[str(tail)]
        return {language: Cutoffs(float(low[language]), float(high[language])) for language in low}
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"not a table of cutoffs with the percentiles {head} and {tail}") from None


def read_cutoffs(
    document: str, mode: Mode, head: int = HEAD_PERCENTILE, tail: int = TAIL_PERCENTILE
) -> Cutoffs:
    """The cutoffs for `mode` in what `python -m pipeline.train lm` wrote beside its model.

    Raises ValueError where the text is no such document or holds no percentiles for the mode.
    """
    try:
        values = json.loads(document)["percentiles"][mode]
        return Cutoffs(float(values[head]), float(values[tail]))
    except (KeyError, IndexError, TypeError, ValueError):
        raise ValueError(f"no percentiles {head} and {tail} of mode {mode}") from None
