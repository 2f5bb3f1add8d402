"""The bundled samples on every engine that is here: the same files, whoever ran them: `make test-engines`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.version import __version__ as BEAM
from conftest import folder_digests

from pipeline.portable import JARS

ROOT = Path(__file__).parent.parent
RESULTS_OF_A_SOURCE = ("documents", "judged", "curated", "dropped", "ledger", "tokens")
# Manifests hold how duplicates met (by files, by a shuffle) in what they are known by.
MANIFESTS = "manifests/"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("WINNOW_ENGINES" not in os.environ, reason="run by `make test-engines`"),
]


def run(out: Path, *options: str) -> dict[str, str]:
    """Run the main job on the samples as a command; the digest of every file but receipts and the report."""
    command = [sys.executable, "-m", "pipeline.run", "--output", str(out), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return folder_digests(out)


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The names of files that are not the same on both sides."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


@pytest.fixture(scope="module")
def by_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one worker of the local runner writes."""
    digests = run(tmp_path_factory.mktemp("one") / "out", "--workers", "1")
    sources = {name.split("/")[1] for name in digests if name.startswith("curated/")}
    assert len(sources) == 7
    for room in RESULTS_OF_A_SOURCE:
        assert any(name.startswith(f"{room}/") for name in digests), room
    return digests


@pytest.fixture(scope="module")
def by_shuffle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The same where duplicates meet in the runner's shuffle, as they do on engines."""
    return run(tmp_path_factory.mktemp("shuffle") / "out", "--workers", "1", "--exchange", "shuffle")


def test_two_workers_write_what_one_does(by_files: dict[str, str], tmp_path: Path) -> None:
    assert differing(run(tmp_path / "out", "--workers", "2"), by_files) == []


def test_a_shuffle_gives_what_files_do(by_files: dict[str, str], by_shuffle: dict[str, str]) -> None:
    assert [name for name in differing(by_shuffle, by_files) if not name.startswith(MANIFESTS)] == []


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Beam's Prism, serving; the options of a run that is sent to it."""
    program = os.environ.get("PRISM") or str(ROOT / JARS / "prism")
    if not shutil.which(program):
        pytest.skip("Prism is not here: `make engines` builds it where Go is, PRISM names a built one")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("prism") / "log"
    command = [program, f"-job_port={port}", "-serve_http=false", "-log_level=error"]
    with log.open("wb") as lines:
        server = subprocess.Popen(command, stdout=lines, stderr=subprocess.STDOUT, cwd=log.parent)
        try:
            deadline = time.monotonic() + 60
            while socket.socket().connect_ex(("localhost", port)):
                assert server.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield ["--runner", "PortableRunner", f"--job_endpoint=localhost:{port}"]
        finally:
            server.terminate()
            server.wait()


@pytest.mark.parametrize("environment", ["LOOPBACK", "PROCESS"])
def test_prism(environment: str, prism: list[str], by_shuffle: dict[str, str], tmp_path: Path) -> None:
    options = [*prism, "--environment_type", environment]
    assert differing(run(tmp_path / "out", *options), by_shuffle) == []


@pytest.mark.java
@pytest.mark.parametrize("environment", ["LOOPBACK", "PROCESS"])
def test_spark(environment: str, by_shuffle: dict[str, str], tmp_path: Path) -> None:
    _wants_jar("Spark", "SPARK_JOB_SERVER", "beam-runners-spark-3-job-server")
    options = ["--runner", "SparkRunner", "--spark_master_url", "local[2]", "--environment_type", environment]
    assert differing(run(tmp_path / "out", *options), by_shuffle) == []


@pytest.mark.java
@pytest.mark.parametrize("environment", ["LOOPBACK", "PROCESS"])
def test_flink(environment: str, by_shuffle: dict[str, str], tmp_path: Path) -> None:
    _wants_jar("Flink", "FLINK_JOB_SERVER", "beam-runners-flink-2.2-job-server")
    options = ["--runner", "FlinkRunner", "--flink_master", "[local]", "--parallelism", "2"]
    options += ["--environment_type", environment]
    assert differing(run(tmp_path / "out", *options), by_shuffle) == []


def _wants_jar(engine: str, variable: str, name: str) -> None:
    if variable not in os.environ and not (ROOT / JARS / f"{name}-{BEAM}.jar").is_file():
        pytest.skip(f"{engine}'s job server is not here: `make engines` fetches it, {variable} names one")
