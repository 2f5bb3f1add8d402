"""The bundled samples through `curate` with the bundled config: exact counts for every source.

After a change that is meant, record anew and look at what became of whom:

    python tests/test_samples.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from conftest import RunJob, run_quietly

from pipeline.flows import FLOWS
from pipeline.ledger import read_ledger

COUNTS = Path(__file__).parent / "data" / "samples_counts.json"
CURATION = "prepare,lines,judge,duplicates,curate"


def counted_now(folder: Path, run: RunJob) -> dict[str, dict[str, int]]:
    """For each source the records read and what became of them, by rule; passed over ones as one number."""
    job, _ = run("--output", str(folder / "out"), "--phases", CURATION)
    found = {}
    for source in job.flows:
        counts: Counter[str] = Counter()
        for line in read_ledger(job.out, "prepare", source):
            if line.entry in ("in", "passed_over", "merged", "dead"):
                counts["records" if line.entry == "in" else line.entry] += line.documents
        for line in read_ledger(job.out, "curate", source):
            if line.entry in ("out", "dropped"):
                counts["kept" if line.entry == "out" else line.rule] += line.documents
        found[source] = dict(sorted((+counts).items()))
    return found


def test_exact_counts_of_every_source(tmp_path: Path, run_job: RunJob) -> None:
    now = counted_now(tmp_path, run_job)
    assert now == json.loads(COUNTS.read_text())
    assert now.keys() <= FLOWS.keys()
    for source, counts in now.items():
        assert counts["records"] == sum(counts.values()) - counts["records"], source


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        COUNTS.write_text(json.dumps(counted_now(Path(place), run_quietly), indent=1) + "\n")
    sys.stdout.write(f"recorded in {COUNTS.name}\n")
