"""Temporary files of readers that must see all of an input before they can give anything."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import WinnowError


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in Python's temporary folder (TMPDIR), removed at the end."""
    with disk_errors():
        folder = tempfile.TemporaryDirectory(prefix="winnow-")
    with folder as path:
        yield Path(path)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise a WinnowError where temporary files cannot be written."""
    try:
        yield
    except OSError as error:
        raise WinnowError(
            f"cannot write temporary files: {error.strerror}; set TMPDIR to a disk with more room"
        ) from error
