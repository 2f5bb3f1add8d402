"""One file through a reader and the writer of `prepare`: what must hold whatever the file is."""

from __future__ import annotations

import zlib
from collections import Counter
from random import Random

import orjson

from benchmarks.fuzz.mutations import Mutated, mutated
from benchmarks.fuzz.samples import Sample
from pipeline.flows import FLOWS
from pipeline.phases.input_writer import InputWriter
from pipeline.phases.prepare import PrepareInput
from pipeline.records import DeadLetter, Event
from pipeline.units import Output, Outputs, Unit

CLEANED_EVERY = 8  # files through the clean stages too, which take longer than reading
_BATCH_BYTES = 1 << 16


class Broken(AssertionError):
    """A file that was not read as promised; the message says what is wrong."""


class _Held(Outputs):
    """Outputs in memory."""

    def __init__(self) -> None:
        super().__init__("")
        self.files: dict[str, bytes] = {}

    def write(self, path: str, data: bytes, rows: int = 0) -> Output:
        self.files[path] = data
        self.written.append(output := Output(path, rows, len(data), ""))
        return output


def check_file(source: str, sample: Sample, damaged: Mutated, clean: bool) -> int:
    """Read a damaged file; returns the number of dead letters. Raises Broken where a promise is."""
    flow = FLOWS[source]
    outputs = _Held()
    writer = InputWriter(source, flow, _BATCH_BYTES, "input", "input", outputs)
    unit = Unit("prepare", source, "input", "", payload={"snapshot": ""})
    work = PrepareInput(source, flow, _BATCH_BYTES)
    found: Counter[str] = Counter()
    letters: list[DeadLetter] = []
    said: Counter[str] = Counter()
    ordinal = -1
    for ordinal, event in enumerate(sample.read(damaged.data, damaged.name)):
        found.update(sample.prints(event))
        if isinstance(event, DeadLetter):
            letters.append(event)
        said[_kind(event)] += 1
        writer.add(ordinal, work._cleaned(event, unit) if clean else event)
    facts = writer.finish()
    _check_books(facts, outputs, ordinal + 1)
    _check_letters(letters, damaged)
    _check_documents(sample, damaged, found, said)
    return len(letters)


def _kind(event: Event) -> str:
    kind = getattr(event, "kind", "")
    return f"passed over: {kind}" if kind else type(event).__name__


def _check_books(facts: dict[str, object], outputs: _Held, events: int) -> None:
    rows = sum(o.rows for o in outputs.written if o.path.startswith("documents/"))
    dead = [data for path, data in outputs.files.items() if path.startswith("dead_letters/")]
    lines = [orjson.loads(line) for data in dead for line in data.splitlines()]
    passed = facts["passed_over"]
    assert isinstance(passed, dict)
    total = rows + len(lines) + sum(passed.values()) + int(str(facts["merged"]))
    if not (events == facts["records"] == total):
        raise Broken(f"{events} events, {facts['records']} records, {total} in the books")


def _check_letters(letters: list[DeadLetter], damaged: Mutated) -> None:
    for letter in letters:
        if not letter.error or letter.offset < -1:
            raise Broken(f"a dead letter without a reason or place: {letter}")


def _check_documents(sample: Sample, damaged: Mutated, found: Counter[str], said: Counter[str]) -> None:
    whole = Counter(record.print for record in sample.records)
    if damaged.whole or (sample.named and damaged.kind == "renamed"):
        if damaged.data and not said and damaged.data.strip():
            raise Broken("nothing is said of the file")
        return
    intact = sample.intact(damaged.touched, damaged.moved)
    if sample.form.endswith(".gz") and only_checksum_shows(damaged.data):
        intact = Counter()  # damage may be anywhere in it
    lost = intact - found
    what = f"{damaged.kind} {damaged.touched} of {sample.form}"
    # Of two rows with one id a later one is passed over: damage may give a row the id of another.
    lost_to_twins = said["passed over: post read before"]
    if lost.total() > lost_to_twins:
        raise Broken(f"{lost.total()} intact documents of {whole.total()} are missing: {what}")
    gone, new = whole - found, found - whole
    dead = said["DeadLetter"]
    edges = sample.edges()
    traceless = all({a, b} <= edges or sample.between_files(a, b) for a, b in damaged.touched)
    others = sum(count for kind, count in said.items() if kind not in ("Document", "Merged"))
    if gone and not (dead or new or others or traceless):
        raise Broken(f"{gone.total()} documents are gone, and nothing says so: {what}")
    if sample.sealed and new and not dead and not damaged.foreign:
        raise Broken(f"{new.total()} documents are changed, and nothing says so: {what}")


def only_checksum_shows(data: bytes) -> bool:
    """Whether a gzip member can be inflated to its end, and has another checksum then."""
    try:
        zlib.decompressobj(31).decompress(data)
    except zlib.error as error:
        return "incorrect data check" in str(error)
    return False


def drawn(samples: list[Sample], others: list[bytes], seed: int, number: int) -> tuple[Sample, Mutated]:
    """File `number` of a seed: which sample, and what became of it."""
    draw = Random(f"{seed} {number}")
    sample = draw.choice(samples)
    return sample, mutated(draw, sample.data, sample.name, others)
