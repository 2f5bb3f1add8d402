"""C4's rounds: of pages with one URL the newest stays, of documents with one line the one whose URL hashes
lowest keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field

from filters.c4_lines import c4_line_hashes, owner_order
from filters.c4_urls import normalize_url, normalize_url_tfds
from pipeline.dedup.kernels import LineEntries, Removal, document_lines, removed_lines, unique_with_flag
from pipeline.dedup.rounds import Array, Scope
from pipeline.dedup.rounds_documents import DocumentRound, Keyed, split_hex
from pipeline.dedup.rounds_lines import REMOVAL, LineRound
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
    smallest MD5 (c4_utils.py, `remove_duplicate_text`).

    Lines are compared trimmed and in lower case. Which document keeps a line does not depend on batches.
    """

    scope: Scope = Field("global", description="C4: the whole corpus")
    owner: Literal["url"] = Field("url", description="c4_utils.py: by the MD5 of the URL")

    def fingerprint(self, table: pa.Table) -> dict[str, Array]:
        """The hashes of the lines of rows without a verdict, rows in the order in which they own lines."""
        owners = owner_order(table.column("url").to_pylist())
        order = np.argsort(owners, kind="stable")
        texts = table.column("text").to_pylist()
        hashes, counts = c4_line_hashes([texts[row] for row in order.tolist()])
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
        """The hashes that two documents have; the batch with the first owner keeps them in that one."""
        if not slices:
            return {}
        entries = np.concatenate([piece for _, piece in slices])
        numbers = [number for number, _ in slices]
        batch = np.repeat(np.array(numbers, np.int64), [len(piece) for _, piece in slices])
        order = np.lexsort((batch, entries["owner"], entries["key"]))
        entries, batch = entries[order], batch[order]
        first = np.ones(len(entries), bool)
        np.not_equal(entries["key"][1:], entries["key"][:-1], out=first[1:])
        loses = np.flatnonzero(~first | entries["in_two"])
        removals = np.zeros(len(loses), REMOVAL)
        removals["key"], removals["first_stays"] = entries["key"][loses], first[loses]
        by_batch = np.argsort(batch[loses], kind="stable")
        found, cuts = np.unique(batch[loses][by_batch], return_index=True)
        parts = np.split(removals[by_batch], cuts[1:])
        return dict(zip(found.tolist(), parts, strict=True)) if len(found) else {}

    def goes(self, batch: Judging, removal: Removal, fingerprint: PackedFile) -> tuple[Array, Array]:
        """What `LineRound.goes` says; the fingerprint's rows are put back into the order of the batch."""
        lines = self.lines(fingerprint, 0, fingerprint.length(f"{self.name}.key"))
        order = fingerprint.read(f"{self.name}.order").astype(np.int64)
        goes = removed_lines(lines, removal, batch.lost()[order])
        starts = lines.row_starts.astype(np.int64)
        counts = np.diff(starts)
        back = np.zeros(len(order) + 1, np.int64)
        back[order + 1] = counts
        np.cumsum(back, out=back)
        flags = np.zeros(len(goes), bool)
        flags[np.arange(len(goes)) + np.repeat(back[order] - starts[:-1], counts)] = goes
        return flags, back
