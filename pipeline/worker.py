"""A worker process of the local runner: Beam's, without its chatter on the terminal."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import suppress

import psutil

from pipeline.look.show import terminal_handler

# The variable that has the main process's id: between it and a worker there may be a shell.
DRIVER = "WINNOW_DRIVER"


def _end_with(driver: int) -> None:
    """End this process when the main one is gone: it would go on writing where another run may have begun."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(driver).wait()
    os._exit(1)


def main() -> None:
    """Run Beam's worker; what it logs below ERROR goes to the runner only.

    Ctrl-C reaches the whole process group: it is the main process's to answer, a worker just ends.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    if driver := os.environ.get(DRIVER):
        threading.Thread(target=_end_with, args=(int(driver),), name="end_with", daemon=True).start()
    logging.getLogger().addHandler(terminal_handler())
    from apache_beam.runners.worker import sdk_worker, sdk_worker_main  # noqa: PLC0415  # they log on import

    # What it prints of an exception it logs as well.
    sdk_worker.print = lambda *_, **__: None
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
