"""Before a run: `--fresh` deletes an earlier run's results, and what a killed one left half-written goes."""

from __future__ import annotations

from pipeline.errors import WinnowError
from pipeline.files import TEMPORARY, delete, is_local, join, list_folder
from pipeline.lock import LOCK_FILE, LOCK_OBJECT

# The run's own hold on the folder.
LOCKS = (LOCK_FILE, LOCK_OBJECT)

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
    known = any(name.startswith(("manifests/", "work/")) and name not in LOCKS for name in present)
    if strangers and not known:
        raise WinnowError(
            f"--fresh: {out} holds {strangers[0]} and no run of ours; delete it yourself if you mean to"
        )
    ours = (name for name in present if name.split("/", 1)[0] in FOLDERS)
    delete(join(out, name) for name in ours if name not in LOCKS)


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
