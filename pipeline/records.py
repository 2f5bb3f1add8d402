"""What a reader yields: every record it meets is exactly one of these four."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, Protocol


class Verdict(NamedTuple):
    """Why a document is dropped: the rule, the value it had, and the threshold it missed.

    A rule that compares nothing (a duplicate, a kind that is not wanted) has None in both places.
    """

    rule: str
    value: float | None = None
    threshold: float | None = None


@dataclass(slots=True)
class Document:
    """One document on its way through `prepare`.

    `key` is the record's own name (design, section 2), from which the id is made; never a path, an offset or
    a line number. `content` holds the raw body until a clean stage turns it into `text`.
    """

    key: str
    text: str = ""
    url: str = ""
    timestamp: str = ""
    language: str = ""
    snapshot: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    charset: str | None = None
    verdict: Verdict | None = None


class PassedOver(NamedTuple):
    """A record of a kind that this reader does not read, counted by kind."""

    kind: str


class Merged(NamedTuple):
    """A record that became part of another document, named by that document's key."""

    into: str


class DeadLetter(NamedTuple):
    """A record that could not be read: where, why, and how it began.

    `offset` counts bytes from the start of the input as stored (compressed, where it is), or -1 where a
    record has no place of its own. `error` never holds a path or an address, so that two runs write the same
    bytes.
    """

    offset: int
    error: str
    head: bytes = b""


Event = Document | PassedOver | Merged | DeadLetter


class Reader(Protocol):
    """Turns one input file into events, in file order, without holding the file in memory.

    A reader never raises for bad input: a file that breaks half-way yields what was readable and one dead
    letter.
    """

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each record of `stream`, the input's stored bytes; `name` is its base name."""
        ...
