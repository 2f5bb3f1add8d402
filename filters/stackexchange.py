"""A question and its answers as one text: order, form, licence.

The paper removes HTML and sorts answers by score, highest first (Touvron et al. 2023, section 2.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Answer:
    """An answer with its text; `accepted` by the asker."""

    id: int
    score: int
    text: str
    accepted: bool = False


def in_order(answers: Iterable[Answer], min_score: int | None = None) -> list[Answer]:
    """Answers not under `min_score`: by score, highest first, then the accepted one, then by id."""
    kept = (answer for answer in answers if min_score is None or answer.score >= min_score)
    return sorted(kept, key=lambda answer: (-answer.score, not answer.accepted, answer.id))


@dataclass(frozen=True)
class ThreadTemplate:
    """How a thread is written: `question` has the fields {title} and {text}, `answer` {text} and {score}.

    The default is RedPajama-v1's form but for line feeds. Raises ValueError for a field that does not exist.
    """

    question: str = "Q: {title}\n\n{text}"
    answer: str = "A: {text}"
    between: str = "\n\n"

    def __post_init__(self) -> None:
        for name, template, fields in (
            ("question", self.question, {"title", "text"}),
            ("answer", self.answer, {"text", "score"}),
        ):
            unknown = set(_FIELD.findall(template)) - fields
            if unknown:
                raise ValueError(f"{name}: there is no {{{min(unknown)}}}, only {', '.join(sorted(fields))}")

    def thread(self, title: str, text: str, answers: Sequence[Answer]) -> str:
        """The text of a thread, answers in the order given."""
        parts = [_filled(self.question, {"title": title, "text": text}).strip()]
        for answer in answers:
            parts.append(_filled(self.answer, {"text": answer.text, "score": str(answer.score)}).strip())
        return self.between.join(parts)


def _filled(template: str, fields: dict[str, str]) -> str:
    return _FIELD.sub(lambda match: fields[match[1]], template)


def tags(attribute: str) -> list[str]:
    """The tags of a post, whose attribute has the form `<a><b>` in older dumps and `|a|b|` in newer ones."""
    return [tag for tag in re.split(r"[<>|]+", attribute) if tag]


def licence(content_license: str, creation_date: str) -> str:
    """The licence of a post: as its row says, else by the day it was written.

    CC BY-SA 2.5 before 2011-04-08, 3.0 before 2018-05-02, 4.0 since (Stack Exchange, help, "What is the
    license for the content I post?"); empty where the date is too.
    """
    if content_license or not creation_date:
        return content_license
    if creation_date < "2011-04-08":
        return "CC BY-SA 2.5"
    return "CC BY-SA 3.0" if creation_date < "2018-05-02" else "CC BY-SA 4.0"
