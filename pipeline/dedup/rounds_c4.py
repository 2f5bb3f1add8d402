"""C4's rounds: of pages with one URL the newest stays, of documents with one line the one whose URL hashes
lowest keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field

from filters.c4_lines import c4_line_hashes, owner_order
from filters.c4_spans import CutSentences, remove_sentences, sentences_that_go, span_hashes
from filters.c4_urls import normalize_url, normalize_url_tfds
from filters.lines import LinesLeft
from pipeline.dedup.kernels import (
    LineEntries,
    Removal,
    document_lines,
    removed_lines,
    repeated_lines,
    unique_with_flag,
)
from pipeline.dedup.rounds import Array, Scope
from pipeline.dedup.rounds_documents import DocumentRound, Keyed, split_hex
from pipeline.dedup.rounds_lines import REMOVAL, LineRound
from pipeline.models import PUNKT_EN, load_punkt, resolve
from pipeline.packed import PackedFile
from pipeline.transforms.judging import Judging

UrlPreset = Literal["c4", "c4@tfds"]
NORMALIZE = {"c4": normalize_url, "c4@tfds": normalize_url_tfds}

ENTRY = np.dtype([("key", "<u8"), ("in_two", "?"), ("owner", "<u8")])
_NO_DATE = np.iinfo(np.int64).max
_BEGINNING = datetime.fromisoformat("1970-01-01T00:00:00Z")


class DuplicateUrls(DocumentRound):
    """Pages of one normalised URL: the newest by its timestamp stays, then the one of the smaller id.

    As in c4_utils.py, which asks this before its page rules, a newer page that fails them takes the older
    ones with it.
    """

    name: ClassVar[str] = "duplicate_url"
    preset: UrlPreset = Field(
        "c4", description="how URLs are normalised; c4@tfds as c4_utils.py, defects too"
    )
    without: tuple[str, ...] = Field(
        ("too_long",), description="pages dropped by these rules take no part: C4 asks them before the URL"
    )

    def keys(self, table: pa.Table) -> Keyed:
        """Every row that has a URL and no verdict of `without`."""
        urls: list[str] = table.column("url").to_pylist()
        verdicts = table.column("verdict").to_pylist()
        rows = np.array(
            [
                row
                for row, (url, rule) in enumerate(zip(urls, verdicts, strict=True))
                if url and rule not in self.without
            ],
            np.int64,
        )
        normalize = NORMALIZE[self.preset]
        keys = [xxhash.xxh3_128_hexdigest(normalize(urls[row]).encode()) for row in rows.tolist()]
        high, low = split_hex(keys)
        dates = table.column("timestamp").take(pa.array(rows)).to_pylist()
        nothing = np.zeros(len(rows))
        return Keyed(high, low, rows, (nothing, nothing, np.array([_age(date) for date in dates], np.int64)))


def _age(date: str) -> int:
    """A number that is smaller for a later date, the largest for what is no date."""
    try:
        day = datetime.fromisoformat(date)
    except ValueError:
        return _NO_DATE
    return (_BEGINNING - (day if day.tzinfo else day.replace(tzinfo=UTC))) // timedelta(microseconds=1)


class OwnedLines(LineRound):
    """Lines that two or more documents of the scope share stay in one of them: that whose URL has the
    smallest MD5 (c4_utils.py, `remove_duplicate_text`); with `compare: spans`, spans of sentences do.

    Lines and sentences are compared trimmed and in lower case. Which document keeps one does not depend on
    batches.
    """

    scope: Scope = Field("global", description="C4: the whole corpus")
    owner: Literal["url"] = Field("url", description="c4_utils.py: by the MD5 of the URL")
    compare: Literal["lines", "spans"] = Field(
        "lines", description="as C4's code; spans of sentences: as its paper (docs/parity.md)"
    )
    span: int = Field(3, ge=1, description="sentences in a span; Raffel et al. 2020, section 2.2")
    sentences: str = Field(
        PUNKT_EN, description="of spans, a Punkt model as JSON; the bundled one is English"
    )

    @property
    def rule(self) -> str:
        """What the books call it."""
        return self.name if self.compare == "lines" else "duplicate_spans"

    def settings(self) -> dict[str, Any]:
        """All that decides what the round does: with spans the bytes of its model, which is loaded for
        this."""
        if self.compare == "lines":
            return super().settings()
        self._cut()
        return {**super().settings(), "sentences_digest": resolve(self.sentences).digest}

    def _cut(self) -> CutSentences:
        return load_punkt(resolve(self.sentences)).sentences

    def _hashes(self, texts: list[str]) -> tuple[Array, Array]:
        return (
            c4_line_hashes(texts) if self.compare == "lines" else span_hashes(texts, self._cut(), self.span)
        )

    def fingerprint(self, table: pa.Table) -> dict[str, Array]:
        """The hashes of what rows without a verdict hold, rows in the order in which they own it."""
        owners = owner_order(table.column("url").to_pylist())
        order = np.argsort(owners, kind="stable")
        texts = table.column("text").to_pylist()
        hashes, counts = self._hashes([texts[row] for row in order.tolist()])
        failed = table.column("verdict").is_valid().to_numpy()[order]
        return {
            **self.line_arrays(document_lines(hashes, counts, failed)),
            f"{self.name}.order": order.astype(np.uint32),
            f"{self.name}.owner": owners[order],
        }

    def entries(self, file: PackedFile, start: int, stop: int, lost: Array, priority: int) -> Array:
        """Each hash once, whether two documents of the batch have it, and the first owner among them."""
        lost = lost[file.read(f"{self.name}.order")]
        lines = self.lines(file, start, stop)
        rows = np.searchsorted(lines.row_starts, lines.ordinals, side="right") - 1
        remain = ~lost[rows]
        lines = LineEntries(lines.hashes[remain], lines.ordinals[remain], lines.row_starts)
        hashes, in_two = unique_with_flag(lines)
        entries = np.zeros(len(hashes), ENTRY)
        entries["key"], entries["in_two"] = hashes, in_two
        firsts = np.searchsorted(lines.hashes, hashes)
        entries["owner"] = file.read(f"{self.name}.owner")[rows[remain][firsts]]
        return entries

    def resolve(self, slices: list[tuple[int, Array]]) -> dict[int, Array]:
        """The hashes that two documents have; the batch with the first owner keeps them in that one.

        A batch that loses nothing need not hear of a line; of a span it must, since the copy that stays
        decides what becomes of the spans that overlap it.
        """
        if not slices:
            return {}
        entries = np.concatenate([piece for _, piece in slices])
        numbers = [number for number, _ in slices]
        batch = np.repeat(np.array(numbers, np.int64), [len(piece) for _, piece in slices])
        order = np.lexsort((batch, entries["owner"], entries["key"]))
        entries, batch = entries[order], batch[order]
        first = np.ones(len(entries), bool)
        np.not_equal(entries["key"][1:], entries["key"][:-1], out=first[1:])
        listed = ~first | entries["in_two"]
        if self.compare == "spans":
            listed[:-1] |= ~first[1:]
        places = np.flatnonzero(listed)
        removals = np.zeros(len(places), REMOVAL)
        removals["key"], removals["first_stays"] = entries["key"][places], first[places]
        by_batch = np.argsort(batch[places], kind="stable")
        found, cuts = np.unique(batch[places][by_batch], return_index=True)
        parts = np.split(removals[by_batch], cuts[1:])
        return dict(zip(found.tolist(), parts, strict=True)) if len(found) else {}

    def goes(self, batch: Judging, removal: Removal, fingerprint: PackedFile) -> tuple[Array, Array]:
        """What `LineRound.goes` says, with `compare: spans` of sentences, none where a text has no span."""
        lines = self.lines(fingerprint, 0, fingerprint.length(f"{self.name}.key"))
        order = fingerprint.read(f"{self.name}.order").astype(np.int64)
        lost = batch.lost()[order]
        goes = removed_lines(lines, removal, lost)
        starts = lines.row_starts.astype(np.int64)
        if self.compare == "spans":
            kept = repeated_lines(lines, removal, lost) & ~goes
            goes, starts = self._sentences_that_go(goes, kept, starts)
        return _in_order_of_batch(goes, starts, order)

    def _sentences_that_go(self, lost: Array, kept: Array, starts: Array) -> tuple[Array, Array]:
        spans = np.diff(starts)
        counts = np.where(spans, spans + self.span - 1, 0)
        firsts = np.concatenate([[0], np.cumsum(counts)])
        flags = np.zeros(int(firsts[-1]), bool)
        touched = np.searchsorted(starts, np.flatnonzero(lost), side="right") - 1
        for row in np.unique(touched).tolist():
            here = slice(starts[row], starts[row + 1])
            flags[firsts[row] : firsts[row + 1]] = sentences_that_go(lost[here], kept[here], self.span)
        return flags, firsts

    def left(self, text: str, goes: Array) -> LinesLeft:
        """A text without the lines, or sentences, that go."""
        return (
            super().left(text, goes) if self.compare == "lines" else remove_sentences(text, goes, self._cut())
        )


def _in_order_of_batch(flags: Array, starts: Array, order: Array) -> tuple[Array, Array]:
    """Flags of rows that stand in `order`, and where each row starts, put back as the batch has them."""
    counts = np.diff(starts)
    back = np.zeros(len(order) + 1, np.int64)
    back[order + 1] = counts
    np.cumsum(back, out=back)
    moved = np.zeros(len(flags), bool)
    moved[np.arange(len(flags)) + np.repeat(back[order] - starts[:-1], counts)] = flags
    return moved, back
