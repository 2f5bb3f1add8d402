"""Sidecars on request: the tokens once on disk, one side a folder, made and removed without a new shard."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apache_beam.io.localfilesystem import LocalFileSystem
from conftest import folder_digests
from mixing import SIZES, make_run, read_shards, write_curated

from mixtures.verify import main
from pipeline.errors import WinnowError
from pipeline.files import link_file, write_file
from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize
from pipeline.units import Outputs

HOLDOUT = {"tokens_per_source": 100}
BOTH = {"sidecars": ["datatrove", "olmo"], "tokenizer_name": "my/tokenizer", "holdout": HOLDOUT}
SIDES = {"train": "{source}", "validation": "validation"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sidecars")
    write_curated(folder)
    tokenize(make_run(folder, **BOTH))
    mix(make_run(folder, **BOTH))
    return folder


def faults_of(out: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    main([str(out), "--json"])
    faults: list[str] = json.loads(capsys.readouterr().out)["faults"]
    return faults


@pytest.mark.parametrize("source", SIZES)
@pytest.mark.parametrize(("side", "stem"), SIDES.items())
def test_each_trainer_finds_the_documents_of_one_side(out: Path, source: str, side: str, stem: str) -> None:
    folder = out / "tokens" / source
    stem = stem.format(source=source)
    shards = read_shards(folder, stem)
    names = [f"{stem}-{number:05d}" for number in range(len(shards))]
    assert {path.name for path in (folder / "olmo" / side).iterdir()} == {
        name + ending for name in names for ending in (".npy", ".csv.gz")
    }
    assert {path.name for path in (folder / "datatrove" / side).iterdir()} == {
        name + ending for name in names for ending in (".ds", ".ds.index", ".ds.metadata")
    }
    for name, (tokens, table) in zip(names, shards, strict=True):
        ends = [row["end"] for row in table]
        for linked in (folder / "olmo" / side / f"{name}.npy", folder / "datatrove" / side / f"{name}.ds"):
            assert linked.samefile(folder / f"{name}.bin")
            assert np.array_equal(np.fromfile(linked, "<u2"), tokens)
        packed = gzip.decompress((folder / "olmo" / side / f"{name}.csv.gz").read_bytes()).decode()
        rows = list(csv.reader(io.StringIO(packed)))
        assert [[int(row[0]), int(row[1]), row[2]] for row in rows] == [
            [row["start"], row["end"], row["id"]] for row in table
        ]
        assert [row[3:] for row in rows] == [
            [f"{name}.provenance.parquet", str(number)] for number in range(len(table))
        ]
        base = folder / "datatrove" / side / f"{name}.ds"
        assert np.fromfile(f"{base}.index", "<u8").tolist() == ends
        assert Path(f"{base}.metadata").read_text().splitlines()[:2] == ["my/tokenizer|2", str(ends[-1])]


def test_they_are_verified(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults_of(out, capsys) == []


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("olmo/train/web-00000.csv.gz", "olmo/train/web-00000.csv.gz is not what was written"),
        ("datatrove/train/web-00000.ds.index", "web-00000.ds.index is not what was written"),
        ("datatrove/validation/validation-00000.ds.metadata", "validation-00000.ds.metadata is not what was"),
    ],
)
def test_damage_is_found(out: Path, capsys: pytest.CaptureFixture[str], path: str, sentence: str) -> None:
    file = out / "tokens" / "web" / path
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert any(sentence in fault for fault in faults_of(out, capsys))
    file.write_bytes(whole)


def _entry(manifest: Any, name: str) -> Any:
    return next(
        e for e in manifest["sidecar_files"] if (e["sidecars_of"], e["trainer"]) == (name, "datatrove")
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m["sidecar_files"].pop(), "has no sidecars for olmo"),
        (lambda m: _entry(m, "web-00000").update(sidecars_of="web-99999"), "there is no shard web-99999"),
        (lambda m: _entry(m, "web-00000")["files"].pop(), "2 files stand for web-00000"),
        (
            lambda m: _entry(m, "web-00000")["files"].__setitem__(0, _entry(m, "web-00001")["files"][0]),
            "web-00001.ds does not hold the tokens of web-00000.bin",
        ),
        (
            lambda m: _entry(m, "web-00000")["files"].__setitem__(1, _entry(m, "web-00001")["files"][1]),
            "web-00001.ds.index does not say what the shard holds",
        ),
    ],
)
def test_a_manifest_that_says_otherwise_is_found(
    out: Path, capsys: pytest.CaptureFixture[str], change: Any, sentence: str
) -> None:
    path = out / "tokens" / "web" / "manifest.json"
    whole = path.read_bytes()
    manifest = json.loads(whole)
    change(manifest)
    path.write_text(json.dumps(manifest))
    assert any(sentence in fault for fault in faults_of(out, capsys))
    path.write_bytes(whole)


class _Store(LocalFileSystem):  # type: ignore[misc]  # Beam is untyped
    """Local files under a scheme of their own, as Beam copies on an object store."""

    @classmethod
    def scheme(cls) -> str:
        return "store"

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        names = [
            [name.removeprefix("store://") for name in side]
            for side in (source_file_names, destination_file_names)
        ]
        super().copy(*names)


def test_on_an_object_store_the_store_copies(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"tokens")
    link_file(f"store://{tmp_path}/one", f"store://{tmp_path}/two")
    assert (tmp_path / "two").read_bytes() == b"tokens"
    assert not (tmp_path / "two").samefile(tmp_path / "one")
    with pytest.raises(WinnowError, match="cannot write store://"):
        link_file(f"store://{tmp_path}/none", f"store://{tmp_path}/three")


def test_they_come_and_go_without_a_new_shard(tmp_path: Path) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path, holdout=HOLDOUT))
    mix(make_run(tmp_path, holdout=HOLDOUT))
    before = folder_digests(tmp_path)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.bin")}
    assert tokenize(make_run(tmp_path, **BOTH)).ran == ["web", "books"]
    mix(make_run(tmp_path, **BOTH))
    assert (tmp_path / "tokens" / "web" / "olmo" / "train" / "web-00000.npy").is_file()
    assert tokenize(make_run(tmp_path, **BOTH)).ran == []
    lost = tmp_path / "tokens" / "web" / "datatrove" / "train" / "web-00000.ds"
    lost.unlink()
    assert tokenize(make_run(tmp_path, **BOTH)).ran == ["web"]
    assert lost.samefile(tmp_path / "tokens" / "web" / "web-00000.bin")
    tokenize(make_run(tmp_path, holdout=HOLDOUT))
    mix(make_run(tmp_path, holdout=HOLDOUT))
    assert folder_digests(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_a_link_is_whole_and_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "deep" / "two"
    write_file(str(one), b"first")
    outputs = Outputs(str(tmp_path))
    first = outputs.write("one", b"first", rows=3)
    for _ in range(2):
        linked = outputs.link(first, "deep/two")
        assert (linked.path, linked.rows, linked.size, linked.digest) == ("deep/two", 3, 5, first.digest)
        assert two.samefile(one)
    write_file(str(one), b"second")
    assert two.read_bytes() == b"first"
    link_file(str(one), str(two))
    assert two.read_bytes() == b"second"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["one", "two"]

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", no_links)
    link_file(str(one), str(tmp_path / "three"))
    assert (tmp_path / "three").read_bytes() == b"second"
    assert not (tmp_path / "three").samefile(one)
    monkeypatch.undo()
    with pytest.raises(WinnowError, match=r"cannot write .*four: No such file"):
        link_file(str(tmp_path / "none"), str(tmp_path / "four"))
