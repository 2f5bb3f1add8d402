"""C4's stages: its page and line rules, in `prepare`; sentences left and bad words, in `judge`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from filters.c4 import C4_PRESETS, clean_page, is_too_long, sentences_at_least
from filters.c4_badwords import BadWords
from filters.c4_urls import keeps_bad_page
from pipeline.dedup.rounds_c4 import NORMALIZE, UrlPreset
from pipeline.models import BUNDLED, PUNKT_EN, Model, ModelError, load_punkt, resolve
from pipeline.records import Document, Verdict
from pipeline.transforms.clean import BYTES_REMOVED, CleanStage
from pipeline.transforms.judging import JudgeStage, Judging

PagePreset = Literal["c4", "c4@tfds", "c4@datatrove", "c4@dodge"]
_LISTS = (
    "ar cs da de en eo es fa fi fil fr hi hu it ja kab ko nl no pl pt ru sv th tlh tr zh"  # models/bad-words
)


class DropLong(CleanStage):
    """Pages above C4's length go before anything else is asked of them."""

    name: ClassVar[str] = "too_long"
    max_characters: int = Field(190_000, gt=0, description="c4_utils.py, is_valid_length")

    def clean(self, document: Document) -> None:
        """Set the verdict `too_long` where the text has more characters than `max_characters`."""
        if is_too_long(document.text, self.max_characters):
            document.verdict = Verdict(self.name, len(document.text), self.max_characters)


class C4Page(CleanStage):
    """C4's `clean_page`: lines that are no sentences go, and pages with too few or with signs of code.

    It comes before the fingerprints of lines are made, since C4 compares the lines that are left. A page that
    is dropped keeps its text.
    """

    name: ClassVar[str] = "c4_page"
    notes: ClassVar[str] = "c4"
    preset: PagePreset = Field("c4", description="docs/parity.md has how they differ")
    sentences: str = Field(PUNKT_EN, description="a Punkt model as JSON; the bundled one is English")

    def settings(self) -> dict[str, Any]:
        """All that decides what the stage does: the bytes of its model too, which is loaded for this."""
        model = resolve(self.sentences)
        load_punkt(model)
        return {**super().settings(), "sentences_digest": model.digest}

    def clean(self, document: Document) -> None:
        """Change the text, or set the verdict `c4.<rule>`; metadata gets `c4`: by rule, the lines that passed
        or went, and the bytes of UTF-8 that went from a page that stays."""
        page = clean_page(document.text, C4_PRESETS[self.preset], load_punkt(resolve(self.sentences)).count)
        if page.dropped_by is None:
            document.text = page.text
        elif page.dropped_by == "too_few_sentences":
            threshold = C4_PRESETS[self.preset].min_sentences
            document.verdict = Verdict(f"c4.{page.dropped_by}", page.sentences, threshold)
        else:
            document.verdict = Verdict(f"c4.{page.dropped_by}")
        document.metadata["c4"] = {
            "lines": dict(sorted(page.lines.items())),
            BYTES_REMOVED: dict(sorted(page.removed.items())),
        }


class C4Sentences(JudgeStage):
    """Pages with too few sentences once lines that other pages have are gone (c4_utils.py,
    `remove_duplicate_text`)."""

    name: ClassVar[str] = "c4_sentences"
    preset: PagePreset = "c4"
    sentences: str = Field(PUNKT_EN, description="a Punkt model as JSON; the bundled one is English")

    def model_paths(self) -> list[str]:
        """The Punkt model."""
        return [self.sentences]

    def load(self, models: dict[str, Model]) -> None:
        """The Punkt model."""
        load_punkt(models[self.sentences])

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Rule `c4_sentences`, with the number of sentences.

        The original counts them in the whole text, where one may go over the end of a line; ours in lines, as
        `c4_page` does.
        """
        whole = self.preset == "c4@tfds"
        enough = C4_PRESETS[self.preset].min_sentences
        count = load_punkt(models[self.sentences]).count
        for row in batch.rows().tolist():
            lines = [line for line in batch.texts[row].split("\n") if line.strip()]
            sentences = count(batch.texts[row], enough) if whole else sentences_at_least(lines, enough, count)
            if sentences < enough:
                batch.drop(row, self.name, sentences, enough)


class DropBadWords(JudgeStage):
    """Pages with a word of their language's list go; languages without a list stay.

    What the lists do to text by and about minorities is known (models/bad-words/README.md).
    """

    name: ClassVar[str] = "bad_words"
    preset: UrlPreset = Field(
        "c4", description="c4@tfds: words with capitals are never found, as in C4's code"
    )
    lists: dict[str, str] = Field(
        # fastText has no Filipino, whose standard is Tagalog's.
        {code: f"{BUNDLED}bad-words/{code}" for code in _LISTS.split()} | {"tl": f"{BUNDLED}bad-words/fil"},
        description="for each language a file of one word or phrase a line",
    )
    drop_share: float = Field(
        1.0, ge=0, le=1, description="of the pages with a bad word, by the URL's hash; mC4: 0.999"
    )

    def model_paths(self) -> list[str]:
        """The lists."""
        return sorted(set(self.lists.values()))

    def load(self, models: dict[str, Model]) -> None:
        """The words of all languages."""
        for language in self.lists:
            self._words(language, models)

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Rule `bad_words`."""
        normalize = NORMALIZE[self.preset]
        for row in batch.rows().tolist():
            language = batch.languages[row]
            if language not in self.lists or self._words(language, models).find(batch.texts[row]) is None:
                continue
            if not keeps_bad_page(normalize(batch.urls[row]), self.drop_share):
                batch.drop(row, self.name)

    def _words(self, language: str, models: dict[str, Model]) -> BadWords:
        return load_bad_words(models[self.lists[language]], language, self.preset == "c4@tfds")


@lru_cache(maxsize=256)
def load_bad_words(model: Model, language: str, as_listed: bool = False) -> BadWords:
    """The words listed in `model`; raises ModelError where the file is no text."""
    try:
        words = Path(model.path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"model {model.name} is no list of words: it is not UTF-8") from error
    return BadWords(words.splitlines(), language, as_listed)
