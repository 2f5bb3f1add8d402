"""What an engine starts on its machines (`winnow-worker`): asks what to run, then is Beam's worker.

Beam's own program for this (`boot`) comes only in Beam's containers; this one starts a worker where the
package is installed. Arguments and environment are those that `boot` is given and gives (Beam 2.77,
sdks/python/container/boot.go). It installs nothing, and does not start a worker anew that died.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from shutil import rmtree
from typing import NoReturn

import grpc
from apache_beam.portability import common_urns
from apache_beam.portability.api import (
    beam_artifact_api_pb2,
    beam_artifact_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    beam_runner_api_pb2,
    endpoints_pb2,
)
from google.protobuf import json_format, text_format

from pipeline.errors import WinnowError
from pipeline.worker import main as work

# The folder that the job was sent from, to which its relative paths belong (pipeline/portable.py).
FOLDER = "WINNOW_FOLDER"
# How long an engine that has just started this process may take to answer it.
PATIENCE = 120.0
# Beam's list of what the sender has installed: to be read by a person, and never needed.
_LISTING = "submission_environment_dependencies.txt"
_PACKAGES = (".whl", ".tar.gz", ".tar", ".zip", "requirements.txt", "extra_packages.txt")


def main() -> None:
    """Be a worker until the engine ends it; stops with one sentence where it cannot start."""
    asked = _parser().parse_args()
    # Prism 2.77 hands the id over with the quotes of a shell command.
    asked.id = asked.id.strip("'")
    try:
        info = provisioned(asked.provision_endpoint, asked.id)
        environment = environment_of(asked, info)
        staged = stage(environment.pop("ARTIFACT_ENDPOINT"), asked.id, info)
    except WinnowError as error:
        sys.exit(f"winnow-worker: {error}")
    if staged:
        environment["SEMI_PERSISTENT_DIRECTORY"] = str(staged)
        signal.signal(signal.SIGTERM, lambda *_: _leave(staged))
    os.environ.update(environment)
    folder = os.environ.get(FOLDER)
    if folder and Path(folder).is_dir():
        os.chdir(folder)
    try:
        work()
    finally:
        if staged:
            rmtree(staged, ignore_errors=True)


def _leave(staged: Path) -> NoReturn:
    rmtree(staged, ignore_errors=True)
    os._exit(143)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="winnow-worker",
        allow_abbrev=False,
        description="Started by an engine (--environment_type PROCESS), not by hand: docs/running.md.",
    )
    parser.add_argument("--id", required=True, help="the worker's name at the engine")
    parser.add_argument("--provision_endpoint", required=True, help="where to ask for everything else")
    for name in ("logging", "artifact", "control"):
        parser.add_argument(f"--{name}_endpoint", default="", help="used where the answer names none")
    parser.add_argument(
        "--semi_persist_dir", help=argparse.SUPPRESS
    )  # of containers: each worker has its own
    return parser


def provisioned(endpoint: str, worker: str) -> beam_provision_api_pb2.ProvisionInfo:
    """What the engine at `endpoint` wants of the worker; raises WinnowError where it does not answer."""
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        try:
            answer = service.GetProvisionInfo(
                beam_provision_api_pb2.GetProvisionInfoRequest(),
                metadata=[("worker_id", worker)],
                timeout=PATIENCE,
                wait_for_ready=True,
            )
        except grpc.RpcError as error:
            raise WinnowError(f"the engine at {endpoint} says nothing to {worker}: {_said(error)}") from error
    return answer.info


def environment_of(asked: argparse.Namespace, info: beam_provision_api_pb2.ProvisionInfo) -> dict[str, str]:
    """The variables that Beam's worker reads, and ARTIFACT_ENDPOINT.

    Raises WinnowError where the engine names no address that every worker needs.
    """
    urls = {
        name: getattr(info, f"{name}_endpoint").url or getattr(asked, f"{name}_endpoint")
        for name in ("logging", "artifact", "control")
    }
    if missing := [name for name in ("logging", "control") if not urls[name]]:
        raise WinnowError(f"the engine at {asked.provision_endpoint} names no {missing[0]} endpoint")
    variables = {
        "WORKER_ID": asked.id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "LOGGING_API_SERVICE_DESCRIPTOR": _descriptor(urls["logging"]),
        "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(urls["control"]),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        "ARTIFACT_ENDPOINT": urls["artifact"],
    }
    if info.status_endpoint.url:
        variables["STATUS_API_SERVICE_DESCRIPTOR"] = _descriptor(info.status_endpoint.url)
    names = {"JOB_NAME": info.metadata.get("job_name", ""), "JOB_ID": info.metadata.get("job_id", "")}
    return variables | {name: value for name, value in names.items() if value}


def stage(endpoint: str, worker: str, info: beam_provision_api_pb2.ProvisionInfo) -> Path | None:
    """Fetch what the job's sender staged into `staged/` of a new folder; None where there is nothing.

    Raises WinnowError for a package, which nobody installs here, and for a file that came otherwise than it
    was sent.
    """
    wanted = {name: artifact for name, artifact in _named(info.dependencies) if name != _LISTING}
    if not wanted:
        return None
    roles = common_urns.artifact_roles
    for name, artifact in wanted.items():
        if name.endswith(_PACKAGES) or artifact.role_urn == roles.PIP_REQUIREMENTS_FILE.urn:
            raise WinnowError(f"{name} is to be installed: do that on every machine, and do not stage it")
    folder = Path(tempfile.mkdtemp(prefix="winnow-worker-"))
    (folder / "staged").mkdir()
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_artifact_api_pb2_grpc.ArtifactRetrievalServiceStub(channel)
        for name, artifact in wanted.items():
            request = beam_artifact_api_pb2.GetArtifactRequest(artifact=artifact)
            try:
                parts = service.GetArtifact(request, metadata=[("worker_id", worker)])
                data = b"".join(part.data for part in parts)
            except grpc.RpcError as error:
                rmtree(folder)
                raise WinnowError(f"{name} cannot be had from {endpoint}: {_said(error)}") from error
            digest = beam_runner_api_pb2.ArtifactFilePayload.FromString(artifact.type_payload).sha256
            if digest and digest != hashlib.sha256(data).hexdigest():
                rmtree(folder)
                raise WinnowError(f"{name} came from {endpoint} with another digest than it was sent with")
            (folder / "staged" / name).write_bytes(data)
    return folder


def _named(
    artifacts: Iterable[beam_runner_api_pb2.ArtifactInformation],
) -> Iterable[tuple[str, beam_runner_api_pb2.ArtifactInformation]]:
    for artifact in artifacts:
        role = beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(artifact.role_payload)
        yield Path(role.staged_name or "requirements.txt").name, artifact


def _descriptor(url: str) -> str:
    return text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url))


def _said(error: grpc.RpcError) -> str:
    details = error.details() if isinstance(error, grpc.Call) else None
    return details or str(error)


if __name__ == "__main__":
    main()
