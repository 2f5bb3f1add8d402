"""fastText language identification: whole words, unrounded scores, blank texts."""

from typing import Any

import numpy as np
import pytest

from filters.language import as_one_line, identify
from pipeline.models import load_fasttext, resolve


@pytest.fixture(scope="module")
def model() -> Any:
    return load_fasttext(resolve("bundled:lid.176.ftz"))


class Stub:
    """Stands for a fastText model and answers what it is told, in fastText's form."""

    def __init__(self, *answers: tuple[str, float]) -> None:
        self.answers = iter(answers)
        self.seen: list[str] = []
        self.f = self

    def multilinePredict(self, lines: list[str], k: int, threshold: float, errors: str) -> Any:
        self.seen += lines
        answers = [next(self.answers) for _ in lines]
        return [[label] for label, _ in answers], [np.array([p], np.float32) for _, p in answers]


def test_texts_of_several_languages(model: Any) -> None:
    labels, scores = identify(
        model,
        [
            "The committee will meet again in the spring to discuss the report.",
            "Der Ausschuss wird im Frühjahr erneut zusammentreten.",
            "Le comité se réunira de nouveau au printemps pour examiner le rapport.",
            "委員会は春に再び会合を開く。",
        ],
    )
    assert labels == ["en", "de", "fr", "ja"]
    assert (scores > 0.8).all()
    assert scores.dtype == np.float64


def test_blank_texts_have_no_language_and_keep_their_place(model: Any) -> None:
    labels, scores = identify(model, ["", "This is certainly an English sentence.", " \n\t "])
    assert labels == ["", "en", ""]
    assert scores[0] == scores[2] == 0.0
    assert identify(model, [])[0] == []


def test_words_are_not_glued_at_line_ends(model: Any) -> None:
    lines = "the end\nof it\nall was\nsad"
    assert identify(model, [lines])[1] == identify(model, [lines.replace("\n", " ")])[1]
    assert identify(model, [lines])[1] != identify(model, [lines.replace("\n", "")])[1]


def test_an_end_mark_in_the_text_hides_nothing(model: Any) -> None:
    german = "Der Ausschuss wird im Frühjahr erneut zusammentreten und berichten."
    labels, _ = identify(model, [f"</s> {german}"])
    assert labels == ["de"]


def test_a_score_is_neither_rounded_nor_above_one() -> None:
    _, scores = identify(Stub(("__label__en", 0.496), ("__label__en", 1.00001)), ["a", "b"])
    assert scores[0] < 0.5  # rounded to two decimals, as in cc_net, it would pass
    assert scores[1] == 1.0


def test_a_batch_answers_as_its_texts_alone(model: Any) -> None:
    texts = ["One two three.", "Eins zwei drei.", "", "Uno dos tres."]
    labels, scores = identify(model, texts)
    alone = [identify(model, [text]) for text in texts]
    assert labels == [label for (label,), _ in alone]
    assert scores.tolist() == [score for _, (score,) in alone]


def test_only_the_first_characters_where_asked(model: Any) -> None:
    english, german = "This is an English sentence. ", "Und dies ist ein deutscher Satz, viel länger. " * 5
    assert identify(model, [english + german])[0] == ["de"]
    assert identify(model, [english + german], characters=len(english))[0] == ["en"]
    assert identify(model, [" " * 9 + german], characters=9)[0] == [""]


def test_one_line() -> None:
    assert as_one_line("a\nb</s>c") == "a b c\n"
