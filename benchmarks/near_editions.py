"""Editions of real books: how alike they are, and what the books flow makes of them."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rich.console import Console

from filters.minhash import PRESETS
from filters.shingles import distinct, shingles
from pipeline.dedup.verify import similarity
from pipeline.options import parse_options
from pipeline.parquet import read_parquet
from pipeline.phases import PHASES
from pipeline.progress import Progress
from pipeline.run import make_run

# Pairs that share less are no editions of one book: after stripping, different books share nothing.
SHARED = 0.5
CONFIG = "sources:\n  books: {proportion: 1}\n"


def editions(folder: Path, patterns: list[str]) -> list[dict[str, Any]]:
    """Pairs of books that share half of the smaller one, in exact numbers, and who stays of them.

    Compared are the books as `prepare` leaves them, before any deduplication.
    """
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    inputs = [part for pattern in patterns for part in ("--input", f"books={pattern}")]
    out = folder / "out"
    run = make_run(
        parse_options(["--config", str(folder / "config.yaml"), *inputs, "--output", str(out)]),
        Progress(Console(file=io.StringIO())),
    )
    for phase in ("prepare", "lines", "judge", "duplicates", "curate"):
        PHASES[phase](run)
    books = [book for book in _rows(out, "documents") if book["verdict"] is None]
    fates = {(row["input"], row["ordinal"]): row["verdict"] for row in _rows(out, "dropped")}
    sets = distinct(shingles([book["text"] for book in books], PRESETS["books"].shingling))
    first, second = np.array(list(combinations(range(len(books)), 2))).T
    found = similarity(sets, first, second)
    return [
        {
            "books": [_title(books[one]), _title(books[other])],
            "jaccard": round(float(found.jaccard[place]), 4),
            "containment": round(float(found.containment[place]), 4),
            "verdicts": [fates.get((books[n]["input"], books[n]["ordinal"])) or "kept" for n in (one, other)],
        }
        for place, (one, other) in enumerate(zip(first.tolist(), second.tolist(), strict=True))
        if found.containment[place] >= SHARED
    ]


def _rows(out: Path, folder: str) -> list[dict[str, Any]]:
    columns = ["text", "metadata", "input", "ordinal", "verdict"]
    files = sorted((out / folder / "books").glob("*.parquet"))
    return [row for path in files for row in read_parquet(str(path), columns).to_pylist()]


def _title(book: dict[str, Any]) -> str:
    fields = orjson.loads(book["metadata"])
    return f"{fields.get('title', book['text'].split(chr(10), 1)[0])} ({fields.get('number', 'no number')})"
