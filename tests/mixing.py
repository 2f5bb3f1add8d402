"""A run whose curated documents are written by hand, for tests of `tokenize` and `mix`."""

from __future__ import annotations

import io
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions
from conftest import SENTENCES
from rich.console import Console

from pipeline.config import Config
from pipeline.engine import Engine
from pipeline.flows import FLOWS
from pipeline.manifest import Manifest, UnitFiles, write_manifest
from pipeline.parquet import to_parquet
from pipeline.phases.curate import PHASE as CURATE
from pipeline.phases.phase import Run
from pipeline.progress import Progress
from pipeline.schema import CURATED, document_id
from pipeline.units import Outputs
from tokenizer.megatron import check_sizes, read_index

# Documents of each source: more of the one, longer ones of the other.
SIZES = {"web": 60, "books": 12}


def text_of(source: str, number: int) -> str:
    """The text of document `number`: some sentences, more for books."""
    count = 1 + number % 3 + (20 if source == "books" else 0)
    return " ".join(f"{number}: {SENTENCES[(number * 5 + line) % len(SENTENCES)]}" for line in range(count))


def write_curated(out: Path, sizes: Mapping[str, int] = SIZES, batches: int = 3) -> None:
    """Write curated documents of each source as `batches` files, and the manifest that names them."""
    for source, count in sizes.items():
        outputs = Outputs(str(out))
        for batch in range(batches):
            numbers = range(batch, count, batches)
            rows = [_row(source, number, f"input-{batch}.gz") for number in numbers]
            path = f"curated/{source}/input-{batch}.gz-00000.parquet"
            outputs.write(path, to_parquet(pa.Table.from_pylist(rows, schema=CURATED)), rows=len(rows))
        units = [UnitFiles(output.path.rsplit("/", 1)[1], [output], {}) for output in outputs.written]
        write_manifest(str(out), Manifest(CURATE, source, "by hand", {}, {}, units))


def _row(source: str, number: int, name: str) -> dict[str, Any]:
    text = text_of(source, number)
    return {
        **dict.fromkeys(CURATED.names),
        "id": document_id(source, str(number)),
        "source": source,
        "url": f"https://example.org/{source}/{number}/ü" if number % 4 else "",
        "text": text,
        "bytes": len(text.encode()),
        "metadata": "{}",
        "input": name,
        "ordinal": number,
    }


def make_run(
    out: Path, sources: tuple[str, ...] = ("web", "books"), workers: int = 1, **settings: Any
) -> Run:
    """A run of small rows and shards over `sources`, three quarters of it web."""
    config = Config(**{"sequence_length": 32, "shard_tokens": 1500, "max_epochs": 2.5, **settings})
    shares = {"web": Fraction(3, 4), "books": Fraction(1, 4)}
    total = sum(shares[source] for source in sources)
    return Run(
        out=str(out),
        config=config,
        flows=dict.fromkeys(sources, FLOWS["commoncrawl"]),
        proportions={source: shares[source] / total for source in sources},
        inputs={},
        engine=Engine(PipelineOptions([]), workers),
        progress=Progress(Console(file=io.StringIO())),
    )


def read_shards(folder: Path, stem: str) -> list[tuple[npt.NDArray[np.uint16], list[dict[str, Any]]]]:
    """The tokens of each shard whose name starts with `stem`, and the rows of the table beside it."""
    found = []
    for file in sorted(folder.glob(f"{stem}-*.bin")):
        table = next(file.parent.glob(f"{file.stem}.*.parquet"))
        check_sizes(read_index(file.with_suffix(".idx").read_bytes()), file.stat().st_size)
        found.append((np.fromfile(file, "<u2"), pq.read_table(table).to_pylist()))
    return found
