"""What other trainers want beside token shards: the last room of `tokenize`, one shard and trainer a unit.

The tokens are those of the shard's `.bin`, so on a local disk they are a hard link to it. They lie apart by
side, `tokens/<source>/<trainer>/train` and `validation`: trainers read whole folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.files import join, read_file
from pipeline.parquet_bytes import table_of
from pipeline.phases.phase import Job
from pipeline.phases.shard_files import write_file_entry
from pipeline.units import Output, Outputs, Receipt, Unit, digest
from tokenizer.megatron import read_index
from tokenizer.sidecars import datatrove_index, datatrove_metadata, olmo_csv_gz

ROOM = "tokenize/sidecars"
VERSION = 1
VALIDATION = "validation"


def sidecars_job(source: str, trainers: list[str], tokenizer: str, shards: list[Receipt]) -> Job:
    """One unit for each shard of `source` and each of `trainers`; `tokenizer` is the name they know it by."""
    units = [
        Unit(
            room=ROOM,
            source=source,
            name=f"{receipt.unit}.{trainer}",
            key=digest([VERSION, trainer, tokenizer, [output.digest for output in receipt.outputs]]),
            size=receipt.outputs[0].size,
            payload={
                "trainer": trainer,
                "tokenizer": tokenizer,
                "entry": receipt.facts,
                "bin": [receipt.outputs[0].rows, receipt.outputs[0].size, receipt.outputs[0].digest],
            },
        )
        for receipt in shards
        if receipt.facts
        for trainer in trainers
    ]
    return Job(source, units, WriteSidecars(source))


@dataclass(frozen=True)
class WriteSidecars:
    """The work of one shard and trainer."""

    source: str

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Link the tokens, write what stands beside them; the facts are the entry in the manifest."""
        entry, trainer, folder = unit.payload["entry"], unit.payload["trainer"], f"tokens/{self.source}"
        name = entry["name"]
        side = "validation" if name.startswith(f"{VALIDATION}-") else "train"
        inside = f"{trainer}/{side}/{name}"
        tokens, index, table = entry["files"]
        suffix = {"olmo": ".npy", "datatrove": ".ds"}[trainer]
        rows, size, mark = unit.payload["bin"]
        outputs.link(Output(f"{folder}/{tokens['file']}", rows, size, mark), f"{folder}/{inside}{suffix}")
        files = [{**tokens, "file": f"{inside}{suffix}"}]
        index_data = read_file(join(outputs.out, folder, index["file"]))
        table_data = read_file(join(outputs.out, folder, table["file"])) if trainer == "olmo" else b""
        beside = beside_tokens(trainer, unit.payload["tokenizer"], index_data, table["file"], table_data)
        for ending, data in beside:
            written = write_file_entry(outputs, f"{folder}/{inside}{ending}", data, entry["sequences"])
            files.append({**written, "file": f"{inside}{ending}"})
        return {"sidecars_of": name, "trainer": trainer, "files": files}


def beside_tokens(
    trainer: str, tokenizer: str, index_data: bytes, table_name: str, table_data: bytes
) -> Iterator[tuple[str, bytes]]:
    """The ending and bytes of each file that `trainer` wants beside a shard's tokens, from the shard's index
    and, for OLMo, its provenance table, whose rows the file then points to.
    """
    index = read_index(index_data)
    if trainer == "olmo":
        ids = table_of(table_data, ["id"]).column("id").to_pylist()
        yield ".csv.gz", olmo_csv_gz(index.lengths, ids, [table_name] * len(ids), range(len(ids)))
        return
    tokens = int(index.lengths.sum(dtype=np.int64))
    yield ".ds.index", datatrove_index(index.lengths)
    yield ".ds.metadata", datatrove_metadata(tokenizer, index.dtype.itemsize, tokens)


def sidecar_entries(receipts: list[Receipt]) -> list[dict[str, Any]]:
    """The entries of a source's sidecars, by shard, then trainer."""
    return [receipt.facts for receipt in sorted(receipts, key=lambda receipt: receipt.unit)]
