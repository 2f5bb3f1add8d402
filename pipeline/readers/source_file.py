"""A file of a repository as a document, from whatever form it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import xxhash

from filters.spdx import declared_license, spdx
from pipeline.records import Document


class License(NamedTuple):
    """What is known of a repository's licence: the SPDX expression, or the name that is none, and the source.

    `source` is "" for a row's own column, else the table or the licence files it is from.
    """

    expression: str = ""
    name: str = ""
    source: str = ""


def table_license(licenses: Mapping[str, str], repository: str) -> License:
    """The repository's licence in a table of SPDX expressions by name."""
    known = licenses.get(repository, "")
    return License(known, source="table" if known else "")


def source_file(
    repository: str, path: str, text: str, license: License, extra: Mapping[str, str | None]
) -> Document:
    """The document of a file: its key is repository, path and hash of the content.

    Metadata: `repository`, `path`, `license` (SPDX; absent where none is known, then `license_name` is what
    was said), `license_from` where that is no column of the row, and what `extra` has. The file's own
    SPDX-License-Identifier beats `license`.
    """
    declared = declared_license(text)
    if declared:
        license = License(spdx(declared), declared, "SPDX-License-Identifier")
    found = {
        "license": license.expression,
        "license_name": "" if license.expression else license.name,
        "license_from": license.source,
        **extra,
    }
    ref = (extra.get("ref") or "HEAD").removeprefix("refs/heads/")
    on_github = f"https://github.com/{quote(repository)}/blob/{quote(ref)}/{quote(path)}"
    return Document(
        key="\0".join((repository, path, xxhash.xxh3_128_hexdigest(text.encode()))),
        text=text,
        url=on_github if repository.count("/") == 1 else "",
        metadata={"repository": repository, "path": path}
        | {key: value for key, value in found.items() if value},
    )
