"""Writing shards as Megatron's .bin and .idx with a table beside them, and the manifest that vouches for
them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import xxhash

from pipeline.parquet import to_parquet
from pipeline.units import Outputs
from tokenizer.megatron import index_bytes


def write_shard(
    outputs: Outputs,
    base: str,
    tokens: npt.NDArray[Any],
    lengths: npt.NDArray[np.int64],
    table: tuple[str, pa.Table],
) -> dict[str, Any]:
    """Write `base`.bin, `base`.idx and `base`.<name>.parquet for `table`, a name and its rows.

    The tokens are written from where they lie: a shard is the largest thing in memory, and is never there
    twice. Returns the shard's entry for a manifest: its name, tokens, sequences, smallest and largest id, and
    its files with their checksums.
    """
    name, rows = table
    files = [
        write_file_entry(outputs, f"{base}.bin", tokens.view(np.uint8).data, len(lengths)),
        write_file_entry(outputs, f"{base}.idx", index_bytes(lengths, tokens.dtype), len(lengths)),
        write_file_entry(outputs, f"{base}.{name}.parquet", to_parquet(rows), rows.num_rows),
    ]
    return {
        "name": base.rsplit("/", 1)[1],
        "tokens": len(tokens),
        "sequences": len(lengths),
        "min_id": int(tokens.min()) if len(tokens) else None,
        "max_id": int(tokens.max()) if len(tokens) else None,
        "files": files,
    }


def write_file_entry(outputs: Outputs, path: str, data: bytes | memoryview, rows: int) -> dict[str, Any]:
    """Write one file; returns its entry for a manifest: base name, bytes, sha256 and xxh3_128."""
    outputs.write(path, data, rows)
    return {
        "file": path.rsplit("/", 1)[1],
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "xxh3_128": xxhash.xxh3_128_hexdigest(data),
    }


def to_json(value: object) -> bytes:
    """JSON for people and programs, keys in the order given."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
