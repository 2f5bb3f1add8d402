"""Stages for source code: licence, language, low quality files, licence headers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from pydantic import Field, field_validator

from filters.code_headers import strip_header
from filters.code_heuristics import ENDINGS, alphanumeric_share, letters, line_lengths
from filters.code_language import code_language
from filters.code_origin import encoded, is_generated, is_vendored
from filters.spdx import is_allowed, spdx
from pipeline.models import Model, load_sentencepiece, resolve
from pipeline.records import Document, Verdict
from pipeline.transforms.clean import CleanStage
from tokenizer.encode import Encoder

_WORD_MEMORY = 32 << 20  # bytes of tokens remembered for words that come again
Limit = float | None


class AllowedLicenses(CleanStage):
    """Files of repositories under any other licence go, and those under none that is known."""

    name: ClassVar[str] = "license"
    allowed: tuple[str, ...] = Field(
        ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause"),
        description='the paper: "projects that are distributed under the Apache, BSD and MIT licenses"',
    )

    @field_validator("allowed")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not spdx(name):
                raise ValueError(f"licences by their SPDX names; {name!r} is none that is known")
        return tuple(spdx(name) for name in names)

    def clean(self, document: Document) -> None:
        """Set the verdict `license`, or `no_license` where none is known."""
        expression = document.metadata.get("license")
        if expression is None:
            document.verdict = Verdict("no_license")
        elif not is_allowed(expression, self.allowed):
            document.verdict = Verdict("license")


Limits = dict[str, Limit]
"""Limits for single endings (".md") and languages ("HTML"), an ending before its language; null for none."""


def limit_for(document: Document, limit: float, limits: Limits) -> float | None:
    """The limit for the document: of its ending, of its language, or `limit`."""
    if not limits:
        return limit
    name = document.metadata["path"].rsplit("/", 1)[-1]
    ending = name[name.rfind(".") :] if "." in name else name
    return limits.get(ending, limits.get(language_of(document) or "", limit))


def language_of(document: Document) -> str | None:
    """The document's language by path and text, kept as `code_language` in its metadata."""
    known = document.metadata.get("code_language")
    if known is None:
        known = code_language(document.metadata["path"], document.text)
        if known is not None:
            document.metadata["code_language"] = known
    return known


class CodeEndings(CleanStage):
    """Files whose path ends otherwise go."""

    name: ClassVar[str] = "extension"
    endings: tuple[str, ...] = Field(
        ENDINGS,
        description="RedPajama, github_run_filter.py; case counts. An empty list: all of known languages",
    )
    dropped: tuple[str, ...] = Field((), description="endings and languages that go all the same")

    def clean(self, document: Document) -> None:
        """Set the verdict `extension`; metadata gains `code_language` where path and text show it."""
        path = document.metadata["path"]
        language = language_of(document)
        wanted = path.endswith(self.endings) if self.endings else language is not None
        if not wanted or language in self.dropped or f".{path.rsplit('.', 1)[-1]}" in self.dropped:
            document.verdict = Verdict("extension")


class MaxLineLength(CleanStage):
    """Files with a line that is too long go: minified code, data."""

    name: ClassVar[str] = "max_line_length"
    max_characters: int = Field(1000, ge=1, description="RedPajama: more than 1000 goes")
    limits: Limits = Field({}, description="other maxima by ending or language")

    def clean(self, document: Document) -> None:
        """Set the verdict `max_line_length`."""
        limit = limit_for(document, self.max_characters, self.limits)
        longest = line_lengths(document.text).longest
        if limit is not None and longest > limit:
            document.verdict = Verdict(self.name, longest, limit)


class MeanLineLength(CleanStage):
    """Files whose lines are too long on the whole go."""

    name: ClassVar[str] = "mean_line_length"
    max_characters: float = Field(100, gt=0, description="RedPajama: more than 100 goes")
    limits: Limits = Field({}, description="other maxima by ending or language")

    def clean(self, document: Document) -> None:
        """Set the verdict `mean_line_length`."""
        limit = limit_for(document, self.max_characters, self.limits)
        mean = line_lengths(document.text).mean
        if limit is not None and mean > limit:
            document.verdict = Verdict(self.name, mean, limit)


class AlphanumericShare(CleanStage):
    """Files of too few letters and digits go."""

    name: ClassVar[str] = "alphanumeric_share"
    min_share: float = Field(0.25, ge=0, le=1, description="RedPajama: less than 0.25 goes")
    limits: Limits = Field({}, description="other minima by ending or language")

    def clean(self, document: Document) -> None:
        """Set the verdict `alphanumeric_share`; blank files are left to `empty`."""
        limit = limit_for(document, self.min_share, self.limits)
        share = alphanumeric_share(document.text)
        if limit is not None and share < limit and document.text.strip():
            document.verdict = Verdict(self.name, share, limit)


class LettersPerToken(CleanStage):
    """Files go of which a tokenizer makes many tokens with few letters in them: numbers, rare scripts."""

    name: ClassVar[str] = "letters_per_token"
    min_ratio: float = Field(
        1.35,
        ge=0,
        description="RedPajama: 1.5 with Pythia's tokenizer, which this is for the bundled one"
        " (docs/sources/github.md)",
    )
    tokenizer: str = Field(
        "bundled:code-tokenizer.model", description="its digest is part of the phase's key"
    )

    def settings(self) -> dict[str, Any]:
        """The threshold, the tokenizer's name and its digest."""
        return super().settings() | {"digest": resolve(self.tokenizer).digest}

    def model_paths(self) -> list[str]:
        """The tokenizer."""
        return [self.tokenizer]

    def clean(self, document: Document) -> None:
        """Set the verdict `letters_per_token`; blank files are left to `empty`."""
        if not document.text.strip():
            return
        _, lengths = _encoder(resolve(self.tokenizer)).encode([document.text])
        ratio = letters(document.text) / max(int(lengths[0]), 1)
        if ratio < self.min_ratio:
            document.verdict = Verdict(self.name, ratio, self.min_ratio)


@lru_cache(maxsize=2)
def _encoder(model: Model) -> Encoder:
    return Encoder(load_sentencepiece(model), memory_bytes=_WORD_MEMORY)


class DropGenerated(CleanStage):
    """Files that a program wrote or minified go."""

    name: ClassVar[str] = "generated"

    def clean(self, document: Document) -> None:
        """Set the verdict `generated`."""
        if is_generated(document.metadata["path"], document.text):
            document.verdict = Verdict(self.name)


class DropVendored(CleanStage):
    """Files in folders for copies of other projects go."""

    name: ClassVar[str] = "vendored"

    def clean(self, document: Document) -> None:
        """Set the verdict `vendored`."""
        if is_vendored(document.metadata["path"]):
            document.verdict = Verdict(self.name)


class DropEncoded(CleanStage):
    """Files with long pieces of base64, hexadecimal or escaped data, or much of it in all, go."""

    name: ClassVar[str] = "encoded"
    max_characters: int = Field(1024, ge=0, description="in one piece; StarCoder 2 (arXiv:2402.19173)")
    max_share: float = Field(0.5, ge=0, le=1, description="of all characters; StarCoder 2")

    def clean(self, document: Document) -> None:
        """Set the verdict `encoded` with the longest piece, or `encoded_share` with the share."""
        found = encoded(document.text)
        if found.longest > self.max_characters:
            document.verdict = Verdict(self.name, found.longest, self.max_characters)
        elif found.share > self.max_share:
            document.verdict = Verdict("encoded_share", found.share, self.max_share)


class StripHeader(CleanStage):
    """Licence and copyright notices go from the comments that a file begins with."""

    name: ClassVar[str] = "strip_header"

    def clean(self, document: Document) -> None:
        """Replace `text`."""
        document.text = strip_header(document.text, language_of(document))


class DropEmpty(CleanStage):
    """Files in which nothing is, or nothing but the header was, go."""

    name: ClassVar[str] = "empty"

    def clean(self, document: Document) -> None:
        """Set the verdict `empty`."""
        if not document.text.strip():
            document.verdict = Verdict(self.name)
