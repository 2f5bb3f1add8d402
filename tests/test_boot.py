"""How a worker comes to know what to run: from a provisioning service as engines have it."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree
from typing import Any

import grpc
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import (
    beam_artifact_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    beam_runner_api_pb2,
    endpoints_pb2,
)
from apache_beam.runners.portability.artifact_service import ArtifactRetrievalService
from google.protobuf import struct_pb2

from pipeline import boot
from pipeline.boot import environment_of, provisioned, stage
from pipeline.errors import WinnowError


class Provisioning(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    """Answers as an engine does, and remembers who asked."""

    def __init__(self) -> None:
        self.info = beam_provision_api_pb2.ProvisionInfo()
        self.asked: list[str] = []

    def GetProvisionInfo(self, request: Any, context: Any) -> Any:
        """The info, for the worker that the call names."""
        self.asked.append(dict(context.invocation_metadata())["worker_id"])
        return beam_provision_api_pb2.GetProvisionInfoResponse(info=self.info)


@pytest.fixture
def provisioning() -> Provisioning:
    """What an engine answers."""
    return Provisioning()


@pytest.fixture
def endpoint(provisioning: Provisioning) -> Iterator[str]:
    """The address of a server that answers about workers and their files."""
    server = grpc.server(ThreadPoolExecutor(2))
    beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(provisioning, server)
    files = ArtifactRetrievalService(lambda path: io.BytesIO(Path(path).read_bytes()))
    beam_artifact_api_pb2_grpc.add_ArtifactRetrievalServiceServicer_to_server(files, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(None)


def staged(path: Path, name: str, digest: str = "") -> beam_runner_api_pb2.ArtifactInformation:
    """A file of the job's sender, to be staged as `name`."""
    file = beam_runner_api_pb2.ArtifactFilePayload(path=str(path), sha256=digest)
    role = beam_runner_api_pb2.ArtifactStagingToRolePayload(staged_name=name)
    return beam_runner_api_pb2.ArtifactInformation(
        type_urn=common_urns.artifact_types.FILE.urn,
        type_payload=file.SerializeToString(),
        role_urn=common_urns.artifact_roles.STAGING_TO.urn,
        role_payload=role.SerializeToString(),
    )


def asked(**endpoints: str) -> argparse.Namespace:
    given = {f"{name}_endpoint": endpoints.get(name, "") for name in ("logging", "artifact", "control")}
    return argparse.Namespace(id="w-1", provision_endpoint="engine:1", **given)


def test_the_worker_is_told_what_the_engine_says(provisioning: Provisioning, endpoint: str) -> None:
    options = struct_pb2.Struct()
    options["beam:option:s3_endpoint_url:v1"] = "http://store"
    provisioning.info = beam_provision_api_pb2.ProvisionInfo(
        pipeline_options=options,
        control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="engine:2"),
        status_endpoint=endpoints_pb2.ApiServiceDescriptor(url="engine:3"),
        runner_capabilities=["a", "b"],
        metadata={"job_id": "j-1"},
    )
    info = provisioned(endpoint, "w-1")
    assert provisioning.asked == ["w-1"]
    told = environment_of(asked(logging="given:4", control="given:5"), info)
    assert json.loads(told.pop("PIPELINE_OPTIONS")) == {"beam:option:s3_endpoint_url:v1": "http://store"}
    assert told == {
        "WORKER_ID": "w-1",
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "given:4"\n',
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "engine:2"\n',
        "STATUS_API_SERVICE_DESCRIPTOR": 'url: "engine:3"\n',
        "RUNNER_CAPABILITIES": "a b",
        "ARTIFACT_ENDPOINT": "",
        "JOB_ID": "j-1",
    }


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WinnowError, match=r"^the engine at engine:1 names no control endpoint$"):
        environment_of(asked(logging="given:4"), beam_provision_api_pb2.ProvisionInfo())
    monkeypatch.setattr(boot, "PATIENCE", 0.2)
    with pytest.raises(WinnowError, match=r"^the engine at localhost:1 says nothing to w-1: "):
        provisioned("localhost:1", "w-1")


def test_staged_files_are_fetched_and_packages_refused(
    provisioning: Provisioning, endpoint: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5_000_000)  # more than one part
    digest = hashlib.sha256(b"x" * 5_000_000).hexdigest()
    listing = staged(tmp_path / "none", "submission_environment_dependencies.txt")
    info = provisioning.info
    assert stage(endpoint, "w-1", info) is None
    info.dependencies.append(listing)
    assert stage(endpoint, "w-1", info) is None
    info.dependencies.append(staged(tmp_path / "a", "../session", digest))
    folder = stage(endpoint, "w-1", provisioned(endpoint, "w-1"))
    assert folder is not None
    assert [path.name for path in folder.rglob("*")] == ["staged", "session"]
    assert (folder / "staged" / "session").read_bytes() == (tmp_path / "a").read_bytes()
    rmtree(folder)
    for name, sentence in (
        ("my.whl", "my.whl is to be installed"),
        ("requirements.txt", "is to be installed"),
    ):
        info.dependencies[1].CopyFrom(staged(tmp_path / "a", name))
        with pytest.raises(WinnowError, match=sentence):
            stage(endpoint, "w-1", info)


def test_a_file_that_comes_damaged_or_not_at_all_leaves_nothing(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "a").write_bytes(b"x")
    info = beam_provision_api_pb2.ProvisionInfo(dependencies=[staged(tmp_path / "a", "s", "0" * 64)])
    with pytest.raises(WinnowError, match=r"^s came from .* with another digest"):
        stage(endpoint, "w-1", info)
    info = beam_provision_api_pb2.ProvisionInfo(dependencies=[staged(tmp_path / "none", "s")])
    with pytest.raises(WinnowError, match=r"^s cannot be had from localhost"):
        stage(endpoint, "w-1", info)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
