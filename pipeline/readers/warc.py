"""Common Crawl: WARC responses and WET texts, in one reader, since both describe the same pages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from pipeline.readers.http_body import BodyError, Message, charset, decode_body, media_type, parse_message
from pipeline.readers.members import pieces
from pipeline.readers.warc_records import Record, header_fields, records
from pipeline.records import DeadLetter, Document, Event, PassedOver

MAX_DOCUMENT_BYTES = 64 << 20

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})

# WARC/1.1, section 5.5; the kinds of record that are counted by name.
_RECORD_TYPES = frozenset(
    ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
)
# Media types that are counted by name, the common ones of crawls; the others by their top level: kinds stay
# few.
_COUNTED_TYPES = frozenset(
    f"{top}/{subtype}"
    for top, subtypes in {
        "application": (
            *("atom+xml", "javascript", "json", "octet-stream", "pdf", "rss+xml"),
            *("x-javascript", "x-shockwave-flash", "xml", "zip"),
        ),
        "image": ("gif", "jpeg", "png", "svg+xml", "webp"),
        "text": ("calendar", "css", "csv", "javascript", "plain", "xml"),
    }.items()
    for subtype in subtypes
)
_TOP_LEVEL_TYPES = frozenset(
    ("application", "audio", "font", "image", "message", "model", "multipart", "text", "video")
)

_HEAD = 100


class WarcReader:
    """Reads WARC and WET files, also mixed, whatever their compression (gzip, zstd, none).

    A 200 response of type HTML is a Document with `content` (the body, codings undone) and `charset` (the
    HTTP header's); a conversion of type text/plain is one with `text`. Both have the key of the response, so
    that a page read in WARC and in WET gets one id. All else is PassedOver by kind, or a DeadLetter if it is
    damaged. Bytes of a WET text that are not UTF-8 become U+FFFD, counted in `metadata["replaced_bytes"]`:
    the crawl's own conversion leaves some behind, and a page is not lost for one of them.

    `max_document_bytes` bounds a record, a decoded body, and thereby memory; above it is a dead letter.
    """

    def __init__(self, max_document_bytes: int = MAX_DOCUMENT_BYTES) -> None:
        self.max_document_bytes = max_document_bytes

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each record of `stream`, the stored bytes of the file called `name`.

        Needs only `stream.read(size)`; what that raises (a lost connection) is raised, bad bytes are not.
        """
        snapshot = ""
        for record in records(pieces(stream), self.max_document_bytes):
            if isinstance(record, DeadLetter):
                yield record
                continue
            kind = record.headers["warc-type"].lower()
            try:
                if kind == "response":
                    yield self._response(record, snapshot)
                elif kind == "conversion":
                    yield self._conversion(record, snapshot)
                else:
                    if kind == "warcinfo":
                        snapshot = header_fields(record.block.decode("utf-8", "replace")).get("ispartof", "")
                    yield PassedOver(f"warc:{kind if kind in _RECORD_TYPES else 'other'}")
            except BodyError as error:
                yield DeadLetter(record.offset, str(error), record.block[:_HEAD])

    def _response(self, record: Record, snapshot: str) -> Document | PassedOver:
        headers = record.headers
        if media_type(headers.get("content-type", "application/http")) != "application/http":
            return PassedOver("warc:response-not-http")  # DNS answers and the like
        message = parse_message(record.block)
        if message.status != 200:
            return PassedOver(f"http:{message.status}" if 100 <= message.status < 600 else "http:other")
        content_type = message.fields.get("content-type", "")
        page_type = media_type(content_type) or media_type(headers.get("warc-identified-payload-type", ""))
        if page_type not in HTML_TYPES:
            return PassedOver(_type_kind(page_type))
        self._check_length(record)
        content = decode_body(message, self.max_document_bytes, "warc-truncated" in headers)
        return Document(
            key=_key(headers, headers.get("warc-record-id", ""), content),
            url=_url(headers),
            timestamp=normalized_date(headers.get("warc-date", "")),
            snapshot=snapshot,
            metadata=_metadata(headers, message),
            content=content,
            charset=charset(content_type),
        )

    def _conversion(self, record: Record, snapshot: str) -> Document | PassedOver:
        headers = record.headers
        text_type = media_type(headers.get("content-type", "text/plain"))
        if text_type != "text/plain":
            return PassedOver(_type_kind(text_type))
        self._check_length(record)
        metadata = _metadata(headers, None)
        try:
            text = record.block.decode()
        except UnicodeDecodeError:
            text = record.block.decode("utf-8", "replace")
            metadata["replaced_bytes"] = text.count("�") - record.block.count("�".encode())
        return Document(
            key=_key(headers, headers.get("warc-refers-to", ""), record.block),
            text=text,
            url=_url(headers),
            timestamp=normalized_date(headers.get("warc-date", "")),
            snapshot=snapshot,
            metadata=metadata,
        )

    def _check_length(self, record: Record) -> None:
        if record.length > self.max_document_bytes:
            raise BodyError(
                f"the record has {record.length} bytes, more than the limit of {self.max_document_bytes}"
            )


def normalized_date(date: str) -> str:
    """Return a WARC-Date as RFC 3339 in UTC to the second, or "" if it is none (or just a part of one)."""
    try:
        moment = datetime.fromisoformat(date)
        if len(date) == 20 and date[4] == date[7] == "-" and date[10] == "T" and date[19] == "Z":
            return date
        if moment.tzinfo:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _key(headers: dict[str, str], record_id: str, payload: bytes) -> str:
    """Return the response's record id, or what stands for it where a file has none."""
    if record_id:
        return record_id.strip("<>")
    digest = headers.get("warc-payload-digest") or headers.get("warc-block-digest")
    if not digest:
        digest = "sha1:" + base64.b32encode(hashlib.sha1(payload, usedforsecurity=False).digest()).decode()
    return "\n".join((_url(headers), headers.get("warc-date", ""), digest))


def _url(headers: dict[str, str]) -> str:
    return headers.get("warc-target-uri", "").strip("<>")  # WARC/1.0 writers put the brackets of its grammar


def _metadata(headers: dict[str, str], message: Message | None) -> dict[str, Any]:
    """Return what only this source has, where the record has it."""
    http = message.fields if message else {}
    found = {
        "form": "warc" if message else "wet",
        "record_id": headers.get("warc-record-id", "").strip("<>"),
        "payload_digest": headers.get("warc-payload-digest", ""),
        "identified_language": headers.get("warc-identified-content-language", ""),
        "truncated": headers.get("warc-truncated", ""),
        "content_type": http.get("content-type", ""),
        "content_language": http.get("content-language", ""),
    }
    return {name: value for name, value in found.items() if value}


def _type_kind(kind: str) -> str:
    """Return the kind that counts a media type: its name where it is common, else its top level."""
    if not kind:
        return "type:none"
    if kind in _COUNTED_TYPES:
        return f"type:{kind}"
    top = kind.partition("/")[0]
    return f"type:{top}/other" if top in _TOP_LEVEL_TYPES else "type:other"
