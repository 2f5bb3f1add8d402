"""GitHub through the main job: which of equal files stays, what is told of the others, and masked bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from pipeline.ledger import read_ledger
from tests.conftest import RunJob

CONFIG = """
missing_sources: renormalise
sources:
  github:
    proportion: 100
    inputs: [{folder}/in/*]
    mask: on
"""
BODY = "def distance(first, second):\n    return abs(first.position - second.position)\n"
ROWS = [
    {"repo_name": "a/apache", "license": "apache-2.0", "content": "# Copyright 2019 Jane Roe\n\n" + BODY},
    {"repo_name": "b/mit", "license": "mit", "content": "# Copyright 2020 John Doe\n\n" + BODY},
    {"repo_name": "c/gpl", "license": "gpl-3.0", "content": BODY},
    {"repo_name": "d/mail", "license": "mit", "content": BODY + 'maintainer = "joe@cs.uni.edu"\n'},
    {"repo_name": "e/mail", "license": "mit", "content": BODY + 'maintainer = "jane@cs.uni.edu"\n'},
]


def run(folder: Path, run_job: RunJob, order: list[int]) -> dict[str, dict[str, Any]]:
    """Run rows in files of their own, named so that they are read in this order; rows by repository."""
    (folder / "in").mkdir(parents=True)
    for place, number in enumerate(order):
        row = ROWS[number] | {"path": "src/distance.py"}
        (folder / "in" / f"{place}.jsonl").write_bytes(orjson.dumps(row) + b"\n")
    (folder / "c.yaml").write_text(CONFIG.format(folder=folder))
    phases = "prepare,lines,judge,duplicates,curate"
    run_job("--config", str(folder / "c.yaml"), "--output", f"{folder}/out", "--phases", phases)
    files = [
        *(folder / "out" / "curated").rglob("*.parquet"),
        *(folder / "out" / "dropped").rglob("*.parquet"),
    ]
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return {orjson.loads(row["metadata"])["repository"]: row for row in rows}


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 1, 3, 0]])
def test_one_of_equal_files_stays_whatever_the_order_and_the_others_are_told(
    tmp_path: Path, run_job: RunJob, order: list[int]
) -> None:
    rows = run(tmp_path, run_job, order)
    stays, goes = sorted((rows["a/apache"], rows["b/mit"]), key=lambda row: row["id"])
    assert stays["text"] == goes["text"] == BODY
    assert (stays["verdict"], goes["verdict"], goes["survivor"]) == (None, "duplicate_text", stays["id"])
    assert orjson.loads(goes["metadata"]).keys() >= {"repository", "path", "license"}
    clusters = pq.read_table(tmp_path / "out" / "clusters" / "github").to_pylist()
    assert (goes["id"], stays["id"]) in [(row["member"], row["survivor"]) for row in clusters]
    assert rows["c/gpl"]["verdict"] == "license", "a copy that is not allowed neither stays nor counts"
    assert rows["c/gpl"]["survivor"] is None
    # Masked before they are compared, so that they are one; the books have the bytes.
    texts = {rows[name]["text"] for name in ("d/mail", "e/mail")}
    assert texts == {BODY + 'maintainer = "<EMAIL>"\n'}
    assert {rows[name]["verdict"] for name in ("d/mail", "e/mail")} == {None, "duplicate_text"}
    books = read_ledger(str(tmp_path / "out"), "judge", "github")
    masked = {(line.entry, line.bytes) for line in books if line.rule == "mask" and line.bytes}
    assert masked == {("removed", 14), ("removed", 15), ("added", 7)}
