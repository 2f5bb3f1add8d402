"""What a person sees while a run works: a live table on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.look.show import printable
from pipeline.sizes import format_bytes
from pipeline.tally import Count, Snapshot, Tally, fields_of
from pipeline.units import Unit

# Off a terminal, one line this often (seconds).
LINE_EVERY = 10.0
_LOOK_EVERY = 0.5


class Progress:
    """Shows the work of one room after another; `every`: seconds between two log lines off a terminal."""

    def __init__(self, console: Console | None = None, every: float = LINE_EVERY) -> None:
        self._console = console or Console(stderr=True)
        self._every = every

    @contextmanager
    def room(self, room: str, out: str, pending: list[Unit], done: int) -> Iterator[None]:
        """Watch `pending` units of a room while the body runs; `done` were finished by an earlier run."""
        if not pending:
            yield
            return
        stop = threading.Event()
        watch = self._table if self._console.is_terminal else self._lines
        tally = Tally(out, pending)
        thread = threading.Thread(target=watch, args=(room, done, tally, stop), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _table(self, room: str, done: int, tally: Tally, stop: threading.Event) -> None:
        with Live(console=self._console, transient=True, auto_refresh=False) as live:
            while not stop.wait(_LOOK_EVERY):
                live.update(view(room, done, tally.look()), refresh=True)

    def _lines(self, room: str, done: int, tally: Tally, stop: threading.Event) -> None:
        while not stop.wait(self._every):
            self.say(fields_of(room, tally.look()) + (f" done_before={done}" if done else ""))

    def say(self, message: str) -> None:
        """Print one line for the user, beside standard output's results."""
        self._console.print(printable(message), markup=False, highlight=False, soft_wrap=True)
        sys.stderr.flush()


def view(room: str, done: int, snapshot: Snapshot) -> Group:
    """A snapshot for a terminal: a line on the room, and a row for each source."""
    total = snapshot.total
    left = "no estimate yet" if snapshot.left is None else f"about {_clock(snapshot.left)} left"
    before = f", {done:,} done before" if done else ""
    headline = (
        f"{room}: {total.done:,} of {total.units:,} units{before}; {_clock(snapshot.seconds)}, {left}; "
        f"memory {format_bytes(snapshot.memory)}"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("source", no_wrap=True)
    table.add_column("", width=8)
    for name in ("units", "documents", "a second", "bytes/s", "kept", "dropped"):
        table.add_column(name, justify="right")
    for source, count in snapshot.sources.items():
        table.add_row(source, ProgressBar(total=count.units, completed=count.done), *_cells(count, snapshot))
    return Group(Text(headline), table)


def _cells(count: Count, snapshot: Snapshot) -> list[str]:
    seconds = max(snapshot.seconds, 1e-3)
    decided = count.kept or count.dropped
    return [
        f"{count.done:,}/{count.units:,}",
        f"{count.documents:,}",
        f"{count.documents / seconds:,.0f}",
        format_bytes(count.bytes / seconds),
        f"{count.kept:,}" if decided else "",
        f"{count.dropped:,}" if decided else "",
    ]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
