"""Six kills drawn over writes and the clock; the run that goes on at last ends as an undisturbed one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import write_corpus

from benchmarks.kills import Driver, in_commit

CONFIG = """\
batch_bytes: 4KiB
sequence_length: 64
shard_tokens: 1k
sources:
  commoncrawl:
    proportion: 1
    perplexity: {keep: [head, middle, tail]}
"""


def test_a_moment_is_in_the_commit_from_the_first_temporary_file_to_the_manifest() -> None:
    assert not in_commit([])
    assert not in_commit(["w-", "r-"])
    assert in_commit(["w-", "r-", "wp"])
    assert in_commit(["wp", "rp", "wm"])
    assert not in_commit(["wp", "rp", "wm", "rm"])
    assert not in_commit(["wp", "rp", "wm", "rm", "w-"])
    assert in_commit(["wp", "rp", "wm", "rm", "wp"])


@pytest.mark.slow
def test_killed_six_times_and_resumed(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    pattern = write_corpus(tmp_path / "in", files=2, pages=6)
    command = ["--config", str(tmp_path / "config.yaml"), "--input", f"commoncrawl={pattern}"]
    # Of the phases the first three: each of thirteen pipelines starts its workers anew.
    command += ["--sources", "commoncrawl", "--phases", "prepare,lines,judge", "--workers", "2"]
    tally = Driver(command, tmp_path).drive(6, seed=1, each=6)
    assert tally.faults == []
    assert tally.kills.total() == 6
    assert tally.kills["worker"] >= 1
    assert tally.in_commit >= 2
