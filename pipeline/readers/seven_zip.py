"""Some files of a 7z archive, unpacked to local disk by a process of its own.

The decoders for PPMd end the process they run in on some damaged archives, and an archive says itself how
much memory its decoder takes; so neither is this process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import orjson

from pipeline.readers.archives import MAX_RATIO, RATIO_FROM
from pipeline.readers.local_disk import disk_errors

_PROGRAM = Path(__file__).with_name("unpack_7z.py")
_MAX_MEMORY = 2 << 30  # bytes of address space: dictionaries of 64 MiB are the common ones, PPMd's 16 MiB
_ENDED = "the 7z archive is damaged: its decoder broke off"


def unpack(archive: BinaryIO, targets: Mapping[str, Path]) -> tuple[set[str], str]:
    """Write the members called as `targets`, in whatever folder of the archive, in one pass.

    Returns the names found, and "" or what failed. A member's path decides nothing: no file is made but the
    targets, and beside the first of them a copy of the archive, which is removed again. Of a damaged archive
    they have what came before the damage. Raises WinnowError where one cannot be written.
    """
    copy = next(iter(targets.values())).with_name("archive.7z")
    with disk_errors():
        with copy.open("wb") as file:
            shutil.copyfileobj(archive, file, 1 << 20)
        limit = max(RATIO_FROM, MAX_RATIO * copy.stat().st_size)
    command = [sys.executable, "-P", str(_PROGRAM), str(copy), str(limit), str(_MAX_MEMORY)]
    command += [f"{name}={path}" for name, path in targets.items()]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    copy.unlink()
    if done.returncode:  # what it wrote before is there or not, as its buffers were
        for path in targets.values():
            path.write_bytes(b"")
        return set(), _ENDED
    said = orjson.loads(done.stdout)
    if said["disk"]:
        with disk_errors():
            raise OSError(said["disk"], os.strerror(said["disk"]))
    return set(said["found"]), said["error"]
