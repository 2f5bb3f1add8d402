"""GitHub, 4.5% of the corpus: the public dataset on BigQuery, permissive licences only, "low quality files
with heuristics based on the line length or proportion of alphanumeric characters" left out, header
boilerplate removed, then exact deduplication (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts
from pipeline.flow import Flow
from pipeline.flows.github_presets import GITHUB_PRESETS
from pipeline.readers.checkouts import CheckoutReader
from pipeline.readers.github import GithubReader
from pipeline.readers.license_table import license_table
from pipeline.records import Reader
from pipeline.transforms.code import (
    AllowedLicenses,
    AlphanumericShare,
    CodeEndings,
    DropEmpty,
    DropEncoded,
    DropGenerated,
    DropVendored,
    LettersPerToken,
    MaxLineLength,
    MeanLineLength,
    StripHeader,
)
from pipeline.transforms.code_later import (
    AlphabeticShare,
    DataSize,
    DropXml,
    MaxLines,
    TextNames,
    VisibleHtml,
)
from pipeline.transforms.masking import MaskSecrets
from pipeline.transforms.read import ReadStage
from pipeline.transforms.rules import PAGE_RULES


class GithubFiles(ReadStage):
    """Rows in the shape of BigQuery's GitHub data, the columns named here, or checked-out repositories."""

    folders: ClassVar[bool] = True
    repository: str = "repo_name"
    path: str = "path"
    content: str = "content"
    license: str = "license"
    licenses: str = Field("", description="a table of repo_name and license, where nothing else says one")
    repositories: dict[str, str] = Field(
        {}, description="full names (owner/name) of checked-out repositories, by folder or archive name"
    )
    owners: bool = Field(False, description="checkouts lie in folders owner/name/, not name/")

    def settings(self) -> dict[str, Any]:
        """The columns and the table's digest."""
        table = {"digest": license_table(self.licenses).digest} if self.licenses else {}
        return super().settings() | table

    def reader(self) -> Reader:
        """A GithubReader of these columns, with the table read."""
        table = license_table(self.licenses).licenses if self.licenses else {}
        checkouts = CheckoutReader(self.repositories, table, self.owners, self.max_document_bytes)
        return GithubReader(
            self.repository, self.path, self.content, self.license, table, checkouts, self.max_document_bytes
        )


GITHUB = Flow(
    name="github",
    read=GithubFiles(),
    clean=(
        AllowedLicenses(),
        CodeEndings(),
        TextNames(on=False),
        DropXml(on=False),
        DropVendored(on=False),
        DropGenerated(on=False),
        DataSize(on=False),
        MaxLines(on=False),
        MaxLineLength(),
        MeanLineLength(),
        AlphanumericShare(),
        AlphabeticShare(on=False),
        DropEncoded(on=False),
        VisibleHtml(on=False),
        LettersPerToken(),
        StripHeader(),
        DropEmpty(),
    ),
    rounds=(DuplicateIds(),),
    judge=(MaskSecrets(on=False), *PAGE_RULES),
    duplicates=(DuplicateTexts(),),
    near_duplicates=(NearDuplicates(on=False),),
    presets=GITHUB_PRESETS,
)
