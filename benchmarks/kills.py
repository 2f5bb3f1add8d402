"""Kills a run again and again, resumes it, and compares what it left: `python -m benchmarks.kills`.

Two kills of three fall on a write: when a temporary file is whole and not yet renamed, or just renamed, drawn
over all writes of an undisturbed run, by whichever process is at it. The others fall on a moment of the
clock. What is killed is drawn too: one worker (at a worker's write), the driver alone, or all processes at
once; where no worker is alive at a moment of the clock it is the driver, and counts as that.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil
import xxhash

# Put first on PYTHONPATH as sitecustomize.py: in every process of the run, notes each moment at which a file
# is written but not renamed (w), and renamed (r), and whether it is a phase's own file (p), its manifest (m)
# or neither (-), in lines of one length, those of workers in a file of their own too; and kills at the line
# that is asked for, of workers where one of them is to die. Where a process's own line begins is what the
# file's offset says after a write at its end, so that exactly one process is at it.
_HOOK = """
import os, signal, sys

WORKER = "pipeline.worker" in " ".join(sys.orig_argv)

def _kind(path):
    name = os.path.relpath(path, os.environ["KILLS_OUT"])
    if name.startswith("manifests/"):
        return "m"
    beside = name.startswith(("report/", "work/inputs", "..")) or name.count("/") < 2
    return "-" if beside else "p"

def _append(path, line):
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line)
    number = os.lseek(file, 0, os.SEEK_CUR) // len(line)
    os.close(file)
    return number

def _note(move, path):
    log, target = os.environ["KILLS_LOG"], os.environ["KILLS_TARGET"]
    line = (move + _kind(path) + "\\n").encode()
    number = _append(log, line)
    of_workers = _append(log + ".workers", line) if WORKER else 0
    if (of_workers if target == "worker" else number) == int(os.environ["KILLS_AT"]):
        with open(log + ".killed", "w") as file:
            file.write(target)
        if target == "all":
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os.kill(os.getpid() if target == "worker" else os.getpgrp(), signal.SIGKILL)

_fsync, _replace = os.fsync, os.replace

def fsync(descriptor):
    _fsync(descriptor)
    _note("w", os.readlink(f"/proc/self/fd/{descriptor}"))

def replace(source, target, **named):
    _replace(source, target, **named)
    _note("r", target)

os.fsync, os.replace = fsync, replace
"""
TARGETS = ("worker", "driver", "all")
NEVER = -1

# Files of a run that hold seconds; of the report what is left is compared.
TIMINGS = "work/timings.json"
REPORT = "report/index.html"
SECONDS = re.compile(
    rb'<li><a href="#timings">timings</a></li>|<h2 id="timings">.*?</table>',
    re.DOTALL,
)


@dataclass
class Tally:
    """What a drive saw: kills by what was killed, those that fell between a phase's first temporary file and
    its manifest, and the differences found after resuming."""

    kills: Counter[str] = field(default_factory=Counter)
    in_commit: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        killed = ", ".join(f"{target} {count}" for target, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({killed}), {self.in_commit} of them between a phase's first "
            f"temporary file and its manifest ({self.in_commit / max(self.kills.total(), 1):.0%}), "
            f"{self.runs} runs, {len(self.faults)} differences"
        )


class Writes(NamedTuple):
    """The moments at which a run could be killed: of all its processes, and of its workers alone."""

    all: int
    of_workers: int

    def less(self, made: Writes) -> Writes:
        """What is left when some were made."""
        return Writes(max(self.all - made.all, 2), max(self.of_workers - made.of_workers, 0))


@dataclass(frozen=True)
class Job:
    """A started job. `log` is its own, so that a worker that outlives its driver by a moment writes in no
    other's."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def killed(self) -> Path:
        """The file that says what was killed, if anything was."""
        return Path(f"{self.log}.killed")

    def moves(self) -> list[str]:
        """The lines of the hook."""
        return self.log.read_text().split()

    def writes(self) -> Writes:
        """How many lines the hook left."""
        of_workers = Path(f"{self.log}.workers")
        return Writes(len(self.moves()), of_workers.stat().st_size // 3 if of_workers.exists() else 0)


@dataclass(frozen=True)
class Driver:
    """Runs `command` (the main job's arguments but --output) below `folder`, undisturbed and killed."""

    command: list[str]
    folder: Path

    def start(self, out: Path, at: int = NEVER, target: str = "all") -> Job:
        """Start the job in a process group of its own, to be killed at its write number `at`."""
        hook = self.folder / "hook"
        hook.mkdir(exist_ok=True)
        (hook / "sitecustomize.py").write_text(_HOOK)
        log = Path(tempfile.mkstemp(suffix=".log", dir=self.folder)[1])
        root = str(Path(__file__).resolve().parent.parent)
        variables = {
            "KILLS_LOG": str(log),
            "KILLS_OUT": str(out),
            "KILLS_AT": str(at),
            "KILLS_TARGET": target,
            "PYTHONPATH": os.pathsep.join([str(hook), root]),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.run", *self.command, "--output", str(out)],
            env={**os.environ, **variables},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return Job(process, log)

    def drive(self, kills: int, seed: int, each: int = 4, *, said: bool = False) -> Tally:
        """Kill `kills` times, at most `each` times before a run is let through and compared; `said`: print
        the tally after each. A run that goes on is killed at one of the writes that are left to it."""
        draw, tally = random.Random(seed), Tally()
        began = time.monotonic()
        whole = self.folder / "whole"
        undisturbed = self.start(whole)
        if undisturbed.process.wait() != 0:
            raise SystemExit("the undisturbed run failed")
        seconds, writes = time.monotonic() - began, undisturbed.writes()
        expected = everything(whole)
        chain = 0
        while tally.kills.total() < kills:
            chain += 1
            out = self.folder / f"killed-{chain}"
            left = writes
            for _ in range(min(each, kills - tally.kills.total())):
                left = left.less(self._kill(out, draw, tally, left, seconds * left.all / writes.all))
            tally.runs += 1
            status = self.start(out).process.wait()
            if status:
                tally.faults.append(f"killed-{chain}: the resumed run ended with {status}")
            made = everything(out)
            wrong = sorted(
                name for name in expected.keys() | made.keys() if expected.get(name) != made.get(name)
            )
            tally.faults += [f"killed-{chain}: {name} is not as in the undisturbed run" for name in wrong]
            if not wrong:
                remove(out)
            if said:
                print(tally, file=sys.stderr, flush=True)
        return tally

    def _kill(self, out: Path, draw: random.Random, tally: Tally, left: Writes, seconds: float) -> Writes:
        """Start a run that has `left` to write in about `seconds`, and kill it; returns what it wrote."""
        target = draw.choice(TARGETS)
        by_clock = tally.kills.total() % 3 == 2
        if target == "worker" and not by_clock and not left.of_workers:
            target = "driver"
        at = NEVER if by_clock else draw.randint(1, left.of_workers if target == "worker" else left.all)
        moment = draw.uniform(0.2, 1) * max(seconds, 2.0)
        tally.runs += 1
        job = self.start(out, at, target)
        if by_clock:
            with suppress(subprocess.TimeoutExpired):
                job.process.wait(moment)
            if job.process.poll() is None:
                job.killed.write_text(kill(job.process.pid, target))
        status = job.process.wait()
        if status and job.killed.exists():  # 1 where the driver says that a worker died
            tally.kills[job.killed.read_text()] += 1
            tally.in_commit += in_commit(job.moves())
        elif status:
            tally.faults.append(f"{out.name}: ended with {status}, and nothing was killed")
        return job.writes()


def kill(driver: int, target: str) -> str:
    """Kill a running job or a part of it; returns what was killed."""
    if target == "worker":
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(driver).children(recursive=True):
                # Between driver and worker there may be a shell, which names the worker too.
                if "python" in process.name() and "pipeline.worker" in process.cmdline():
                    process.kill()
                    return "worker"
    with suppress(ProcessLookupError):
        (os.killpg if target == "all" else os.kill)(driver, signal.SIGKILL)
    return "all" if target == "all" else "driver"


def everything(out: Path) -> dict[str, str]:
    """The xxh3_128 of every file below `out`, whatever it is, by its name, without what says seconds."""
    names = (path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file())
    return {name: xxhash.xxh3_128_hexdigest(_without_seconds(out, name)) for name in names}


def _without_seconds(out: Path, name: str) -> bytes:
    data = b"" if name == TIMINGS else (out / name).read_bytes()
    return SECONDS.sub(b"", data) if name == REPORT else data


def in_commit(moves: list[str]) -> bool:
    """Whether `moves`, the hook's lines, end between a phase's first temporary file and its manifest: since
    the last manifest was renamed a file of a phase was written. (Until its first write a resumed phase
    counts as not begun.)"""
    since = moves[len(moves) - moves[::-1].index("rm") :] if "rm" in moves else moves
    return any(move[1] in "pm" for move in since)


def remove(folder: Path) -> None:
    """Remove a folder and all in it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def main() -> int:
    """Drive and report; returns the exit status: 0 where every resumed run was as the undisturbed one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=4, help="kills before a run is let through and compared")
    parser.add_argument(
        "job", nargs="*", help="the main job's arguments, after --; default: CommonCrawl's sample"
    )
    options = parser.parse_args()
    command = options.job or ["--sources", "commoncrawl", "--workers", "2"]
    with tempfile.TemporaryDirectory() as folder:
        tally = Driver(command, Path(folder)).drive(options.kills, options.seed, options.each, said=True)
    print(tally)
    print("\n".join(tally.faults))
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
