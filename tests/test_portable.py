"""Engines behind a job service: what is settled before they are asked, and runs through Beam's job server.

It stands where Spark's and Flink's would; tests/test_engines.py has the engines themselves.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PortableOptions,
)
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.version import __version__ as BEAM
from conftest import RunJob, folder_digests, write_corpus
from test_engine import double, listed

from pipeline.beam_options import beam_options
from pipeline.boot import FOLDER
from pipeline.engine import Engine
from pipeline.errors import WinnowError
from pipeline.options import parse_options
from pipeline.plan import plan_phases
from pipeline.progress import Progress
from pipeline.run import make_run
from pipeline.transforms.run_units import RunUnits
from pipeline.units import Outputs, Unit

CONFIG = "sequence_length: 256\nsources:\n  commoncrawl: {proportion: 1}\n"
JAR = f".engines/beam-runners-flink-2.2-job-server-{BEAM}.jar"
# What is started as `java`: notes how it was called, and serves jobs at the port it was given.
LAUNCHER = """\
#!{python}
import json, sys, threading
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
LocalJobServicer().start_grpc_server(int(sys.argv[sys.argv.index("--job-port") + 1]))
threading.Event().wait()
"""


# Beam closes a channel that did not come up while a thread of gRPC's still looks at it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


def program(path: Path, text: str) -> str:
    """An executable file that holds `text`."""
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A small run's input and config."""
    (tmp_path / "small.yaml").write_text(CONFIG)
    pattern = write_corpus(tmp_path / "in", files=2, pages=8)
    source = ["--sources", "commoncrawl", "--input", f"commoncrawl={pattern}"]
    return [*source, "--config", str(tmp_path / "small.yaml")]


@pytest.fixture
def job_server() -> Iterator[LocalJobServicer]:
    """A job server in this process."""
    server = LocalJobServicer()
    yield server
    server.stop()


@pytest.fixture
def endpoint(job_server: LocalJobServicer) -> str:
    """Its address."""
    return f"localhost:{job_server.start_grpc_server()}"


def as_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "spark.jar").write_bytes(b"")
    monkeypatch.setenv("SPARK_JOB_SERVER", str(tmp_path / "spark.jar"))
    return ["--runner", "spark", "--spark_master_url", "local[2]"]


def as_flink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("FLINK_JOB_SERVER", raising=False)
    monkeypatch.chdir(tmp_path)  # where `make engines` was run
    (tmp_path / ".engines").mkdir()
    (tmp_path / JAR).write_bytes(b"")
    return ["--runner", "FlinkRunner", "--flink_master", "[local]"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["spark", "flink"])
def test_a_run_starts_one_job_server_and_writes_what_a_local_run_does(
    engine: str, arguments: list[str], tmp_path: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job(*arguments, "--output", str(tmp_path / "local"), "--workers", "1", "--exchange", "shuffle")
    chosen = {"spark": as_spark, "flink": as_flink}[engine](tmp_path, monkeypatch)
    calls = tmp_path / "calls"
    java = program(tmp_path / "java", LAUNCHER.format(python=sys.executable, calls=str(calls)))
    run_job(*arguments, "--output", str(tmp_path / "out"), *chosen, "--job_server_java_launcher", java)
    assert folder_digests(tmp_path / "out") == folder_digests(tmp_path / "local")
    (call,) = [json.loads(line) for line in calls.read_text().splitlines()]
    jar = {"spark": str(tmp_path / "spark.jar"), "flink": JAR}
    assert call[call.index("-jar") + 1] == jar[engine]
    master = {"spark": ("--spark-master-url", "local[2]"), "flink": ("--flink-master", "[local]")}[engine]
    assert call[call.index(master[0]) + 1] == master[1]


@pytest.mark.slow
def test_worker_processes_are_told_everything_by_the_engine(
    arguments: list[str], endpoint: str, tmp_path: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As beside task managers in containers: a pool that is asked for a worker starts our program."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    # The id in quotes, as Prism gives it; the rest as containers get it.
    start = (
        f'#!/bin/sh\necho "$@" >>{tmp_path}/started\nid=${{1#--id=}}\nshift\n'
        f'exec {sys.executable} -m pipeline.boot "--id=\'$id\'" "$@"\n'
    )
    address, pool = BeamFnExternalWorkerPoolServicer.start(
        use_process=True, container_executable=program(tmp_path / "worker", start)
    )
    phases = ["--phases", "prepare"]
    run_job(*arguments, *phases, "--output", str(tmp_path / "local"), "--workers", "1")
    served = ["--runner", "PortableRunner", "--job_endpoint", endpoint]
    outside = ["--environment_type", "EXTERNAL", "--environment_config", address]
    # A job server waits for ever for a worker that does not come.
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("no worker came"))
    signal.alarm(120)
    try:
        run_job(*arguments, *phases, "--output", str(tmp_path / "out"), *served, *outside)
    finally:
        signal.alarm(0)
        pool.stop(0)
    assert "--provision_endpoint=" in (tmp_path / "started").read_text()
    assert folder_digests(tmp_path / "out") == folder_digests(tmp_path / "local")


def test_what_a_unit_could_not_do_is_said_in_its_own_words_through_a_job_server(
    endpoint: str, tmp_path: Path
) -> None:
    path = listed(tmp_path, [1, 13])

    def build(pipeline: beam.Pipeline) -> None:
        _ = pipeline | beam.Create([path]) | RunUnits(str(tmp_path), {"s": double}, {})

    flags = ["--job_endpoint", endpoint, "--environment_type", "LOOPBACK"]
    with pytest.raises(WinnowError) as error:
        Engine(beam_options(flags, "PortableRunner")).run(build, 0, 2)
    assert str(error.value) == "13 is no number to work with"


def interrupt(unit: Unit, outputs: Outputs) -> dict[str, Any]:
    """A work in the midst of which somebody presses Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    return {}


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_job_on_the_engine_too(
    job_server: LocalJobServicer, endpoint: str, tmp_path: Path
) -> None:
    path = listed(tmp_path, [1])
    flags = ["--job_endpoint", endpoint, "--environment_type", "LOOPBACK"]
    with pytest.raises(KeyboardInterrupt):
        Engine(beam_options(flags, "PortableRunner")).run(
            lambda p: p | beam.Create([path]) | RunUnits(str(tmp_path), {"s": interrupt}, {}), 0, 1
        )
    assert [job.state for job in job_server._jobs.values()] == [beam_job_api_pb2.JobState.CANCELLED]


def workers(flags: list[str], runner: str) -> tuple[str | None, str | None, int]:
    """The worker environment that `flags` come to."""
    portable = beam_options(flags, runner).view_as(PortableOptions)
    parallelism = int(portable.sdk_worker_parallelism)
    return portable.environment_type, portable.environment_config, parallelism


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The worker's program, where an installation has it."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "winnow-worker").touch()
    return str(tmp_path / "bin" / "winnow-worker")


def test_workers_are_in_this_process_on_an_engine_inside_its_job_server_else_processes_of_ours(
    installed: str,
) -> None:
    ours = json.dumps({"command": installed, "env": {FOLDER: str(Path.cwd())}}, separators=(",", ":"))
    assert workers(["--spark_master_url", "local[2]"], "SparkRunner") == ("LOOPBACK", None, 1)
    assert workers(["--flink_master=[local]"], "FlinkRunner") == ("LOOPBACK", None, 1)
    assert workers(["--spark_master_url=spark://host:7077"], "SparkRunner") == ("PROCESS", ours, 0)
    assert workers(["--flink_master=host:8081"], "FlinkRunner") == ("PROCESS", ours, 0)
    assert workers(["--job_endpoint=host:8099"], "SparkRunner") == ("PROCESS", ours, 0)
    assert workers(["--job_endpoint=host:8099"], "PortableRunner") == ("PROCESS", ours, 0)
    Path(installed).unlink()
    with pytest.raises(WinnowError, match=rf"^{installed} is not here: install this package"):
        workers(["--job_endpoint=host:8099"], "PortableRunner")


def test_what_a_user_says_of_workers_is_kept() -> None:
    served = ["--job_endpoint=host:8099"]
    image = ["--environment_type=DOCKER", "--environment_config=registry/winnow:1"]
    assert workers([*served, *image], "FlinkRunner") == ("DOCKER", "registry/winnow:1", 0)
    assert workers([*served, *image, "--sdk_worker_parallelism=1"], "FlinkRunner")[2] == 1
    outside = ["--environment_type=EXTERNAL", "--environment_config=localhost:50000"]
    assert workers([*served, *outside], "FlinkRunner") == ("EXTERNAL", "localhost:50000", 1)
    named = ["--environment_type=PROCESS", '--environment_config={"command":"/opt/worker","env":{"A":"b"}}']
    _, config, _ = workers([*served, *named], "SparkRunner")
    assert json.loads(config or "") == {"command": "/opt/worker", "env": {FOLDER: str(Path.cwd()), "A": "b"}}
    command = ["--environment_type=PROCESS", "--environment_option=process_command=/opt/worker"]
    assert workers([*served, *command], "SparkRunner")[:2] == ("PROCESS", None)


def test_a_job_server_is_the_one_named_else_the_one_fetched_else_beams_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def jar(*flags: str) -> str | None:
        found: str | None = (
            beam_options(["--flink_master=[local]", *flags], "FlinkRunner")
            .view_as(FlinkRunnerOptions)
            .flink_job_server_jar
        )
        return found

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLINK_JOB_SERVER", raising=False)
    assert jar() is None
    fetched = Path(".engines") / f"beam-runners-flink-1.20-job-server-{BEAM}.jar"
    fetched.parent.mkdir()
    fetched.write_bytes(b"")
    assert jar() is None
    assert jar("--flink_version=1.20") == str(fetched)
    monkeypatch.setenv("FLINK_JOB_SERVER", str(fetched))
    assert jar() == str(fetched)
    assert jar("--flink_job_server_jar=/opt/my.jar") == "/opt/my.jar"
    monkeypatch.setenv("FLINK_JOB_SERVER", "none.jar")
    with pytest.raises(WinnowError, match=r"^FLINK_JOB_SERVER names none\.jar, which is no file$"):
        jar()


@pytest.mark.parametrize(
    ("flags", "runner", "sentence"),
    [
        ([], "SparkRunner", "--runner SparkRunner needs --spark_master_url"),
        ([], "FlinkRunner", "--runner FlinkRunner needs --flink_master"),
        ([], "PortableRunner", "--runner PortableRunner needs --job_endpoint"),
        (
            ["--job_endpoint=h:1", "--environment_type=DOCKER"],
            "SparkRunner",
            "DOCKER needs",
        ),
        (
            ["--job_endpoint=h:1", "--environment_type=PROCESS", "--environment_config=x"],
            "SparkRunner",
            "JSON",
        ),
        (["--job_endpoint=h:1", "--output_executable_path=x.jar"], "FlinkRunner", "a run is several"),
        ([], "DataflowRunner", "--runner DataflowRunner needs --sdk_container_image"),
    ],
)
def test_what_only_the_user_can_know_is_asked_for(flags: list[str], runner: str, sentence: str) -> None:
    with pytest.raises(WinnowError, match=sentence):
        beam_options(flags, runner)


def test_runners_go_by_the_names_that_beam_takes() -> None:
    for typed, name in (("spark", "SparkRunner"), ("DIRECTRUNNER", "DirectRunner"), ("a.B", "a.B")):
        assert parse_options(["--runner", typed]).runner == name
    with pytest.raises(WinnowError, match=r"^--runner Sprak: no runner is called so; there are Dire"):
        parse_options(["--runner", "Sprak"])


def test_a_job_server_that_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = [*as_spark(tmp_path, monkeypatch)[2:], "--job_server_java_launcher", "no-such-java"]
    with pytest.raises(WinnowError, match=r"^--runner SparkRunner needs Java: no no-such-java here$"):
        Engine(beam_options(flags, "SparkRunner")).run(lambda _: None, 0, 1)
    flags[-1] = program(tmp_path / "java", "#!/bin/sh\nexit 3\n")
    monkeypatch.setattr("apache_beam.utils.subprocess_server.time.sleep", lambda _: None)
    with pytest.raises(WinnowError, match=r"^the job server of SparkRunner does not start: .* 3$"):
        Engine(beam_options(flags, "SparkRunner")).run(lambda _: None, 0, 1)


def test_a_plan_starts_no_job_server(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pipeline.engine.start_job_server", lambda *_: pytest.fail("a job server was started")
    )
    chosen = as_spark(tmp_path, monkeypatch)
    options = parse_options([*arguments, "--plan", "--output", str(tmp_path / "out"), *chosen])
    run = make_run(options, Progress())
    assert plan_phases(run, options.phases, fresh=False)
