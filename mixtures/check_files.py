"""Checks of files against the manifests that name them: each there, whole, unchanged, and no other beside
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from pipeline.errors import WinnowError
from pipeline.files import join, list_folder, read_file
from pipeline.manifest import read_manifest
from pipeline.parquet_bytes import table_of
from tokenizer.megatron import check_sizes, read_index


class Content(NamedTuple):
    """What a shard holds: tokens, tokens of each sequence, and the table beside it."""

    tokens: npt.NDArray[Any]
    lengths: npt.NDArray[np.int64]
    table: pa.Table


def check_file(out: str, folder: str, file: Mapping[str, Any]) -> tuple[bytes | None, list[str]]:
    """The bytes of one file, None where it cannot be read, and a sentence where they are not as its entry
    says.
    """
    path = f"{folder}/{file['file']}"
    try:
        data = read_file(join(out, path))
    except WinnowError:
        return None, [f"{path} cannot be read"]
    if len(data) != file["bytes"]:
        return data, [f"{path} has {len(data):,} bytes, its manifest says {file['bytes']:,}"]
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        return data, [f"{path} is not what was written: its sha256 differs from the manifest's"]
    if xxhash.xxh3_128_hexdigest(data) != file["xxh3_128"]:
        return data, [f"{path} has another xxh3_128 than its manifest says"]
    return data, []


class Shard:
    """One shard against its entry in a manifest; `findings` has a sentence for each fault, `content` is None
    where the files cannot be read as a shard at all.

    In memory: one shard.
    """

    def __init__(self, out: str, folder: str, entry: Mapping[str, Any], header: Mapping[str, Any]) -> None:
        self.findings: list[str] = []
        self.content: Content | None = None
        self._folder = folder
        self._files: dict[str, bytes | None] = {}
        for file in entry["files"]:
            data, faults = check_file(out, folder, file)
            self._files[file["file"]] = data
            self.findings += faults
        name = entry["name"]
        table = [file for file in self._files if file.endswith(".parquet")]
        for file in (f"{name}.bin", f"{name}.idx", *([] if table else [f"{name}.*.parquet"])):
            if file not in self._files:
                self.findings.append(f"{folder}/{file} is not named in the manifest")
        self._read(name, table, entry, header)

    def _read(
        self, name: str, tables: list[str], entry: Mapping[str, Any], header: Mapping[str, Any]
    ) -> None:
        tokens_data, index_data = self._files.get(f"{name}.bin"), self._files.get(f"{name}.idx")
        table_data = self._files[tables[0]] if tables else None
        if tokens_data is None or index_data is None or table_data is None:
            return
        path = f"{self._folder}/{name}"
        try:
            index = read_index(index_data)
            check_sizes(index, len(tokens_data))
        except ValueError as error:
            self.findings.append(f"{path}.idx: {error}")
            return
        try:
            table = table_of(table_data)
        except (pa.ArrowException, OSError):
            self.findings.append(f"{self._folder}/{tables[0]} is damaged or is no Parquet file")
            return
        if index.dtype.name != header["dtype"]:
            self.findings.append(f"{path}.idx says {index.dtype.name}, the manifest {header['dtype']}")
            return
        if not np.array_equal(index.documents, np.arange(len(index.lengths) + 1)):
            self.findings.append(f"{path}.idx has documents of several sequences")
        tokens = np.frombuffer(tokens_data, index.dtype.newbyteorder("<"))
        counted = {
            "tokens": len(tokens),
            "sequences": len(index.lengths),
            "min_id": int(tokens.min()) if len(tokens) else None,
            "max_id": int(tokens.max()) if len(tokens) else None,
        }
        for key, value in counted.items():
            if entry[key] != value:
                self.findings.append(f"{path}: {key} is {value}, the manifest says {entry[key]}")
        if len(tokens) and not 0 <= tokens.min() <= tokens.max() < header["vocabulary"]:
            self.findings.append(f"{path}.bin: ids lie outside the vocabulary of {header['vocabulary']:,}")
        self.content = Content(tokens, index.lengths.astype(np.int64), table)


def named_files(entries: Iterable[Mapping[str, Any]]) -> set[str]:
    """The base names of all files of shard entries."""
    return {file["file"] for entry in entries for file in entry["files"]}


def check_folder(out: str, phase: str, name: str, folder: str, named: set[str]) -> Iterator[str]:
    """Check the files below `folder` against the manifest of `phase`, where the run still has it, and
    `named`, what the folder's own manifest names (relative to the folder).
    """
    manifest = read_manifest(out, phase, name)
    present = list_folder(join(out, folder))
    vouched = {"manifest.json", *named}
    if manifest is not None:
        for output in manifest.files(folder):
            inside = output.path.removeprefix(f"{folder}/")
            vouched.add(inside)
            if inside not in present:
                yield f"{output.path} is missing, the manifest of phase {phase} names it"
            elif inside not in named and (
                xxhash.xxh3_128_hexdigest(read_file(join(out, output.path))) != output.digest
            ):
                yield f"{output.path} is not what phase {phase} wrote: its checksum differs"
    for file in sorted(present.keys() - vouched):
        yield f"{folder}/{file} is named by no manifest"
