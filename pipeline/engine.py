"""Starting pipelines: Beam's local runner made fit for long work, every other runner by its usual options.

`DirectRunner` here is Beam's FnApiRunner, pinned: what Beam would pick first depends on the network. What it
lacks is added (measured with Beam 2.77, docs/design.md section 8): workers get the pipeline options, and a
dead worker ends the run instead of hanging it.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.job.utils import dict_to_struct
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo, FnApiRunner
from apache_beam.transforms import environments

from pipeline.errors import WinnowError
from pipeline.transforms.run_units import USER_MESSAGE

LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")
# Below this many bytes of input, starting worker processes (2 s a phase) costs more than the second core
# gives.
SMALL_INPUT = 100_000_000


class Engine:
    """Runs pipelines with one set of Beam options.

    `workers`: processes of the local runner, 0 for one a core. Raises WinnowError with the user's sentence
    where a unit failed with one; anything else a pipeline raises is passed on.
    """

    def __init__(self, options: PipelineOptions, workers: int = 0) -> None:
        self._options = options
        self._runner = options.view_as(StandardOptions).runner or "DirectRunner"
        self.workers = workers or os.cpu_count() or 1
        self._forced = workers > 0

    def run(self, build: Callable[[beam.Pipeline], object], size: int, elements: int) -> None:
        """Build and run one pipeline over `elements` work items that read `size` bytes together."""
        try:
            with beam.Pipeline(runner=self._make_runner(size, elements), options=self._options) as pipeline:
                build(pipeline)
        except Exception as error:
            message = re.search(f"{USER_MESSAGE}(.*?){USER_MESSAGE}", str(error), re.DOTALL)
            if message:
                raise WinnowError(message[1].strip()) from error
            raise

    def _make_runner(self, size: int, elements: int) -> object:
        if self._runner not in LOCAL_RUNNERS:
            return self._runner
        workers = min(self.workers, elements)
        if workers == 1 or (size < SMALL_INPUT and not self._forced):
            self._options.view_as(DirectOptions).direct_num_workers = 1
            return FnApiRunner(environments.EmbeddedPythonEnvironment.default())
        self._options.view_as(DirectOptions).direct_num_workers = workers
        self._options.view_as(WorkerOptions).default_sdk_harness_log_level = "ERROR"
        _let_workers_import_us()
        _watch_workers()
        command = f"{shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main"
        return FnApiRunner(
            environments.SubprocessSDKEnvironment.from_command_string(command_string=command),
            provision_info=ExtendedProvisionInfo(
                beam_provision_api_pb2.ProvisionInfo(
                    retrieval_token="unused-retrieval-token",
                    pipeline_options=dict_to_struct(self._options.get_all_options(drop_default=True)),
                )
            ),
        )


def _let_workers_import_us() -> None:
    root = str(Path(__file__).resolve().parent.parent)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *paths])


def _watch_workers() -> None:
    """Make FnApiRunner notice a worker process that died: only its docker handler looks after its process."""
    handler = worker_handlers.SubprocessSdkWorkerHandler
    if getattr(handler, "watched_by_winnow", False):
        return
    start_worker = handler.start_worker

    def start_and_watch(self: worker_handlers.SubprocessSdkWorkerHandler) -> None:
        start_worker(self)

        def watch() -> None:
            self.worker_thread.join()
            self.control_conn.abort(
                RuntimeError(f"{USER_MESSAGE}a worker process died; run again to resume{USER_MESSAGE}")
            )

        threading.Thread(target=watch, name="watch_worker", daemon=True).start()

    handler.start_worker = start_and_watch
    handler.watched_by_winnow = True


def quiet_beam() -> None:
    """Keep Beam's own chatter off the terminal; its errors still come through."""
    logging.basicConfig(level=logging.ERROR)
    for name in ("apache_beam", "root"):
        logging.getLogger(name).setLevel(logging.ERROR)
