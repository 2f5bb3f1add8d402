"""Killed at any moment and started again, a run ends with the bytes of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import folder_digests, write_corpus

from pipeline.files import TEMPORARY

CONFIG = """\
batch_bytes: 4KiB
sequence_length: 64
shard_tokens: 1k
sources:
  commoncrawl:
    proportion: 1
    perplexity: {keep: [head, middle, tail]}
"""
COMMAND = [sys.executable, "-m", "pipeline.run", "--sources", "commoncrawl"]


def start(pattern: str, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start the main job in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, "--input", f"commoncrawl={pattern}", "--output", str(out), *more],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.slow
def test_killed_and_resumed(tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG)
    pattern = write_corpus(tmp_path / "in", files=6)
    whole = start(pattern, tmp_path / "whole", "--config", str(config))
    began = time.monotonic()
    assert whole.wait(timeout=120) == 0
    seconds = time.monotonic() - began
    moments = random.Random(7)
    for number in range(3):
        out = tmp_path / f"killed-{number}"
        for _ in range(2):
            job = start(pattern, out, "--config", str(config))
            time.sleep(moments.uniform(0.5, 0.95) * seconds)
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
            job.wait()
        assert start(pattern, out, "--config", str(config)).wait(timeout=120) == 0
        assert folder_digests(out, leave_out="work/inputs/") == folder_digests(
            tmp_path / "whole", leave_out="work/inputs/"
        )
        assert not list(out.rglob(f"*{TEMPORARY}"))


@pytest.mark.slow
def test_a_dead_worker_ends_the_run_with_a_sentence(tmp_path: Path) -> None:
    pattern = write_corpus(tmp_path / "in", files=6, pages=300)
    job = start(pattern, tmp_path / "out", "--workers", "2")
    deadline = time.monotonic() + 60
    workers: list[int] = []
    while not workers and time.monotonic() < deadline:
        workers = _workers_of(job.pid)
        time.sleep(0.05)
    assert workers
    os.kill(workers[0], signal.SIGKILL)
    assert job.wait(timeout=60) == 1
    assert job.stderr is not None
    said = job.stderr.read().decode()
    assert "a worker process died; run again to resume" in said
    assert start(pattern, tmp_path / "out", "--workers", "2").wait(timeout=120) == 0


@pytest.mark.usefixtures("interruptible")
@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_is_answered_in_one_line_and_the_run_goes_on_later(tmp_path: Path, workers: int) -> None:
    pattern = write_corpus(tmp_path / "in", files=6, pages=300)
    out = tmp_path / "out"
    job = start(pattern, out, "--workers", str(workers))
    deadline = time.monotonic() + 60
    while not list(out.glob("documents/commoncrawl/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(job.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    assert job.wait(timeout=60) == 130
    assert job.stderr is not None
    said = job.stderr.read().decode()
    assert said.splitlines()[-1] == "winnow: stopped; the same command goes on from here"
    assert "Traceback" not in said
    assert start(pattern, out, "--workers", str(workers)).wait(timeout=120) == 0


def _workers_of(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            group = int(status.read_text().rsplit(")", 1)[1].split()[2])
        except (OSError, IndexError):
            continue
        if group == parent and b"pipeline.worker" in command and b"sh\0-c" not in command:
            found.append(int(status.parent.name))
    return found
