"""OLMo-core's own readers find our tokens and documents, and its parser takes our launch fragment."""

from __future__ import annotations

import os

import numpy as np
import pytest
from expected import OUT, L, plan, shards
from olmo_core.data import NumpyFSLDataset
from olmo_core.data.source_mixture import SourceMixtureDatasetConfig, SourceMixtureList
from olmo_core.data.utils import iter_document_indices, load_array_slice

os.chdir(OUT)  # fragments are relative to the output folder


def path_of(name: str, side: str = "train") -> str:
    source, shard = name.split("/")
    return f"tokens/{source}/olmo/{side}/{shard}.npy"


@pytest.mark.parametrize("local", [True, False])  # by the ends of documents, and by our table
@pytest.mark.parametrize("side", ["train", "validation"])
def test_documents_are_ours(side: str, local: bool) -> None:
    for name, tokens, lengths in shards(held_out=side == "validation"):
        found = list(
            iter_document_indices(
                path_of(name, side),
                use_array_if_local=local,
                eos_token_id=plan()["eos"],
                bos_token_id=plan()["bos"],
                dtype=np.uint16,
            )
        )
        ends = np.cumsum(lengths)
        assert found == list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
        for start, end in found:
            document = load_array_slice(path_of(name, side), start, end, np.uint16)
            assert document.tolist() == tokens[start:end].tolist()


def test_rows_are_our_tokens() -> None:
    paths = [path_of(name) for name, _, _ in shards()]
    read = NumpyFSLDataset(
        *paths,
        sequence_length=L,
        pad_token_id=0,
        eos_token_id=plan()["eos"],
        vocab_size=plan()["vocabulary"],
        dtype=np.uint16,
    )
    wanted = np.concatenate([tokens[: len(tokens) // L * L].reshape(-1, L) for _, tokens, _ in shards()])
    assert len(read) == len(wanted) > 50
    assert np.array_equal(
        np.stack([read[number]["input_ids"].numpy() for number in range(len(read))]), wanted
    )


def test_the_fragment_is_built_as_planned() -> None:
    listed = SourceMixtureList.from_yaml("shards/launch/olmo-core.yaml")
    listed.validate()
    config = SourceMixtureDatasetConfig(
        source_list=listed,
        requested_tokens=plan()["tokens"],
        global_batch_size=4 * L,
        render_tables=False,
    )
    mixed = config.build(npdtype=np.uint16, sequence_length=L)
    for outcome in mixed.sources:
        taken = sum(path.tokens for path in outcome.path_tokens)
        share = plan()["sources"][outcome.name]["rows"] / plan()["rows"]
        assert taken / plan()["tokens"] == pytest.approx(share, abs=0.02)
