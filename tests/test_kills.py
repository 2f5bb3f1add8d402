"""Six kills drawn over writes and the clock; each resumed run ends as an undisturbed one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write_corpus

from benchmarks.kills import Driver

CONFIG = """\
batch_bytes: 4KiB
sequence_length: 64
shard_tokens: 1k
sources:
  commoncrawl:
    proportion: 1
    perplexity: {keep: [head, middle, tail]}
"""


@pytest.mark.slow
def test_killed_six_times_and_resumed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    pattern = write_corpus(tmp_path / "in", files=2, pages=6)
    command = ["--config", str(tmp_path / "config.yaml"), "--input", f"commoncrawl={pattern}"]
    tally = Driver([*command, "--sources", "commoncrawl", "--workers", "1"], tmp_path).drive(
        6, seed=3, each=3
    )
    assert tally.faults == []
    assert tally.kills.total() == 6
    assert tally.in_commit >= 2
