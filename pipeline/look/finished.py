"""A finished run as its manifests name it: sources, tables, dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from pipeline.errors import WinnowError
from pipeline.files import join, list_folder, read_file
from pipeline.manifest import Manifest, read_manifest
from pipeline.parquet import read_parquet

# Which phase's manifest names the files of a folder.
_WRITTEN_BY = {
    "documents": "prepare",
    "dead_letters": "prepare",
    "judged": "judge",
    "clusters": "duplicates",
    "curated": "curate",
    "dropped": "curate",
}


@dataclass(frozen=True)
class FinishedRun:
    """The output folder of a run. Raises WinnowError where it holds none."""

    out: str

    def __post_init__(self) -> None:
        if not self.sources():
            raise WinnowError(f"{self.out} holds no run: no phase has left a manifest there")

    def sources(self) -> list[str]:
        """The sources that phase `prepare` has finished, by name."""
        names = list_folder(join(self.out, "manifests", "prepare"))
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def chosen(self, source: str | None) -> list[str]:
        """All sources, or the one asked for; raises WinnowError where the run does not have it."""
        sources = self.sources()
        if source is None:
            return sources
        if source not in sources:
            raise WinnowError(f"the run in {self.out} has no source {source!r}; it has {', '.join(sources)}")
        return [source]

    def manifest(self, phase: str, source: str) -> Manifest:
        """A manifest of the run; raises WinnowError where the phase was not finished for the source."""
        found = read_manifest(self.out, phase, source)
        if found is None:
            raise WinnowError(f"phase {phase} has not been finished for {source} in {self.out}")
        return found

    def paths(self, folder: str, source: str) -> list[str]:
        """The files of one of the folders of Parquet or JSON lines, by name."""
        manifest = read_manifest(self.out, _WRITTEN_BY[folder], source)
        files = manifest.files(f"{folder}/{source}") if manifest else []
        return [join(self.out, file.path) for file in files]

    def tables(
        self, folder: str, source: str, columns: list[str] | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        """Path and rows (`columns` of them, all by default) of each Parquet file of a folder."""
        for path in self.paths(folder, source):
            yield path, read_parquet(path, columns)

    def dead_letters(self, source: str) -> Iterator[dict[str, Any]]:
        """What could not be read of a source: input, ordinal, offset, error, head."""
        for path in self.paths("dead_letters", source):
            for line in read_file(path).splitlines():
                yield orjson.loads(line)
