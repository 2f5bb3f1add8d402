"""Training shards in the formats of other trainers: the last room of `mix`, one shard and format a unit.

Each format has two folders, `shards/<format>/train` in training order and `val` with what was held out, and
where its readers want one an `index.json`. Rows of `val` are cut as `mixtures.reader` cuts them, shard by
shard: what is left at a shard's end is no whole row and stays out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.errors import WinnowError
from pipeline.files import join, read_file
from pipeline.phases.phase import Job
from pipeline.phases.shard_files import write_file_entry
from pipeline.units import Outputs, Receipt, Unit, digest
from tokenizer.exports import Part, litdata_chunk, litdata_index, llmc_bytes, mds_index, mds_shard

ROOM = "mix/export"
VERSION = 1
_HEAD = 1024  # bytes: what stands once at the head of a file has no more
Array = npt.NDArray[Any]


class Format(NamedTuple):
    """How a trainer wants a shard: the file's name from split and number, its bytes from rows of tokens, and
    the index that stands beside all files of a split.

    `bytes_a_token` (None: as in the shard) and `bytes_a_row` make a file's size, which `largest` bounds.
    """

    name: Callable[[str, int], str]
    encode: Callable[[Array], bytes]
    beside: Callable[[Sequence[Part], np.dtype[Any]], bytes] | None
    bytes_a_token: int | None
    bytes_a_row: int
    largest: int


FORMATS = {
    "llmc": Format(
        lambda split, number: f"{split}_{number:06d}.bin",
        lambda rows: llmc_bytes(rows.reshape(-1)),
        None,
        2,
        0,
        2**31 - 1,
    ),
    "mds": Format(
        lambda _, number: f"shard.{number:05d}.mds",
        mds_shard,
        lambda parts, _: mds_index(parts),
        4,
        17,
        2**32 - 1,
    ),
    "litdata": Format(
        lambda _, number: f"chunk-0-{number}.bin", litdata_chunk, litdata_index, None, 4, 2**32 - 1
    ),
}


def check_formats(formats: Sequence[str], plan: Mapping[str, Any]) -> None:
    """Raise WinnowError for a format that cannot hold the training shards of `plan`."""
    for name in formats:
        form, rows = FORMATS[name], min(plan["rows_per_shard"], plan["rows"])
        if name == "llmc" and plan["dtype"] != "uint16":
            raise WinnowError(
                f"export: llm.c reads tokens of 16 bits, a vocabulary of {plan['vocabulary']:,} needs more"
            )
        token = form.bytes_a_token or np.dtype(plan["dtype"]).itemsize
        if _HEAD + rows * (plan["sequence_length"] * token + form.bytes_a_row) > form.largest:
            raise WinnowError(
                f"export: {name} keeps files of at most {form.largest:,} bytes; set shard_tokens lower"
            )


def exports_job(
    mixture: str, formats: Sequence[str], sequence_length: int, dtype: str, shards: Sequence[Receipt]
) -> Job:
    """One unit for each of `formats` and each training and validation shard, numbered in their order."""
    entries = sorted((receipt.facts for receipt in shards), key=lambda entry: str(entry["name"]))
    train = [entry for entry in entries if "first_row" in entry]
    held_out = [entry for entry in entries if "first_row" not in entry]
    units = [
        Unit(
            room=ROOM,
            source=mixture,
            name=f"{name}.{split}.{number}",
            key=digest([VERSION, name, sequence_length, dtype, split, number, entry["files"][0]["xxh3_128"]]),
            size=entry["files"][0]["bytes"],
            payload={
                "format": name,
                "split": split,
                "number": number,
                "path": f"{folder}/{entry['files'][0]['file']}",
                "length": sequence_length,
                "dtype": dtype,
            },
        )
        for name in sorted(formats)
        for split, folder, listed in (
            ("train", "shards", train),
            ("val", "shards/validation", held_out),
        )
        for number, entry in enumerate(listed)
    ]
    return Job(mixture, units, ExportShard())


@dataclass(frozen=True)
class ExportShard:
    """The work of one shard and format."""

    def __call__(self, unit: Unit, outputs: Outputs) -> dict[str, Any]:
        """Write the shard in its format; the facts are its entry in the manifest, none without a row."""
        payload = unit.payload
        form = FORMATS[payload["format"]]
        data = read_file(join(outputs.out, payload["path"]))
        rows = whole_rows(np.frombuffer(data, payload["dtype"]), payload["length"])
        if not len(rows):
            return {}
        name = form.name(payload["split"], payload["number"])
        path = f"shards/{payload['format']}/{payload['split']}/{name}"
        file = write_file_entry(outputs, path, form.encode(rows), len(rows))
        return {
            "format": payload["format"],
            "split": payload["split"],
            "number": payload["number"],
            "from": payload["path"],
            "rows": len(rows),
            "tokens": rows.size,
            "files": [{**file, "file": path.removeprefix("shards/")}],
        }


def whole_rows(tokens: Array, length: int) -> Array:
    """The tokens of a shard as (rows, `length`), without what makes no whole row at its end."""
    return tokens[: len(tokens) // length * length].reshape(-1, length)


def index_files(exports: Sequence[Mapping[str, Any]], dtype: str) -> dict[str, bytes]:
    """{path below shards/: bytes} of the indices over `exports`, their entries in order."""
    found = {}
    for name, split in dict.fromkeys((entry["format"], entry["split"]) for entry in exports):
        index = FORMATS[name].beside
        parts = [
            Part(entry["files"][0]["file"].rsplit("/", 1)[1], entry["rows"], entry["tokens"], file["bytes"])
            for entry in exports
            if (entry["format"], entry["split"]) == (name, split)
            for file in entry["files"]
        ]
        if index is not None:
            found[f"{name}/{split}/index.json"] = index(parts, np.dtype(dtype))
    return found


def export_entries(receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
    """The entries of what was exported: by format, split and number."""
    entries = [receipt.facts for receipt in receipts if receipt.facts]
    return sorted(entries, key=lambda entry: (entry["format"], entry["split"], entry["number"]))
