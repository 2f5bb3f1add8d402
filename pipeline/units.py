"""Units of work and their receipts: what makes a phase resumable.

A unit is one input file, batch, bucket or shard. It writes its outputs, each whole, and last of all a receipt
that names them with their checksums. A unit whose receipt has the key it would have now is not run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
import xxhash

from pipeline.files import join, link_file, write_file
from pipeline.sealed import sealed, unsealed


@dataclass(frozen=True)
class Unit:
    """One piece of work: `room` (a phase, or a phase and round), source, name, and all that decides its
    output.

    `key` is the digest of everything the outputs depend on; `size` (bytes read) orders the work; `payload` is
    JSON for the work function.
    """

    room: str
    source: str
    name: str
    key: str
    size: int = 0
    payload: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The unit as one JSON line."""
        return orjson.dumps(asdict(self))

    @staticmethod
    def from_json(line: bytes) -> Unit:
        """The unit that `to_json` wrote."""
        return Unit(**orjson.loads(line))


@dataclass(frozen=True, slots=True)
class Output:
    """One file a unit wrote: its path below the output folder, rows, bytes and xxh3_128."""

    path: str
    rows: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a finished unit left: its outputs, and facts (JSON) for later phases and for the ledger."""

    unit: str
    key: str
    outputs: list[Output]
    facts: dict[str, Any]

    def to_json(self) -> bytes:
        """The receipt as sealed JSON."""
        return sealed(asdict(self))

    @staticmethod
    def from_json(data: bytes) -> Receipt | None:
        """The receipt that `to_json` wrote, None where it was damaged or changed: it says nothing then."""
        fields = unsealed(data)
        if fields is None:
            return None
        fields["outputs"] = [Output(**output) for output in fields["outputs"]]
        return Receipt(**fields)


class Outputs:
    """Writes one unit's files below the output folder and remembers them for its receipt."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.written: list[Output] = []

    def write(self, path: str, data: bytes | memoryview, rows: int = 0) -> Output:
        """Commit `data` as `path` (relative to the output folder)."""
        write_file(join(self.out, path), data)
        output = Output(path, rows, len(data), xxhash.xxh3_128_hexdigest(data))
        self.written.append(output)
        return output

    def link(self, existing: Output, path: str) -> Output:
        """Commit the bytes of a finished output as `path` too (relative to the output folder)."""
        link_file(join(self.out, existing.path), join(self.out, path))
        output = Output(path, existing.rows, existing.size, existing.digest)
        self.written.append(output)
        return output


# The work of one unit: reads what the payload names, writes through Outputs, returns facts for the receipt.
Work = Callable[[Unit, Outputs], dict[str, Any]]


def receipts_folder(room: str, source: str) -> str:
    """Where the receipts of a room and source lie, relative to the output folder."""
    return f"work/{room}/{source}/receipts"


def run_unit(out: str, work: Work, unit: Unit) -> Receipt:
    """Do one unit's work and leave its receipt, the receipt last."""
    outputs = Outputs(out)
    facts = work(unit, outputs)
    receipt = Receipt(unit.name, unit.key, outputs.written, facts)
    folder = receipts_folder(unit.room, unit.source)
    write_file(join(out, folder, f"{unit.name}.json"), receipt.to_json())
    return receipt


def digest(value: object) -> str:
    """xxh3_128 of any JSON value, keys sorted: the form all keys are made in."""
    return xxhash.xxh3_128_hexdigest(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
