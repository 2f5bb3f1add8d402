"""Candidates, verification and survivors against brute force, and all together against constructed truth."""

from __future__ import annotations

import random
from itertools import combinations, groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.minhash import NearDuplicates, near_duplicates
from filters.minhash import EMPTY, PRESETS, signatures
from filters.shingles import Shingles, distinct, lowest
from pipeline.dedup.bands import (
    Candidates,
    band_keys,
    candidate_pairs,
    expected_containment_recall,
    expected_recall,
    sum_shared,
    worth_comparing,
)
from pipeline.dedup.verify import Measure, over, sampled_similarity, sampling_error, set_keys, similarity

WEB, BOOKS = PRESETS["web"], PRESETS["books"]


def packed(sets: list[set[int]]) -> Shingles:
    hashes = [value for of_text in sets for value in sorted(of_text)]
    return Shingles(np.array(hashes, np.uint64), np.cumsum([0, *map(len, sets)]))


def pair_list(pairs: Candidates) -> list[tuple[int, int, int]]:
    return [*zip(pairs.first.tolist(), pairs.second.tolist(), pairs.shared.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("bands", "rows", "jaccard", "recall"),
    [
        (16, 8, 0.9, 0.9999),
        (14, 8, 0.8, 0.924),
        (5, 25, 0.9, 0.311),
        (9, 13, 0.8, 0.399),
        (16, 8, 1, 1),
        (16, 8, 0, 0),
    ],
)
def test_expected_recall(bands: int, rows: int, jaccard: float, recall: float) -> None:
    assert expected_recall(jaccard, bands, rows) == pytest.approx(recall, abs=6e-4)


def test_presets_for_recall_miss_at_most_one_pair_in_a_thousand_at_the_threshold() -> None:
    assert min(expected_recall(0.9, preset.bands, preset.rows) for preset in (WEB, BOOKS)) > 0.999


def test_band_keys_agree_where_all_rows_of_the_same_band_do() -> None:
    one = np.arange(1, 13, dtype=np.uint32)
    other = one.copy()
    other[[4, 11]] = 99
    swapped = np.roll(one, 4)
    nothing = np.full(12, EMPTY)
    keys, rows = band_keys(np.array([one, other, nothing, swapped]), 3, 4)
    assert rows.tolist() == [0, 0, 0, 1, 1, 1, 3, 3, 3]
    a, b, c = keys.reshape(3, 3).tolist()
    assert [x == y for x, y in zip(a, b, strict=True)] == [True, False, False]
    assert not set(a) & set(c)
    keys, _ = band_keys(np.array([one[[1, 0, *range(2, 12)]]]), 3, 4)
    assert keys.tolist()[0] not in a
    keys, _ = band_keys(np.array([one]), 2, 4)
    assert keys.tolist() == a[:2]


ENTRIES = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 15)))


@settings(deadline=None)
@given(ENTRIES, st.integers(1, 4), st.randoms(use_true_random=False))
def test_each_document_meets_the_smallest_of_its_key(
    entries: set[tuple[int, int]], meets: int, rng: random.Random
) -> None:
    expected: dict[tuple[int, int], int] = {}
    left_out = 0
    for _, group in groupby(sorted(entries), key=lambda entry: entry[0]):
        among = [document for _, document in group]
        for pair in combinations(among, 2):
            if pair[0] in among[:meets]:
                expected[pair] = expected.get(pair, 0) + 1
            else:
                left_out += 1
    shuffled = rng.sample(sorted(entries), len(entries))
    keys, documents = np.array(shuffled, np.uint64).reshape(-1, 2).T
    pairs = candidate_pairs(keys, documents, meets)
    assert pair_list(pairs) == sorted((*pair, count) for pair, count in expected.items())
    assert pairs.not_compared == left_out
    odd = (keys % 2).astype(np.bool_)
    parts = [candidate_pairs(keys[part], documents[part], meets) for part in (odd, ~odd)]
    merged = sum_shared(*parts)
    assert (pair_list(merged), merged.not_compared) == (pair_list(pairs), left_out)


def test_a_hundred_thousand_copies_make_few_pairs() -> None:
    pairs = candidate_pairs(np.zeros(100_000, np.uint64), np.arange(100_000, dtype=np.uint64))
    assert len(pairs.first) == 8 * 100_000 - 36
    assert len(pairs.first) + pairs.not_compared == 100_000 * 99_999 // 2


SETS = st.lists(st.sets(st.integers(0, 12)), min_size=1, max_size=5)


@settings(deadline=None)
@given(SETS, st.sampled_from(["jaccard", "containment", "either"]), st.sampled_from([0.3, 0.5, 1.0]))
def test_similarity_is_that_of_sets(sets: list[set[int]], measure: Measure, threshold: float) -> None:
    pairs = [(first, second) for first in range(len(sets)) for second in range(len(sets))]
    first, second = np.array(pairs).T
    found = similarity(packed(sets), first, second)
    keys = [*zip(*(column.tolist() for column in set_keys(packed(sets))), strict=True)]
    for (one, other), shared, jaccard, containment, is_over in zip(
        pairs, *(column.tolist() for column in found), over(found, threshold, measure).tolist(), strict=True
    ):
        a, b = sets[one], sets[other]
        assert shared == len(a & b)
        assert jaccard == (len(a & b) / len(a | b) if a | b else 0)
        assert containment == (len(a & b) / min(len(a), len(b)) if a and b else 0)
        of = {"jaccard": jaccard, "containment": containment, "either": max(jaccard, containment)}
        assert is_over == (of[measure] >= threshold)
        assert (keys[one] == keys[other]) == (a == b)


@settings(deadline=None)
@given(SETS, st.integers(1, 14))
def test_the_lowest_hashes_of_short_texts_compare_exactly(sets: list[set[int]], count: int) -> None:
    every = packed(sets)
    first, second = np.array([(a, b) for a in range(len(sets)) for b in range(len(sets))]).T
    sketches = lowest(every, count)
    starts = sketches.starts.tolist()
    assert [sketches.hashes[a:b].tolist() for a, b in pairwise(starts)] == [sorted(s)[:count] for s in sets]
    found = sampled_similarity(sketches, np.diff(every.starts), first, second)
    exact = similarity(every, first, second)
    short = np.array([max(len(sets[a]), len(sets[b])) <= count for a, b in zip(first, second, strict=True)])
    assert found.jaccard[short].tolist() == exact.jaccard[short].tolist()
    assert found.containment[short].tolist() == exact.containment[short].tolist()


def test_the_lowest_hashes_estimate_within_the_error_that_is_printed() -> None:
    rng = np.random.default_rng(12)
    errors = []
    for _ in range(200):
        hashes = np.unique(rng.integers(0, 2**64, 3000, np.uint64))
        rng.shuffle(hashes)
        every = distinct(
            Shingles(np.concatenate([hashes[:2000], hashes[200:]]), np.array([0, 2000, len(hashes) + 1800]))
        )
        found = sampled_similarity(lowest(every, 256), np.diff(every.starts), np.array([0]), np.array([1]))
        errors.append(abs(found.jaccard[0] - 1800 / len(hashes)))
    assert max(errors) < sampling_error(256)
    assert np.mean(errors) < 0.04


def test_worth_comparing_asks_for_half_of_what_is_expected() -> None:
    shared = np.array([0, 1, 4, 5, 5])
    smaller = np.array([0, 1, 10, 10, 200])
    larger = np.array([9, 100, 100, 100, 11])
    assert worth_comparing(shared, smaller, larger, 0.9).tolist() == [False, True, False, True, True]
    assert worth_comparing(shared, larger, smaller, 0.9).tolist() == [False, True, False, True, True]


@pytest.mark.parametrize(("size", "containment"), [(60, 0.9), (300, 0.9), (300, 0.6)])
def test_expected_containment_recall_is_what_samples_give(size: int, containment: float) -> None:
    rng = np.random.default_rng(3)
    within = round(size * containment)
    chosen = rng.random((20_000, size)) < 1 / 64
    shared, has = chosen[:, :within].sum(axis=1), chosen.sum(axis=1)
    seen = worth_comparing(shared, has, np.full(20_000, 10**6), 0.9).mean()
    assert expected_containment_recall(size, containment, 64, 0.9) == pytest.approx(seen, abs=0.015)


def test_everything_is_seen_when_everything_is_sampled() -> None:
    assert expected_containment_recall(10, 0.9, 1, 0.9) == pytest.approx(1)


def test_sampling_error_holds_for_samples() -> None:
    rng = np.random.default_rng(4)
    estimates = rng.hypergeometric(9000, 1000, 400, 20_000) / 400
    assert (np.abs(estimates - 0.9) > sampling_error(400)).mean() < 0.001
    assert sampling_error(400) == pytest.approx(0.0975, abs=1e-3)
    assert sampling_error(0) == 1


def words(rng: random.Random, count: int) -> list[str]:
    return [f"w{rng.randrange(10**6)}" for _ in range(count)]


def edited(rng: random.Random, text: list[str], changes: int) -> list[str]:
    text = list(text)
    for place in rng.sample(range(len(text)), changes):
        text[place] = f"x{rng.randrange(10**9)}"
    return text


def true_overlap(one: list[str], other: list[str], size: int) -> float:
    a, b = ({tuple(text[i : i + size]) for i in range(len(text) - size + 1)} for text in (one, other))
    return max(len(a & b) / len(a | b), len(a & b) / min(len(a), len(b)))


def pairs_found(result: NearDuplicates, count: int) -> list[bool]:
    """Say of texts 2i and 2i + 1 whether one of them went, and both stand for one text."""
    survivor = result.survivor
    return [bool(survivor[2 * i] == survivor[2 * i + 1]) for i in range(count)]


def constructed(rng: random.Random) -> tuple[list[list[str]], list[bool]]:
    """Return pairs of texts of very different overlaps, some of them containments, and which have 0.9."""
    texts, truth = [], []
    for number in range(240):
        text = words(rng, rng.choice([400, 1500]))
        other = edited(rng, text, rng.randrange(len(text) // 30))
        if number % 3 == 0:
            other = words(rng, rng.randrange(4000)) + other + words(rng, rng.randrange(4000))
        texts += [text, other]
        truth.append(true_overlap(text, other, 5) >= 0.9)
    return texts, truth


def test_precision_and_recall_on_constructed_truth() -> None:
    texts, truth = constructed(random.Random(5))
    assert 0.3 < np.mean(truth) < 0.9
    result = near_duplicates(
        [" ".join(text) for text in texts], WEB, threshold=0.9, measure="either", one_in=16
    )
    found = pairs_found(result, len(truth))
    right = sum(a and b for a, b in zip(found, truth, strict=True))
    assert right / sum(found) >= 0.99
    assert right / sum(truth) >= 0.99


def test_every_text_that_goes_names_one_that_stays_and_is_over_the_threshold_with_it() -> None:
    rng = random.Random(6)
    texts = [words(rng, 200) for _ in range(4)]
    for _ in range(60):
        texts.append(edited(rng, rng.choice(texts), rng.randrange(5)))
    result = near_duplicates([" ".join(text) for text in texts], WEB, threshold=0.8, measure="jaccard")
    gone = np.flatnonzero(result.survivor != np.arange(len(texts)))
    assert 10 < len(gone) < 60
    for text in gone.tolist():
        survivor = int(result.survivor[text])
        assert result.survivor[survivor] == survivor < text
        assert true_overlap(texts[text], texts[survivor], 5) >= 0.8
    pairs = {*zip(result.first.tolist(), result.second.tolist(), strict=True)}
    stay = np.flatnonzero(result.survivor == np.arange(len(texts))).tolist()
    assert not pairs & {*combinations(stay, 2)}


def test_short_and_empty_texts_never_meet() -> None:
    texts = ["", " ", "...", "Read more", "Read more", "read MORE", "a b c d"]
    result = near_duplicates(texts, WEB, threshold=0.1, measure="either", one_in=1)
    assert result.survivor.tolist() == list(range(len(texts)))


def test_texts_equal_but_for_case_and_punctuation_collapse_before_they_are_compared() -> None:
    text = words(random.Random(7), 50)
    copies = [" ".join(text), ", ".join(text).upper(), "  ".join(text) + "!"] * 400
    result = near_duplicates(copies, WEB, threshold=0.9, measure="either")
    assert set(result.survivor.tolist()) == {0}
    assert (len(result.first), result.not_compared) == (0, 0)


def test_two_thousand_pages_of_one_template_are_compared_with_few() -> None:
    rng = random.Random(8)
    template = words(rng, 300)
    pages = [" ".join([*template, f"page{number}"]) for number in range(2000)]
    result = near_duplicates(pages, WEB, threshold=0.9, measure="jaccard")
    assert set(result.survivor.tolist()) == {0}
    assert len(result.first) < 2000 * 8 * 20
    assert result.not_compared > 0


def test_a_novel_inside_an_omnibus_is_found_by_containment_alone() -> None:
    rng = random.Random(9)
    novels = [words(rng, 3000) for _ in range(3)]
    texts = [" ".join(word for novel in novels for word in novel), " ".join(novels[1])]
    assert near_duplicates(texts, BOOKS, threshold=0.9, measure="jaccard").survivor.tolist() == [0, 1]
    assert near_duplicates(texts, BOOKS, threshold=0.9, measure="either").survivor.tolist() == [0, 0]


def test_signatures_of_a_text_do_not_depend_on_its_batch() -> None:
    sets = packed([{1, 2, 3}, set(), {2, 3, 4}])
    alone = [signatures(packed([of_text]), 128, 1)[0].tolist() for of_text in ({1, 2, 3}, set(), {2, 3, 4})]
    assert signatures(sets, 128, 1).tolist() == alone
