"""Read stages: which reader a flow starts with, and how it is set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from pipeline.files import open_file
from pipeline.inputs import InputFile
from pipeline.parts import Part, Reading, Spread
from pipeline.readers.documents import DocumentsReader
from pipeline.readers.warc import WarcReader
from pipeline.records import Event, Reader
from pipeline.transforms.stage import Stage

MAX_DOCUMENT_BYTES = 64 << 20


class ReadStage(Stage, ABC):
    """A stage that makes a reader, and says what parts an input can be read in (pipeline/parts.py)."""

    name: ClassVar[str] = "read"
    file_names: ClassVar[frozenset[str]] = frozenset()
    """File names that say nothing without their folder's."""
    folders: ClassVar[bool] = False
    """Whether a folder on this machine is an input as a whole, read as a tar of its files."""
    max_document_bytes: int = Field(
        MAX_DOCUMENT_BYTES, gt=0, description="a larger document is a dead letter (docs/design.md, section 2)"
    )

    @abstractmethod
    def reader(self) -> Reader:
        """The reader, ready to be used once or many times."""

    def beside(self, path: str) -> Sequence[str]:
        """Paths of files that the input at `path` is read with, where they are there."""
        del path
        return ()

    def parts(self, file: InputFile) -> list[Part]:
        """The ranges that an input can be read in, in its order; none where it is read whole."""
        del file
        return []

    def partitions(self, file: InputFile) -> int:
        """How many partitions a first pass puts the records of an input into; 1 where it needs none."""
        del file
        return 1

    def spread(self, reading: Reading, spread: Spread) -> Iterator[Event]:
        """The first pass: records that need others to `spread`, an event for each other one."""
        raise NotImplementedError(f"{type(self).__name__} has no partitions")

    def events(self, reading: Reading) -> Iterator[Event]:
        """One event for each record of an input, or of the part of it that `reading` names."""
        with open_file(reading.path) as stream:
            yield from self.reader().read(stream, reading.name)

    def check_inputs(self, source: str, names: Sequence[str]) -> None:
        """Raise WinnowError for inputs whose names lack what only a name can tell."""


class WarcOrWet(ReadStage):
    """WARC responses and WET conversions, in any mixture, compressed or not."""

    def reader(self) -> Reader:
        """A WarcReader with this stage's limits."""
        return WarcReader(max_document_bytes=self.max_document_bytes)


class Documents(ReadStage):
    """JSON lines or Parquet of texts; the columns are named here, all others stay as metadata."""

    text: str = "text"
    url: str = "url"
    timestamp: str = "timestamp"
    id: str | None = Field(None, description="a column that names the record; else url, date and text do")

    def reader(self) -> Reader:
        """A DocumentsReader with this stage's columns."""
        return DocumentsReader(self.text, self.url, self.timestamp, self.id, self.max_document_bytes)
