"""megatron-core's own reader finds our tokens, and its blend takes our launch fragment."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from expected import OUT, L, plan, rows, shards
from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDataset
from megatron.core.datasets.utils import get_blend_from_list

os.chdir(OUT)  # fragments are relative to the output folder
FRAGMENT = json.loads(Path("shards/launch/megatron.json").read_text())


@pytest.mark.parametrize("held_out", [False, True])
def test_documents_are_ours(held_out: bool) -> None:
    for name, tokens, lengths in shards(held_out):
        read = IndexedDataset(f"tokens/{name}")
        assert len(read) == len(lengths)
        assert read.document_indices.tolist() == list(range(len(lengths) + 1))
        assert [len(document) for document in read] == lengths.tolist()
        assert np.array_equal(np.concatenate([read[number] for number in range(len(read))]), tokens)


def test_rows_are_ours() -> None:
    # Copies: what Megatron hands out lies in a map of the file, which goes with the dataset.
    found = [
        np.array(read[number])
        for path in sorted(Path("shards").glob("shard-*.idx"))
        for read in [IndexedDataset(str(path.with_suffix("")))]
        for number in range(len(read))
    ]
    assert np.array_equal(np.stack(found), rows())


def test_the_fragment_is_blended_as_planned(tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    blends = [get_blend_from_list(FRAGMENT[split]) for split in ("train", "valid", "test")]
    assert blends[2] is None
    prefixes, weights = blends[0]
    assert len(prefixes) == len(weights) == len(shards())
    assert sum(weights) == pytest.approx(1)
    config = GPTDatasetConfig(
        random_seed=1,
        sequence_length=L,
        blend_per_split=blends,
        path_to_cache=str(tmp_path),
        tokenizer=SimpleNamespace(
            eod=plan()["eos"], vocab_size=plan()["vocabulary"], unique_identifiers={"name": "ours"}
        ),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
    )
    wanted = plan()["rows"]
    train, valid, test = BlendedMegatronDatasetBuilder(
        GPTDataset, [wanted, 20, None], lambda: True, config
    ).build()
    assert test is None
    assert len(valid) >= 20
    drawn: Counter[str] = Counter()
    for number in range(wanted):
        drawn[prefixes[train.dataset_index[number]].split("/")[1]] += 1
    for source, part in plan()["sources"].items():
        assert abs(drawn[source] - part["rows"]) <= len(prefixes)
    sample = train[0]["tokens"].numpy()
    assert sample.shape == (L,)
    whole = [tokens for _, tokens, _ in shards()]
    assert sample.max() < plan()["vocabulary"]
    assert set(np.unique(sample)) <= set(np.unique(np.concatenate(whole)).tolist())
