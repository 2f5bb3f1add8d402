"""Each reader on a few mutated and hostile files; docs/faults.md has the long run of benchmarks/fuzz."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.fuzz.check import Broken, check_file, drawn
from benchmarks.fuzz.helper import read_one, samples_of_all
from benchmarks.fuzz.hostile import HOSTILE
from benchmarks.fuzz.mutations import Mutated
from benchmarks.fuzz.readers import SAMPLES_OF
from benchmarks.fuzz.samples import Sample

FILES = 60
QUICK = (
    "lead",
    "length",
    "codings",
    "chunk",
    "deep JSON",
    "surrogates",
    "beyond all",
    "laughs",
    "entity",
    "end",
)
SLOW = ("without end", "deep", "bomb")


@pytest.fixture(scope="module")
def samples() -> dict[str, list[Sample]]:
    return samples_of_all()


@pytest.mark.parametrize("reader", SAMPLES_OF)
def test_mutated_files(reader: str, samples: dict[str, list[Sample]]) -> None:
    files = FILES // 3 if reader == "stackexchange" else FILES  # a process for each 7z
    for number in range(files):
        try:
            read_one(samples, (reader, 7, number))
        except Exception as error:
            raise AssertionError(f"python -m benchmarks.fuzz --seed 7 --only {reader} {number}") from error


@pytest.mark.parametrize("reader", SAMPLES_OF)
def test_hostile_files(reader: str, samples: dict[str, list[Sample]]) -> None:
    for number, hostile in enumerate(HOSTILE[reader]):
        if any(word in hostile.name for word in QUICK) and not any(word in hostile.name for word in SLOW):
            read_one(samples, (reader, 0, -1 - number))


def test_a_reader_that_loses_a_document_is_seen(samples: dict[str, list[Sample]]) -> None:
    sample = samples["wet"][0]
    losing = replace(sample, read=lambda data, name: iter(list(sample.read(data, name))[1:]))
    flip = Mutated(
        "flips", sample.data[:-1] + b"\xff", sample.name, [(len(sample.data) - 1, len(sample.data))]
    )
    assert check_file("commoncrawl", sample, flip, clean=False) == 1
    silent = replace(
        sample, read=lambda data, name: (e for e in sample.read(data, name) if hasattr(e, "key"))
    )
    with pytest.raises(Broken, match="documents are gone"):
        check_file("commoncrawl", silent, flip, clean=False)
    losing = replace(sample, read=lambda data, name: iter(list(sample.read(data, name))[3:]))
    with pytest.raises(Broken, match="intact documents of"):
        check_file("commoncrawl", losing, flip, clean=False)


def test_a_file_of_a_seed_is_always_the_same(samples: dict[str, list[Sample]]) -> None:
    others = [b"abc"]
    assert drawn(samples["c4"], others, 3, 5)[1] == drawn(samples["c4"], others, 3, 5)[1]
    assert drawn(samples["c4"], others, 3, 5)[1] != drawn(samples["c4"], others, 4, 5)[1]
