"""Manifests: the only thing that makes a phase's files exist.

A manifest is written last, for each phase and source. The next phase opens the files it names and never
globs; files in the folders a phase owns that no manifest names are removed when the manifest is written.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.errors import WinnowError
from pipeline.files import delete, exists, join, list_folder, read_file, write_file
from pipeline.sealed import sealed, unsealed
from pipeline.units import Output, Receipt, digest


@dataclass(frozen=True, slots=True)
class UnitFiles:
    """What one unit of the phase wrote, and the facts its receipt holds."""

    name: str
    outputs: list[Output]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What a phase did for a source: its key, the versions and config it ran with, and every file it
    wrote."""

    phase: str
    source: str
    key: str
    config: dict[str, Any]
    versions: dict[str, str]
    units: list[UnitFiles]

    @property
    def content(self) -> str:
        """The digest of what the phase wrote, which later phases depend on: not of how it came about."""
        return digest([[unit.name, asdict(unit)["outputs"], unit.facts] for unit in self.units])

    def outputs(self, folder: str) -> dict[str, list[Output]]:
        """For each unit, by name, its files below `folder` (relative to the output folder)."""
        prefix = folder.rstrip("/") + "/"
        return {u.name: [o for o in u.outputs if o.path.startswith(prefix)] for u in self.units}

    def files(self, folder: str) -> list[Output]:
        """All files below `folder`, by path: the order that gives batches their numbers."""
        found = [output for outputs in self.outputs(folder).values() for output in outputs]
        return sorted(found, key=lambda output: output.path)


def manifest_path(out: str, phase: str, source: str) -> str:
    """Where the manifest of a phase and source lies."""
    return join(out, "manifests", phase, f"{source}.json")


def write_manifest(out: str, manifest: Manifest) -> None:
    """Commit a manifest, which is the commit of its phase and source."""
    write_file(manifest_path(out, manifest.phase, manifest.source), sealed(asdict(manifest)))


def read_manifest(out: str, phase: str, source: str) -> Manifest | None:
    """The manifest of a phase and source, None where the phase has not been finished.

    Raises WinnowError where it is not what a run wrote: files that it names cannot be trusted then.
    """
    path = manifest_path(out, phase, source)
    if not exists(path):
        return None
    fields = unsealed(read_file(path))
    if fields is None:
        raise WinnowError(
            f"{path} was edited, is damaged or is of another version of Winnow: delete it, and the next run "
            f"makes phase {phase} of {source} anew"
        )
    units = fields["units"]
    for place, unit in enumerate(units):  # one by one: a manifest can be large, and is not held twice
        units[place] = UnitFiles(
            unit["name"], [Output(**output) for output in unit["outputs"]], unit["facts"]
        )
    return Manifest(**fields)


def units_of(receipts: list[Receipt]) -> list[UnitFiles]:
    """The receipts as a manifest holds them, by name, so that their order of finishing leaves no trace."""
    ordered = sorted(receipts, key=lambda receipt: receipt.unit)
    return [UnitFiles(receipt.unit, receipt.outputs, receipt.facts) for receipt in ordered]


def remove_unnamed(out: str, folders: list[str], named: set[str]) -> list[str]:
    """Delete the files below `folders` (relative to `out`) that are not in `named`; returns their paths."""
    stray = [
        f"{folder}/{name}"
        for folder in folders
        for name in list_folder(join(out, folder))
        if f"{folder}/{name}" not in named
    ]
    delete(join(out, path) for path in stray)
    return stray
