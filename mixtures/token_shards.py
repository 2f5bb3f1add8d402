"""The token shards of one source, read by range from the output folder of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.files import join, read_file, read_range
from tokenizer.megatron import read_index


class StoredShards:
    """The token shards `names` of one source below `out`; the lengths of the last one asked for are kept."""

    def __init__(self, out: str, source: str, names: Sequence[str], dtype: npt.DTypeLike) -> None:
        self._bases = [join(out, "tokens", source, name) for name in names]
        self._dtype = np.dtype(dtype)
        self._last = (-1, np.zeros(0, np.int64))

    def lengths(self, shard: int) -> npt.NDArray[np.int64]:
        """Tokens of each document of a shard."""
        if self._last[0] != shard:
            index = read_index(read_file(f"{self._bases[shard]}.idx"))
            self._last = (shard, index.lengths.astype(np.int64))
        return self._last[1]

    def tokens(self, shard: int, start: int, stop: int) -> npt.NDArray[Any]:
        """Tokens `start` to `stop` of a shard."""
        size = self._dtype.itemsize
        data = read_range(f"{self._bases[shard]}.bin", start * size, (stop - start) * size)
        return np.frombuffer(data, self._dtype)
