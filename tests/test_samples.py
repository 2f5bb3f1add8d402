"""The bundled samples through `curate` with the bundled config: exact counts for every source.

After a change that is meant, record anew and look at what became of whom:

    python tests/test_samples.py
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from conftest import RunJob, run_quietly

from filters.minhash import PRESETS
from filters.shingles import distinct, shingles
from pipeline.dedup.verify import similarity
from pipeline.flows import FLOWS
from pipeline.ledger import read_ledger
from pipeline.parquet import read_parquet

ZERO = np.zeros(1, np.int64)
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


def survivors_that_stay(out: Path) -> Counter[str]:
    """How many documents went as the duplicate of one in curated/, by verdict; raises for one that did not,
    or that is not what its verdict says."""
    columns = ["id", "text", "verdict", "survivor", "verdict_value", "verdict_threshold"]
    kept, dropped = (
        [row for path in sorted(out.glob(f"{part}/*/*.parquet")) for row in read_rows(path, columns)]
        for part in ("curated", "dropped")
    )
    texts = {row["id"]: row["text"] for row in kept}
    count: Counter[str] = Counter()
    for row in dropped:
        if row["verdict"] in ("duplicate_text", "near_duplicate"):
            pair = [row["text"], texts[row["survivor"]]]
            if row["verdict"] == "near_duplicate":
                found = similarity(distinct(shingles(pair, PRESETS["books"].shingling)), ZERO, ZERO + 1)
                assert found.containment[0] == row["verdict_value"] >= row["verdict_threshold"]
            else:
                assert pair[0] == pair[1]
            count[row["verdict"]] += 1
    return count


def read_rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_parquet(str(path), columns).to_pylist()
    return rows


def curated_texts(folder: Path) -> Counter[tuple[str, str, str, str]]:
    """What rows of curated files say of their documents, ids aside."""
    columns = ["url", "timestamp", "language", "text"]
    rows = [row for path in sorted(folder.rglob("*.parquet")) for row in read_rows(path, columns)]
    return Counter(tuple(row[name] for name in columns) for row in rows)


def test_every_source_is_counted_written_out_and_read_back(tmp_path: Path, run_job: RunJob) -> None:
    now = counted_now(tmp_path, run_job)
    assert now == json.loads(COUNTS.read_text())
    assert now.keys() <= FLOWS.keys()
    for source, counts in now.items():
        assert counts["records"] == sum(counts.values()) - counts["records"], source
    gone = survivors_that_stay(tmp_path / "out")
    assert gone == {
        rule: sum(counts.get(rule, 0) for counts in now.values())
        for rule in ("duplicate_text", "near_duplicate")
    }
    assert gone["near_duplicate"] > 0
    run_job("--output", str(tmp_path / "out"), "--phases", CURATION, "--export-documents", "jsonl.zst")
    (tmp_path / "in").mkdir()
    for path in (tmp_path / "out" / "export").rglob("*.jsonl.zst"):
        shutil.copyfile(path, tmp_path / "in" / f"{path.parent.name}-{path.name}")
    (tmp_path / "c.yaml").write_text("sources:\n  documents:\n    proportion: 1\n")
    run_job(
        *("--config", str(tmp_path / "c.yaml"), "--input", f"documents={tmp_path}/in/*"),
        *("--output", str(tmp_path / "back"), "--phases", CURATION),
    )
    written = curated_texts(tmp_path / "out" / "curated")
    assert {path.name for path in (tmp_path / "out" / "export").iterdir()} == now.keys()
    assert written.total() == sum(counts["kept"] for counts in now.values())
    assert curated_texts(tmp_path / "back" / "curated") == written


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        COUNTS.write_text(json.dumps(counted_now(Path(place), run_quietly), indent=1) + "\n")
    sys.stdout.write(f"recorded in {COUNTS.name}\n")
