"""Before a run: `--fresh` deletes an earlier run's results, and what a killed one left half-written goes."""

from __future__ import annotations

from pipeline.errors import WinnowError
from pipeline.files import TEMPORARY, delete, is_local, join, list_folder

# What a run writes into its output folder (docs/design.md, section 1).
FOLDERS = (
    "documents",
    "judged",
    "fingerprints",
    "lists",
    "work",
    "curated",
    "dropped",
    "export",
    "dead_letters",
    "ledger",
    "clusters",
    "tokens",
    "shards",
    "report",
    "manifests",
)


def start_over(out: str) -> None:
    """Delete what earlier runs wrote below `out`.

    Raises WinnowError where the folder holds other things and no manifest: it is then no output folder of
    ours.
    """
    present = list_folder(out)
    strangers = [name for name in present if name.split("/", 1)[0] not in FOLDERS]
    if strangers and not any(name.startswith(("manifests/", "work/")) for name in present):
        raise WinnowError(
            f"--fresh: {out} holds {strangers[0]} and no run of ours; delete it yourself if you mean to"
        )
    delete(join(out, name) for name in present if name.split("/", 1)[0] in FOLDERS)


def sweep(out: str) -> None:
    """Delete the temporary files that a killed run left below `out`; object stores never have any."""
    if not (is_local(out) or out.startswith("hdfs://")):
        return
    delete(
        join(out, folder, name)
        for folder in FOLDERS
        for name in list_folder(join(out, folder))
        if name.endswith(TEMPORARY)
    )
