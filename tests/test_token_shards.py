"""Phase `tokenize`: every document once, in hash order, whole; a holdout that training never sees."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
import sentencepiece
from conftest import folder_digests
from hypothesis import given
from hypothesis import strategies as st
from mixing import SIZES, make_run, read_shards, text_of, write_curated

import models
from pipeline.errors import WinnowError
from pipeline.ledger import read_ledger
from pipeline.packed import PackedFile, pack, read_packed, unpack
from pipeline.parquet import read_parquet, to_parquet
from pipeline.phases.tokenize import tokenize
from pipeline.schema import document_id
from tokenizer.holdout import EVERYTHING, below, cut, sketch
from tokenizer.tokens_file import KEYS, Encoded, order_keys, read_slice, read_tokens, tokens_file

Documents = dict[str, list[int]]


@pytest.fixture(scope="module")
def processor() -> sentencepiece.SentencePieceProcessor:
    path = Path(models.__file__).parent / "tokenizer.model"
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def documents_of(out: Path, source: str, stem: str) -> Documents:
    """{id: tokens} of all shards of one stem, in order; checks what provenance says of itself."""
    found: Documents = {}
    for tokens, rows in read_shards(out / "tokens" / source, stem):
        assert [row["start"] for row in rows] == [0, *[row["end"] for row in rows[:-1]]]
        assert rows[-1]["end"] == len(tokens)
        for number, row in enumerate(rows):
            assert row["document"] == number
            assert row["tokens"] == row["end"] - row["start"]
            assert row["id"] not in found
            found[row["id"]] = tokens[row["start"] : row["end"]].tolist()
    return found


def expected(source: str, processor: sentencepiece.SentencePieceProcessor) -> Documents:
    texts = {document_id(source, str(number)): text_of(source, number) for number in range(SIZES[source])}
    return {
        name: [processor.bos_id(), *processor.encode(text), processor.eos_id()]
        for name, text in texts.items()
    }


def test_every_document_once_in_hash_order(
    tmp_path: Path, processor: sentencepiece.SentencePieceProcessor
) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    for source in SIZES:
        found = documents_of(tmp_path, source, source)
        assert found == expected(source, processor)
        keys = order_keys(list(found))
        assert np.all(keys[:-1] < keys[1:])
    assert len(read_shards(tmp_path / "tokens" / "web", "web")) > 2


def test_provenance_names_where_a_document_came_from(tmp_path: Path) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    rows = {row["id"]: row for _, table in read_shards(tmp_path / "tokens" / "web", "web") for row in table}
    for number in range(SIZES["web"]):
        row = rows[document_id("web", str(number))]
        assert row["url"] == (f"https://example.org/web/{number}/ü" if number % 4 else "")
        assert (row["input"], row["source"]) == (f"input-{number % 3}.gz", "web")


def test_batches_and_shard_sizes_leave_no_trace_in_the_order(tmp_path: Path) -> None:
    streams = []
    for name, batches, size in (("one", 3, 1500), ("two", 7, 100_000)):
        write_curated(tmp_path / name, batches=batches)
        tokenize(make_run(tmp_path / name, shard_tokens=size))
        shards = read_shards(tmp_path / name / "tokens" / "web", "web")
        streams.append(np.concatenate([tokens for tokens, _ in shards]))
    assert np.array_equal(streams[0], streams[1])


def test_the_manifest_vouches_for_every_file(tmp_path: Path) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path, holdout={"tokens_per_source": 200}))
    folder = tmp_path / "tokens" / "books"
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    entries = [*manifest["shards"], *manifest["validation"]]
    named = {file["file"] for entry in entries for file in entry["files"]}
    assert named == {path.name for path in folder.iterdir()} - {"manifest.json"}
    for entry in entries:
        tokens = np.fromfile(folder / f"{entry['name']}.bin", "<u2")
        assert (entry["min_id"], entry["max_id"]) == (tokens.min(), tokens.max())
        assert entry["max_id"] < manifest["vocabulary"]
        assert entry["sequences"] == np.count_nonzero(tokens == manifest["eos"])
        for file in entry["files"]:
            assert hashlib.sha256((folder / file["file"]).read_bytes()).hexdigest() == file["sha256"]
    assert str(tmp_path) not in (folder / "manifest.json").read_text()


def test_the_holdout_is_apart_and_large_enough(
    tmp_path: Path, processor: sentencepiece.SentencePieceProcessor
) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path, holdout={"tokens_per_source": 600}))
    for source in SIZES:
        trained = documents_of(tmp_path, source, source)
        apart = documents_of(tmp_path, source, "validation")
        assert not trained.keys() & apart.keys()
        assert {**trained, **apart} == expected(source, processor)
        assert sum(map(len, apart.values())) >= 600
        books = read_ledger(str(tmp_path), "tokenize", source)
        assert sum(line.documents for line in books if line.rule == "holdout") == len(apart)
    smaller = tmp_path / "smaller"
    write_curated(smaller)
    tokenize(make_run(smaller, holdout={"share": 0.02}))
    some = documents_of(smaller, "web", "validation")
    assert some.keys() < documents_of(tmp_path, "web", "validation").keys()


def test_an_edited_holdout_encodes_nothing_again(tmp_path: Path) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path))
    encoded = {path: path.stat().st_mtime_ns for path in tmp_path.glob("work/tokenize/encoded/*/*")}
    assert len(encoded) == 6
    outcome = tokenize(make_run(tmp_path, holdout={"tokens_per_source": 200}))
    assert outcome.ran == ["web", "books"]
    assert {path: path.stat().st_mtime_ns for path in encoded} == encoded
    fresh = tmp_path / "fresh"
    write_curated(fresh)
    tokenize(make_run(fresh, holdout={"tokens_per_source": 200}))
    assert folder_digests(fresh / "tokens") == folder_digests(tmp_path / "tokens")
    assert tokenize(make_run(fresh, holdout={"tokens_per_source": 200})).ran == []


def test_a_holdout_that_leaves_nothing_is_one_sentence(tmp_path: Path) -> None:
    write_curated(tmp_path)
    with pytest.raises(
        WinnowError, match=r"holdout: 9,000,000 tokens of web are wanted for validation and it has"
    ):
        tokenize(make_run(tmp_path, holdout={"tokens_per_source": "9M"}))


def test_a_source_without_documents_has_no_shards(tmp_path: Path) -> None:
    write_curated(tmp_path, {"web": 0}, batches=0)
    tokenize(make_run(tmp_path, sources=("web",)))
    assert [path.name for path in (tmp_path / "tokens" / "web").iterdir()] == ["manifest.json"]


hashes = st.lists(
    st.tuples(st.integers(0, EVERYTHING - 1) | st.integers(0, 300), st.integers(1, 50)), max_size=60
)


@given(hashes, st.integers(1, 4), st.integers(0, 1500))
def test_a_cut_counts_its_tokens_exactly_however_they_are_batched(
    drawn: list[tuple[int, int]], batches: int, wanted: int
) -> None:
    keys = np.array([key for key, _ in drawn], np.uint64)
    lengths = np.array([length for _, length in drawn], np.int64)
    sketches = [sketch(keys[i::batches], lengths[i::batches]) for i in range(batches)]
    found = cut(sketches, wanted)
    assert found.tokens == lengths[below(keys, found.limit)].sum()
    assert found.tokens >= min(wanted, lengths.sum())
    assert found == cut([sketch(keys, lengths)], wanted)
    # Nothing is held out that a limit an eighth lower could do without.
    assert found.limit < 64 or lengths[below(keys, found.limit * 7 // 8)].sum() < wanted


def encoded(numbers: Sequence[int], clusters: Sequence[str | None] = ()) -> dict[str, Any]:
    """A token file of documents of 1 to 3 tokens, each its own number, as it comes back from its bytes."""
    lengths = np.array([1 + number % 3 for number in numbers], np.int64)
    ids = [document_id("web", str(number)) for number in numbers]
    batch = Encoded(
        ids=ids,
        clusters=clusters or ids,
        urls=[f"https://example.org/{number}" for number in numbers],
        input="input.gz",
        tokens=np.repeat(np.array(numbers, np.uint16), lengths),
        lengths=lengths,
    )
    return tokens_file(batch)


@given(st.sets(st.integers(0, 500), max_size=40), st.data())
def test_any_cut_of_the_order_reads_each_document_once(numbers: set[int], data: st.DataObject) -> None:
    arrays = encoded(sorted(numbers))
    keys = arrays["key"].tolist()
    edge = st.integers(0, KEYS)
    if keys:
        edge |= st.sampled_from(keys) | st.sampled_from([key + 1 for key in keys])
    edges = sorted({0, KEYS, *data.draw(st.lists(edge, max_size=4))})
    read = []
    for first, stop in pairwise(edges):
        with PackedFile("in memory", io.BytesIO(pack(arrays))) as file:
            part = read_slice(file, first, stop)
            tokens = read_tokens(file, part)
        assert all(first <= key < stop for key in part.keys.tolist())
        assert part.input == "input.gz"
        starts = np.cumsum(part.lengths) - part.lengths
        read += [
            (int(tokens[start]), length, url)
            for start, length, url in zip(starts.tolist(), part.lengths.tolist(), part.urls, strict=True)
        ]
    assert sorted(read) == [(n, 1 + n % 3, f"https://example.org/{n}") for n in sorted(numbers)]


def test_a_cluster_is_on_one_side() -> None:
    apart = encoded([1, 2, 3])["holdout"]
    together = encoded([1, 2, 3], clusters=[document_id("web", "2")] * 3)["holdout"]
    assert len(set(apart.tolist())) == 3
    assert len(set(together.tolist())) == 1


def test_a_cluster_that_spans_sources_is_never_held_out() -> None:
    keys = encoded([1, 2], clusters=[None, document_id("web", "2")])["holdout"]
    assert sorted(keys.tolist())[1] == EVERYTHING - 1
    assert below(keys, EVERYTHING - 1).sum() == 1


def test_the_label_of_a_curated_cluster_decides_the_side(tmp_path: Path) -> None:
    write_curated(tmp_path, {"web": 30}, batches=1)
    path = next((tmp_path / "curated" / "web").iterdir())
    table = read_parquet(str(path))
    one = table.column("id")[0].as_py()
    shared = pa.array([row == 0 for row in range(table.num_rows)])
    for name, values in (("cluster", pa.array([one] * table.num_rows)), ("cluster_shared", shared)):
        table = table.set_column(table.column_names.index(name), name, values)
    path.write_bytes(to_parquet(table))
    tokenize(make_run(tmp_path, sources=("web",)))
    packed = read_packed(str(next(tmp_path.glob("work/tokenize/encoded/web/*"))))
    keys = Counter(packed["holdout"].tolist())
    assert sorted(keys.values()) == [1, 29]
    assert keys[EVERYTHING - 1] == 1


def test_packed_files_hold_text_columns() -> None:
    arrays: dict[str, Any] = {"id": np.array([b"ab", b"c"], "S32"), "n": np.array([1], np.uint64)}
    assert unpack(pack(arrays))["id"].tolist() == [b"ab", b"c"]
