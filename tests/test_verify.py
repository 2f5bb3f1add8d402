"""mixtures.verify: what was written has no fault, and every way to damage it is found."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from mixing import make_run, write_curated

from mixtures.verify import main
from pipeline.parquet import to_parquet
from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize
from tokenizer.megatron import index_bytes, read_index

L = 32


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_curated(folder)
    run = make_run(folder, holdout={"tokens_per_source": 100})
    tokenize(run)
    mix(run)
    return folder


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "out"))


def faults_of(out: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    status = main([str(out), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert status == (1 if said["faults"] else 0)
    faults: list[str] = said["faults"]
    return faults


def test_what_was_written_has_no_fault(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults_of(whole, capsys) == []
    assert main([str(whole)]) == 0
    assert capsys.readouterr().out == "no fault in the shards of books, web\n"


def test_a_copy_without_the_rest_of_the_run_is_checked_too(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("curated", "manifests", "work", "ledger"):
        shutil.rmtree(out / folder)
    assert faults_of(out, capsys) == []
    shutil.rmtree(out / "shards")
    assert faults_of(out, capsys) == []


def test_packed_rows_of_a_curriculum_have_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_curated(tmp_path)
    stages = [{"from_tokens": 1000, "proportions": {"web": 90, "books": 10}}]
    run = make_run(tmp_path, packing="best_fit", curriculum=stages)
    tokenize(run)
    mix(run)
    assert faults_of(tmp_path, capsys) == []


def stored(out: Path) -> list[Path]:
    files = [*(out / "tokens").rglob("*"), *(out / "shards").rglob("*")]
    return sorted(path for path in files if path.is_file())


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "lengthen"])
def test_damage_to_any_file_is_found_and_named(
    out: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    files = stored(out)
    assert len(files) > 30
    for path in files[:: 2 if damage == "flip" else 6]:
        data = path.read_bytes()
        if damage == "flip":
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :])
        elif damage == "cut":
            path.write_bytes(data[:-1])
        elif damage == "remove":
            path.unlink()
        else:
            path.write_bytes(data + b"\0")
        name = path.relative_to(out).as_posix()
        folder = name.rsplit("/", 1)[0]
        faults = faults_of(out, capsys)
        assert any(name in fault or (path.suffix == ".json" and folder in fault) for fault in faults), name
        path.write_bytes(data)
    assert faults_of(out, capsys) == []


def test_swapped_shards_are_found(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, one, two in (
        ("tokens/web", "web-00000", "web-00001"),
        ("shards", "shard-00000", "shard-00001"),
    ):
        for suffix in (".bin", ".idx", ".rows.parquet" if folder == "shards" else ".provenance.parquet"):
            first, second = out / folder / f"{one}{suffix}", out / folder / f"{two}{suffix}"
            kept = first.read_bytes()
            first.write_bytes(second.read_bytes())
            second.write_bytes(kept)
        faults = faults_of(out, capsys)
        assert any(f"{folder}/{one}.bin" in fault for fault in faults)
        assert any(f"{folder}/{two}.bin" in fault for fault in faults)


def test_a_file_that_nothing_names_is_found(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (out / "shards" / "shard-99999.bin").write_bytes(b"xx")
    (out / "tokens" / "web" / "notes.txt").write_bytes(b"xx")
    assert faults_of(out, capsys) == [
        "tokens/web/notes.txt is named by no manifest",
        "shards/shard-99999.bin is named by no manifest",
    ]


# Below: damage that its maker vouches for. Checksums fit, and the run's own manifests are gone.


def vouch(out: Path, *paths: str) -> None:
    """Make the folders' manifests say that the files at `paths` are as they should be."""
    for phase in ("tokenize", "mix"):
        shutil.rmtree(out / "manifests" / phase, ignore_errors=True)
    for path in paths:
        folder, name = path.rsplit("/", 1)
        at = out / (folder if folder.startswith("tokens") else "shards") / "manifest.json"
        manifest = json.loads(at.read_text())
        entries = [*manifest["shards"], *manifest["validation"], {"files": [manifest.get("plan", {})]}]
        for file in (file for entry in entries for file in entry["files"] if file.get("file") == name):
            data = (out / path).read_bytes()
            file["bytes"] = len(data)
            file["sha256"] = hashlib.sha256(data).hexdigest()
            file["xxh3_128"] = xxhash.xxh3_128_hexdigest(data)
        at.write_text(json.dumps(manifest))


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def edit_tokens(out: Path, path: str, change: Callable[[np.ndarray], None]) -> None:
    tokens = np.fromfile(out / path, "<u2")
    change(tokens)
    tokens.tofile(out / path)
    vouch(out, path)


def edit_table(out: Path, path: str, change: Callable[[list[dict[str, Any]]], None]) -> None:
    table = pq.read_table(out / path)
    rows = table.to_pylist()
    change(rows)
    (out / path).write_bytes(to_parquet(pa.Table.from_pylist(rows, schema=table.schema)))
    vouch(out, path)


def _set(index: int, value: int) -> Callable[[np.ndarray], None]:
    def change(tokens: np.ndarray) -> None:
        tokens[index] = value

    return change


def _swap(name: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0][name], rows[1][name] = rows[1][name], rows[0][name]

    return change


def _train_on_held_out(out: Path) -> None:
    """Put a held-out document's id where a document to train on has its own."""
    held = pq.read_table(out / "tokens/web/validation-00000.provenance.parquet").to_pylist()[0]["id"]
    edit_table(out, "tokens/web/web-00000.provenance.parquet", lambda rows: rows[0].update(id=held))


def _join_two_documents(out: Path) -> None:
    path = out / "tokens/web/web-00000.idx"
    lengths = read_index(path.read_bytes()).lengths
    path.write_bytes(index_bytes([lengths[0] + lengths[1], *lengths[2:]], np.uint16))
    vouch(out, "tokens/web/web-00000.idx")


def _swap_rows(out: Path) -> None:
    def change(tokens: np.ndarray) -> None:
        tokens[: 2 * L] = np.concatenate([tokens[L : 2 * L], tokens[:L]])

    edit_tokens(out, "shards/shard-00000.bin", change)


def _plan(change: Callable[[Any], None]) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        edit_json(out / "shards" / "plan.json", change)
        vouch(out, "shards/plan.json")

    return damage


def _manifest(folder: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        vouch(out)
        edit_json(out / folder / "manifest.json", change)

    return damage


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda out: edit_tokens(out, "tokens/web/web-00000.bin", _set(-1, 7)), "EOS stands at"),
        (lambda out: edit_tokens(out, "tokens/web/web-00000.bin", _set(2, 2)), "EOS stands at"),
        (
            lambda out: edit_tokens(out, "tokens/web/web-00000.bin", _set(0, 5)),
            "first difference is at token 0",
        ),
        (lambda out: edit_tokens(out, "tokens/web/web-00000.bin", _set(2, 40_000)), "outside the vocabulary"),
        (lambda out: edit_tokens(out, "tokens/books/books-00000.bin", _set(2, 9)), "not those of its text"),
        (
            lambda out: edit_tokens(out, "tokens/web/web-00001.bin", _set(40, 9)),
            "not what plan and token shards",
        ),
        (_join_two_documents, "sequences is"),
        (
            lambda out: edit_table(out, "tokens/web/web-00000.provenance.parquet", _swap("id")),
            "order of hashes",
        ),
        (
            lambda out: edit_table(out, "tokens/web/web-00000.provenance.parquet", _swap("start")),
            "column start",
        ),
        (
            lambda out: edit_table(
                out, "tokens/web/web-00000.provenance.parquet", lambda rows: rows[0].update(source="x")
            ),
            "names another source than web",
        ),
        (_train_on_held_out, "1 held-out documents are trained on"),
        (
            lambda out: edit_tokens(out, "shards/shard-00001.bin", _set(40, 9)),
            "is not what plan and token shards",
        ),
        (_swap_rows, "row 0 is not what plan and token shards"),
        (
            lambda out: edit_table(
                out, "shards/shard-00000.rows.parquet", lambda rows: rows[0].update(document=5)
            ),
            "does not say what",
        ),
        (
            lambda out: edit_table(
                out, "shards/shard-00000.rows.parquet", lambda rows: rows[0].update(offset=5)
            ),
            "do not follow one",
        ),
        (
            lambda out: edit_table(
                out, "shards/shard-00000.rows.parquet", lambda rows: rows[0].update(source="books")
            ),
            "row 0 is of books, the plan has web there",
        ),
        (
            lambda out: edit_table(out, "shards/shard-00000.rows.parquet", lambda rows: rows.pop()),
            "pieces hold",
        ),
        (
            lambda out: edit_tokens(out, "shards/validation/web-00000.bin", _set(3, 9)),
            "is not the tokens/web/validation-00000 it was made from",
        ),
        (_plan(lambda plan: plan.update(rows=plan["rows"] - 1)), "tokens are not rows times"),
        (_plan(lambda plan: plan["sources"]["web"].update(rows=3)), "web has 3 rows, the order deals it"),
        (_plan(lambda plan: plan["sources"]["web"].update(epochs=9)), "the epochs of web are not"),
        (_plan(lambda plan: plan["sources"]["web"].update(available_tokens=9)), "web has 9 tokens"),
        (_plan(lambda plan: plan["sources"]["web"].update(proportion="1/2")), "do not sum to 1"),
        (_plan(lambda plan: plan.update(max_epochs=1)), "is read more than 1 times"),
        (_plan(lambda plan: plan.update(seed=9)), "says seed is 0, the plan 9"),
        (_plan(lambda plan: plan["sources"]["web"]["shards"].reverse()), "are not those of tokens/web"),
        (_plan(lambda plan: plan.update(sources=[])), "not as this version writes it"),
        (_manifest("shards", lambda m: m["shards"].pop()), "is named by no manifest"),
        (_manifest("shards", lambda m: m["shards"][1].update(first_row=2)), "begins at row 2"),
        (_manifest("shards", lambda m: m["validation"].pop()), "is missing, though"),
        (_manifest("tokens/web", lambda m: m["shards"][0].update(tokens=1)), "the manifest says 1"),
        (_manifest("tokens/web", lambda m: m.update(dtype="int32")), "says uint16, the manifest int32"),
        (_manifest("tokens/web", lambda m: m.pop("eos")), "lacks eos"),
        (_manifest("tokens/web", lambda m: m["shards"][0]["files"].pop()), "is not named in the manifest"),
    ],
)
def test_damage_that_is_vouched_for_is_found(
    out: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], sentence: str
) -> None:
    damage(out)
    faults = faults_of(out, capsys)
    assert any(sentence in fault for fault in faults), faults


def test_what_cannot_be_checked_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"winnow: {tmp_path} holds no token shards\n"


def test_another_tokenizer_leaves_the_texts_out_and_says_so(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mixtures.verify._processor", lambda *_: None)
    assert main([str(out)]) == 0
    assert "texts were not compared" in capsys.readouterr().out
