"""Shingles are what they say for every script and size, and signatures are datasketch's to the bit."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filters import shingles as module
from filters.minhash import EMPTY, PRESETS, Preset, estimated_jaccard, signatures
from filters.shingles import Shingles, Shingling, distinct, sample, shingles

WORDS = Shingling("words", 2)


def split(every: Shingles) -> list[list[int]]:
    return [every.hashes[start:end].tolist() for start, end in pairwise(every.starts.tolist())]


def tokens(text: str, shingling: Shingling = WORDS) -> list[int]:
    """Return one number a token."""
    single = Shingling(shingling.unit, 1, shingling.fold_case, shingling.zero_digits, shingling.strip_accents)
    return split(shingles([text], single))[0]


def plain(text: str, size: int) -> list[tuple[str, ...]]:
    """Say which word shingles a text has, case folded."""
    words = [""]
    for character in text:
        code = ord(character)
        if unicodedata.category(character)[0] not in "LMN" and unicodedata.category(character) != "Pc":
            words.append("")
        elif any(first <= code < last for first, last in module._UNSPACED):
            words += [character, ""]
        else:
            words[-1] += character.casefold() if len(character.casefold()) == 1 else character.lower()[0]
    words = [word for word in words if word]
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]


TEXT = st.text(
    st.one_of(st.sampled_from("aabAB  \n.,_1２é\u0301ßẞİςΣ漢字かกา😀𝟘"), st.characters()), max_size=40
)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=5), st.integers(1, 4))
@example(["a b", "b a", "", "   ", "a  B"], 2)
@example(["ab", "a b"], 1)
def test_word_shingles_are_equal_exactly_where_words_are(texts: list[str], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module, "_CHUNK_CHARACTERS", 7
        )  # so that texts are cut and chunks end within the sample
        found = shingles(texts, Shingling("words", size))
    expected = [plain(text, size) for text in texts]
    assert [len(hashes) for hashes in split(found)] == [len(of_text) for of_text in expected]
    pairs = {*zip(found.hashes.tolist(), (words for of_text in expected for words in of_text), strict=True)}
    assert len(pairs) == len({value for value, _ in pairs}) == len({words for _, words in pairs})


@settings(deadline=None)
@given(st.lists(TEXT, max_size=4), st.sampled_from(sorted(PRESETS)))
def test_chunks_decide_nothing(texts: list[str], name: str) -> None:
    shingling = PRESETS[name].shingling
    small = Shingling(shingling.unit, 2, shingling.fold_case, shingling.zero_digits, shingling.strip_accents)
    whole = split(shingles(texts, small))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CHUNK_CHARACTERS", 3)
        assert split(shingles(texts, small)) == whole
    assert [split(shingles([text], small))[0] for text in texts] == whole


@pytest.mark.parametrize(
    ("one", "other", "shingling", "same"),
    [
        ("The CAT, sat.", "the cat -- sat", WORDS, True),
        ("The cat", "the cat", Shingling("words", 1, fold_case=False), False),
        ("born 1984", "born 2024", WORDS, False),
        ("born 1984", "born 2024", Shingling("words", 1, zero_digits=True), True),
        ("born 19", "born 2024", Shingling("words", 1, zero_digits=True), False),
        ("café", "cafe\u0301", Shingling("words", 1, strip_accents=True), True),
        ("Ångström", "angstrom", Shingling("words", 1, strip_accents=True), True),
        ("café", "cafe", WORDS, False),
        ("ΟΔΟΣ", "οδος", WORDS, True),
        ("STRAẞE", "straße", WORDS, True),
        ("नमस्ते दुनिया", "नमस्ते  दुनिया।", WORDS, True),
        ("a  b\n c", "a b c", Shingling("characters", 1), True),
        (" a b ", "a b", Shingling("characters", 1), True),
        ("a, b", "a b", Shingling("characters", 1), False),
        ("A", "a", Shingling("characters", 1, fold_case=False), False),
    ],
)
def test_what_counts_as_the_same(one: str, other: str, shingling: Shingling, same: bool) -> None:
    assert (tokens(one, shingling) == tokens(other, shingling)) is same


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("...", 0),
        ("one", 1),
        ("don't", 2),
        ("snake_case", 1),
        ("नमस्ते", 1),
        ("漢字かな", 4),
        ("ไทย", 3),
        ("x漢y", 3),
    ],
)
def test_words_of_many_scripts(text: str, count: int) -> None:
    assert len(tokens(text)) == count


def test_no_letter_or_digit_lies_beyond_the_table() -> None:
    beyond = {unicodedata.category(chr(code))[0] for code in range(module._CODES, 0x110000)}
    assert not beyond & set("LN")


def test_shingles_are_the_same_on_every_machine() -> None:
    words = shingles(["The quick brown fox"], Shingling("words", 3))
    assert [f"{value:016x}" for value in words.hashes.tolist()] == ["fbf92af9c32d14d3", "579c7d8b8fa73f10"]
    characters = shingles(["The quick 漢字"], Shingling("characters", 12))
    assert [f"{value:016x}" for value in characters.hashes.tolist()] == ["8949f815525c9f17"]


def test_sets_are_sorted_and_each_hash_is_in_them_once() -> None:
    every = Shingles(np.array([5, 3, 5, 2, 9], np.uint64), np.array([0, 3, 3, 5]))
    assert split(distinct(every)) == [[3, 5], [], [2, 9]]


def test_samples_choose_the_same_shingles_everywhere() -> None:
    rng = np.random.default_rng(1)
    hashes = np.unique(rng.integers(0, 2**64, 40_000, np.uint64, endpoint=False))
    sets = Shingles(np.concatenate([hashes, hashes[::2]]), np.array([0, len(hashes), len(hashes) * 3 // 2]))
    whole, half = split(sample(sets, 16))
    assert set(half) == set(whole) & set(hashes[::2].tolist())
    assert len(whole) == pytest.approx(len(hashes) / 16, rel=0.1)
    assert sample(sets, 1).hashes.tolist() == sets.hashes.tolist()


def test_shingles_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="shingles of 0 words"):
        Shingling("words", 0)


HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=30)


@settings(deadline=None)
@given(st.lists(HASHES, max_size=4), st.sampled_from([(16, 1), (128, 42)]))
def test_signatures_are_datasketchs(hashes: list[list[int]], parameters: tuple[int, int]) -> None:
    permutations, seed = parameters
    flat = np.array([value for of_text in hashes for value in of_text], np.uint64)
    starts = np.cumsum([0, *map(len, hashes)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("filters.minhash._BLOCK", 8)
        found = signatures(Shingles(flat, starts), permutations, seed)
    for signature, of_text in zip(found, hashes, strict=True):
        sketch = MinHash(num_perm=permutations, seed=seed, hashfunc=lambda value: value & 0xFFFFFFFF)
        sketch.update_batch(of_text)
        assert signature.tolist() == sketch.hashvalues.tolist()


def test_the_share_of_equal_places_estimates_jaccard() -> None:
    rng = np.random.default_rng(2)
    hashes = np.unique(rng.integers(0, 2**64, 3000, np.uint64, endpoint=False))[:2900]
    rng.shuffle(hashes)
    sets = Shingles(np.concatenate([hashes[:2000], hashes[900:]]), np.array([0, 2000, 4000, 4000]))
    found = signatures(sets, 4096, 1)
    assert estimated_jaccard(found[:1], found[1:2])[0] == pytest.approx(1100 / 2900, abs=0.03)
    assert estimated_jaccard(found[2:], found[2:])[0] == 0
    assert set(found[2].tolist()) == {int(EMPTY)}


def test_a_short_post_and_a_long_book() -> None:
    preset = PRESETS["web"]
    post = " ".join(f"word{number}" for number in range(50))
    book = " ".join(f"w{number % 9973}" for number in range(800_000))
    assert len(book) > 4_500_000
    every = shingles([post, book, "too short"], preset.shingling)
    assert np.diff(every.starts).tolist() == [46, 799_996, 0]
    found = signatures(every, preset.permutations, preset.seed)
    assert found.shape == (3, 128)
    assert found[1].max() < 2**32 // 100


def test_bands_that_need_more_permutations_are_refused() -> None:
    with pytest.raises(ValueError, match="16 bands of 8 rows need 128 permutations, not 100"):
        Preset(WORDS, bands=16, rows=8, permutations=100)
