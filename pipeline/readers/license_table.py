"""The table of licences that BigQuery's GitHub data keeps beside its files."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import xxhash

from filters.spdx import joined, spdx
from pipeline.errors import WinnowError
from pipeline.files import open_file, read_file
from pipeline.readers.tables import table_rows
from pipeline.records import DeadLetter

_MAX_LINE = 1 << 20


class LicenseTable(NamedTuple):
    """The licences of repositories, as SPDX expressions, and the xxh3_128 of the file they are from."""

    digest: str
    licenses: dict[str, str]


@lru_cache(maxsize=2)
def license_table(path: str) -> LicenseTable:
    """Read the table at `path`, JSON lines or Parquet of `repo_name` and `license`, as BigQuery's is.

    A repository of several rows is under all of them; rows of a licence that has no SPDX name make their
    repository's unknown. Raises WinnowError where the file or a row of it cannot be read.
    """
    digest = xxhash.xxh3_128_hexdigest(read_file(path))
    found: dict[str, set[str]] = {}
    with open_file(path) as stream:
        for row in table_rows(stream, _MAX_LINE):
            if isinstance(row, DeadLetter):
                raise WinnowError(f"licences {path}: {row.error}")
            repository = row.values.get("repo_name")
            if not isinstance(repository, str):
                raise WinnowError(f"licences {path}: {row.place}: no 'repo_name'")
            named = license_column(row.values.get("license"))
            if named:
                found.setdefault(repository, set()).add(named)
    return LicenseTable(digest, {repository: spdx(joined(names)) for repository, names in found.items()})


def license_column(value: object) -> str:
    """A licence column as one expression: of a list (as some data sets have) all licences hold."""
    if isinstance(value, list):
        names = [name for name in value if isinstance(name, str) and name]
        return joined(names) if names else ""
    return value.strip() if isinstance(value, str) else ""
