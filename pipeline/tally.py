"""How far the units of a room are, read from the receipts that finished ones leave: the same for every
runner."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psutil

from pipeline.files import join, list_folder, read_many
from pipeline.units import Receipt, Unit, receipts_folder


@dataclass
class Count:
    """What one source has done in a room: units, bytes read, documents; `kept` and `dropped` where the room
    decides on documents."""

    units: int = 0
    done: int = 0
    bytes: int = 0
    documents: int = 0
    kept: int = 0
    dropped: int = 0

    def add(self, size: int, facts: dict[str, Any]) -> None:
        """Count a finished unit that read `size` bytes and left `facts`."""
        self.done += 1
        self.bytes += size
        if "curated" in facts:
            kept, rows = facts["curated"], facts["curated"] + facts["dropped"]
        elif "kept" in facts:
            kept, rows = facts["kept"], facts["rows"]
        else:
            self.documents += sum(batch["rows"] for batch in facts.get("batches", []))
            return
        self.documents += rows
        self.kept += kept
        self.dropped += rows - kept


@dataclass
class Snapshot:
    """A room at one moment: counts by source, seconds since its start, seconds left where that can be told,
    bytes of memory of this process and its workers."""

    sources: dict[str, Count]
    seconds: float
    left: float | None
    memory: int

    @property
    def total(self) -> Count:
        """All sources together."""
        names = list(vars(Count()))
        return Count(*(sum(getattr(count, name) for count in self.sources.values()) for name in names))


@dataclass
class Tally:
    """Counts the pending units of a room as they finish; each receipt is read once."""

    out: str
    pending: list[Unit]
    _started: float = field(default_factory=time.monotonic)
    _counts: dict[str, Count] = field(default_factory=dict)
    _open: dict[tuple[str, str], dict[str, Unit]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for unit in self.pending:
            self._counts.setdefault(unit.source, Count()).units += 1
            self._open.setdefault((unit.room, unit.source), {})[f"{unit.name}.json"] = unit

    def look(self) -> Snapshot:
        """Read the receipts that came since the last look."""
        for (room, source), waiting in self._open.items():
            if not waiting:
                continue
            folder = join(self.out, receipts_folder(room, source))
            names = sorted(waiting.keys() & list_folder(folder).keys())
            for name, data in zip(names, read_many([f"{folder}/{name}" for name in names]), strict=True):
                if receipt := Receipt.from_json(data):
                    self._counts[source].add(waiting.pop(name).size, receipt.facts)
        seconds = time.monotonic() - self._started
        snapshot = Snapshot(self._counts, seconds, None, memory_in_use())
        finished, whole = snapshot.total.bytes, sum(unit.size for unit in self.pending)
        if finished:
            snapshot.left = seconds * (whole - finished) / finished
        return snapshot


def memory_in_use() -> int:
    """Resident bytes of this process and all its children; what is shared counts for each."""
    process = psutil.Process()
    return sum(map(_resident, [process, *process.children(recursive=True)]))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it ended meanwhile
        return 0


def fields_of(label: str, snapshot: Snapshot) -> str:
    """A snapshot as `key=value` pairs on one line, for logs."""
    total = snapshot.total
    seconds = max(snapshot.seconds, 1e-3)
    pairs: Iterable[tuple[str, object]] = (
        ("phase", label),
        ("units", f"{total.done}/{total.units}"),
        ("documents", total.documents),
        ("kept", total.kept),
        ("dropped", total.dropped),
        ("documents_per_second", f"{total.documents / seconds:.1f}"),
        ("bytes_per_second", f"{total.bytes / seconds:.0f}"),
        ("seconds", f"{snapshot.seconds:.0f}"),
        ("seconds_left", "unknown" if snapshot.left is None else f"{snapshot.left:.0f}"),
        ("memory_mb", snapshot.memory // 1_000_000),
    )
    return " ".join(f"{key}={value}" for key, value in pairs)
