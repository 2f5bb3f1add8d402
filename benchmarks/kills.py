"""Kills a run again and again, resumes it, and compares what it left: `python -m benchmarks.kills`.

Two kills of three fall on a write: when a temporary file is whole and not yet renamed, or just renamed, drawn
over all writes of an undisturbed run, by whichever process is at it. The others fall on a moment of the
clock. What is killed is drawn too: one worker, the driver alone, or all processes at once.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

# Put first on PYTHONPATH as sitecustomize.py: in every process of the run, counts the moments at which a
# file is written but not renamed, and renamed, and kills at the one that is asked for.
_HOOK = """
import os, signal, sys

def _count():
    with open(os.environ["KILLS_COUNT"], "ab") as file:
        file.write(b".")
        file.flush()
        return os.fstat(file.fileno()).st_size

def _after(call):
    def counted(*arguments, **named):
        result = call(*arguments, **named)
        if _count() == int(os.environ["KILLS_AT"]):
            target = os.environ["KILLS_TARGET"]
            worker = "pipeline.worker" in " ".join(sys.orig_argv)
            if target == "all":
                os.killpg(os.getpgrp(), signal.SIGKILL)
            elif target == "driver" or not worker:
                os.kill(os.getpgrp(), signal.SIGKILL)
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return result
    return counted

os.fsync = _after(os.fsync)
os.replace = _after(os.replace)
"""
TARGETS = ("worker", "driver", "all")
NEVER = 0

# Files of a run that hold seconds.
TIMED = ("report/index.html", "work/timings.json")


@dataclass
class Tally:
    """What a drive saw: kills by what was killed, those that fell between a phase's first temporary file and
    its manifest, and the differences found after resuming."""

    kills: Counter[str] = field(default_factory=Counter)
    in_commit: int = 0
    runs: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Driver:
    """Runs `command` (the main job's arguments but --output) below `folder`, undisturbed and killed."""

    command: list[str]
    folder: Path

    def start(self, out: Path, at: int = NEVER, target: str = "all") -> subprocess.Popen[bytes]:
        """Start the job in a process group of its own, to be killed at its write number `at`."""
        hook = self.folder / "hook"
        hook.mkdir(exist_ok=True)
        (hook / "sitecustomize.py").write_text(_HOOK)
        self.counter.write_bytes(b"")
        root = str(Path(__file__).resolve().parent.parent)
        paths = os.pathsep.join([str(hook), root])
        variables = {"KILLS_COUNT": str(self.counter), "KILLS_AT": str(at), "KILLS_TARGET": target}
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.run", *self.command, "--output", str(out)],
            env={**os.environ, "PYTHONPATH": paths, **variables},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def counter(self) -> Path:
        """The file that grows by a byte a write."""
        return self.folder / "count"

    def drive(self, kills: int, seed: int, each: int = 2) -> Tally:
        """Kill `kills` times, at most `each` times before a run is let through and compared."""
        draw, tally = random.Random(seed), Tally()
        began = time.monotonic()
        whole = self.folder / "whole"
        if self.start(whole).wait() != 0:
            raise SystemExit("the undisturbed run failed")
        seconds, writes = time.monotonic() - began, self.counter.stat().st_size
        expected = everything(whole)
        chain = 0
        while tally.kills.total() < kills:
            chain += 1
            out = self.folder / f"killed-{chain}"
            for _ in range(min(each, kills - tally.kills.total())):
                self._kill(out, draw, tally, seconds, writes)
            tally.runs += 1
            status = self.start(out).wait()
            if status:
                tally.faults.append(f"killed-{chain}: the resumed run ended with {status}")
            left = everything(out)
            wrong = sorted(
                name for name in expected.keys() | left.keys() if expected.get(name) != left.get(name)
            )
            tally.faults += [f"killed-{chain}: {name} is not as in the undisturbed run" for name in wrong]
            if not wrong:
                remove(out)
        return tally

    def _kill(self, out: Path, draw: random.Random, tally: Tally, seconds: float, writes: int) -> None:
        target = draw.choice(TARGETS)
        by_clock = tally.kills.total() % 3 == 2
        at = NEVER if by_clock else draw.randint(1, writes)
        moment = draw.uniform(0.2, 1) * seconds
        tally.runs += 1
        job = self.start(out, at, target)
        if by_clock:
            time.sleep(moment)
            if job.poll() is None:
                (os.killpg if target == "all" else os.kill)(job.pid, signal.SIGKILL)
        status = job.wait()
        if status:  # 1 where the driver says that a worker died
            tally.kills[target] += 1
            tally.in_commit += in_commit(out)


def everything(out: Path) -> dict[str, str]:
    """The xxh3_128 of every file below `out`, whatever it is, by its name; "" for what holds seconds."""
    names = (path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file())
    return {
        name: "" if name in TIMED else xxhash.xxh3_128_hexdigest((out / name).read_bytes()) for name in names
    }


def in_commit(out: Path) -> bool:
    """Whether a phase has begun to write and has no manifest yet, or a temporary file is there."""
    names = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]
    begun = {name.split("/")[1] for name in names if name.startswith("work/") and "/receipts/" in name}
    done = {name.split("/")[1] for name in names if name.startswith("manifests/")}
    return bool(begun - done) or any(name.endswith(".tmp") for name in names)


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
    parser.add_argument(
        "job", nargs="*", help="the main job's arguments, after --; default: CommonCrawl's sample"
    )
    options = parser.parse_args()
    command = options.job or ["--sources", "commoncrawl", "--workers", "2"]
    with tempfile.TemporaryDirectory() as folder:
        tally = Driver(command, Path(folder)).drive(options.kills, options.seed)
    killed = ", ".join(f"{target} {count}" for target, count in sorted(tally.kills.items()))
    print(
        f"{tally.kills.total()} kills ({killed}), {tally.in_commit} of them between a phase's first write "
        f"and its manifest, {tally.runs} runs, {len(tally.faults)} differences"
    )
    print("\n".join(tally.faults))
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
