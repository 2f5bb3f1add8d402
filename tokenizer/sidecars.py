"""What OLMo and datatrove want beside the tokens of a shard, which are Megatron's `.bin` as it is.

OLMo (ai2-olmo-core 3.0.0, dolma's writer): `<stem>.npy` is a raw dump of tokens, `<stem>.csv.gz` names its
documents. datatrove (0.10.1, pipeline/tokens/tokenizer.py): `<name>.ds`, `<name>.ds.index`,
`<name>.ds.metadata`.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_GZIP_LEVEL = 6
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def olmo_csv_gz(
    lengths: ArrayLike, ids: Sequence[str], sources: Sequence[str], locations: Sequence[int]
) -> bytes:
    """OLMo's document table: rows `start,end,id,src,loc` without a head, token offsets with `end` exclusive.

    `lengths` are tokens of each document in the order of the shard, `locations` its line in `sources`. Raises
    ValueError where the four do not have the same length.
    """
    ends = np.cumsum(np.asarray(lengths, np.int64))
    starts = ends - np.asarray(lengths, np.int64)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(zip(starts.tolist(), ends.tolist(), ids, sources, locations, strict=True))
    packed = io.BytesIO()
    # No name and no time in the head of the file: the same rows are the same bytes.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=packed, mtime=0) as file:
        file.write(text.getvalue().encode())
    return packed.getvalue()


def datatrove_index(lengths: ArrayLike) -> bytes:
    """`.ds.index`: where each document ends, in tokens, as u64 little-endian and nothing else."""
    return np.cumsum(np.asarray(lengths, np.int64)).astype("<u8").tobytes()


def datatrove_metadata(tokenizer: str, token_bytes: int, tokens: int) -> bytes:
    """`.ds.metadata`: three lines, the tokenizer's name with the bytes of a token, the tokens, and these for
    people.

    nanotron loads the tokenizer by that name. Raises ValueError for a name that would break the lines, or a
    size of token that datatrove cannot read.
    """
    if token_bytes not in (2, 4):
        raise ValueError(f"datatrove reads tokens of 2 or 4 bytes, not {token_bytes}")
    if not tokenizer or "\n" in tokenizer or "|" in tokenizer:
        raise ValueError(f"{tokenizer!r} cannot stand as the name of a tokenizer in datatrove's metadata")
    return f"{tokenizer}|{token_bytes}\n{tokens}\n{_metric(tokens)}".encode()


def _metric(tokens: int) -> str:
    """Three digits and a prefix, as in `12.3 MT`."""
    bucket, digits = divmod(len(str(tokens)) - 1, 3)
    shown = f"{tokens / 1000**bucket:.{2 - digits}f}"
    if len(shown.replace(".", "")) > 3:  # 9.999 rounded up to 10.00
        bucket, digits = divmod(len(str(tokens)), 3)
        shown = f"{tokens / 1000**bucket:.{2 - digits}f}"
    return f"{shown} {_PREFIXES[bucket]}T"
