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
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.portability.api import beam_fn_api_pb2, beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo, FnApiRunner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.transforms import environments

from pipeline import beam_memory
from pipeline.errors import USER_MESSAGE, WinnowError
from pipeline.portable import start_job_server, starts_job_server
from pipeline.worker import DRIVER

LOCAL_RUNNERS = ("DirectRunner", "FnApiRunner")
# Below this many bytes of input, starting worker processes (2 s a phase) costs more than the second core
# gives.
SMALL_INPUT = 100_000_000
WORKER_DIED = "a worker process died; run again to resume"


class Engine:
    """Runs pipelines with one set of Beam options.

    `workers`: processes of the local runner; 0 for one a core, where there is enough to read. Raises
    WinnowError with the user's sentence where a unit failed with one, KeyboardInterrupt where the user
    stopped it, whatever Beam made of that; anything else is passed on.
    """

    def __init__(self, options: PipelineOptions, workers: int = 0) -> None:
        beam_memory.remember()
        self._options = options
        self._runner = options.view_as(StandardOptions).runner or "DirectRunner"
        self.workers = workers or os.cpu_count() or 1
        self._forced = workers > 0
        self._stop_job_server: Callable[[], object] | None = None

    def close(self) -> None:
        """Stop what this engine started beside its pipelines."""
        if self._stop_job_server:
            self._stop_job_server()
            self._stop_job_server = None

    def run(self, build: Callable[[beam.Pipeline], object], size: int, elements: int) -> None:
        """Build and run one pipeline over `elements` work items that read `size` bytes together."""
        if self._stop_job_server is None and starts_job_server(self._options, self._runner):
            self._stop_job_server = start_job_server(self._options, self._runner)
        runner = self._make_runner(size, elements)
        try:
            pipeline = beam.Pipeline(runner=runner, options=self._options)
        except ValueError as error:
            said = " ".join(str(error).split()).removeprefix("Pipeline has validations errors: ")
            raise WinnowError(f"Beam refuses its options: {said}") from error
        interrupted = threading.Event()
        try:
            with _noting_interrupts(interrupted), pipeline:
                build(pipeline)
        except KeyboardInterrupt:
            # An engine of its own would go on writing where the next run begins.
            with suppress(Exception):
                pipeline.result.cancel()
            raise
        except Exception as error:
            if interrupted.is_set():
                raise KeyboardInterrupt from error
            message = re.search(f"{USER_MESSAGE}(.*?){USER_MESSAGE}", str(error), re.DOTALL)
            if message:
                raise WinnowError(message[1].strip()) from error
            raise

    def works_here(self, size: int, elements: int) -> bool:
        """Whether the work items of such a pipeline are done in this process, one after the other."""
        if self._runner not in LOCAL_RUNNERS:
            return False
        return min(self.workers, elements) == 1 or size < (1 if self._forced else SMALL_INPUT)

    def _make_runner(self, size: int, elements: int) -> object:
        if self._runner not in LOCAL_RUNNERS:
            return self._runner
        workers = min(self.workers, elements)
        if self.works_here(size, elements):
            self._options.view_as(DirectOptions).direct_num_workers = 1
            return FnApiRunner(environments.EmbeddedPythonEnvironment.default())
        self._options.view_as(DirectOptions).direct_num_workers = workers
        self._options.view_as(WorkerOptions).default_sdk_harness_log_level = "ERROR"
        _let_workers_import_us()
        _watch_workers()
        os.environ[DRIVER] = str(os.getpid())
        command = f"{shlex.quote(sys.executable)} -m pipeline.worker"
        return FnApiRunner(
            environments.SubprocessSDKEnvironment.from_command_string(command_string=command),
            provision_info=ExtendedProvisionInfo(
                beam_provision_api_pb2.ProvisionInfo(
                    retrieval_token="unused-retrieval-token",
                    pipeline_options=JobServiceHandle.encode_pipeline_options(
                        self._options.get_all_options(drop_default=True)
                    ),
                )
            ),
        )


@contextmanager
def _noting_interrupts(interrupted: threading.Event) -> Iterator[None]:
    """Set `interrupted` at Ctrl-C, which still interrupts as before but leaves the process silent.

    Raised inside a DoFn in this process it ends as the text of some RuntimeError, and a worker process that
    it ended as one that died.
    """
    handled = threading.current_thread() is threading.main_thread()  # only there are signals
    if not handled or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for a job in the background
        yield
        return

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        # What is torn down from here on Beam's log and its threads would tell in tracebacks.
        logging.disable()
        threading.excepthook = lambda args: None
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _let_workers_import_us() -> None:
    root = str(Path(__file__).resolve().parent.parent)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *paths])


def _watch_workers() -> None:
    """Make FnApiRunner notice a dead worker process: only its docker handler looks after its process."""
    handler = worker_handlers.SubprocessSdkWorkerHandler
    if getattr(handler, "watched_by_winnow", False):
        return
    start_worker, stop_worker = handler.start_worker, handler.stop_worker

    def start_and_watch(self: worker_handlers.SubprocessSdkWorkerHandler) -> None:
        self.stopped = threading.Event()
        start_worker(self)

        def watch() -> None:
            self.worker_thread.join()
            # What is asked of a dead worker later would wait as well: go on until the runner gives up.
            while not self.stopped.wait(0.2):
                for future in list(self.control_conn._futures_by_id.values()):
                    # An answer with an error also ends the wait for data, which an aborted future does not.
                    future.set(
                        beam_fn_api_pb2.InstructionResponse(
                            instruction_id=future.instruction_id,
                            error=f"{USER_MESSAGE}{WORKER_DIED}{USER_MESSAGE}",
                        )
                    )

        threading.Thread(target=watch, name="watch_worker", daemon=True).start()

    def stop(self: worker_handlers.SubprocessSdkWorkerHandler) -> None:
        # A worker that had not connected yet would never be told to end, and be waited for.
        self.control_conn.push(worker_handlers.BeamFnControlServicer._DONE_MARKER)
        stop_worker(self)
        self.stopped.set()

    def keep_quiet(args: threading.ExceptHookArgs) -> None:
        # The thread that waits for a worker says in a traceback what the watch says in a sentence.
        if args.thread is None or args.thread.name != "run_worker":
            threading.__excepthook__(args)

    handler.start_worker, handler.stop_worker = start_and_watch, stop
    handler.watched_by_winnow = True
    threading.excepthook = keep_quiet
