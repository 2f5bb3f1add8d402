"""What every phase does alike: plan units, run those that are not done, keep books, commit a manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from typing import Any

import apache_beam as beam
import orjson

from pipeline.config import Config, SourceBlock
from pipeline.dedup.exchange import ExchangeWay
from pipeline.engine import Engine
from pipeline.errors import WinnowError
from pipeline.files import delete, exists, join, list_folder, read_many, write_file
from pipeline.flow import Flow
from pipeline.inputs import InputFile
from pipeline.ledger import Line, balance, write_ledger
from pipeline.manifest import Manifest, manifest_path, read_manifest, remove_unnamed, units_of, write_manifest
from pipeline.models import digests
from pipeline.progress import Progress
from pipeline.transforms.run_units import RunUnits, do_unit
from pipeline.units import Output, Receipt, Unit, Work, digest, receipts_folder

# The packages whose version can change the bytes of an output.
PACKAGES = (
    "apache-beam",
    "fasttext",
    "fastwarc",
    "kenlm",
    "numpy",
    "pyarrow",
    "resiliparse",
    "sentencepiece",
)


@dataclass(frozen=True)
class Run:
    """One run: its config, what is done to each source with inputs, the inputs, and the engine that does
    the work. `blocks`: every source of the config, also without inputs. `export`: the format of exported
    documents, where there are any. `still_ours`: raises WinnowError where another run has taken the output
    folder over."""

    out: str
    config: Config
    flows: dict[str, Flow]
    proportions: dict[str, Fraction]
    inputs: dict[str, list[InputFile]]
    engine: Engine
    progress: Progress
    blocks: dict[str, SourceBlock] = field(default_factory=dict)
    exchange: ExchangeWay = "files"
    limit: int | None = None
    export: str = ""
    still_ours: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Job:
    """One source's part of one room: its units and the function that does one of them."""

    source: str
    units: list[Unit]
    work: Work


@dataclass
class Outcome:
    """What one phase did, for the summary: which sources ran, units done and found done, seconds."""

    phase: str
    ran: list[str] = field(default_factory=list)
    seconds: float = 0.0


@cache
def versions() -> dict[str, str]:
    """The versions of the packages that output bytes depend on; looked up once, since that reads files."""
    return {name: version(name) for name in PACKAGES}


def up_to_date(run: Run, phase: str, source: str, key: str) -> bool:
    """Whether the phase's manifest for `source` was made with `key` and all that it names is there.

    Where it was not, the manifest is removed, so that nothing vouches for files that are about to change.
    """
    manifest = read_manifest(run.out, phase, source)
    if manifest is None:
        return False
    if manifest.key == key and all_there(run.out, outputs_of(manifest)):
        return True
    delete([manifest_path(run.out, phase, source)])
    return False


def outputs_of(manifest: Manifest) -> list[Output]:
    """Every file that `manifest` names."""
    return [output for unit in manifest.units for output in unit.outputs]


def all_there(out: str, outputs: list[Output]) -> bool:
    """Whether every one of `outputs` is there in full size."""
    folders = {output.path.rsplit("/", 1)[0] for output in outputs}
    sizes = {
        f"{folder}/{name}": size
        for folder in folders
        for name, size in list_folder(join(out, folder)).items()
    }
    return all(sizes.get(output.path) == output.size for output in outputs)


def run_jobs(run: Run, room: str, jobs: list[Job], *, one_of_many: bool = False) -> dict[str, list[Receipt]]:
    """Do the units of a room that are not done yet, in one pipeline, largest first; returns all receipts
    by source.

    `one_of_many`: the room is a step of an exchange, of which there are a dozen. Where the runner would do
    its units in this process, they are done in a loop: a pipeline costs 0.1 s, more than a small step.
    """
    pending, done = pending_units(run, jobs)
    forget_receipts(run.out, pending)
    path = join(run.out, "work", room, "units.jsonl")
    works = {job.source: job.work for job in jobs}
    size = sum(unit.size for unit in pending)
    here = run.engine.works_here(size, len(pending))

    def build(pipeline: beam.Pipeline) -> None:
        write_file(path, b"\n".join(unit.to_json() for unit in pending))
        run_units = RunUnits(run.out, works, digests(), spread=not here)
        _ = pipeline | "UnitsFile" >> beam.Create([path]) | "RunUnits" >> run_units

    with run.progress.room(room, run.out, pending, sum(map(len, done.values()))):
        if one_of_many and here:
            for unit in pending:
                do_unit(run.out, works, digests(), unit)
        elif pending:
            run.engine.run(build, size, len(pending))
    delete([path] if exists(path) else [])
    return collect_receipts(run, jobs)


def pending_units(run: Run, jobs: Iterable[Job]) -> tuple[list[Unit], dict[str, list[Receipt]]]:
    """The units without a receipt of their present key, largest first, and the receipts of the others."""
    pending: list[Unit] = []
    done: dict[str, list[Receipt]] = {}
    for job in jobs:
        receipts = read_receipts(run.out, job.units)
        done[job.source] = list(receipts.values())
        pending += [unit for unit in job.units if unit.name not in receipts]
    return sorted(pending, key=lambda unit: (-unit.size, unit.source, unit.name)), done


def forget_receipts(out: str, units: list[Unit]) -> None:
    """Remove receipts that units left under another key, so that nothing takes them for done."""
    stale = {join(out, receipts_folder(u.room, u.source), f"{u.name}.json") for u in units}
    folders = {path.rsplit("/", 1)[0] for path in stale}
    present = {join(folder, name) for folder in folders for name in list_folder(folder)}
    delete(sorted(stale & present))


def collect_receipts(run: Run, jobs: list[Job]) -> dict[str, list[Receipt]]:
    """The receipts of all units of `jobs`; raises WinnowError where a unit left none."""
    collected = {}
    for job in jobs:
        receipts = read_receipts(run.out, job.units)
        missing = [unit.name for unit in job.units if unit.name not in receipts]
        if missing:
            raise WinnowError(f"{job.source}: no receipt of {missing[0]}; run again to resume")
        collected[job.source] = [receipts[unit.name] for unit in job.units]
    return collected


def read_receipts(out: str, units: list[Unit]) -> dict[str, Receipt]:
    """The receipts that hold for `units` as they are now: same key, outputs all there in full size."""
    found: dict[str, Receipt] = {}
    for room, source in sorted({(unit.room, unit.source) for unit in units}):
        folder = join(out, receipts_folder(room, source))
        present = list_folder(folder)
        here = [u for u in units if (u.room, u.source) == (room, source) and f"{u.name}.json" in present]
        receipts = [Receipt.from_json(data) for data in read_many([f"{folder}/{u.name}.json" for u in here])]
        current = [r for u, r in zip(here, receipts, strict=True) if r and r.key == u.key]
        folders = {output.path.rsplit("/", 1)[0] for receipt in current for output in receipt.outputs}
        sizes = {f"{f}/{n}": s for f in folders for n, s in list_folder(join(out, f)).items()}
        found |= {r.unit: r for r in current if all(sizes.get(o.path) == o.size for o in r.outputs)}
    return found


@dataclass(frozen=True)
class Account:
    """What a phase hands over to be committed for one source: key, config part, receipts, and its books."""

    source: str
    key: str
    config: dict[str, Any]
    receipts: list[Receipt]
    lines: list[Line]
    folders: list[str]
    bytes_too: bool = True


def commit(run: Run, phase: str, account: Account) -> None:
    """Balance the books, write the ledger, remove what is not named, and last of all write the manifest."""
    balance(phase, account.source, account.lines, account.bytes_too)
    write_ledger(run.out, phase, account.source, account.lines)
    units = units_of(account.receipts)
    named = {output.path for unit in units for output in unit.outputs}
    remove_unnamed(run.out, account.folders, named)
    manifest = Manifest(phase, account.source, account.key, account.config, versions(), units)
    run.still_ours()
    write_manifest(run.out, manifest)


def required(run: Run, phase: str, source: str) -> Manifest:
    """The manifest of an earlier phase; raises WinnowError naming the phase where it has not been run."""
    manifest = read_manifest(run.out, phase, source)
    if manifest is None:
        raise WinnowError(
            f"phase {phase} has not been finished for {source}: leave --phases out, or name it too"
        )
    return manifest


@dataclass
class Earlier:
    """The manifests of earlier phases, each read once; raises WinnowError for one that is not there."""

    run: Run
    _read: dict[tuple[str, str], Manifest] = field(default_factory=dict)

    def __call__(self, phase: str, source: str) -> Manifest:
        """The manifest of `phase` for `source`."""
        if (phase, source) not in self._read:
            self._read[phase, source] = required(self.run, phase, source)
        return self._read[phase, source]


@dataclass(frozen=True)
class Wanted:
    """What a phase is to be made with for one source: its part of the config, and its key."""

    config: dict[str, Any]
    key: str


def phase_key(number: int, *parts: object) -> str:
    """The key of a phase for one source: its version number and all it depends on."""
    return digest([number, versions(), *parts])


def count_all(paths: list[str], count: Callable[[str], list[Line]]) -> list[Line]:
    """The lines that `count` reads back from each of `paths`."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [line for lines in pool.map(count, paths) for line in lines]


@contextmanager
def timed(outcome: Outcome) -> Iterator[Outcome]:
    """Measure the wall seconds of a phase."""
    start = time.monotonic()
    yield outcome
    outcome.seconds = time.monotonic() - start


def stage_settings(stages: Iterable[Any]) -> list[dict[str, Any]]:
    """The settings of stages as JSON, for keys and manifests."""
    return [orjson.loads(orjson.dumps(stage.settings())) for stage in stages]
