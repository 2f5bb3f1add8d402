"""Stack Exchange, 2% of the corpus: the 28 largest sites, HTML removed, "the answers by score (from highest
to lowest)" (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import orjson
from pydantic import Field, ValidationInfo, field_validator

from filters.stackexchange import Answer, ThreadTemplate, in_order, tags
from filters.stackexchange_html import html_to_text
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.errors import WinnowError
from pipeline.flow import Flow
from pipeline.readers.stackexchange import Post
from pipeline.readers.stackexchange_dump import NO_SITE, StackExchangeReader, is_other_table, site_of
from pipeline.records import Document, Reader, Verdict
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.read import ReadStage


class StackExchangeDump(ReadStage):
    """A site's Posts.xml or 7z, as archive.org publishes them."""

    file_names: ClassVar[frozenset[str]] = frozenset(("Posts.xml", "Posts.xml.gz", "Posts.xml.zst"))
    site: str = Field("", description="the site (beer.stackexchange.com) where the input's name lacks it")

    def reader(self) -> Reader:
        """A StackExchangeReader with this stage's settings."""
        return StackExchangeReader(self.site, self.max_document_bytes)

    def check_inputs(self, source: str, names: Sequence[str]) -> None:
        """Raise WinnowError for an input with posts of no known site, and for two of one `site`."""
        with_posts = [name for name in names if not is_other_table(name)]
        if self.site and len(with_posts) > 1:
            raise WinnowError(
                f"sources.{source}.read.site names one site, but {len(with_posts)} inputs have posts"
            )
        for name in with_posts:
            if not self.site and not site_of(name):
                raise WinnowError(
                    f"sources.{source}.inputs: {name}: {NO_SITE}; keep the dump's own name "
                    "(beer.stackexchange.com/Posts.xml, beer.stackexchange.com.7z) or set `read: {site: …}`"
                )


class JoinThread(CleanStage):
    """A question and its answers, as HTML, to one text."""

    name: ClassVar[str] = "thread"
    question: str = Field("Q: {title}\n\n{text}", description="RedPajama-v1's form but for line feeds")
    answer: str = Field("A: {text}", description="as above; {score} can be had too")
    between: str = "\n\n"
    min_question_score: int | None = Field(None, description="none in the paper nor in RedPajama-v1")
    min_answer_score: int | None = Field(None, description="answers under it are left out of their thread")

    @field_validator("question", "answer")
    @classmethod
    def _has_fields(cls, template: str, info: ValidationInfo) -> str:
        ThreadTemplate(**{str(info.field_name): template})
        return template

    def clean(self, document: Document) -> None:
        """Turn `content` into `text` and metadata; the verdict `question_score` where it is too low."""
        if document.content is None:
            return
        content = orjson.loads(document.content)
        document.content = None
        question = Post(**content["question"])
        answers = {post["id"]: Post(**post) for post in content["answers"]}
        ordered = in_order(
            (
                Answer(post.id, post.score, html_to_text(post.body), post.id == question.accepted)
                for post in answers.values()
            ),
            self.min_answer_score,
        )
        template = ThreadTemplate(self.question, self.answer, self.between)
        document.text = template.thread(question.title.strip(), html_to_text(question.body), ordered)
        document.metadata |= {
            "tags": tags(question.tags),
            **_attribution(question),
            "answers": [_attribution(answers[a.id]) | {"accepted": a.accepted} for a in ordered],
        }
        if self.min_answer_score is not None:
            document.metadata["answers_left_out"] = len(answers) - len(ordered)
        if self.min_question_score is not None and question.score < self.min_question_score:
            document.verdict = Verdict("question_score", question.score, self.min_question_score)


def _attribution(post: Post) -> dict[str, Any]:
    return {
        "id": post.id,
        "score": post.score,
        "licence": post.licence,
        "author": post.owner_name,
        "author_id": post.owner,
    }


STACKEXCHANGE = Flow(
    name="stackexchange",
    read=StackExchangeDump(),
    clean=(JoinThread(),),
    rounds=(DuplicateIds(),),
    duplicates=(DuplicateTexts(),),
)
