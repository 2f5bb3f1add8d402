"""The first room of `tokenize`: each curated batch to a token file sorted by hash."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pipeline.errors import WinnowError
from pipeline.files import join
from pipeline.manifest import Manifest
from pipeline.models import Model, load_sentencepiece, resolve
from pipeline.packed import pack
from pipeline.parquet import read_parquet
from pipeline.phases.phase import Job
from pipeline.units import Outputs, Unit, digest
from tokenizer.encode import Encoder
from tokenizer.holdout import sketch
from tokenizer.tokens_file import Encoded, tokens_file

ROOM = "tokenize/encode"
VERSION = 2
_local = threading.local()


def checked_tokenizer(name: str) -> Model:
    """The tokenizer called `name`; raises WinnowError where documents cannot be encoded with it."""
    model = resolve(name)
    processor = load_sentencepiece(model)
    for token, piece in ((processor.bos_id(), "BOS"), (processor.eos_id(), "EOS")):
        if token < 0:
            raise WinnowError(f"tokenizer {name} has no {piece} piece, which stands around every document")
    encoder_of(model)
    return model


def encoder_of(model: Model) -> Encoder:
    """This thread's encoder: it remembers words, so it is neither shared between threads nor made twice."""
    encoders: dict[Model, Encoder] = _local.__dict__.setdefault("encoders", {})
    if model not in encoders:
        try:
            encoders[model] = Encoder(load_sentencepiece(model))
        except ValueError as error:
            raise WinnowError(f"tokenizer {model.name}: {error}") from error
    return encoders[model]


def encoded_folder(source: str) -> str:
    """Where the token files of a source lie, relative to the output folder."""
    return f"work/tokenize/encoded/{source}"


def encode_job(source: str, model: Model, curated: Manifest) -> Job:
    """One unit for each curated file of `source`."""
    units = [
        Unit(
            room=ROOM,
            source=source,
            name=file.path.rsplit("/", 1)[1].removesuffix(".parquet"),
            key=digest([VERSION, model.digest, file.digest]),
            size=file.size,
            payload={"curated": file.path},
        )
        for file in curated.files(f"curated/{source}")
    ]
    return Job(source, units, EncodeBatch(source, model.name))


@dataclass(frozen=True)
class EncodeBatch:
    """The work of one curated batch: encode its documents and write them in hash order."""

    source: str
    tokenizer: str

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the batch's token file; the facts count its documents and tokens."""
        columns = ["id", "url", "input", "text", "cluster", "cluster_shared"]
        table = read_parquet(join(outputs.out, unit.payload["curated"]), columns)
        encoder = encoder_of(resolve(self.tokenizer))
        clusters = pc.coalesce(table.column("cluster"), table.column("id")).to_pylist()
        shared = table.column("cluster_shared").to_pylist()
        tokens, lengths = encoder.encode(table.column("text").to_pylist(), bos=True, eos=True)
        batch = Encoded(
            ids=table.column("id").to_pylist(),
            clusters=[None if several else name for name, several in zip(clusters, shared, strict=True)],
            urls=table.column("url").fill_null("").to_pylist(),
            input=table.column("input")[0].as_py(),
            tokens=tokens,
            lengths=lengths,
        )
        arrays = tokens_file(batch)
        path = f"{encoded_folder(self.source)}/{unit.name}.packed"
        outputs.write(path, pack(arrays), rows=table.num_rows)
        sizes = np.diff(arrays["end"], prepend=0)
        return {
            "documents": len(lengths),
            "tokens": int(lengths.sum()),
            "sketch": sketch(arrays["holdout"], sizes),
        }
