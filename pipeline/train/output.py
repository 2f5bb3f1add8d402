"""Finished models: made in a folder of their own, moved to their names at the end, the card last."""

from __future__ import annotations

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


def write_card(work: Path, name: str, text: str, about: Path | None) -> str:
    """Write a card: `text`, the files made beside it with their sizes, and what `about` adds to it.

    Returns the whole card. Raises WinnowError where `about` cannot be read.
    """
    files = [path for path in sorted(work.iterdir()) if path.is_file()]
    listed = "\n".join(f"- `{path.name}`: {path.stat().st_size:,} bytes" for path in files)
    parts = [text.strip(), f"## Files\n\n{listed}"]
    if about:
        try:
            parts.append(about.read_text().strip())
        except OSError as error:
            raise WinnowError(f"cannot read {about}: {error.strerror}") from error
    card = "\n\n".join(parts) + "\n"
    (work / name).write_text(card)
    return card


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; floats have three decimals."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return (
        f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )
