"""litgpt's own parser takes our launch fragment, and the data module it makes of it finds our rows."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from expected import OUT, L, held_out_rows, plan, rows
from jsonargparse import ArgumentParser
from litgpt.__main__ import PARSER_DATA
from litgpt.data import LitData

os.chdir(OUT)  # fragments are relative to the output folder


@pytest.fixture(scope="module")
def data() -> LitData:
    parser = ArgumentParser()
    parser.add_function_arguments(PARSER_DATA["pretrain"])
    fragment = yaml.safe_load(Path("shards/launch/litgpt.yaml").read_text())
    parsed = parser.instantiate_classes(parser.parse_object({**fragment, "model_name": "pythia-14m"}))
    assert isinstance(parsed.data, LitData)
    assert parsed.train.max_tokens == plan()["tokens"]
    parsed.data.num_workers = 0
    parsed.data.connect(batch_size=1, max_seq_length=parsed.train.max_seq_length)
    return parsed.data


def test_held_out_rows_are_ours(data: LitData) -> None:
    found = np.concatenate([batch.numpy() for batch in data.val_dataloader()])
    assert found.shape[1] == L
    assert np.array_equal(found, held_out_rows())


def test_training_rows_are_ours_in_an_order_of_its_own(data: LitData) -> None:
    found = Counter(batch.numpy().astype(np.int64).tobytes() for batch in data.train_dataloader())
    wanted = Counter(row.tobytes() for row in rows())
    assert found == wanted
