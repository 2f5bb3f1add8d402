"""The exchange: buckets, both ways, any order of batches; rounds of ids, texts and lines on small tables."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.exchange import ExchangeByShuffle, Slot, bucket_count
from pipeline.dedup.rounds import INDEX_BITS, Round, bucket_slice, key_index
from pipeline.dedup.rounds_documents import DuplicateIds, DuplicateTexts, join_hex, split_hex
from pipeline.dedup.rounds_lines import DuplicateLines
from pipeline.files import join, write_file
from pipeline.packed import PackedFile, pack, read_packed
from pipeline.records import Document, Verdict
from pipeline.schema import JUDGED, documents_table
from pipeline.transforms.judging import Judging
from pipeline.units import Unit, digest


def table(documents: list[Document], source: str = "commoncrawl") -> pa.Table:
    """A batch of documents."""
    return documents_table(source, "in", list(enumerate(documents)))


def judged(documents: list[Document], source: str = "commoncrawl") -> pa.Table:
    """A judged batch of documents."""
    return Judging(table(documents, source)).table()


def decide(
    round_: Round, tables: list[pa.Table], folder: Path, priorities: list[int] | None = None
) -> list[np.ndarray]:
    """What each batch must remove, decided in one bucket."""
    slices = []
    for number, batch in enumerate(tables):
        path = str(folder / f"{number}.packed")
        write_file(path, pack(round_.fingerprint(batch)))
        with PackedFile(path) as file:
            start, stop = bucket_slice(file, round_.name, 0, 1)
            priority = priorities[number] if priorities else 0
            slices.append(
                (number, round_.entries(file, start, stop, np.zeros(batch.num_rows, bool), priority))
            )
    random.Random(1).shuffle(slices)
    answer = round_.resolve(slices)
    return [answer.get(number, np.zeros(0, round_.removal)) for number in range(len(tables))]


def test_every_key_is_in_exactly_one_bucket(tmp_path: Path) -> None:
    keys = np.sort(np.random.default_rng(1).integers(0, 2**64, 5000, np.uint64))
    keys[:3], keys[-3:] = 0, 2**64 - 1
    write_file(str(tmp_path / "f"), pack({"r.key": keys, "r.index": key_index(keys)}))
    with PackedFile(str(tmp_path / "f")) as file:
        for buckets in (1, 2, 64, 1 << INDEX_BITS):
            slices = [bucket_slice(file, "r", bucket, buckets) for bucket in range(buckets)]
            assert slices[0][0] == 0
            assert slices[-1][1] == len(keys)
            assert all(a[1] == b[0] for a, b in itertools.pairwise(slices))
            width = 2**64 // buckets
            assert all(
                {int(key) // width for key in keys[start:stop]} <= {bucket}
                for bucket, (start, stop) in enumerate(slices)
            )


@pytest.mark.parametrize(
    ("entries", "workers", "expected"), [(0, 1, 4), (10, 2, 8), (10**9, 2, 256), (10**13, 1, 4096)]
)
def test_bucket_count(entries: int, workers: int, expected: int) -> None:
    assert bucket_count(entries, workers) == expected


def test_hex_halves() -> None:
    ids = ["00000000000000000000000000000001", "ffffffffffffffff0000000000000000"]
    assert join_hex(*split_hex(ids)) == ids


def test_ids_the_preferred_form_stays_even_when_it_was_too_short(tmp_path: Path) -> None:
    round_ = DuplicateIds(forms=("warc", "wet"))
    short = Document(key="a", text="x", metadata={"form": "warc"}, verdict=Verdict("short", 1, 300))
    batches = [
        table([Document(key="a", text="from wet", metadata={"form": "wet"}), Document(key="b", text="y")]),
        table([short]),
    ]
    lists = decide(round_, batches, tmp_path)
    assert [removals["row"].tolist() for removals in lists] == [[0], []]
    batch = Judging(batches[0])
    round_.apply(batch, lists[0], None)
    row = batch.table().to_pylist()[0]
    assert (row["verdict"], row["survivor"]) == ("duplicate_id", row["id"])


def test_texts_the_first_source_then_quality_then_id(tmp_path: Path) -> None:
    copies = [
        judged([Document(key=str(n), text="same")], source) for n, source in enumerate(["c4", "commoncrawl"])
    ]
    lists = decide(DuplicateTexts(), copies, tmp_path, priorities=[1, 0])
    assert [len(removals) for removals in lists] == [1, 0]
    batch = judged([Document(key=str(n), text="same") for n in range(3)])
    scored = batch.set_column(
        JUDGED.get_field_index("reference_score"), "reference_score", pa.array([0.1, 0.9, None])
    )
    lists = decide(DuplicateTexts(quality="reference_score"), [scored], tmp_path)
    assert lists[0]["row"].tolist() == [0, 2]
    survivors = join_hex(lists[0]["survivor_high"], lists[0]["survivor_low"])
    assert set(survivors) == {batch.column("id")[1].as_py()}


def test_texts_of_dropped_rows_do_not_count(tmp_path: Path) -> None:
    gone = Document(key="a", text="same", verdict=Verdict("short", 4, 300))
    lists = decide(DuplicateTexts(), [judged([gone]), judged([Document(key="b", text="same")])], tmp_path)
    assert [len(removals) for removals in lists] == [0, 0]


texts = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d", "", "e f"]), min_size=1, max_size=5).map("\n".join),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts.filter(bool), min_size=1, max_size=4), st.sampled_from(["none", "first"]))
def test_lines_against_a_plain_reference(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[list[str]], keep: str
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    round_ = DuplicateLines(keep=keep)
    batches = [
        table([Document(key=f"{n}-{m}", text=text) for m, text in enumerate(batch)])
        for n, batch in enumerate(corpus)
    ]
    lists = decide(round_, batches, folder)
    owners: dict[str, list[tuple[int, int]]] = {}
    for n, batch in enumerate(corpus):
        for m, text in enumerate(batch):
            for line in dict.fromkeys(text.split("\n")):
                owners.setdefault(line, []).append((n, m))
    for n, batch in enumerate(corpus):
        judging = Judging(batches[n])
        with PackedFile(str(folder / f"{n}.packed")) as file:
            round_.apply(judging, lists[n], file)
        for m, text in enumerate(batch):
            expected = [
                line
                for line in dict.fromkeys(text.split("\n"))
                if line and (len(owners[line]) == 1 or (keep == "first" and owners[line][0] == (n, m)))
            ]
            assert [line for line in judging.texts[m].split("\n") if line] == expected
            removed = judging.table().column("bytes_removed")[m].as_py()
            assert len(text.encode()) == len(judging.texts[m].encode()) + removed


@pytest.mark.parametrize("buckets", [1, 8])
def test_the_shuffle_way_in_a_pipeline(tmp_path: Path, buckets: int) -> None:
    out = str(tmp_path / f"out-{buckets}")
    round_ = DuplicateLines()
    tables = [
        table([Document(key=f"{n}-{m}", text=f"common\nown {'abc'[n]} {'abc'[m]}") for m in range(3)])
        for n in range(3)
    ]
    units = []
    for number, batch in enumerate(tables):
        path = f"fingerprints/{number}.packed"
        write_file(join(out, path), pack(round_.fingerprint(batch)))
        slot = Slot(number, "commoncrawl", f"b{number}", "", path, digest(path), batch.num_rows)
        payload = {
            "number": number,
            "list": f"lists/{number}.packed",
            "slot": orjson.loads(orjson.dumps(slot)),
            "groups": [""],
        }
        units.append(Unit("lines/x/lists", "commoncrawl", f"b{number}", "key", payload=payload))
    random.Random(buckets).shuffle(units)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create(units) | ExchangeByShuffle(out, round_, buckets)
    expected = decide(round_, tables, tmp_path)
    for number in range(3):
        assert read_packed(f"{out}/lists/{number}.packed")["removals"].tolist() == expected[number].tolist()
        assert len(expected[number]) == 1
