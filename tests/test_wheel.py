"""What the distribution holds: the packages and their data, no tests and no samples."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def test_packages_and_data() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert setup["packages"]["find"]["include"] == [
        "pipeline*",
        "filters*",
        "tokenizer*",
        "mixtures*",
        "models*",
    ]
    assert set(setup["package-data"]) == {"mixtures", "models", "pipeline"}


def test_every_package_folder_is_a_package() -> None:
    for top in ("pipeline", "filters", "tokenizer", "mixtures"):
        for module in (ROOT / top).rglob("*.py"):
            assert (module.parent / "__init__.py").is_file(), module


def test_constraints_pin_every_dependency_and_name_no_host() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert all("==" in pin and "://" not in pin and "@" not in pin for pin in pins)
    pinned = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=]", name)[0].lower() for name in wanted}
    assert names <= pinned


def test_every_sample_has_an_origin_and_a_licence() -> None:
    listed = yaml.safe_load((ROOT / "samples" / "samples.yaml").read_text())
    # What only the bundled models are trained on is no input of a run, so that samples.yaml lacks it.
    for source, patterns in {**listed, "training": ["training/*.bz2"]}.items():
        table = (ROOT / "samples" / source / "PROVENANCE.tsv").read_text().splitlines()
        columns = table[0].split("\t")
        rows = [dict(zip(columns, line.split("\t"), strict=False)) for line in table[1:]]
        assert all(row["licence"] for row in rows), source
        named = {row["file"].split("!")[0] for row in rows}  # a member of an archive stands behind "!"
        folder = ROOT / "samples" / source
        files = {file for pattern in patterns for file in (ROOT / "samples").glob(pattern)}
        assert files, source
        assert {file.relative_to(folder).as_posix() for file in files} <= named, source


def test_models_have_cards_and_stay_small() -> None:
    folder = ROOT / "models"
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 20 << 20
    assert list(folder.glob("*.md"))
    samples = [path for path in (ROOT / "samples").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in [*samples, *files]) < 40 << 20
