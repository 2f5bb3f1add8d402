"""Training shards in other formats, and launch fragments: the same rows, and no shard written for them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import folder_digests
from mixing import make_run, write_curated

from mixtures.launch import LaunchTable, SourceLine, launch_files
from mixtures.reader import TrainingShards
from mixtures.verify import main
from pipeline.config import parse_config
from pipeline.errors import WinnowError
from pipeline.options import parse_options
from pipeline.phases.mix import mix
from pipeline.phases.shard_exports import check_formats
from pipeline.phases.tokenize import tokenize

L = 32
ALL = {"export": ["mds", "llmc", "litdata"], "holdout": {"tokens_per_source": 300}}
PLAIN = {**ALL, "export": []}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    write_curated(folder)
    tokenize(make_run(folder, **ALL))
    mix(make_run(folder, **ALL))
    return folder


def expected(out: Path, split: str) -> np.ndarray:
    """The rows of a split as our own reader gives them."""
    shards = TrainingShards(str(out))
    if split == "train":
        return np.stack([shards[number].tokens for number in range(len(shards))])
    held_out = shards.validation()
    return np.concatenate([held_out[source] for source in sorted(held_out)])


def read_llmc(folder: Path) -> np.ndarray:
    """As llm.c's dataloader.h says: 256 int32, of them magic, version and tokens; then the tokens as u16."""
    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        magic, version, count = struct.unpack("<3i", data[:12])
        assert (magic, version) == (20240520, 1)
        assert data[12:1024] == bytes(1012)
        assert len(data) == 1024 + 2 * count
        found.append(np.frombuffer(data, "<u2", offset=1024))
    return np.concatenate(found).reshape(-1, L)


def read_mds(folder: Path) -> np.ndarray:
    """The samples of each shard by the offsets at its head."""
    found = []
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack("<I", data[:4])
        assert count == shard["samples"]
        offsets = np.frombuffer(data, "<u4", count + 1, 4)
        assert offsets[-1] == len(data)
        for start, end in pairwise(offsets.tolist()):
            size, kind, length = struct.unpack("<IBB", data[start : start + 6])
            assert (size, kind, length) == (end - start - 4, 1 << 2, L)
            found.append(np.frombuffer(data, "<i4", L, start + 6))
    return np.stack(found)


def read_litdata(folder: Path) -> np.ndarray:
    """The blocks behind each chunk's head."""
    index = json.loads((folder / "index.json").read_text())
    assert index["config"]["data_format"] == ["no_header_numpy:5"]
    found = []
    for chunk in index["chunks"]:
        data = (folder / chunk["filename"]).read_bytes()
        (count,) = struct.unpack("<I", data[:4])
        assert (count, len(data)) == (chunk["chunk_size"], chunk["chunk_bytes"])
        found.append(np.frombuffer(data, "<u2", offset=4 * (count + 2)))
        assert len(found[-1]) == chunk["dim"]
    return np.concatenate(found).reshape(-1, L)


READERS: dict[str, Callable[[Path], np.ndarray]] = {
    "llmc": read_llmc,
    "mds": read_mds,
    "litdata": read_litdata,
}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", READERS)
def test_each_format_holds_the_rows_in_order(out: Path, name: str, split: str) -> None:
    wanted = expected(out, split)
    assert len(wanted) > 15
    assert np.array_equal(READERS[name](out / "shards" / name / split), wanted)


def test_they_come_and_go_without_a_new_shard(tmp_path: Path) -> None:
    write_curated(tmp_path)
    tokenize(make_run(tmp_path, **PLAIN))
    mix(make_run(tmp_path, **PLAIN))
    before = folder_digests(tmp_path)
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "shards").glob("*.bin")}
    assert mix(make_run(tmp_path, **ALL)).ran == ["mixture"]
    assert mix(make_run(tmp_path, **ALL)).ran == []
    exported = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shards/*/*/*.*")}
    lost = tmp_path / "shards" / "mds" / "train" / "shard.00001.mds"
    whole = lost.read_bytes()
    lost.unlink()
    assert mix(make_run(tmp_path, **ALL)).ran == ["mixture"]
    assert lost.read_bytes() == whole
    again = {path: path.stat().st_mtime_ns for path in exported}
    assert {path.name for path in exported if exported[path] != again[path]} == {
        "shard.00001.mds",
        "index.json",
    }
    assert mix(make_run(tmp_path, **PLAIN)).ran == ["mixture"]
    assert folder_digests(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in made} == made


def faults_of(out: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    main([str(out), "--json"])
    faults: list[str] = json.loads(capsys.readouterr().out)["faults"]
    return faults


def test_they_are_verified(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults_of(out, capsys) == []


@pytest.mark.parametrize(
    "path",
    [
        "llmc/train/train_000000.bin",
        "mds/val/shard.00001.mds",
        "litdata/train/index.json",
        "launch/megatron.json",
    ],
)
def test_damage_is_found(out: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    file = out / "shards" / path
    whole = file.read_bytes()
    file.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1, whole[-1]]))
    assert any(f"shards/{path} is not what was written" in fault for fault in faults_of(out, capsys))
    file.unlink()
    assert any(f"shards/{path} cannot be read" in fault for fault in faults_of(out, capsys))
    file.write_bytes(whole)


def _exchange(manifest: Any) -> None:
    first, second = manifest["exports"][0], manifest["exports"][1]
    first["files"], second["files"] = second["files"], first["files"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m["exports"].pop(0), "shards/shard-00000.bin is missing in litdata's format"),
        (_exchange, "does not hold the tokens of shards/shard-00000.bin"),
        (lambda m: m["exports"][0].update(number=7), "stands wrongly in the manifest"),
        (lambda m: m["export"].remove("llmc"), "was exported to llmc and should not be"),
        (lambda m: m["launch"].pop(), "does not say what plan and shards do"),
        (lambda m: m["export_indices"].pop(), "index.json is named by no manifest"),
    ],
)
def test_a_manifest_that_says_otherwise_is_found(
    out: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Any], None], sentence: str
) -> None:
    path = out / "shards" / "manifest.json"
    vouching = out / "manifests" / "mix" / "mixture.json"
    whole, phase = path.read_bytes(), vouching.read_bytes()
    manifest = json.loads(whole)
    change(manifest)
    path.write_text(json.dumps(manifest))
    vouching.unlink()
    faults = faults_of(out, capsys)
    path.write_bytes(whole)
    vouching.write_bytes(phase)
    assert any(sentence in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("name", "changed", "sentence"),
    [
        ("llmc", {"dtype": "int32", "vocabulary": 100_000}, "a vocabulary of 100,000 needs more"),
        ("llmc", {"rows_per_shard": 1 << 19}, "llmc keeps files of at most 2,147,483,647 bytes"),
        ("mds", {"rows_per_shard": 1 << 19}, "mds keeps files of at most 4,294,967,295 bytes"),
        ("litdata", {"rows_per_shard": 1 << 19, "dtype": "int32"}, "litdata keeps files of at most"),
    ],
)
def test_what_a_format_cannot_hold_is_one_sentence(name: str, changed: dict[str, Any], sentence: str) -> None:
    plan = {
        "dtype": "uint16",
        "vocabulary": 32_000,
        "rows": 1 << 30,
        "rows_per_shard": 1 << 18,
        "sequence_length": 2048,
    }
    check_formats([name], plan)
    with pytest.raises(WinnowError, match=sentence):
        check_formats([name], plan | changed)


def test_options() -> None:
    assert parse_options([]).shard_formats is None
    assert parse_options(["--export", "mds, llmc"]).shard_formats == ("mds", "llmc")
    with pytest.raises(WinnowError, match="no format is called 'mdx'; there are llmc, mds, litdata"):
        parse_options(["--export", "mdx"])
    sources = "sources: {commoncrawl: {proportion: 1}}"
    assert parse_config(f"export: [mds]\nsidecars: [olmo]\n{sources}", "c.yaml")[0].export == ["mds"]
    with pytest.raises(WinnowError, match=r"c.yaml, line 1: export.*'llmc', 'mds' or 'litdata'"):
        parse_config(f"export: [mdx]\n{sources}", "c.yaml")


# Fragments by hand, for two sources of 3/4 and 1/4.
TABLE = LaunchTable(
    (
        SourceLine("web", Fraction(3, 4), Fraction(1), (("web-00000", 30), ("web-00001", 10))),
        SourceLine("books", Fraction(1, 4), Fraction(5, 2), (("books-00000", 8),)),
    ),
    (("web-00000", 6), ("books-00000", 2)),
    16,
    4,
    2,
    32_000,
    1,
    2,
    5,
    1,
)


def test_the_fragments_say_the_table() -> None:
    files = launch_files(TABLE)
    assert json.loads(files["megatron.json"]) == {
        "train": [
            *("0.5625", "tokens/web/web-00000", "0.1875", "tokens/web/web-00001"),
            *("0.25", "tokens/books/books-00000"),
        ],
        "valid": ["0.75", "shards/validation/web-00000", "0.25", "shards/validation/books-00000"],
        "test": None,
    }
    arguments = [line for line in files["megatron.args"].splitlines() if not line.startswith("#")]
    assert arguments == [
        "--per-split-data-args-path shards/launch/megatron.json",
        "--seq-length 16",
        "--train-samples 4",
    ]
    parsed = {name: yaml.safe_load(text) for name, text in files.items() if name.endswith(".yaml")}
    assert parsed["olmo-core.yaml"]["sources"] == [
        {
            "source_name": "web",
            "target_ratio": 0.75,
            "max_repetition_ratio": 2.0,
            "paths": ["tokens/web/olmo/train/web-00000.npy", "tokens/web/olmo/train/web-00001.npy"],
        },
        {
            "source_name": "books",
            "target_ratio": 0.25,
            "max_repetition_ratio": 3.0,
            "paths": ["tokens/books/olmo/train/books-00000.npy"],
        },
    ]
    assert parsed["datatrove.yaml"]["books"] == {
        "weight": 0.25,
        "dataset": {
            "data_folder": "tokens/books/datatrove/train",
            "seq_len": 16,
            "recursive": False,
            "token_size": 2,
            "return_positions": True,
        },
    }
    (stage,) = parsed["nanotron.yaml"]["data_stages"]
    assert stage["data"]["seed"] == 5
    assert stage["data"]["dataset"]["dataset_weights"] == [0.75, 0.25]
    assert stage["data"]["dataset"]["dataset_folder"][1] == "tokens/books/datatrove/train"
    foundry = parsed["llm-foundry.yaml"]
    assert foundry["eval_loader"]["dataset"]["streams"] == {
        "mixture": {"local": "shards/mds", "split": "val"}
    }
    assert foundry["train_loader"]["dataset"]["max_seq_len"] == 16
    assert parsed["litgpt.yaml"]["train"] == {"max_seq_length": 15, "max_tokens": 64}
    assert parsed["litgpt.yaml"]["data"]["init_args"]["split_names"] == ["train", "val"]
    assert parsed["levanter.yaml"]["data"]["train_weights"] == {"web": 0.75, "books": 0.25}


def test_what_no_parser_has_seen_says_so() -> None:
    # The others are given to their trainers' own parsers in tests/trainers.
    checked = {"megatron.json", "olmo-core.yaml", "datatrove.yaml", "litgpt.yaml"}
    files = launch_files(TABLE)
    marked = {name for name, text in files.items() if text.startswith("# NOT CHECKED by its trainer's own")}
    assert files.keys() - marked == checked


def test_fragments_without_a_holdout_and_with_stages() -> None:
    files = launch_files(TABLE._replace(held_out=(), stages=3))
    assert json.loads(files["megatron.json"])["valid"] is None
    assert "eval_loader" not in yaml.safe_load(files["llm-foundry.yaml"])
    arguments = yaml.safe_load(files["litgpt.yaml"])["data"]["init_args"]
    assert arguments == {"data_path": "shards/litdata/train", "seed": 5}
    for name, text in files.items():
        assert ("has 3 stages" in text) == name.endswith(".yaml")
