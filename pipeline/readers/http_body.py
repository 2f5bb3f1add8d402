"""HTTP messages as archived: status, header fields, and the body with its codings undone, under a size limit.

Archives disagree on what they store: the body as sent, or decoded with the old header still in front. So a
body that does not have the coding its header names, but begins as a page does, is taken as it is.
"""

from __future__ import annotations

import io
import re
import zlib
from typing import NamedTuple

from fastwarc.stream_io import BrotliReader, WarcReader, ZstdReader

from pipeline.readers.warc_records import header_end, header_fields

_STATUS = re.compile(r"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:\s|\Z)", re.ASCII)
_CHARSET = re.compile(r";\s*charset\s*=\s*(?:[\"']\s*)?([^\s;\"',]+)", re.IGNORECASE)
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_CHUNK = re.compile(rb"\s*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
_READ = 1 << 20
MAX_CODINGS = 5  # as curl's: each may expand to all that is allowed


class BodyError(ValueError):
    """The message cannot be read; one sentence says why."""


class Message(NamedTuple):
    """An HTTP response: `fields` by lower-case name, `body` as stored."""

    status: int
    fields: dict[str, str]
    body: bytes


def parse_message(block: bytes) -> Message:
    """Return the parts of a stored HTTP response; BodyError if it has no status line or its header no end."""
    end = header_end(block)
    if end is None:
        raise BodyError("the HTTP header has no end")
    status_line, _, lines = block[: end[0]].decode("latin-1").partition("\n")
    status = _STATUS.match(status_line)
    if not status:
        raise BodyError("the HTTP response has no status line")
    return Message(int(status[1]), header_fields(lines), block[end[1] :])


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type field in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def charset(content_type: str) -> str | None:
    """Return the charset that a Content-Type field names, as it is written there, or None."""
    named = _CHARSET.search(content_type)
    return named[1] if named else None


def decode_body(message: Message, limit: int, truncated: bool = False) -> bytes:
    """Return the body with transfer and content codings undone (RFC 9110, 8.4; RFC 9112, 6.1).

    Knows chunked, gzip, deflate (with and without zlib's header), br and zstd. BodyError where one is unknown
    or damaged and the body is no page as it is, where it ends early (unless the archive says that it is
    `truncated`), and where a decoded body would be longer than `limit` bytes, whatever it decodes to.
    """
    codings = [
        coding.strip().lower()
        for name in ("content-encoding", "transfer-encoding")
        for coding in message.fields.get(name, "").split(",")
    ]
    if sum(map(bool, codings)) > MAX_CODINGS:
        raise BodyError(f"the HTTP header names more than {MAX_CODINGS} codings")
    body = message.body
    for coding in reversed(codings):
        if coding and coding != "identity" and body:
            try:
                body = _decode(coding, body, limit, truncated)
            except BodyError:
                if not _PAGE.match(body):
                    raise
        if len(body) > limit:
            raise BodyError(f"the decoded body is longer than the limit of {limit} bytes")
    return body


def _decode(coding: str, body: bytes, limit: int, truncated: bool) -> bytes:
    if coding == "chunked":
        return _dechunk(body, truncated)
    if coding in ("gzip", "x-gzip", "deflate"):
        # zlib's header: method 8, and the first two bytes divisible by 31 (RFC 1950, section 2.2)
        raw = coding == "deflate" and (body[0] & 15 != 8 or int.from_bytes(body[:2], "big") % 31)
        return _inflate(body, coding, -15 if raw else 47, limit, truncated)
    if coding == "br":
        return _read(BrotliReader(io.BytesIO(body)), coding, limit, truncated)
    if coding == "zstd":
        return _read(ZstdReader(io.BytesIO(body)), coding, limit, truncated)
    raise BodyError(f"the HTTP coding {coding[:40]!r} is not known")


def _dechunk(body: bytes, truncated: bool) -> bytes:
    """Join the chunks; own code, since fastwarc's reader takes no chunk extensions."""
    parts: list[bytes] = []
    at = 0
    while header := _CHUNK.match(body, at):
        at = header.end() + int(header[1], 16)
        if at == header.end():
            return b"".join(parts)
        parts.append(body[header.end() : at])
    if not (truncated and parts):
        raise BodyError("the chunked body is clipped" if at >= len(body) else "the chunked body is damaged")
    return b"".join(parts)


def _inflate(body: bytes, coding: str, window: int, limit: int, truncated: bool) -> bytes:
    inflater = zlib.decompressobj(window)
    try:
        decoded = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise BodyError(f"the {coding} body is damaged") from None
    if not inflater.eof and len(decoded) <= limit and not truncated:
        raise BodyError(f"the {coding} body is clipped")
    return decoded


def _read(reader: WarcReader, coding: str, limit: int, truncated: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while size <= limit and (part := reader.read(min(_READ, limit + 1 - size))):
            parts.append(part)
            size += len(part)
    except OSError:
        if not (truncated and parts):
            raise BodyError(f"the {coding} body is damaged") from None
    return b"".join(parts)
