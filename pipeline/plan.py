"""What a run would do and why, without doing it: `python -m pipeline.run --plan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.errors import WinnowError
from pipeline.files import exists, read_file
from pipeline.inputs import memory_path
from pipeline.look.show import one_line, say
from pipeline.manifest import Manifest, read_manifest
from pipeline.models import resolve
from pipeline.phases import curate, duplicates, export, judge, lines, mix, prepare, tokenize
from pipeline.phases.phase import Earlier, Run, Wanted, all_there, outputs_of, versions
from pipeline.rates import Estimate, estimate
from pipeline.sealed import unsealed
from pipeline.sizes import format_bytes

_WANTED = {
    prepare.PHASE: prepare.wanted,
    lines.PHASE: lines.wanted,
    judge.PHASE: judge.wanted,
    duplicates.PHASE: duplicates.wanted,
    curate.PHASE: curate.wanted,
    export.PHASE: export.wanted,
    tokenize.PHASE: tokenize.wanted,
    mix.PHASE: mix.wanted,
}
_SHOWN = 5


@dataclass(frozen=True)
class Planned:
    """A phase for one source: why it would run, nothing where it is up to date."""

    phase: str
    source: str
    why: list[str]


@dataclass
class _Planner:
    """Goes through the phases in their order and remembers what would run."""

    run: Run
    fresh: bool
    earlier: Earlier
    running: set[tuple[str, str]] = field(default_factory=set)

    def planned(self, phase: str) -> Iterator[Planned]:
        for source in _sources(self.run, phase):
            why = ["--fresh starts over"] if self.fresh else self._why(phase, source)
            if why:
                self.running.add((phase, source))
            yield Planned(phase, source, why)

    def _why(self, phase: str, source: str) -> list[str]:
        manifest = read_manifest(self.run.out, phase, source)
        before = [(p, s) for p, s in _before(self.run, phase, source) if (p, s) in self.running]
        follows = [f"follows {p}" + (f" of {s}" if s != source else "") for p, s in before]
        if manifest is None and before:
            return ["never finished", *follows[:_SHOWN]]
        try:
            wanted = _WANTED[phase](self.run, source, self.earlier)
        except WinnowError:
            if before:  # what it needs is not there yet
                return follows[:_SHOWN]
            raise
        if manifest is None:
            return ["never finished"]
        changed = [*_packages(manifest), *_config(phase, manifest, wanted)]
        if before:
            return [*changed, *follows[:_SHOWN]]
        if wanted.key == manifest.key:
            return self._gone(manifest)
        changed += _inputs(self.run, source, manifest) if phase == prepare.PHASE else []
        return changed or ["what an earlier phase wrote, or this phase's own version, is another"]

    def _gone(self, manifest: Manifest) -> list[str]:
        return [] if all_there(self.run.out, outputs_of(manifest)) else ["files it wrote are gone"]


def plan_phases(run: Run, phases: Iterable[str], fresh: bool = False) -> list[Planned]:
    """What each phase would do for each source, in the order of the phases.

    A phase that follows one which would run is listed as if that one wrote something else. Raises WinnowError
    where the run would, for a phase left out that was never finished.
    """
    planner = _Planner(run, fresh, Earlier(run))
    return [planned for phase in phases for planned in planner.planned(phase)]


def _sources(run: Run, phase: str) -> list[str]:
    if phase == mix.PHASE:
        return [mix.MIXTURE]
    if phase == lines.PHASE:
        return [source for source in run.flows if run.flows[source].rounds]
    if phase == duplicates.PHASE:
        return duplicates.sources_with_duplicates(run)
    return list(run.flows)


def _before(run: Run, phase: str, source: str) -> list[tuple[str, str]]:
    """What a phase reads of a source."""
    deduplicated = duplicates.sources_with_duplicates(run)
    reads = {
        lines.PHASE: [(prepare.PHASE, source)],
        judge.PHASE: [(prepare.PHASE, source), (lines.PHASE, source)],
        duplicates.PHASE: [(judge.PHASE, name) for name in deduplicated],
        curate.PHASE: [(judge.PHASE, source), (duplicates.PHASE, source)],
        export.PHASE: [(curate.PHASE, source)],
        tokenize.PHASE: [(curate.PHASE, source)],
        mix.PHASE: [(tokenize.PHASE, name) for name in run.flows],
    }
    return reads.get(phase, [])


def _packages(manifest: Manifest) -> list[str]:
    now = versions()
    return [
        f"{name} {manifest.versions.get(name, 'unknown')} is now {now[name]}"
        for name in sorted(now)
        if manifest.versions.get(name) != now[name]
    ]


def _config(phase: str, manifest: Manifest, wanted: Wanted) -> list[str]:
    """The keys of the config that differ, and models of another digest."""
    # How duplicate lines meet changes no answer and is in no key.
    unkeyed = {"exchange"} if phase == lines.PHASE else set()
    before, after = (
        dict(_flat({key: value for key, value in config.items() if key not in unkeyed}))
        for config in (manifest.config, wanted.config)
    )
    said = []
    for key in sorted({*before, *after}):
        old, new = before.get(key, "none"), after.get(key, "none")
        if old == new:
            continue
        if key.startswith("models.") or key == "tokenizer":
            said.append(f"model {key.removeprefix('models.')} changed")
        else:
            said.append(f"{key}: {one_line(old, 40)} is now {one_line(new, 40)}")
    return said


def _flat(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf of a config by its dotted place; stages go by their names."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            if key != "stage":
                yield from _flat(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        for number, inner in enumerate(value):
            name = inner.get("stage", number)
            yield f"{place}.{name}", "on"
            yield from _flat(inner, f"{place}.{name}")
    else:
        yield place, value


def _inputs(run: Run, source: str, manifest: Manifest) -> list[str]:
    before = {unit.facts["input"] for unit in manifest.units}
    now = {file.name: file for file in run.inputs[source]}
    said = [_listed("new", now.keys() - before), _listed("gone", before - now.keys())]
    path = memory_path(run.out, source)
    known = (unsealed(read_file(path)) if exists(path) else None) or {}
    changed = {
        file.name
        for name, file in now.items()
        if name in before and file.path in known and known[file.path][-1] != file.fingerprint
    }
    return [sentence for sentence in (*said, _listed("changed", changed)) if sentence]


def _listed(what: str, names: Iterable[str]) -> str:
    ordered = sorted(names)
    if not ordered:
        return ""
    more = f" and {len(ordered) - _SHOWN:,} more" if len(ordered) > _SHOWN else ""
    return f"inputs {what}: {', '.join(one_line(name, 60) for name in ordered[:_SHOWN])}{more}"


def print_plan(run: Run, planned: list[Planned], console: Console) -> None:
    """Print inputs, models, what each phase would do, and about how long that takes."""
    for source, files in run.inputs.items():
        size = format_bytes(sum(file.size for file in files))
        say(console, f"{source}: {len(files):,} inputs, {size}")
    for name, digest in _models(run).items():
        say(console, f"model {one_line(name)}: {digest}")
    table = Table()
    for column in ("phase", "source", "why", "about", "by"):
        table.add_column(column, justify="right" if column == "about" else "left", overflow="fold")
    total = 0.0
    for one in planned:
        if not one.why:
            table.add_row(one.phase, one.source, "up to date", "", "")
            continue
        guess: Estimate = estimate(run, one.phase, one.source)
        total += guess.seconds
        table.add_row(one.phase, one.source, "\n".join(one.why), _clock(guess.seconds), guess.origin)
    console.print(table)
    would = sum(bool(one.why) for one in planned)
    about = f", about {_clock(total)} with {run.engine.workers} workers" if would else ""
    say(console, f"{would:,} of {len(planned):,} would run{about}; nothing was run, nothing was written")


def _models(run: Run) -> dict[str, Any]:
    names = {path for flow in run.flows.values() for stage in flow.judge for path in stage.model_paths()}
    return {name: resolve(name).digest for name in sorted({*names, run.config.tokenizer})}


def _clock(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
