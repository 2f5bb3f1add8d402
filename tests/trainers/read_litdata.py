"""litdata's own loader finds our rows in our order."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from expected import OUT, L, held_out_rows, rows
from litdata import StreamingDataset, TokensLoader

FRAGMENT = yaml.safe_load((OUT / "shards/launch/litgpt.yaml").read_text())


@pytest.mark.parametrize("split", [0, 1])
def test_rows_are_our_rows(split: int) -> None:
    arguments = FRAGMENT["data"]["init_args"]
    block = FRAGMENT["train"]["max_seq_length"] + 1  # as litgpt's LitData has it
    assert block == L
    folder = OUT / arguments["data_path"] / arguments["split_names"][split]
    read = StreamingDataset(str(folder), item_loader=TokensLoader(block_size=block), shuffle=False)
    wanted = held_out_rows() if split else rows()
    assert len(read) == len(wanted) > 50
    assert np.array_equal(np.stack([np.asarray(row) for row in read]), wanted)
    assert np.array_equal(np.asarray(read[len(wanted) - 1]), wanted[-1])
