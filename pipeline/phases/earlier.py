"""What a run must not repeat of finished ones: their batches, found and checked, as owners in an exchange."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pipeline.dedup.exchange import Slot
from pipeline.dedup.rounds import EarlierRun, Round
from pipeline.errors import WinnowError
from pipeline.files import absolute
from pipeline.flow import Flow
from pipeline.manifest import Manifest, read_manifest
from pipeline.phases import prepare
from pipeline.phases.exchange_rounds import list_path
from pipeline.phases.phase import all_there, outputs_of
from pipeline.units import Output

# The phase that ends with the rounds' lists; its module imports this one.
_LINES = "lines"


@dataclass(frozen=True)
class Owners:
    """Batches of earlier runs, numbered -1, -2, …, how many entries they have, and what identifies them."""

    slots: list[Slot] = field(default_factory=list)
    entries: int = 0
    content: list[str] = field(default_factory=list)


def earlier_owners(out: str, source: str, flow: Flow) -> dict[str, Owners]:
    """The owners in each round of `flow` that is run against earlier runs, by the round's name.

    They bring what they brought to their own run: rows that an earlier round took have no say. Raises
    WinnowError for a run that is missing, unfinished, without the source or with other fingerprints, and for
    the output folder `out` itself.
    """
    found = {}
    for round_ in flow.rounds:
        slots: list[Slot] = []
        entries = 0
        content = []
        for earlier in round_.earlier_runs():
            place = f"sources.{source}.{round_.name}.against: {earlier.output}"
            prepared, listed = _manifests(place, out, earlier.source or source, round_, earlier)
            content += [prepared.content, listed.content]
            slots += _slots(place, earlier, round_, prepared, listed)
            entries += sum(batch["entries"][round_.name] for batch in prepare.batches(prepared))
        if slots:
            numbered = [replace(slot, number=place - len(slots)) for place, slot in enumerate(slots)]
            found[round_.name] = Owners(numbered, entries, content)
    return found


def _manifests(
    place: str, out: str, source: str, round_: Round, earlier: EarlierRun
) -> tuple[Manifest, Manifest]:
    if absolute(earlier.output) == absolute(out):
        raise WinnowError(f"{place} is this run's own output folder")
    prepared, listed = (read_manifest(earlier.output, phase, source) for phase in (prepare.PHASE, _LINES))
    if prepared is None or listed is None:
        unfinished = _LINES if listed is None and prepared is not None else prepare.PHASE
        raise WinnowError(f"{place} holds no run whose phase {unfinished} is finished for source {source}")
    if round_.fingerprint_settings() not in prepared.config["rounds"]:
        raise WinnowError(f"{place} has other fingerprints for source {source}: its lines cannot be compared")
    return prepared, listed


def _slots(
    place: str, earlier: EarlierRun, round_: Round, prepared: Manifest, listed: Manifest
) -> list[Slot]:
    """The batches as slots; only their fingerprints and the lists of the rounds before need to be there."""
    names = [settings["stage"] for settings in listed.config["rounds"]]
    before = names[: names.index(round_.name)] if round_.name in names else names
    lists = {output.path: output for output in outputs_of(listed)}
    slots = []
    used: list[Output] = []
    for batch in prepare.batches(prepared):
        paths = [list_path(_LINES, name, listed.source, batch["name"]) for name in before]
        if any(path not in lists for path in paths):
            raise WinnowError(f"{place} has run its phase {_LINES} on other files than {prepare.PHASE}")
        used += [batch["fingerprint"], *(lists[path] for path in paths)]
        slots.append(
            Slot(
                number=-1,
                source=listed.source,
                batch=batch["name"],
                group="",
                fingerprint=batch["fingerprint"].path,
                digest=batch["fingerprint"].digest,
                rows=batch["rows"],
                earlier=tuple((path, lists[path].digest) for path in paths),
                out=earlier.output,
            )
        )
    if not all_there(earlier.output, used):
        raise WinnowError(f"{place} has lost fingerprints or lists of source {listed.source}")
    return slots
