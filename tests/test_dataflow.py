"""Jobs as Dataflow would get them, made by its own runner without network, and what they write when run.

Needs `apache-beam[gcp]`, which `make test-dataflow` installs beside the environment: its imports would slow
every start of the local runner.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment
from conftest import RunJob, folder_digests, write_corpus

from pipeline.engine import Engine
from pipeline.errors import WinnowError

pytest.importorskip("google.cloud.dataflow_v1beta3", reason="no apache-beam[gcp]: make test-dataflow")

IMAGE = "europe-west4-docker.pkg.dev/my-project/winnow/winnow:1"
PLACE = ["--project", "my-project", "--region", "europe-west4", "--temp_location", "gs://bucket/tmp"]
DATAFLOW = [
    *("--runner", "DataflowRunner", "--sdk_container_image", IMAGE, "--sdk_location", "container"),
    *("--number_of_worker_harness_threads", "1", "--worker_machine_type", "n2-standard-8"),
    *("--no_auth", "--dry_run=True"),  # what makes the job and does not send it
]
CONFIG = "sequence_length: 256\nsources:\n  commoncrawl: {proportion: 1}\n"
# cloud.google.com/dataflow/quotas: 20 MB of job description. No job of ours comes near.
LARGEST_JOB = 100_000


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A small run's input and config."""
    (tmp_path / "small.yaml").write_text(CONFIG)
    source = ["--sources", "commoncrawl", "--input", f"commoncrawl={write_corpus(tmp_path / 'in', files=2)}"]
    return [*source, "--config", str(tmp_path / "small.yaml")]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every job that a run would send to Dataflow; what it sends is run by the local runner meanwhile."""
    made: list[Any] = []

    def run(self: Engine, build: Callable[[beam.Pipeline], object], size: int, elements: int) -> None:
        pipeline = beam.Pipeline(runner="DataflowRunner", options=self._options)
        build(pipeline)
        job = pipeline.run().job
        made.append(job)
        sent = beam_runner_api_pb2.Pipeline.FromString(job.proto_pipeline.SerializeToString())
        for environment in sent.components.environments.values():
            assert environment.urn == common_urns.environments.DOCKER.urn
            environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
        here = FnApiRunner(EmbeddedPythonEnvironment.default())
        here.run_via_runner_api(sent, PipelineOptions()).wait_until_finish()

    monkeypatch.setattr(Engine, "run", run)
    return made


def described(job: Any) -> dict[str, Any]:
    """The description that would be posted; nothing but the pipeline is staged beside it."""
    from apache_beam.runners.dataflow.internal import apiclient  # noqa: PLC0415  # only where it is installed

    client = apiclient.DataflowApplicationClient(job.options, job.root_staging_location)
    staged: dict[str, bytes] = {}

    def stage(folder: str, name: str, data: Any, **_: object) -> None:
        staged[f"{folder}/{name}"] = data.read() if hasattr(data, "read") else Path(data).read_bytes()

    client.stage_file = client.stage_file_with_retry = stage
    client.create_job_description(job)
    assert [path.rsplit("/", 1)[1] for path in staged] == ["pipeline.pb"]
    assert all(path.startswith("gs://bucket/tmp/") for path in staged)
    assert set(staged.values()) == {job.proto_pipeline.SerializeToString()}
    described: dict[str, Any] = json.loads(job.json())
    return described


@pytest.mark.slow
def test_what_dataflow_is_sent_is_small_and_for_our_container(
    arguments: list[str], jobs: list[Any], tmp_path: Path, run_job: RunJob
) -> None:
    run_job(*arguments, *DATAFLOW, *PLACE, "--output", str(tmp_path / "sent"))
    assert len(jobs) >= 8
    for job in jobs:
        description = described(job)
        assert len(json.dumps(description)) + job.proto_pipeline.ByteSize() < LARGEST_JOB
        assert description["type"] == "JOB_TYPE_BATCH"
        (pool,) = description["environment"]["workerPools"]
        # One process a core: a unit keeps one busy alone.
        images = pool["sdkHarnessContainerImages"]
        assert [(i["containerImage"], i["useSingleCorePerContainer"]) for i in images] == [(IMAGE, True)]
        assert pool["machineType"] == "n2-standard-8"
        options = description["environment"]["sdkPipelineOptions"]["options"]
        assert options["number_of_worker_harness_threads"] == 1
        # What an engine has to have: nothing else is in our pipelines.
        urns = {t.spec.urn for t in job.proto_pipeline.components.transforms.values() if not t.subtransforms}
        assert urns <= {
            common_urns.primitives.IMPULSE.urn,
            common_urns.primitives.PAR_DO.urn,
            common_urns.primitives.GROUP_BY_KEY.urn,
            common_urns.primitives.FLATTEN.urn,
            common_urns.composites.RESHUFFLE.urn,
        }


@pytest.mark.slow
def test_jobs_run_as_dataflow_has_them_write_the_same_bytes(
    arguments: list[str], tmp_path: Path, run_job: RunJob, request: pytest.FixtureRequest
) -> None:
    run_job(*arguments, "--output", str(tmp_path / "local"), "--workers", "1", "--exchange", "shuffle")
    request.getfixturevalue("jobs")
    run_job(*arguments, *DATAFLOW, *PLACE, "--output", str(tmp_path / "sent"))
    assert folder_digests(tmp_path / "sent") == folder_digests(tmp_path / "local")


def test_what_beam_finds_wrong_is_a_sentence(arguments: list[str], tmp_path: Path, run_job: RunJob) -> None:
    with pytest.raises(WinnowError, match=r"^Beam refuses its options: Invalid Project ID \(p\)\."):
        run_job(*arguments, *DATAFLOW, *PLACE, "--project", "p", "--output", str(tmp_path / "out"))
