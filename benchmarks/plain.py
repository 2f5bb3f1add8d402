"""A flow's own functions called in a loop, with nothing around them: no Beam, units, receipts, books.

Reads the same inputs and batches as the phases `prepare`, `judge` and `curate`, writes the same Parquet, and
takes the CPU seconds of each stage on its way.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.settle import with_verdicts
from pipeline.files import delete, join, list_folder, write_file
from pipeline.flow import Flow
from pipeline.manifest import manifest_path
from pipeline.models import resolve
from pipeline.packed import PackedFile, pack, read_packed
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases import PHASES, duplicates, judge, lines, prepare
from pipeline.phases.exchange_rounds import list_path
from pipeline.phases.phase import Run, required
from pipeline.phases.settle import settled_path
from pipeline.records import Document
from pipeline.schema import documents_table
from pipeline.transforms.judging import JudgeStage, Judging
from pipeline.transforms.rules import RuleStage, judge_rules

BOTH = ("prepare", "judge", "curate")  # the phases that the plain loop does too
_NOTHING = nullcontext()
SEEN_AT_MOST = 8 << 20  # bytes of text kept for a stage's native floor


@dataclass
class Cost:
    """What a stage took, and what it was given: CPU seconds, documents, bytes of UTF-8 (raw bytes of pages
    that are not text yet), and the first of them."""

    seconds: float = 0.0
    documents: int = 0
    bytes: int = 0
    seen: list[Any] = field(default_factory=list)

    def given(self, texts: Sequence[Any]) -> None:
        """Count what comes in."""
        sizes = [len(text if isinstance(text, bytes) else text.encode()) for text in texts]
        if self.bytes < SEEN_AT_MOST:
            self.seen += texts
        self.documents += len(texts)
        self.bytes += sum(sizes)


class Clock:
    """Costs by (phase, stage), in the order of first use; a clock that does not `count` is out of the way."""

    def __init__(self, count: bool = True) -> None:
        self.costs: defaultdict[tuple[str, str], Cost] = defaultdict(Cost)
        self.count = count

    def __call__(self, phase: str, stage: str) -> AbstractContextManager[None]:
        """Add what is done inside to a stage, where this clock counts."""
        return self._timed(phase, stage) if self.count else _NOTHING

    @contextmanager
    def _timed(self, phase: str, stage: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.costs[phase, stage].seconds += time.process_time() - start

    def given(self, phase: str, stage: str, texts: Sequence[Any]) -> None:
        """Count what a stage is given, where this clock counts."""
        if self.count:
            self.costs[phase, stage].given(texts)


def again(run: Run, source: str) -> None:
    """The phases themselves once more, from nothing."""
    for phase in BOTH:
        delete([manifest_path(run.out, phase, source)])
        folder = join(run.out, "work", phase, source, "receipts")
        delete(join(folder, name) for name in list_folder(folder))
        PHASES[phase](run)


def plain_loop(run: Run, source: str, folder: str, clock: Clock) -> None:
    """All three phases of one source; the lists of duplicates are those of the run, which must be done."""
    plain_prepare(run, source, folder, clock)
    plain_judge(run, source, folder, clock)
    plain_curate(run, source, folder, clock)


def plain_prepare(run: Run, source: str, folder: str, clock: Clock) -> None:
    """Read, clean, and write batches and their fingerprints."""
    flow = run.flows[source]
    for file in run.inputs[source]:
        batch: list[tuple[int, Document]] = []
        size = number = 0
        with Path(file.path).open("rb") as stream:
            events = flow.read.reader().read(stream, file.name)
            for ordinal in itertools.count():
                with clock(prepare.PHASE, "read"):
                    event = next(events, None)
                if event is None:
                    break
                if not isinstance(event, Document):
                    continue
                raw = event.content or event.text
                clock.given(prepare.PHASE, "read", [raw])
                for stage in flow.clean:
                    if event.verdict is None:
                        text = event.content or event.text
                        clock.given(prepare.PHASE, stage.name, [text])
                        with clock(prepare.PHASE, stage.name):
                            stage.clean(event)
                added = len(event.text.encode())
                if batch and (
                    size + added > run.config.batch_bytes or batch[-1][1].snapshot != event.snapshot
                ):
                    _write_batch(flow, source, f"{folder}/{file.name}-{number}", batch, clock)
                    batch, size, number = [], 0, number + 1
                batch.append((ordinal, event))
                size += added
        if batch:
            _write_batch(flow, source, f"{folder}/{file.name}-{number}", batch, clock)


def _write_batch(flow: Flow, source: str, path: str, batch: list[tuple[int, Document]], clock: Clock) -> None:
    texts = [document.text for _, document in batch]
    clock.given(prepare.PHASE, "write", texts)
    with clock(prepare.PHASE, "write"):
        table = documents_table(source, "", batch)
        write_file(path, to_parquet(table))
    for round_ in flow.rounds:
        clock.given(prepare.PHASE, f"{round_.name}, hashes", texts)
        with clock(prepare.PHASE, f"{round_.name}, hashes"):
            write_file(f"{path}.{round_.name}", pack(round_.fingerprint(table)))


def plain_judge(run: Run, source: str, folder: str, clock: Clock) -> None:
    """Take duplicate lines out, score and judge, write the rows and the fingerprints of what is kept."""
    prepared = required(run, prepare.PHASE, source)
    flow = judge.settled(run.flows[source], prepared)
    for batch in prepare.batches(prepared):
        with clock(judge.PHASE, "read"):
            table = read_parquet(join(run.out, batch["documents"].path))
            judging = Judging(table, run.config.scores == "all")
        clock.given(judge.PHASE, "read", judging.texts)
        with PackedFile(join(run.out, batch["fingerprint"].path)) as fingerprint:
            for round_ in flow.rounds:
                path = join(run.out, list_path(lines.PHASE, round_.name, source, batch["name"]))
                clock.given(judge.PHASE, round_.name, _texts(judging))
                with clock(judge.PHASE, round_.name):
                    round_.apply(judging, read_packed(path)["removals"], fingerprint)
        for stage in flow.judge:
            clock.given(judge.PHASE, stage.name, _texts(judging))
            with clock(judge.PHASE, stage.name):
                _judge(stage, judging)
        clock.given(judge.PHASE, "write", judging.texts)
        with clock(judge.PHASE, "write"):
            judged = judging.table()
            write_file(f"{folder}/{batch['name']}", to_parquet(judged))
        for found in (*flow.duplicates, *flow.near_duplicates):
            clock.given(judge.PHASE, f"{found.name}, hashes", _texts(judging))
            with clock(judge.PHASE, f"{found.name}, hashes"):
                write_file(f"{folder}/{batch['name']}.{found.name}", pack(found.fingerprint(judged)))


def _texts(judging: Judging) -> list[str]:
    return [judging.texts[row] for row in judging.rows().tolist()]


def _judge(stage: JudgeStage, judging: Judging) -> None:
    if isinstance(stage, RuleStage):
        judge_rules(judging, [stage])
    else:
        stage.judge(judging, {path: resolve(path) for path in stage.model_paths()})


def plain_curate(run: Run, source: str, folder: str, clock: Clock) -> None:
    """Take duplicates out and write the two halves."""
    listed = source in duplicates.sources_with_duplicates(run)
    for batch in judge.judged_batches(required(run, judge.PHASE, source)):
        with clock("curate", "read and write"):
            table = read_parquet(join(run.out, batch["judged"].path))
            if listed:
                path = join(run.out, settled_path(source, batch["name"]))
                table = with_verdicts(table, read_packed(path)["removals"])
            _write_halves(table, f"{folder}/{batch['name']}")
        clock.given("curate", "read and write", table.column("text").to_pylist())


def _write_halves(table: pa.Table, path: str) -> None:
    kept = pc.is_null(table.column("verdict"))
    for name, half in (("kept", table.filter(kept)), ("dropped", table.filter(pc.invert(kept)))):
        if half.num_rows:
            write_file(f"{path}.{name}", to_parquet(half))
