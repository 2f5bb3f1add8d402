"""Writes what the readers beside it are tested on: a small run with all sidecars and exports, and the tokens
that trainers must find, which come from the texts by sentencepiece itself and from the plan.

    PYTHONPATH=.:tests python tests/trainers/make_run.py DIR

Runs in the project's own environment, the readers in those of the trainers.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

logging.basicConfig(level=logging.ERROR)  # before Beam is imported: it chatters while it is

import numpy as np  # noqa: E402  # see above
import pyarrow.parquet as pq  # noqa: E402  # see above
import sentencepiece  # noqa: E402  # see above
from mixing import make_run, text_of, write_curated  # noqa: E402  # see above

import models  # noqa: E402  # see above
from mixtures.reader import TrainingShards  # noqa: E402  # see above
from pipeline.phases.mix import mix  # noqa: E402  # see above
from pipeline.phases.tokenize import tokenize  # noqa: E402  # see above
from pipeline.schema import document_id  # noqa: E402  # see above

SIZES = {"web": 400, "books": 40}
SETTINGS = {
    "sequence_length": 64,
    "shard_tokens": 12_000,
    "holdout": {"tokens_per_source": 2000},
    "sidecars": ["olmo", "datatrove"],
    "export": ["llmc", "mds", "litdata"],
}


def main(folder: Path) -> None:
    """Write the run as `folder`/out and what is expected of it as `folder`/expected.npz and .json."""
    write_curated(folder / "out", SIZES)
    tokenize(make_run(folder / "out", **SETTINGS))
    mix(make_run(folder / "out", **SETTINGS))
    model = Path(models.__file__).parent / "tokenizer.model"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    arrays: dict[str, np.ndarray] = {}
    for source, count in SIZES.items():
        texts = {document_id(source, str(number)): text_of(source, number) for number in range(count)}
        for table in sorted((folder / "out" / "tokens" / source).glob("*.provenance.parquet")):
            ids = pq.read_table(table).column("id").to_pylist()
            documents = [
                [processor.bos_id(), *processor.encode(texts[name]), processor.eos_id()] for name in ids
            ]
            name = f"{source}/{table.name.removesuffix('.provenance.parquet')}"
            arrays[f"{name}/tokens"] = np.concatenate([np.array(tokens) for tokens in documents])
            arrays[f"{name}/lengths"] = np.array([len(tokens) for tokens in documents])
    shards = TrainingShards(str(folder / "out"))
    arrays["rows"] = np.stack([shards[number].tokens for number in range(len(shards))]).astype(np.int64)
    for source, rows in shards.validation().items():
        arrays[f"validation/{source}"] = rows.astype(np.int64)
    np.savez(folder / "expected.npz", **arrays)
    plan = json.loads((folder / "out" / "shards" / "plan.json").read_text())
    (folder / "expected.json").write_text(
        json.dumps({name: plan[name] for name in ("bos", "eos", "vocabulary", "sources", "rows", "tokens")})
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
