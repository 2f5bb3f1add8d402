"""Engines reached through Beam's job service (Spark, Flink, Prism): what Beam would guess is settled here.

Beam 2.77 by itself takes a Spark of four threads here where no master is named, a container without this
package where no environment is, one worker process a machine, and for Flink a job server for each pipeline.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
)
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkJarJobServer, FlinkRunner
from apache_beam.runners.portability.spark_runner import LOCAL_MASTER_PATTERN, SparkJarJobServer
from apache_beam.version import __version__ as BEAM

from pipeline.boot import FOLDER
from pipeline.errors import WinnowError

PORTABLE_RUNNERS = ("SparkRunner", "FlinkRunner", "PortableRunner")
WORKER = "winnow-worker"
# Where `make engines` puts job servers, in the working folder.
JARS = ".engines"
_IMAGE_MISSING = (
    "--environment_type DOCKER needs --environment_config REGISTRY/IMAGE: Beam's own image does not hold "
    "this package (deploy/Dockerfile makes one that does)"
)


def settle(options: PipelineOptions, runner: str, flags: list[str]) -> None:
    """Fill in what `flags` leave open for a portable `runner`: job server, worker environment, processes.

    Raises WinnowError where only the user can know.
    """
    portable = options.view_as(PortableOptions)
    if portable.output_executable_path:
        raise WinnowError("--output_executable_path makes a jar of one pipeline, and a run is several")
    given = {flag.split("=")[0].lstrip("-") for flag in flags if flag.startswith("--")}
    local = False
    if runner == "SparkRunner":
        local = _settle_spark(options, given)
    elif runner == "FlinkRunner":
        local = _settle_flink(options, given)
    elif not portable.job_endpoint:
        raise WinnowError("--runner PortableRunner needs --job_endpoint HOST:PORT of a running job server")
    _settle_workers(portable, local, "sdk_worker_parallelism" in given)


def starts_job_server(options: PipelineOptions, runner: str) -> bool:
    """Whether a job server must be started here before `runner` can be sent a job."""
    if options.view_as(PortableOptions).job_endpoint:
        return False
    if runner == "SparkRunner":
        return not options.view_as(SparkRunnerOptions).spark_submit_uber_jar
    return runner == "FlinkRunner" and not options.view_as(FlinkRunnerOptions).flink_submit_uber_jar


def start_job_server(options: PipelineOptions, runner: str) -> Callable[[], object]:
    """Start Beam's job server for `runner`, one for all pipelines of a run, and name it in `options`.

    Returns what stops it. Raises WinnowError where it cannot be had or does not start.
    """
    serving = options.view_as(JobServerOptions)
    if not shutil.which(serving.job_server_java_launcher):
        raise WinnowError(f"--runner {runner} needs Java: no {serving.job_server_java_launcher} here")
    serving.job_port = serving.job_port or _free_port()
    server = (SparkJarJobServer if runner == "SparkRunner" else FlinkJarJobServer)(options)
    try:
        server.start()
    except (OSError, RuntimeError, ValueError) as error:
        raise WinnowError(f"the job server of {runner} does not start: {error}") from error
    options.view_as(PortableOptions).job_endpoint = f"localhost:{serving.job_port}"
    stop: Callable[[], object] = server.stop
    return stop


def _settle_spark(options: PipelineOptions, given: set[str]) -> bool:
    spark = options.view_as(SparkRunnerOptions)
    served = options.view_as(PortableOptions).job_endpoint or spark.spark_submit_uber_jar
    if not served and "spark_master_url" not in given:
        raise WinnowError(
            "--runner SparkRunner needs --spark_master_url, as spark://HOST:7077, yarn, or 'local[2]' for a "
            "Spark of two threads here; or --job_endpoint HOST:PORT of a running job server"
        )
    if not spark.spark_job_server_jar:
        spark.spark_job_server_jar = _jar("SPARK_JOB_SERVER", "beam-runners-spark-3-job-server")
    return "spark_master_url" in given and bool(re.match(LOCAL_MASTER_PATTERN, spark.spark_master_url))


def _settle_flink(options: PipelineOptions, given: set[str]) -> bool:
    flink = options.view_as(FlinkRunnerOptions)
    if not options.view_as(PortableOptions).job_endpoint and "flink_master" not in given:
        raise WinnowError(
            "--runner FlinkRunner needs --flink_master, as HOST:8081, or '[local]' for a Flink inside the "
            "job server here; or --job_endpoint HOST:PORT of a running job server"
        )
    flink.flink_master = FlinkRunner.add_http_scheme(flink.flink_master)
    if not flink.flink_job_server_jar:
        name = f"beam-runners-flink-{flink.flink_version}-job-server"
        flink.flink_job_server_jar = _jar("FLINK_JOB_SERVER", name)
    return "flink_master" in given and flink.flink_master in MAGIC_HOST_NAMES


def _jar(variable: str, name: str) -> str | None:
    """The job server: what `variable` names, else what `make engines` fetched, else None: Beam fetches it."""
    if named := os.environ.get(variable):
        if not Path(named).is_file():
            raise WinnowError(f"{variable} names {named}, which is no file")
        return named
    fetched = Path(JARS) / f"{name}-{BEAM}.jar"
    return str(fetched) if fetched.is_file() else None


def _settle_workers(portable: PortableOptions, local: bool, chosen: bool) -> None:
    if not portable.environment_type and not portable.environment_config and not portable.environment_options:
        portable.environment_type = "LOOPBACK" if local else "PROCESS"
    if portable.environment_type == "DOCKER" and not (
        portable.environment_config or portable.environment_options
    ):
        raise WinnowError(_IMAGE_MISSING)
    if portable.environment_type == "PROCESS" and not portable.environment_options:
        portable.environment_config = _process(portable.environment_config)
    if portable.environment_type in ("PROCESS", "DOCKER") and not chosen:
        # As many as the engine thinks fit: one, Beam's default, is one core's worth of Python a machine.
        portable.sdk_worker_parallelism = 0


def _process(config: str | None) -> str:
    """The environment of worker processes: our worker where the installation here has it, in this folder."""
    try:
        process = orjson.loads(config or "{}")
        variables = process.get("env", {})
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise WinnowError(
            f'--environment_config {config}: PROCESS wants JSON, as {{"command": "/path/{WORKER}"}}'
        ) from error
    if "command" not in process:
        process["command"] = str(Path(sys.prefix) / "bin" / WORKER)
        if not Path(process["command"]).is_file():  # an engine might wait for ever for what cannot start
            raise WinnowError(f"{process['command']} is not here: install this package, here and on workers")
    process["env"] = {FOLDER: str(Path.cwd()), **variables}
    return orjson.dumps(process).decode()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])
