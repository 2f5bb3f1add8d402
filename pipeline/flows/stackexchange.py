"""Stack Exchange, 2% of the corpus: the 28 largest sites, HTML removed, "the answers by score (from highest
to lowest)" (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, ClassVar
from urllib.parse import urlsplit

import orjson
from pydantic import Field, ValidationInfo, field_validator

from filters.stackexchange import Answer, ThreadTemplate, in_order, tags
from filters.stackexchange_html import html_to_text
from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.errors import WinnowError
from pipeline.files import open_file
from pipeline.flow import Flow
from pipeline.inputs import InputFile
from pipeline.models import Model
from pipeline.parts import Reading, Spread
from pipeline.readers.stackexchange import Post
from pipeline.readers.stackexchange_dump import (
    NO_SITE,
    StackExchangeReader,
    is_other_table,
    site_of,
    users_paths,
)
from pipeline.readers.stackexchange_threads import PARTITION_BYTES, partition_count
from pipeline.records import Document, Event, Verdict
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.judging import JudgeStage, Judging
from pipeline.transforms.read import ReadStage
from pipeline.transforms.rules import PAGE_RULES


@contextmanager
def _opened(reading: Reading) -> Iterator[tuple[BinaryIO, BinaryIO | None]]:
    with ExitStack() as stack:
        stream = stack.enter_context(open_file(reading.path))
        users = stack.enter_context(open_file(reading.beside[0])) if reading.beside else None
        yield stream, users


class StackExchangeDump(ReadStage):
    """A site's Posts.xml or 7z, as archive.org publishes them."""

    file_names: ClassVar[frozenset[str]] = frozenset(("Posts.xml", "Posts.xml.gz", "Posts.xml.zst"))
    site: str = Field("", description="the site (beer.stackexchange.com) where the input's name lacks it")
    partition_bytes: int = Field(
        PARTITION_BYTES, gt=0, description="ours: rows of a large site that are one unit of work"
    )

    def reader(self) -> StackExchangeReader:
        """A StackExchangeReader with this stage's settings."""
        return StackExchangeReader(self.site, self.max_document_bytes, self.partition_bytes)

    def beside(self, path: str) -> Sequence[str]:
        """Where the site's users may be, for the names of authors."""
        return users_paths(path)

    def partitions(self, file: InputFile) -> int:
        """As many as the file's size asks for."""
        return 1 if is_other_table(file.name) else partition_count(file.name, file.size, self.partition_bytes)

    def spread(self, reading: Reading, spread: Spread) -> Iterator[Event]:
        """The first pass over a large site's rows."""
        with _opened(reading) as (stream, users):
            yield from self.reader().spread(stream, reading.name, spread, users)

    def events(self, reading: Reading) -> Iterator[Event]:
        """The threads of a site, or of one partition of it."""
        if reading.place is not None:
            yield from self.reader().partition(reading.runs, reading.name, reading.place["partition"])
            return
        with _opened(reading) as (stream, users):
            yield from self.reader().read(stream, reading.name, users, reading.limit)

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
    min_answer_score: int | None = Field(
        None, description="answers under it are left out of their thread and counted in its metadata"
    )

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
        written = (
            Answer(post.id, post.score, html_to_text(post.body), post.id == question.accepted)
            for post in answers.values()
        )
        # An answer that is an image alone leaves no text.
        ordered = in_order((answer for answer in written if answer.text), self.min_answer_score)
        template = ThreadTemplate(self.question, self.answer, self.between)
        document.text = template.thread(question.title.strip(), html_to_text(question.body), ordered)
        document.metadata |= {
            "tags": tags(question.tags),
            **_attribution(question),
            "answers": [_attribution(answers[a.id]) | {"accepted": a.accepted} for a in ordered],
        }
        if len(ordered) < len(answers):
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


class LargestSites(JudgeStage):
    """The sites with the most posts of those given; the others get a verdict.

    The paper keeps the 28 largest and names none, so that they are ranked by what is given: by rows of
    Posts.xml, as RedPajama-v1 counts, meta sites as sites of their own, equal ones by name.
    """

    name: ClassVar[str] = "largest_sites"
    keep: int = Field(28, ge=0, description="paper: 28; 0: all stay")
    sites: tuple[str, ...] = Field((), description="these sites and no others, whatever their size")

    def settled(self, read: ReadStage, records: Mapping[str, int]) -> RankedSites:
        """The stage with each site's posts, largest first.

        Raises WinnowError where a site is named that is not given.
        """
        posts: dict[str, int] = {}
        if isinstance(read, StackExchangeDump):
            for name, count in records.items():
                if site := "" if is_other_table(name) else (read.site or site_of(name)).lower():
                    posts[site] = max(count, posts.get(site, 0))
        unknown = [site for site in self.sites if site not in posts]
        if unknown:
            raise WinnowError(f"largest_sites: no input is of the site {unknown[0]!r}")
        ranked = sorted(posts.items(), key=lambda item: (-item[1], item[0]))
        return RankedSites(keep=self.keep, sites=self.sites, posts=tuple(ranked))

    @classmethod
    def recorded(cls) -> type[JudgeStage]:
        """The stage that has the ranks."""
        return RankedSites

    def gives(self, rule: str) -> bool:
        """Rules `site` and `site_rank`."""
        return rule in ("site", "site_rank")

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Nothing: ranks are known once it is settled."""
        raise RuntimeError("sites are ranked before they are judged")


class RankedSites(LargestSites):
    """LargestSites with the sites of a run: `posts` are site and number of posts, largest first."""

    posts: tuple[tuple[str, int], ...] = ()

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Verdict `site_rank`, with the rank and the last that stays; where sites are named, `site`."""
        ranks = {site: rank for rank, (site, _) in enumerate(self.posts, 1)}
        for row in batch.rows().tolist():
            site = urlsplit(batch.urls[row]).hostname or ""
            if self.sites:
                if site not in self.sites:
                    batch.drop(row, "site")
            elif self.keep and ranks[site] > self.keep:
                batch.drop(row, "site_rank", ranks[site], self.keep)


STACKEXCHANGE = Flow(
    name="stackexchange",
    read=StackExchangeDump(),
    clean=(JoinThread(),),
    rounds=(DuplicateIds(),),
    judge=(LargestSites(), *PAGE_RULES),
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
)
