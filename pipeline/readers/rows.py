"""A row of a table-like input, on its way to being a document."""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row: its columns, where it stands (`offset` as in dead letters, `place` in words), how it began."""

    offset: int
    place: str
    values: dict[str, Any]
    head: bytes = b""
