"""Named numpy arrays in one file, any slice of which can be read alone.

Layout, little-endian: 8 bytes magic, uint64 header length H, H bytes of JSON `{name: [dtype, length,
offset]}` (offsets from the end of the header), then the arrays, each at a multiple of 8 bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from pipeline.errors import WinnowError
from pipeline.files import open_file

MAGIC = b"WINNOW01"
Array = npt.NDArray[Any]


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Serialise one-dimensional arrays; the bytes depend on their names, order and values alone."""
    header: dict[str, list[Any]] = {}
    offset = 0
    for name, array in arrays.items():
        header[name] = [_dtype_name(array.dtype), len(array), offset]
        offset += -(-array.nbytes // 8) * 8
    encoded = orjson.dumps(header)
    encoded += b" " * (-len(encoded) % 8)
    parts = [MAGIC, len(encoded).to_bytes(8, "little"), encoded]
    for array in arrays.values():
        data = np.ascontiguousarray(array).tobytes()
        parts += [data, b"\0" * (-len(data) % 8)]
    return b"".join(parts)


def _dtype_name(dtype: np.dtype[Any]) -> Any:
    return [list(field) for field in dtype.descr] if dtype.names else dtype.newbyteorder("<").str


class PackedFile:
    """Reads arrays of one packed file, whole or by slice; only what is asked for is read.

    `stream` stands in for the file at `path` where the bytes are in memory already. Raises WinnowError where
    the file is missing, cut short or of another format.
    """

    def __init__(self, path: str, stream: BinaryIO | None = None) -> None:
        self.path = path
        self._stream = stream or open_file(path)
        start = self._stream.read(16)
        if len(start) != 16 or start[:8] != MAGIC:
            raise WinnowError(f"{path} is not a packed file of this version")
        length = int.from_bytes(start[8:], "little")
        self._header: dict[str, list[Any]] = orjson.loads(self._stream.read(length))
        self._base = 16 + length

    def __enter__(self) -> PackedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __contains__(self, name: str) -> bool:
        return name in self._header

    def names(self) -> list[str]:
        """The names of the arrays, in the order they were packed."""
        return list(self._header)

    def length(self, name: str) -> int:
        """The number of elements of array `name`."""
        return int(self._header[name][1])

    def read(self, name: str, start: int = 0, stop: int | None = None) -> Array:
        """Elements `start` to `stop` of array `name` (all by default)."""
        kind, length, offset = self._header[name]
        dtype = np.dtype([tuple(field) for field in kind] if isinstance(kind, list) else kind)
        stop = length if stop is None else stop
        self._stream.seek(self._base + offset + start * dtype.itemsize)
        data = self._stream.read((stop - start) * dtype.itemsize)
        if len(data) != (stop - start) * dtype.itemsize:
            raise WinnowError(f"{self.path} is cut short in array {name}")
        return np.frombuffer(data, dtype)


def read_packed(path: str) -> dict[str, Array]:
    """All arrays of one packed file."""
    with PackedFile(path) as file:
        return {name: file.read(name) for name in file.names()}


def unpack(data: bytes) -> dict[str, Array]:
    """All arrays of a packed file's bytes."""
    file = PackedFile("packed bytes", io.BytesIO(data))
    return {name: file.read(name) for name in file.names()}
