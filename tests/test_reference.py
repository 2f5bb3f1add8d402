"""The reference classifier's scores, on answers in fastText's form."""

from typing import Any

import numpy as np
import pytest

from filters.reference import NEGATIVE, POSITIVE, reference_scores


class Stub:
    """Answers a text by what it says: its label, then the probability."""

    def __init__(self) -> None:
        self.f = self
        self.seen: list[str] = []

    def multilinePredict(self, lines: list[str], k: int, threshold: float, errors: str) -> Any:
        self.seen += lines
        answers = [line.split() for line in lines]
        return [[label] for label, _ in answers], [np.array([float(p)], np.float32) for _, p in answers]


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (f"{POSITIVE} 0.75", 0.75),
        (f"{NEGATIVE} 0.75", 0.25),
        (f"{POSITIVE} 1.00001", 1.0),  # fastText's probabilities may exceed 1
        (f"{NEGATIVE} 1.00001", 0.0),
        (f"{NEGATIVE}\n0.5", 0.5),
        ("", 0.0),
        (" \n", 0.0),
    ],
)
def test_score(answer: str, score: float) -> None:
    assert reference_scores(Stub(), [answer]).tolist() == [score]


def test_lines_are_joined_by_one_space_and_scores_keep_their_places() -> None:
    stub = Stub()
    scores = reference_scores(stub, [f"{POSITIVE}\n0.5", "", f"{NEGATIVE} 1.0"])
    assert stub.seen == [f"{POSITIVE} 0.5\n", f"{NEGATIVE} 1.0\n"]
    assert scores.tolist() == [0.5, 0.0, 0.0]
