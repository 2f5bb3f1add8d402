"""Which sources run on which inputs: the samples, the config's or the command line's, never a mixture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from conftest import write_corpus

from pipeline.config import parse_config
from pipeline.errors import WinnowError
from pipeline.inputs import InputFile, InputPattern, find_inputs, fingerprint_inputs
from pipeline.models import ModelError
from pipeline.options import parse_options
from pipeline.run import load_models
from pipeline.sources import Selection, select_sources

TWO = """\
missing_sources: {missing}
sources:
  commoncrawl:
    proportion: 75
    inputs: {inputs}
  c4:
    proportion: 25
"""


def found(*patterns: str) -> list[InputFile]:
    """What patterns match."""
    return find_inputs("c4", [InputPattern(pattern=pattern) for pattern in patterns])


def select(config: str, *arguments: str) -> Selection:
    """What a config and options select."""
    return select_sources(*parse_config(config, "my.yaml"), parse_options(list(arguments)))


def test_without_inputs_the_samples_of_all_sources() -> None:
    chosen = select(TWO.format(missing="error", inputs="[]"))
    assert list(chosen.flows) == ["commoncrawl", "c4"]
    assert chosen.proportions == {"commoncrawl": Fraction(3, 4), "c4": Fraction(1, 4)}
    assert chosen.warnings == []
    assert {file.name for file in chosen.inputs["c4"]} == {
        "c4-train.00000-of-00002.json.gz",
        "c4-train.00001-of-00002.json.gz",
    }


def test_a_user_s_input_clears_the_samples_of_the_others(tmp_path: Path) -> None:
    pattern = write_corpus(tmp_path)
    with pytest.raises(WinnowError, match=r"^no input for c4: give some with --input, name the sources"):
        select(TWO.format(missing="error", inputs="[]"), "--input", f"commoncrawl={pattern}")
    with pytest.raises(WinnowError, match=r"^no input for c4"):
        select(TWO.format(missing="error", inputs=f"['{pattern}']"))
    chosen = select(TWO.format(missing="renormalise", inputs=f"['{pattern}']"))
    assert chosen.proportions == {"commoncrawl": Fraction(1)}
    assert chosen.warnings == ["no input for c4: proportions of commoncrawl renormalised to 100%"]
    assert len(chosen.inputs["commoncrawl"]) == 3


def test_named_sources_are_renormalised_and_need_input(tmp_path: Path) -> None:
    pattern = write_corpus(tmp_path)
    mine = ("--input", f"commoncrawl={pattern}", "--sources")
    assert list(select(TWO.format(missing="error", inputs="[]"), *mine, "commoncrawl").flows) == [
        "commoncrawl"
    ]
    with pytest.raises(WinnowError, match=r"^source c4 has no input"):
        select(TWO.format(missing="error", inputs="[]"), *mine, "commoncrawl,c4")


def test_a_package_without_samples_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.SAMPLES", tmp_path)
    with pytest.raises(WinnowError, match="an installed package has no samples"):
        select(TWO.format(missing="error", inputs="[]"))


def test_a_missing_or_wrong_model_is_found_first(tmp_path: Path) -> None:
    wrong = tmp_path / "lid.bin"
    wrong.write_bytes(b"no model at all")
    for path, said in ((wrong, "lid.bin"), (tmp_path / "none.bin", "none.bin")):
        text = f"sources:\n  commoncrawl:\n    proportion: 1\n    language: {{model: {path}}}\n"
        flow = parse_config(text, "my.yaml")[1]["commoncrawl"].flow
        assert flow is not None
        with pytest.raises(ModelError, match=said):
            load_models({"commoncrawl": flow}, "bundled:tokenizer.model")


def test_names_hold_no_folder_of_the_machine_and_differ(tmp_path: Path) -> None:
    for place in ("a/x.gz", "b/x.gz", "b/y.gz"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(place.encode())
    below = found(f"{tmp_path}/*/*.gz")
    assert [file.name for file in below] == ["a__x.gz", "b__x.gz", "b__y.gz"]
    one_by_one = found(*(f"{tmp_path}/{place}" for place in ("a/x.gz", "b/x.gz", "b/y.gz")))
    assert [file.name for file in one_by_one] == ["a__x.gz", "b__x.gz", "y.gz"]
    with pytest.raises(WinnowError, match="no file matches"):
        found(f"{tmp_path}/*.zst")


def test_a_file_has_one_snapshot(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        (tmp_path / name).write_bytes(b"x")
    given = [
        InputPattern(pattern=f"{tmp_path}/a*", snapshot="CC-MAIN-2019-09"),
        InputPattern(pattern=f"{tmp_path}/b*"),
    ]
    files = fingerprint_inputs(find_inputs("c4", given), str(tmp_path / "memory.json"), verify=False)
    assert [(file.name, file.snapshot) for file in files] == [("a.gz", "CC-MAIN-2019-09"), ("b.gz", "")]
    with pytest.raises(WinnowError, match=r"b\.gz is given with two snapshots, '' and 'CC-MAIN-2019-18'"):
        find_inputs("c4", [*given, InputPattern(pattern=f"{tmp_path}/b.gz", snapshot="CC-MAIN-2019-18")])


def test_fingerprints_follow_content(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(b"one")
    memory = str(tmp_path / "memory.json")
    first = fingerprint_inputs(found(f"{tmp_path}/*.gz"), memory, verify=False)
    assert fingerprint_inputs(found(f"{tmp_path}/*.gz"), memory, verify=False) == first
    (tmp_path / "x.gz").write_bytes(b"two")
    changed = fingerprint_inputs(found(f"{tmp_path}/*.gz"), memory, verify=True)
    assert changed[0].fingerprint != first[0].fingerprint
