"""Packed deduplication equals the plain definition, for any corpus, batches and order."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.ccnet_text import normalize_for_dedup
from filters.lines import line_hashes, remove_lines
from pipeline.dedup.kernels import (
    Keep,
    LineEntries,
    Removal,
    document_lines,
    losers,
    removed_lines,
    shared,
    unique_with_flag,
)
from pipeline.readers.warc import WarcReader
from pipeline.records import Document

Batches = list[tuple[str, ...]]


def plain(documents: list[str], keep: Keep) -> list[list[str]]:
    """Say which lines of each document stay, by CCNet's rules, blank lines aside."""
    documents_of: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(documents):
        for line in {normalize_for_dedup(line) for line in text.split("\n") if line.strip()}:
            documents_of[line].append(number)
    left: list[list[str]] = []
    for number, text in enumerate(documents):
        gone = {
            line
            for line, among in documents_of.items()
            if among[1:] and not (keep == "first" and among[0] == number)
        }
        left.append([])
        for line in filter(str.strip, text.split("\n")):
            if normalize_for_dedup(line) not in gone:
                gone.add(normalize_for_dedup(line))
                left[-1].append(line)
    return left


def packed(
    batches: list[list[str]],
    keep: Keep,
    *,
    lost: list[NDArray[np.bool_]] | None = None,
    excluded: list[NDArray[np.bool_]] | None = None,
    buckets: int = 1,
    window: int | None = None,
) -> list[list[str]]:
    """Run every kernel in turn, as the phases do, and return the other lines that stay in each document."""
    nobody = [np.zeros(len(batch), np.bool_) for batch in batches]
    lost, excluded = lost or nobody, excluded or nobody
    entries = [
        document_lines(*line_hashes(batch), without) for batch, without in zip(batches, excluded, strict=True)
    ]
    slices = [unique_with_flag(lines, gone) for lines, gone in zip(entries, lost, strict=True)]
    edges = np.array([2**64 // buckets * bucket for bucket in range(1, buckets)], np.uint64)
    parts: list[list[Removal]] = [[] for _ in batches]
    cuts = [[0, *np.searchsorted(hashes, edges).tolist(), len(hashes)] for hashes, _ in slices]
    for bucket in range(buckets):
        answer = shared(
            [
                (h[c[bucket] : c[bucket + 1]], f[c[bucket] : c[bucket + 1]])
                for (h, f), c in zip(slices, cuts, strict=True)
            ],
            keep,
            window,
        )
        for collected, removal in zip(parts, answer, strict=True):
            collected.append(removal)
    left: list[list[str]] = []
    for batch, lines, collected, gone in zip(batches, entries, parts, lost, strict=True):
        removal = Removal(*map(np.concatenate, zip(*collected, strict=True)))
        assert np.all(removal.hashes[1:] > removal.hashes[:-1])
        flags = removed_lines(lines, removal, gone)
        for text, (start, end) in zip(batch, pairwise(lines.row_starts.tolist()), strict=True):
            left.append(
                [line for line in remove_lines(text, flags[start:end]).text.split("\n") if line.strip()]
            )
    return left


LINE = st.sampled_from(["", "", " ", "a", "A", "b", "c", "d 1", "d 2", "é", "…", "Σ"])
DOCUMENT = st.lists(LINE, max_size=6).map("\n".join)
BATCHES = st.lists(st.lists(DOCUMENT, max_size=4), max_size=4)


@settings(deadline=None)
@given(BATCHES, st.sampled_from(["none", "first"]), st.integers(1, 4), st.integers(1, 3))
def test_packed_answer_is_the_plain_one(
    batches: list[list[str]], keep: Keep, buckets: int, window: int
) -> None:
    documents = [text for batch in batches for text in batch]
    assert packed(batches, keep, buckets=buckets, window=window) == plain(documents, keep)


@settings(deadline=None)
@given(st.lists(DOCUMENT, max_size=8), st.data(), st.sampled_from(["none", "first"]))
def test_batch_size_decides_nothing(documents: list[str], data: st.DataObject, keep: Keep) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(documents)), max_size=3)))
    batches = [documents[start:end] for start, end in pairwise([0, *cuts, len(documents)])]
    assert packed(batches, keep) == packed([documents], keep)


@settings(deadline=None)
@given(BATCHES, st.randoms(use_true_random=False))
def test_order_decides_nothing_when_every_copy_goes(batches: list[list[str]], rng: random.Random) -> None:
    order = rng.sample(range(len(batches)), len(batches))
    shuffled = iter(packed([batches[i] for i in order], "none"))
    left = {i: [next(shuffled) for _ in batches[i]] for i in order}
    assert [text for i in range(len(batches)) for text in left[i]] == packed(batches, "none")


@settings(deadline=None)
@given(BATCHES, st.data(), st.sampled_from(["none", "first"]), st.sampled_from(["lost", "excluded"]))
def test_rows_taken_before_have_no_say(
    batches: list[list[str]], data: st.DataObject, keep: Keep, how: Literal["lost", "excluded"]
) -> None:
    taken = [np.array([data.draw(st.booleans()) for _ in batch], np.bool_) for batch in batches]
    left = packed(batches, keep, lost=taken) if how == "lost" else packed(batches, keep, excluded=taken)
    rows = [
        (text, bool(flag))
        for batch, flags in zip(batches, taken, strict=True)
        for text, flag in zip(batch, flags, strict=True)
    ]
    stay = iter(plain([text for text, flag in rows if not flag], keep))
    for (text, flag), lines in zip(rows, left, strict=True):
        assert lines == ([line for line in text.split("\n") if line.strip()] if flag else next(stay))


def test_lines_that_stay_are_those_that_cc_net_keeps() -> None:
    golden = Path(__file__).parent / "data" / "lines" / "ccnet_kept.jsonl"
    pages = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    bodies = [page["text"].split("\n")[1:] for page in pages]
    left = packed([["\n".join(body) for body in bodies]], "none")
    assert left == [[body[line] for line in page["kept"]] for body, page in zip(bodies, pages, strict=True)]


def test_of_every_sample_the_lines_stay_that_cc_net_keeps() -> None:
    with (Path(__file__).parent / "data" / "lines" / "ccnet_samples.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    bodies: dict[tuple[str, str], str] = {}
    for file in sorted((Path(__file__).parents[1] / "samples" / "commoncrawl").glob("*.wet.gz")):
        with file.open("rb") as stream:
            pages = [event for event in WarcReader().read(stream, "") if isinstance(event, Document)]
        for number, page in enumerate(pages):
            lines = [line.strip() for line in page.text.split("\n")]
            if len("\n".join(lines[1:]).rstrip()) >= 300:
                bodies[file.name, str(number)] = "\n".join(lines[1:])
    assert list(bodies) == [(row["file"], row["document"]) for row in rows]
    texts = list(bodies.values())
    left = packed([texts[start : start + 100] for start in range(0, len(texts), 100)], "none", buckets=4)
    found = [(str(len(lines)), xxhash.xxh3_64_hexdigest("\n".join(lines).encode())) for lines in left]
    assert found == [(row["kept"], row["digest"]) for row in rows]


def test_the_entries_of_a_batch() -> None:
    hashes = np.array([9, 5, 0, 5, 9, 0, 7, 5], np.uint64)
    entries = document_lines(hashes, np.array([3, 2, 1, 2]))
    assert entries.hashes.tolist() == [5, 5, 5, 7, 9, 9]
    assert entries.ordinals.tolist() == [1, 3, 7, 6, 0, 4]
    assert entries.row_starts.tolist() == [0, 3, 5, 6, 8]
    unique, in_two = unique_with_flag(entries)
    assert (unique.tolist(), in_two.tolist()) == ([5, 7, 9], [True, False, True])
    unique, in_two = unique_with_flag(entries, np.array([False, True, False, False]))
    assert (unique.tolist(), in_two.tolist()) == ([5, 7, 9], [True, False, False])
    part = LineEntries(entries.hashes[:3], entries.ordinals[:3], entries.row_starts)
    assert unique_with_flag(part)[0].tolist() == [5]


def test_a_line_repeated_in_one_document_is_no_duplicate() -> None:
    assert packed([["a\na\nb"]], "none") == [["a", "b"]]


def test_a_line_that_the_list_does_not_name_stays_in_every_document() -> None:
    entries = document_lines(np.array([5, 5, 5], np.uint64), np.array([1, 2]))
    nothing = Removal(np.zeros(0, np.uint64), np.zeros(0, np.bool_))
    assert removed_lines(entries, nothing).tolist() == [False, False, True]


def test_earlier_fingerprints_own_their_lines_when_they_come_first() -> None:
    finished = (np.array([3, 8], np.uint64), np.array([False, False]))
    new = (np.array([3, 5], np.uint64), np.array([True, True]))
    _, removal = shared([finished, new], "first")
    assert (removal.hashes.tolist(), removal.first_stays.tolist()) == ([3, 5], [False, True])


@pytest.mark.parametrize("keep", ["none", "first"])
def test_one_line_a_million_times_and_a_million_different_lines(keep: Keep) -> None:
    same = np.full(500_000, 7, np.uint64)
    different = np.arange(1, 500_001, dtype=np.uint64) * np.uint64(2**44 + 1)
    rows = np.ones(500_000, np.int64)
    entries = [document_lines(same, rows), document_lines(same, rows), document_lines(different, rows)]
    removals = shared([unique_with_flag(lines) for lines in entries], keep, window=100_000)
    gone = [
        int(removed_lines(lines, removal).sum()) for lines, removal in zip(entries, removals, strict=True)
    ]
    assert gone == [500_000 - (keep == "first"), 500_000, 0]


def test_more_lines_than_32_bits_are_refused() -> None:
    many = np.broadcast_to(np.uint64(1), 2**32)
    with pytest.raises(ValueError, match="4294967296 lines in one batch"):
        document_lines(many, np.array([2**32]))


KEY = st.integers(0, 2)


@settings(deadline=None)
@given(st.lists(st.tuples(KEY, KEY, KEY, KEY), max_size=30), st.randoms(use_true_random=False))
def test_losers_are_all_but_the_smallest(rows: list[tuple[int, int, int, int]], rng: random.Random) -> None:
    table = [(*row, place // 4, place % 4) for place, row in enumerate(rows)]
    winners: dict[tuple[int, int], tuple[int, ...]] = {}
    for high, low, *order in table:
        winners[high, low] = min(winners.get((high, low), tuple(order)), tuple(order))
    expected = sorted(
        (*order[2:], *winners[high, low][2:])
        for high, low, *order in table
        if winners[high, low] != tuple(order)
    )
    rng.shuffle(table)
    columns = np.array(table, np.uint64).reshape(-1, 6).T
    batch, row = columns[4].astype(np.uint32), columns[5].astype(np.uint32)
    found = losers(list(columns[:2]), list(columns[2:4]), batch, row)
    assert [tuple(column) for column in np.array(found).T.tolist()] == expected


def test_losers_of_one_key_are_linear() -> None:
    n = 100_000
    batch = np.zeros(n, np.uint32)
    row = np.arange(n, dtype=np.uint32)
    found = losers([np.full(n, 5, np.uint64)], [row[::-1]], batch, row)
    assert found.row.tolist() == list(range(n - 1))
    assert set(found.winner_row.tolist()) == {n - 1}
