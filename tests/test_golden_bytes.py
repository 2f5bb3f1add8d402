"""The bytes each phase writes, for its version: they change only together with the phase's VERSION.

After a change that is meant, raise VERSION in the phase's module and record anew:

    python tests/test_golden_bytes.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from conftest import RunJob, folder_digests, run_quietly, write_corpus

from pipeline.phases import curate, duplicates, judge, lines, prepare
from pipeline.phases.phase import versions
from pipeline.units import digest

GOLDEN = Path(__file__).parent / "data" / "golden_bytes.json"
CONFIG = """\
batch_bytes: 4KiB
sources:
  commoncrawl:
    proportion: 1
    language: off  # fastText is built for the machine, and its last digits are too
    perplexity: off
    wikipedia_reference: off
"""
PHASES = {
    "prepare": (prepare.VERSION, ("documents/", "fingerprints/prepare/")),
    "lines": (lines.VERSION, ("lists/lines/",)),
    "judge": (judge.VERSION, ("judged/", "fingerprints/judge/")),
    "duplicates": (duplicates.VERSION, ("lists/duplicates/", "clusters/")),
    "curate": (curate.VERSION, ("curated/", "dropped/")),
}


def recorded_now(folder: Path, run: RunJob) -> dict[str, object]:
    """Versions, and for each phase its version and a digest of all it writes for a small corpus."""
    (folder / "config.yaml").write_text(CONFIG)
    pattern = write_corpus(folder / "in")
    options = ["--config", str(folder / "config.yaml"), "--input", f"commoncrawl={pattern}"]
    run(*options, "--output", str(folder / "out"), "--phases", ",".join(PHASES))
    files = folder_digests(folder / "out")
    return {
        "packages": versions(),
        "phases": {
            phase: {
                "version": version,
                "bytes": digest({name: mark for name, mark in files.items() if name.startswith(folders)}),
            }
            for phase, (version, folders) in PHASES.items()
        },
    }


def test_bytes_change_only_with_a_version(tmp_path: Path, run_job: RunJob) -> None:
    golden = json.loads(GOLDEN.read_text())
    now = recorded_now(tmp_path, run_job)
    assert now["packages"] == golden["packages"], "other packages: record anew with the pinned versions"
    assert now["phases"] == golden["phases"], "output changed: raise the phase's VERSION and record anew"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        GOLDEN.write_text(json.dumps(recorded_now(Path(place), run_quietly), indent=2) + "\n")
    sys.stdout.write(f"recorded in {GOLDEN.name}\n")
