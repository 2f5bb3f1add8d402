"""Checks of what `mix` writes for other trainers: exported shards, their indices, and launch fragments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mixtures.check_files import check_file
from mixtures.launch import launch_files, launch_table
from pipeline.errors import WinnowError
from pipeline.files import join, read_file
from pipeline.phases.shard_exports import FORMATS, index_files, whole_rows

Entry = Mapping[str, Any]


def named_exports(manifest: Entry) -> set[str]:
    """The paths below shards/ of all that the folder's manifest names for other trainers."""
    entries = [*manifest.get("exports", []), {"files": _beside(manifest)}]
    return {file["file"] for entry in entries for file in entry["files"]}


def _beside(manifest: Entry) -> list[Entry]:
    return [*manifest.get("export_indices", []), *manifest.get("launch", [])]


def check_exports(out: str, manifest: Entry, plan: Entry) -> Iterator[str]:
    """A sentence for each fault; in memory: one shard, as it is and in another format."""
    exports = manifest.get("exports", [])
    for file in _beside(manifest):
        yield from check_file(out, "shards", file)[1]
    entries = {(entry["format"], entry["from"]): entry for entry in exports}
    for name in manifest.get("export", []):
        for split, folder, shards in (
            ("train", "shards", manifest["shards"]),
            ("val", "shards/validation", manifest["validation"]),
        ):
            for number, shard in enumerate(shards):
                path = f"{folder}/{shard['name']}.bin"
                entry = entries.pop((name, path), None)
                yield from _one(out, manifest, (name, split, number), path, entry)
    yield from (f"shards: {path} was exported to {name} and should not be" for name, path in entries)
    wanted = index_files(exports, manifest["dtype"])
    texts = launch_files(launch_table(plan, manifest["validation"]))
    wanted |= {f"launch/{name}": text.encode() for name, text in texts.items()}
    yield from _contents(wanted, _beside(manifest))


def _one(
    out: str, manifest: Entry, key: tuple[str, str, int], path: str, entry: Entry | None
) -> Iterator[str]:
    """One shard in one format holds its tokens, as its trainer wants them."""
    name, split, number = key
    try:
        tokens = np.frombuffer(read_file(join(out, path)), manifest["dtype"])
    except (WinnowError, ValueError):
        return  # said where the shard itself is checked
    rows = whole_rows(tokens, manifest["sequence_length"])
    if entry is None or not len(rows):
        if len(rows) or entry is not None:
            yield f"shards: {path} is missing in {name}'s format, or should be"
        return
    yield from check_file(out, "shards", entry["files"][0])[1]
    counts = (entry["split"], entry["number"], entry["rows"], entry["tokens"])
    right = FORMATS[name].encode(rows)
    if entry["files"][0]["sha256"] != hashlib.sha256(right).hexdigest():
        yield f"shards/{entry['files'][0]['file']} does not hold the tokens of {path}"
    if counts != (split, number, len(rows), rows.size):
        yield f"shards/{entry['files'][0]['file']} stands wrongly in the manifest"


def _contents(wanted: Mapping[str, bytes], files: Sequence[Entry]) -> Iterator[str]:
    """The files that follow from the plan and the other entries are those, and say what they should."""
    found = {file["file"]: file["sha256"] for file in files}
    for path in sorted(wanted.keys() | found.keys()):
        right = hashlib.sha256(wanted[path]).hexdigest() if path in wanted else None
        if found.get(path) != right:
            yield f"shards/{path} does not say what plan and shards do"
