"""One run an output folder: two at once would remove each other's files.

On this machine's disks the kernel's lock on `work/lock` says so, and is gone with the process that held it.
Elsewhere there is no such lock: `work/lock.json` names the run that writes and is written again every
BEAT seconds. Who finds another's watches it: if it changes, that run lives; if it does not for PATIENCE
seconds, that run is dead and its place is taken. No clock is compared with another's.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from pipeline.errors import WinnowError
from pipeline.files import delete, exists, is_local, join, read_file, write_file
from pipeline.remote import reason

# Relative to the output folder.
LOCK_FILE = "work/lock"
LOCK_OBJECT = "work/lock.json"

BEAT = 15.0
PATIENCE = 60.0
# How long two runs that begin at once have to see each other.
SETTLE = 3.0


@contextmanager
def hold(out: str) -> Iterator[Callable[[], None]]:
    """Hold the output folder `out` for this run.

    Yields a function that raises WinnowError where the folder was lost to another run meanwhile. Raises
    WinnowError where another run holds it, or where it cannot be written.
    """
    if is_local(out):
        with _hold_file(Path(join(out, LOCK_FILE)), out):
            yield lambda: None
    else:
        with _hold_object(join(out, LOCK_OBJECT), out) as still_ours:
            yield still_ours


@contextmanager
def _hold_file(path: Path, out: str) -> Iterator[None]:
    descriptor = _open_locked(path, out)
    try:
        yield
    finally:
        # While it is held: whoever opened it before sees that it is no longer the file of that name.
        delete([str(path)])
        os.close(descriptor)


def _open_locked(path: Path, out: str) -> int:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # a run that ended has just removed the folder, which it left empty
        except OSError as error:
            raise WinnowError(f"cannot write {path}: {reason(error)}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise _taken(out) from error
        except OSError as error:
            os.close(descriptor)
            raise WinnowError(f"cannot lock {path}: {reason(error)}") from error
        os.close(descriptor)  # the run that held it has just ended and taken it away


def _taken(out: str) -> WinnowError:
    return WinnowError(f"another run is writing into {out}: wait for it, or give this one another --output")


@contextmanager
def _hold_object(path: str, out: str) -> Iterator[Callable[[], None]]:
    _wait_for_the_dead(path, out)
    name = uuid.uuid4().hex
    _write(path, name, 0)
    time.sleep(SETTLE)
    if _read(path)[0] != name:
        raise _taken(out)
    stop, lost = threading.Event(), threading.Event()

    def beat() -> None:
        count = 0
        while not stop.wait(BEAT):
            try:
                if _read(path)[0] != name:
                    lost.set()
                    return
                count += 1
                _write(path, name, count)
            except WinnowError:
                continue  # the network may be back for the next one

    def still_ours() -> None:
        if lost.is_set() or _read(path)[0] != name:
            raise WinnowError(f"another run has taken {out} over while this one was not heard of; run again")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield still_ours
    finally:
        stop.set()
        thread.join()
        if _read(path)[0] == name:
            delete([path])


def _wait_for_the_dead(path: str, out: str) -> None:
    """Return where no run holds the lock object, at once where there is none."""
    if not exists(path):
        return
    seen, since = _read(path), time.monotonic()
    while time.monotonic() - since < PATIENCE:
        time.sleep(min(BEAT / 3, PATIENCE / 4))
        now = _read(path)
        if now[0] == "":
            return
        if now != seen:
            raise _taken(out)


def _write(path: str, name: str, beat: int) -> None:
    write_file(path, orjson.dumps({"run": name, "beat": beat}))


def _read(path: str) -> tuple[str, int]:
    """Whose lock it is, and the number of its last beat; no name where there is no lock."""
    try:
        fields = orjson.loads(read_file(path))
        return str(fields["run"]), int(fields["beat"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "?", 0
    except WinnowError:
        if exists(path):
            raise
        return "", 0
