"""The layout of a fastText model file, read to see whether all of it is there.

fastText itself reads what it finds: of a file cut short it makes a model that crashes the process.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAGIC: Final = struct.pack("<i", 793712314)  # fastText src/fasttext.cc, FASTTEXT_FILEFORMAT_MAGIC_INT32
VERSION: Final = 12  # FASTTEXT_VERSION, the newest layout
SUPERVISED: Final = 3  # src/args.h, model_name::sup

_ARGUMENTS: Final = struct.Struct("<12id")  # src/args.cc, Args::save
_MODEL_ARGUMENT: Final = 7
_CENTROIDS: Final = 256  # src/productquantizer.h, ksub_


class BrokenFileError(ValueError):
    """The file is not a whole fastText model."""


@dataclass(slots=True)
class _Cursor:
    data: mmap.mmap
    place: int = 0

    def read(self, layout: str) -> tuple[int, ...]:
        size = struct.calcsize(layout)
        self.skip(size)
        return struct.unpack_from(layout, self.data, self.place - size)

    def skip(self, count: int) -> None:
        if count < 0 or self.place + count > len(self.data):
            raise BrokenFileError("cut short")
        self.place += count

    def skip_word(self) -> None:
        end = self.data.find(b"\0", self.place)
        if end < 0:
            raise BrokenFileError("cut short")
        self.place = end + 1


def check(path: Path) -> None:
    """See that the file holds all that its headers promise, of a supervised model.

    Raises BrokenFileError, a few words long, where it is cut short, has more, or is no classifier.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        cursor = _Cursor(data)
        cursor.skip(len(MAGIC))
        (version,) = cursor.read("<i")
        if version > VERSION:
            raise BrokenFileError(f"written by a newer fastText (layout {version})")
        arguments = cursor.read(_ARGUMENTS.format)
        if arguments[_MODEL_ARGUMENT] != SUPERVISED:
            raise BrokenFileError("word vectors, not a classifier")
        _dictionary(cursor)
        (quantized,) = cursor.read("<?")
        _matrix(cursor, bool(quantized))
        (quantized_output,) = cursor.read("<?")
        _matrix(cursor, bool(quantized and quantized_output))
        if cursor.place != len(data):
            raise BrokenFileError("longer than its headers say")


def _dictionary(cursor: _Cursor) -> None:
    """src/dictionary.cc, Dictionary::save: entries, then what was pruned."""
    entries, _, _, _, pruned = cursor.read("<iiiqq")
    for _ in range(entries):
        cursor.skip_word()
        cursor.skip(9)  # a count and a type
    cursor.skip(8 * max(pruned, 0))


def _matrix(cursor: _Cursor, quantized: bool) -> None:
    """src/densematrix.cc and src/quantmatrix.cc, save."""
    if not quantized:
        rows, columns = cursor.read("<qq")
        cursor.skip(4 * rows * columns)
        return
    (with_norms,) = cursor.read("<?")
    rows, _, codes = cursor.read("<qqi")
    cursor.skip(codes)
    _centroids(cursor)
    if with_norms:
        cursor.skip(rows)
        _centroids(cursor)


def _centroids(cursor: _Cursor) -> None:
    """src/productquantizer.cc, ProductQuantizer::save."""
    dimension, _, _, _ = cursor.read("<4i")
    cursor.skip(4 * dimension * _CENTROIDS)
