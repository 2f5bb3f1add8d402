"""Stages of `judge`: language, perplexity, likeness to pages that Wikipedia cites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from filters.language import CCNET_THRESHOLD, identify
from filters.perplexity import Bucket, LanguageModel, Mode, keeps
from filters.perplexity import judge as judge_texts
from filters.reference import reference_scores
from pipeline.models import Model, load_fasttext, load_language_model, load_reference
from pipeline.transforms.judging import Check, JudgeStage, Judging
from pipeline.transforms.stage import Stage


class Language(JudgeStage):
    """The language of each document by fastText, and its probability; others than the wanted ones go."""

    name: ClassVar[str] = "language"
    decides: ClassVar[frozenset[str]] = frozenset({"languages", "min_score"})
    model: str = "bundled:lid.176.ftz"
    languages: tuple[str, ...] = Field(("en",), description="paper: non-English is removed; empty: all stay")
    min_score: float = Field(CCNET_THRESHOLD, ge=0, le=1, description="cc_net, split_by_lang.py: 0.5")
    refine: bool = Field(False, description="South Slavic languages by their letters: docs/quality.md")
    characters: int | None = Field(None, gt=0, description="how much of a text to look at; cc_net: all of it")

    def model_paths(self) -> list[str]:
        """The fastText model."""
        return [self.model]

    def load(self, models: dict[str, Model]) -> None:
        """The fastText model."""
        load_fasttext(models[self.model])

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Record language and score; rules `language` (another one) and `language_score` (too unsure)."""
        rows = batch.rows().tolist()
        texts = [batch.texts[row] for row in rows]
        model = load_fasttext(models[self.model])
        labels, scores = identify(model, texts, refine=self.refine, characters=self.characters)
        batch.record("language_score", rows, scores.tolist())
        for row, label, score in zip(rows, labels, scores.tolist(), strict=True):
            batch.languages[row] = label
            batch.settle(row, self._checks(label, score))

    def _checks(self, label: str, score: float) -> list[Check]:
        return [
            Check(self.name, None, None, not self.languages or label in self.languages),
            Check("language_score", score, self.min_score, score >= self.min_score),
        ]

    def checks(self, row: Mapping[str, Any], models: dict[str, Model]) -> list[Check] | None:
        """By `language` and `language_score`."""
        score = row["language_score"]
        return None if score is None else self._checks(row["language"], score)

    def gives(self, rule: str) -> bool:
        """Rules `language` and `language_score`."""
        return rule in (self.name, "language_score")


class PerplexityModel(Stage):
    """The files of one language's model: KenLM, SentencePiece, and cutoffs (CCNet's table or our own)."""

    name: ClassVar[str] = "models"
    kenlm: str
    sentencepiece: str
    cutoffs: str


class Perplexity(JudgeStage):
    """CCNet's perplexity of each document, by the model of its language, and its head, middle or tail."""

    name: ClassVar[str] = "perplexity"
    decides: ClassVar[frozenset[str]] = frozenset({"keep", "without_model"})
    mode: Mode = Field("lines", description="`ccnet` for CCNet's own models: one line a document")
    models: dict[str, PerplexityModel] = Field(
        {
            "en": PerplexityModel(
                kenlm="bundled:en.lm.bin",
                sentencepiece="bundled:en.sp.model",
                cutoffs="bundled:en.cutoffs.json",
            )
        },
        description="for each language its files",
    )
    keep: tuple[Bucket, ...] = Field(("head", "middle"), description="RedPajama; the paper does not say")
    without_model: str = Field(
        "drop", pattern="^(keep|drop)$", description="what becomes of a language that has no model here"
    )

    def model_paths(self) -> list[str]:
        """The three files of each language."""
        return [
            path
            for files in self.models.values()
            for path in (files.kenlm, files.sentencepiece, files.cutoffs)
        ]

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Record perplexity and bucket; rules `perplexity.tail` and, for other languages, `.no_model`."""
        rows = batch.rows().tolist()
        loaded = self._load(models)
        judged = judge_texts(
            loaded, [batch.languages[row] for row in rows], [batch.texts[row] for row in rows]
        )
        batch.record("perplexity", rows, [judgement.perplexity for judgement in judged])
        batch.record("perplexity_bucket", rows, [judgement.bucket for judgement in judged])
        for row, judgement in zip(rows, judged, strict=True):
            batch.settle(
                row, [self._check(batch.languages[row], judgement.bucket, judgement.perplexity, loaded)]
            )

    def checks(self, row: Mapping[str, Any], models: dict[str, Model]) -> list[Check] | None:
        """By `perplexity_bucket`, as it was with the cutoffs of then."""
        bucket = row["perplexity_bucket"]
        if bucket is None:
            return None
        return [self._check(row["language"], bucket, row["perplexity"], self._load(models))]

    def load(self, models: dict[str, Model]) -> None:
        """All languages' models."""
        self._load(models)

    def _load(self, models: dict[str, Model]) -> dict[str, LanguageModel]:
        return {
            language: load_language_model(
                models[files.kenlm], models[files.sentencepiece], models[files.cutoffs], language, self.mode
            )
            for language, files in self.models.items()
        }

    def _check(
        self, language: str, bucket: Bucket, perplexity: float | None, models: dict[str, LanguageModel]
    ) -> Check:
        passed = keeps(bucket, self.keep, "keep" if self.without_model == "keep" else "drop")
        if bucket == "none":
            return Check("perplexity.no_model", None, None, passed)
        cutoffs = models[language].cutoffs
        assert cutoffs is not None  # a bucket other than "none" came from cutoffs
        threshold = cutoffs.head if bucket == "head" else cutoffs.tail
        return Check(f"perplexity.{bucket}", perplexity, threshold, passed)


class WikipediaReference(JudgeStage):
    """The probability that a page is of the kind Wikipedia cites, by a linear classifier."""

    name: ClassVar[str] = "wikipedia_reference"
    decides: ClassVar[frozenset[str]] = frozenset({"min_score"})
    model: str = "bundled:reference.en.ftz"
    min_score: float | None = Field(
        None,
        ge=0,
        le=1,
        description="off while the model is only a demonstration; RedPajama keeps from 0.25, the paper's "
        "words mean 0.5",
    )

    def model_paths(self) -> list[str]:
        """The fastText model."""
        return [self.model]

    def load(self, models: dict[str, Model]) -> None:
        """The classifier."""
        load_reference(models[self.model])

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Record the score; rule `wikipedia_reference` where a threshold is set."""
        rows = batch.rows()
        scores = reference_scores(load_reference(models[self.model]), [batch.texts[row] for row in rows])
        batch.record("reference_score", rows, scores.tolist())
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            batch.settle(row, self._checks(score))

    def checks(self, row: Mapping[str, Any], models: dict[str, Model]) -> list[Check] | None:
        """By `reference_score`."""
        score = row["reference_score"]
        return None if score is None else self._checks(score)

    def _checks(self, score: float) -> list[Check]:
        return [Check(self.name, score, self.min_score, self.min_score is None or score >= self.min_score)]
