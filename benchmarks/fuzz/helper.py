"""Files read in a process of its own, under limits of time and memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import psutil

from benchmarks.fuzz.check import CLEANED_EVERY, check_file, drawn
from benchmarks.fuzz.hostile import HOSTILE, check_hostile
from benchmarks.fuzz.readers import SAMPLES_OF
from benchmarks.fuzz.samples import Sample

SECONDS = 20  # of CPU time, of one file
MEMORY = 1 << 30  # of one file, beyond what the helper has when it starts

Work = tuple[str, int, int]  # reader, seed, number; hostile files have numbers below 0


@dataclass
class Line:
    """What is printed of a reader."""

    files: int = 0
    dead: int = 0
    slowest: float = 0.0
    slowest_file: str = ""
    peak: int = 0
    faults: list[str] = field(default_factory=list)


def samples_of_all() -> dict[str, list[Sample]]:
    return {name: make() for name, (_, make) in SAMPLES_OF.items()}


def read_one(samples: dict[str, list[Sample]], work: Work) -> tuple[str, int]:
    """Make one file and check it; returns what it is, and its dead letters. Raises what is wrong."""
    reader, seed, number = work
    if number < 0:
        hostile = HOSTILE[reader][-1 - number]
        return hostile.name, check_hostile(hostile)
    others = [sample.data for name in samples for sample in samples[name]]
    sample, damaged = drawn(samples[reader], others, seed, number)
    dead = check_file(SAMPLES_OF[reader][0], sample, damaged, clean=number % CLEANED_EVERY == 0)
    return f"{damaged.kind} of {sample.form}", dead


def _helper(works: Connection, results: Connection) -> None:
    """Read files until there are no more; a fault is sent as its message."""
    samples = samples_of_all()
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115, PTH123
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.send("ready")
    while (work := works.recv()) is not None:
        start = time.process_time()
        try:
            name, dead = read_one(samples, work)
            fault = ""
        except Exception as error:
            name, dead, fault = "", 0, f"{type(error).__name__}: {error}"
            where = traceback.extract_tb(error.__traceback__)[-1]
            fault += f" ({where.filename.rpartition('/')[2]}:{where.lineno})"
        seconds = time.process_time() - start
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        results.send((name, dead, seconds, peak, fault))


class Helper:
    """A process that reads files, replaced when one kills it or takes too long."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None

    def read(self, work: Work) -> tuple[str, int, float, int, str]:
        """What reading one file gave, or its fault."""
        if self._process is None:
            self._start()
        assert self._process is not None
        self._works.send(work)
        try:
            used = self._used()
            while not self._results.poll(1):
                if self._used() - used > SECONDS:
                    break
            else:
                return self._results.recv()
            fault = f"more than {SECONDS} s"
        except EOFError:
            self._process.join()
            fault = f"the process ended with {self._process.exitcode}"
        self.end()
        return "", 0, float(SECONDS), 0, fault

    def _used(self) -> float:
        """CPU seconds of the process and its children: on a busy machine the clock says little."""
        assert self._process is not None
        try:
            return sum(psutil.Process(self._process.pid).cpu_times()[:4])
        except psutil.Error:  # it has ended, which the pipe tells
            return 0.0

    def _start(self) -> None:
        theirs, self._works = self._context.Pipe(duplex=False)
        self._results, mine = self._context.Pipe(duplex=False)
        self._process = self._context.Process(target=_helper, args=(theirs, mine), daemon=True)
        self._process.start()
        theirs.close()
        mine.close()
        assert self._results.recv() == "ready"

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def fuzz(reader: str, seed: int, files: int, first: int = 0, hostile: bool = True) -> Line:
    """Feed one reader `files` mutated files from number `first` on, and the hostile ones."""
    line, helper = Line(), Helper()
    numbers = [*range(first, first + files), *(range(-1, -1 - len(HOSTILE[reader]), -1) if hostile else ())]
    try:
        for number in numbers:
            name, dead, seconds, peak, fault = helper.read((reader, seed, number))
            line.files += 1
            line.dead += dead
            line.peak = max(line.peak, peak)
            if seconds > line.slowest:
                line.slowest, line.slowest_file = seconds, name or str(number)
            if fault:
                line.faults.append(f"{reader} --seed {seed} file {number}: {fault}")
    finally:
        helper.end()
    return line
