"""Checks of what stands beside token shards for other trainers: the same tokens, and the same documents."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from mixtures.check_files import check_file
from pipeline.errors import WinnowError
from pipeline.files import join, read_file
from pipeline.phases.sidecars import beside_tokens


def check_sidecars(out: str, folder: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each fault of the sidecars in `folder`; nothing where the config asked for none.

    In memory: the tokens of one shard.
    """
    shards = {entry["name"]: entry for entry in [*manifest["shards"], *manifest["validation"]]}
    wanted = {(name, trainer) for name in shards for trainer in manifest.get("sidecars", [])}
    for entry in manifest.get("sidecar_files", []):
        name, trainer = entry["sidecars_of"], entry["trainer"]
        if (name, trainer) not in wanted:
            yield f"{folder}: there is no shard {name} that should be there for {trainer} too"
            continue
        wanted.remove((name, trainer))
        yield from _one(out, folder, entry, shards[name], manifest)
    yield from (f"{folder}/{name} has no sidecars for {trainer}" for name, trainer in sorted(wanted))


def _one(
    out: str,
    folder: str,
    entry: Mapping[str, Any],
    shard: Mapping[str, Any],
    manifest: Mapping[str, Any],
) -> Iterator[str]:
    found = []
    for file in entry["files"]:
        data, faults = check_file(out, folder, file)
        yield from faults
        found.append(b"" if faults else data)
    tokens, index, table = shard["files"]
    first = entry["files"][0]
    if first["sha256"] != tokens["sha256"]:
        yield f"{folder}/{first['file']} does not hold the tokens of {tokens['file']}"
    try:
        index_data, table_data = (
            read_file(join(out, folder, index["file"])),
            read_file(join(out, folder, table["file"])),
        )
        trainer, tokenizer = entry["trainer"], manifest["tokenizer_name"]
        beside = [
            data for _, data in beside_tokens(trainer, tokenizer, index_data, table["file"], table_data)
        ]
    except (WinnowError, ValueError, OSError):
        return  # a damaged shard is said where shards are checked
    if len(beside) != len(found) - 1:
        yield f"{folder}: {len(found)} files stand for {entry['sidecars_of']} in {entry['trainer']}'s form"
        return
    for file, data, right in zip(entry["files"][1:], found[1:], beside, strict=True):
        if data and not _same(file["file"], data, right):
            yield f"{folder}/{file['file']} does not say what the shard holds"


def _same(name: str, data: bytes, right: bytes) -> bool:
    """Whether two files say the same; zlib versions pack the same text into other bytes."""
    if not name.endswith(".gz"):
        return data == right
    try:
        return gzip.decompress(data) == gzip.decompress(right)
    except (OSError, EOFError, zlib.error):
        return False
