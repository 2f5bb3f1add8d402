"""Memory that a large Stack Exchange site takes: python -m benchmarks.stackexchange_memory [--gigabytes 2]

Writes a Posts.xml of the size asked for (rows in the samples' bodies, answers anywhere behind or before their
questions) with a Users.xml, runs `prepare` on it, and prints the peak resident memory of the process that
drives the run and of the largest worker, as the kernel counts them (getrusage), with the CPU seconds of all.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.manifest import read_manifest

SAMPLES = Path(__file__).parents[1] / "samples" / "stackexchange"
RESULTS = Path(__file__).parent / "results" / "stackexchange_memory.json"
SITE = "generated.example"
_BODY = re.compile(r' Body="([^"]*)"')
_CONFIG = "sources:\n  stackexchange:\n    proportion: 1\n"
_QUESTIONS = 4  # of ten posts, as on the real sites
_STRIDE = 7919  # prime to the number of ids, so that a thread's rows lie far apart


def write_site(folder: Path, size: int) -> int:
    """Write Posts.xml of about `size` bytes and Users.xml into `folder`; returns the number of rows."""
    bodies = [
        body
        for path in sorted(SAMPLES.glob("*/Posts.xml"))
        for body in _BODY.findall(path.read_text("utf-8"))
        if body
    ]
    mean = sum(len(body.encode()) for body in bodies) / len(bodies) + 140
    rows = int(size / mean)
    questions = rows * _QUESTIONS // 10
    folder.mkdir(parents=True)
    with (folder / "Posts.xml").open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
        for place, body in zip(range(rows), itertools.cycle(bodies), strict=False):
            number = place * _STRIDE % rows + 1
            asked = number <= questions
            kind = (
                f'PostTypeId="1" Title="Question {number}"'
                if asked
                else f'PostTypeId="2" ParentId="{number % questions + 1}"'
            )
            file.write(
                f'  <row Id="{number}" {kind} Score="{number % 23}" OwnerUserId="{number % 100_000}" '
                f'CreationDate="2015-01-01T00:00:00.000" Body="{body} {number}" />\n'
            )
        file.write("</posts>\n")
    with (folder / "Users.xml").open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<users>\n')
        file.writelines(f'  <row Id="{n}" DisplayName="User {n}" />\n' for n in range(100_000))
        file.write("</users>\n")
    return rows


def main() -> None:
    """Generate, run, print, and write benchmarks/results/stackexchange_memory.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        rows = write_site(folder / SITE, int(options.gigabytes * 1e9))
        posts = folder / SITE / "Posts.xml"
        (folder / "config.yaml").write_text(_CONFIG)
        command = [sys.executable, "-m", "pipeline.run", "--config", str(folder / "config.yaml")]
        command += ["--phases", "prepare", "--workers", str(options.workers)]
        command += ["--input", f"stackexchange={posts}", "--output", str(folder / "out")]
        began = time.monotonic()
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak_driver = 0
        while driver.poll() is None:
            peak_driver = max(peak_driver, _peak(driver.pid))
            time.sleep(0.5)
        if driver.returncode:
            raise SystemExit(driver.returncode)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        manifest = read_manifest(str(folder / "out"), "prepare", "stackexchange")
        assert manifest is not None
        result = {
            "bytes": posts.stat().st_size,
            "rows": rows,
            "records": sum(unit.facts["records"] for unit in manifest.units),
            "documents": sum(batch["rows"] for unit in manifest.units for batch in unit.facts["batches"]),
            "units": len(manifest.units),
            "workers": options.workers,
            "peak_mb_of_any_process": round(used.ru_maxrss / 1024),
            "peak_mb_of_the_driver": round(peak_driver / 1024),
            "cpu_seconds": round(used.ru_utime + used.ru_stime),
            "wall_seconds": round(time.monotonic() - began),
        }
    text = json.dumps(result, indent=2)
    print(text)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def _peak(process: int) -> int:
    """The highest resident memory of a running process so far, in kB (Linux)."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
