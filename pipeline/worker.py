"""A worker process of the local runner: Beam's, without its chatter on the terminal."""

from __future__ import annotations

import logging
import os
import signal
import sys

from pipeline.look.show import terminal_handler


def main() -> None:
    """Run Beam's worker; what it logs below ERROR goes to the runner only.

    Ctrl-C reaches the whole process group: it is the main process's to answer, a worker just ends.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    logging.getLogger().addHandler(terminal_handler())
    from apache_beam.runners.worker import sdk_worker, sdk_worker_main  # noqa: PLC0415  # they log on import

    # What it prints of an exception it logs as well.
    sdk_worker.print = lambda *_, **__: None
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
