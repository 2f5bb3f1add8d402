"""JSON lines from stored bytes, one row a line, going on after every bad one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

import orjson

from pipeline.readers.byte_lines import HEAD_BYTES, byte_lines
from pipeline.readers.members import Piece
from pipeline.readers.rows import Row
from pipeline.records import DeadLetter

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"  # RFC 8259, section 2
_OBJECT = re.compile(rb"\n\{[^\n]*\}\r?\n")
_ELEMENT = re.compile(rb"\n\{[^\n]*\},\r?\n")


def json_lines(pieces: Iterable[Piece], max_line_bytes: int) -> Iterator[Row | DeadLetter]:
    """Yield a row for each line that is a JSON object in UTF-8, a dead letter for each that is not.

    `pieces` are the readable bytes; lines end in LF or CR LF, blank ones are no rows, and of a line above
    `max_line_bytes` only the beginning is ever held. A file in whose first piece no line begins with a
    brace is of another format, and one dead letter. Offsets count stored bytes; in compressed files they
    are the member's, and the place says how far into its readable bytes the line begins.
    """
    pieces = iter(pieces)
    first = next(pieces, None)
    if first is not None and not first.error and not _has_objects(first.data):
        yield DeadLetter(first.offset, "neither JSON lines nor Parquet", first.data[:HEAD_BYTES])
        return
    for line in byte_lines(itertools.chain([first] if first else [], pieces), max_line_bytes, b"{"):
        if isinstance(line, DeadLetter):
            yield line
            continue
        data = line.bytes()
        if line.size > max_line_bytes:
            error = f"a line of {line.size} bytes, more than {max_line_bytes}"
            yield DeadLetter(line.offset, f"{line.place}: {error}", data)
            continue
        data = data.removeprefix(_BYTE_ORDER_MARK)
        if not data.strip(_SPACE):
            continue
        try:
            values = orjson.loads(data)
        except orjson.JSONDecodeError as reason:
            yield DeadLetter(line.offset, f"{line.place}: not JSON: {reason}", data[:HEAD_BYTES])
            continue
        if isinstance(values, dict):
            yield Row(line.offset, line.place, values, data[:HEAD_BYTES])
        else:
            yield DeadLetter(line.offset, f"{line.place}: not a JSON object", data[:HEAD_BYTES])


def _has_objects(data: bytes) -> bool:
    """Whether a line of `data` begins with a brace; of what begins as an array, lines must be whole ones."""
    text = data.removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE)
    if text.startswith(b"["):
        return _OBJECT.search(text) is not None and not _ELEMENT.search(text)
    return not text or text.startswith(b"{") or b"\n{" in text
