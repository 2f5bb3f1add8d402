"""Finished models: made in a folder of their own, moved to their names at the end, the card last."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import WinnowError


@contextmanager
def finished(folder: Path) -> Iterator[Path]:
    """A folder to work in; what lies there at the end is moved to `folder`, unless there was an error.

    Files of the same name are replaced, each in one step; cards (`.md`) come last. Raises WinnowError where
    `folder` cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".training-", dir=folder))
    except OSError as error:
        raise WinnowError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        yield work
        for path in sorted(work.iterdir(), key=lambda path: (path.suffix == ".md", path.name)):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_card(work: Path, name: str, text: str, about: str) -> str:
    """Write a card: `text`, the files made beside it with size and SHA-256, then `about`; return it."""
    files = [path for path in sorted(work.iterdir()) if path.is_file()]
    listed = "\n".join(map(_listed, files))
    parts = [text.strip(), f"## Files\n\n{listed}", about.strip()]
    card = "\n\n".join(filter(None, parts)) + "\n"
    (work / name).write_text(card)
    return card


def _listed(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"- `{path.name}`: {path.stat().st_size:,} bytes, SHA-256 `{digest}`"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; floats have three decimals."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return (
        f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
