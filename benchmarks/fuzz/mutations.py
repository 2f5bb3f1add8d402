"""Damage to a file, drawn from a seed, with the places of the original that it touched."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import zstandard

Range = tuple[int, int]

_CODECS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    (".gz", lambda data: gzip.compress(data, 1, mtime=0)),
    (".bz2", lambda data: bz2.compress(data, 1)),
    (".xz", lambda data: lzma.compress(data, preset=0)),
    (".zst", lambda data: zstandard.ZstdCompressor(level=1, write_checksum=True).compress(data)),
)
_NAMES = (".txt", ".xml", ".7z", ".jsonl", ".parquet", ".zip", ".tar.gz", ".warc.gz", "", "\udcff.gz")


class Mutated(NamedTuple):
    """A damaged file. `touched` are ranges of the original's bytes (empty ones: something was put there),
    `moved` is the first original byte that stands elsewhere now, `foreign` tells that content of others
    came in, `whole` that all of the file is another thing."""

    kind: str
    data: bytes
    name: str
    touched: Sequence[Range] = ()
    moved: int = 1 << 62
    foreign: bool = False
    whole: bool = False


def mutated(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    """One mutation of the file `data` called `name`; `others` are spliced in, or read in its place."""
    kind = draw.choice(_WEIGHTED)
    return _MUTATIONS[kind](draw, data, name, others)._replace(kind=kind)


def _flips(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    changed = bytearray(data)
    places = [draw.randrange(len(data)) for _ in range(draw.choice((1, 1, 1, 2, 3, 8)))]
    for place in places:
        changed[place] ^= 1 << draw.randrange(8)
    return Mutated("", bytes(changed), name, [(place, place + 1) for place in places])


def _overwritten(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    start, end = _range(draw, data, 512)
    filled = draw.choice((b"\0", b"\xff", b"\n", b"<", b"{", b'"', b"\xed\xa0\x80", b"\x1f\x8b\x08", b""))
    new = (filled * (end - start))[: end - start] if filled else draw.randbytes(end - start)
    return Mutated("", data[:start] + new + data[end:], name, [(start, end)])


def _cut(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    at = draw.randrange(len(data))
    if draw.random() < 0.7:
        return Mutated("", data[:at], name, [(at, len(data))], at)
    return Mutated("", data[at:], name, [(0, at)], 0)


def _hole(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    start, end = _range(draw, data, max(1, len(data) // 2))
    return Mutated("", data[:start] + data[end:], name, [(start, end)], start)


def _inserted(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    at = draw.randrange(len(data) + 1)
    source = draw.choice((data, data, draw.choice(others), draw.randbytes(300)))
    start, end = _range(draw, source, 2000)
    return Mutated("", data[:at] + source[start:end] + data[at:], name, [(at, at)], at, foreign=True)


def _spliced(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    at = draw.randrange(len(data))
    other = draw.choice((data, draw.choice(others)))
    rest = other[draw.randrange(len(other)) :]
    return Mutated("", data[:at] + rest, name, [(at, len(data))], at, foreign=True)


def _wrapped(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    """Compressed once more, or by another method than the name says, whole or cut short."""
    ending, compress = draw.choice(_CODECS)
    packed = compress(data)
    if draw.random() < 0.3:
        packed = packed[: draw.randrange(len(packed))]
    return Mutated("", packed, name + draw.choice((ending, "")), whole=True, foreign=True)


def _other_kind(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    return Mutated("", draw.choice(others), name, whole=True, foreign=True)


def _renamed(draw: Random, data: bytes, name: str, others: Sequence[bytes]) -> Mutated:
    return Mutated("", data, name + draw.choice(_NAMES))


def _range(draw: Random, data: bytes, most: int) -> Range:
    start = draw.randrange(len(data))
    return start, min(len(data), start + draw.randint(1, most))


_MUTATIONS = {
    "flips": _flips,
    "overwritten": _overwritten,
    "cut": _cut,
    "hole": _hole,
    "inserted": _inserted,
    "spliced": _spliced,
    "wrapped": _wrapped,
    "other kind": _other_kind,
    "renamed": _renamed,
}
_WEIGHTED = (*("flips",) * 8, *("overwritten",) * 3, *("cut",) * 3, *("hole",) * 2, *("inserted",) * 2)
_WEIGHTED += ("spliced", "wrapped", "other kind", "renamed")
