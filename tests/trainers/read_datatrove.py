"""datatrove's own reader finds our tokens, window for window, with the positions inside each document."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from datatrove.utils.dataset import DatatroveFolderDataset
from expected import OUT, L, plan, shards

FRAGMENT = yaml.safe_load((OUT / "shards/launch/datatrove.yaml").read_text())


def test_the_fragment_names_every_source_and_its_share() -> None:
    assert set(FRAGMENT) == set(plan()["sources"])
    for name, part in plan()["sources"].items():
        assert FRAGMENT[name]["weight"] == pytest.approx(part["rows"] / plan()["rows"])


@pytest.mark.parametrize("source", FRAGMENT)
def test_windows_are_our_tokens(source: str) -> None:
    arguments = FRAGMENT[source]["dataset"]
    read = DatatroveFolderDataset(**arguments | {"data_folder": str(OUT / arguments["data_folder"])})
    windows, positions = [], []
    for name, tokens, lengths in shards():
        if name.startswith(f"{source}/"):
            count = len(tokens) // (L + 1)  # a file's tail makes no window
            inside = np.concatenate([np.arange(length) for length in lengths])
            windows.append(tokens[: count * (L + 1)].reshape(count, L + 1))
            positions.append(inside[: count * (L + 1)].reshape(count, L + 1))
    wanted, places = np.concatenate(windows), np.concatenate(positions)
    assert len(read) == len(wanted) > 50
    for number in range(len(read)):
        item = read[number]
        assert item["input_ids"].tolist() == wanted[number].tolist()
        found = item["positions"].tolist()
        # datatrove counts from the window's beginning until the first document in it ends.
        cut = places[number][0]
        starts = np.flatnonzero(places[number] == 0)
        first = int(starts[0]) if len(starts) else L + 1
        assert found[first:] == places[number][first:].tolist()
        assert found[:first] == (places[number][:first] - cut).tolist()


@pytest.mark.parametrize("source", FRAGMENT)
def test_held_out_documents_lie_apart(source: str) -> None:
    folder = OUT / "tokens" / source / "datatrove" / "validation"
    read = DatatroveFolderDataset(str(folder), seq_len=L, recursive=False)
    (tokens,) = (tokens for name, tokens, _ in shards(held_out=True) if name.startswith(f"{source}/"))
    count = len(tokens) // (L + 1)
    assert [item["input_ids"].tolist() for item in (read[n] for n in range(len(read)))] == (
        tokens[: count * (L + 1)].reshape(count, L + 1).tolist()
    )
