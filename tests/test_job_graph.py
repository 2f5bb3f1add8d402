"""The jobs that an engine is sent: small whatever the input, few stages, readable by a worker of its own; and
the container such workers start in."""

from __future__ import annotations

import bz2
import codecs
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from conftest import RunJob, write_corpus

from pipeline.engine import Engine
from pipeline.errors import WinnowError
from pipeline.phases.phase import Job, run_jobs
from pipeline.units import Outputs, Unit

ROOT = Path(__file__).parent.parent
# Dataflow takes 20 MB of JSON (cloud.google.com/dataflow/docs/request-quotas); no job of ours comes near.
LARGEST_JOB = 100_000
# A unit is what flows: names and numbers.
LARGEST_UNIT = 8_000
CONFIG = "sequence_length: 256\nsources:\n  commoncrawl: {proportion: 1}\n"


def encode(unit: Unit, outputs: Outputs) -> dict[str, Any]:
    """A work that is never done here."""
    raise AssertionError(unit.name, outputs.out)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[beam_runner_api_pb2.Pipeline]:
    """The description of every pipeline that is run while a test lasts, each in this process."""
    seen: list[beam_runner_api_pb2.Pipeline] = []
    run = Engine.run

    def watch(self: Engine, build: Callable[[beam.Pipeline], object], size: int, elements: int) -> None:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        build(pipeline)
        seen.append(pipeline.to_runner_api())
        with monkeypatch.context() as here:
            here.setattr(Engine, "works_here", lambda *_: True)
            run(self, build, size, elements)

    monkeypatch.setattr(Engine, "run", watch)
    # As on a cluster: the steps of an exchange are jobs too.
    monkeypatch.setattr(Engine, "works_here", lambda *_: False)
    return seen


def functions(job: beam_runner_api_pb2.Pipeline) -> list[bytes]:
    """What a job's workers are to run, as it was pickled."""
    found = []
    for transform in job.components.transforms.values():
        if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            assert payload.do_fn.urn == python_urns.PICKLED_DOFN_INFO
            found.append(payload.do_fn.payload)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("exchange", ["files", "shuffle"])
def test_every_job_of_a_run_is_small_and_a_worker_can_read_it(
    exchange: str, jobs: list[beam_runner_api_pb2.Pipeline], tmp_path: Path, run_job: RunJob
) -> None:
    (tmp_path / "small.yaml").write_text(CONFIG)
    pattern = write_corpus(tmp_path / "in")
    options = ["--sources", "commoncrawl", "--input", f"commoncrawl={pattern}", "--exchange", exchange]
    run_job(*options, "--config", str(tmp_path / "small.yaml"), "--output", str(tmp_path / "out"))
    assert len(jobs) >= 10
    assert max(job.ByteSize() for job in jobs) < LARGEST_JOB
    for job in jobs:
        copy = beam_runner_api_pb2.Pipeline.FromString(job.SerializeToString())
        _, stages = FnApiRunner().create_stages(copy)
        assert len(stages) <= 5
        assert not [
            coder for coder in job.components.coders.values() if b"arrow" in coder.spec.payload.lower()
        ]
    pickled = {function for job in jobs for function in functions(job)}
    # Beam's pickler compresses and encodes; what is pickled by value of a script would name its module.
    assert not [one for one in pickled if b"__main__" in bz2.decompress(codecs.decode(one, "base64"))]
    listing = tmp_path / "pickled"
    listing.write_bytes(b"\n".join(one.replace(b"\n", b"") for one in pickled))
    read = (
        "import sys; from apache_beam.internal import pickler\n"
        "print(sum(pickler.loads(line) is not None for line in open(sys.argv[1], 'rb').read().splitlines()))"
    )
    worker = subprocess.run(
        [sys.executable, "-c", read, str(listing)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert worker.stdout.strip() == str(len(pickled)), worker.stderr


def test_a_job_does_not_grow_with_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_job: RunJob
) -> None:
    (tmp_path / "small.yaml").write_text(CONFIG)
    pattern = write_corpus(tmp_path / "in", files=1)
    options = ["--sources", "commoncrawl", "--input", f"commoncrawl={pattern}", "--phases", "prepare"]
    run, _ = run_job(*options, "--config", str(tmp_path / "small.yaml"), "--output", str(tmp_path / "out"))
    sizes, lines = [], []

    def measure(_: Engine, build: Callable[[beam.Pipeline], object], size: int, elements: int) -> None:
        pipeline = beam.Pipeline(runner=FnApiRunner())
        build(pipeline)
        sizes.append(pipeline.to_runner_api().ByteSize())
        listed = (tmp_path / "out" / "work" / "room" / "units.jsonl").read_bytes().splitlines()
        assert (len(listed), size) == (elements, elements)
        lines.append(max(map(len, listed)))

    monkeypatch.setattr(Engine, "run", measure)
    payload = {"path": "p" * 80}
    for count in (1, 90_000):
        units = [Unit("room", "commoncrawl", f"part-{n:05}", "0" * 32, 1, payload) for n in range(count)]
        with pytest.raises(WinnowError, match="no receipt"):
            run_jobs(run, "room", [Job("commoncrawl", units, encode)])
    assert abs(sizes[1] - sizes[0]) < 100  # compressed pickles differ by some bytes
    assert max(sizes) < LARGEST_JOB
    assert max(lines) < LARGEST_UNIT


def test_the_container_is_of_our_versions_and_for_any_processor() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    pinned = re.search(r"^apache-beam==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"ARG BEAM={pinned[1]}" in lines
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in lines
    pythons = {found for line in lines for found in re.findall(r"python(?::|)(3\.\d+)", line)}
    assert pythons == {"3.11"}
    flags = next(number for number, line in enumerate(lines) if line.startswith("ENV CFLAGS="))
    build = next(number for number, line in enumerate(lines) if "--no-binary" in line)
    assert flags < build
    assert re.findall(r'(\w+)="([^"]+)"', lines[flags]) == [
        (name, "-O3 -march=x86-64 -ffp-contract=off") for name in ("CFLAGS", "CXXFLAGS")
    ]
    assert re.search(r"--no-binary \S*fasttext", lines[build])
    assert "--constraint" in lines[build]
    assert "native" not in text
    # By its file: a package of another's on PyPI has the same name.
    assert re.search(r'pip install .*"\$\(ls /wheels/winnow-\*\.whl\)\[gcp,s3\]"', "\n".join(lines))
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert len(copied) >= 7
    for name in {name for names in copied for name in names.split()}:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
