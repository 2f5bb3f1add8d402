"""What a person sees while a run works: read from the receipts of finished units, the same for every
runner."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from pipeline.files import join, list_folder
from pipeline.sizes import format_bytes
from pipeline.units import Unit, receipts_folder

# Off a terminal, one line this often (seconds).
LINE_EVERY = 10.0
_LOOK_EVERY = 0.5


class Progress:
    """Shows the work of one room after another: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)

    @contextmanager
    def room(self, room: str, out: str, pending: list[Unit], done: int) -> Iterator[None]:
        """Watch `pending` units of a room while the body runs; `done` were finished by an earlier run."""
        if not pending:
            yield
            return
        note = f" ({done} done before)" if done else ""
        stop = threading.Event()
        watch = self._bar if self._console.is_terminal else self._lines
        thread = threading.Thread(
            target=watch, args=(f"{room}{note}", out, pending, stop), name="progress", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _bar(self, label: str, out: str, pending: list[Unit], stop: threading.Event) -> None:
        with Bars(
            TextColumn("{task.description:32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        ) as bars:
            task = bars.add_task(label, total=len(pending), rate="")
            start = time.monotonic()
            while not stop.wait(_LOOK_EVERY):
                finished = _finished(out, pending)
                bars.update(task, completed=len(finished), rate=_rate(finished, start))

    def _lines(self, label: str, out: str, pending: list[Unit], stop: threading.Event) -> None:
        start = time.monotonic()
        while not stop.wait(LINE_EVERY):
            finished = _finished(out, pending)
            left = len(pending) - len(finished)
            eta = (time.monotonic() - start) / max(len(finished), 1) * left
            self.say(
                f"{label}: {len(finished)} of {len(pending)} units, {_rate(finished, start)}, "
                + (f"about {eta:.0f} s left" if finished else "no estimate yet")
            )

    def say(self, message: str) -> None:
        """Print one line for the user, beside standard output's results."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)
        sys.stderr.flush()


def _finished(out: str, pending: list[Unit]) -> list[Unit]:
    present = {
        (room, source): list_folder(join(out, receipts_folder(room, source)))
        for room, source in {(unit.room, unit.source) for unit in pending}
    }
    return [unit for unit in pending if f"{unit.name}.json" in present[unit.room, unit.source]]


def _rate(finished: list[Unit], start: float) -> str:
    seconds = max(time.monotonic() - start, 1e-3)
    return f"{format_bytes(sum(unit.size for unit in finished) / seconds)}/s"
