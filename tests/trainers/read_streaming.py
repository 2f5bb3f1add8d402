"""mosaicml-streaming's own reader, which llm-foundry uses, finds our rows in our order."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from expected import OUT, held_out_rows, rows
from streaming import Stream, StreamingDataset

FRAGMENT = yaml.safe_load((OUT / "shards/launch/llm-foundry.yaml").read_text())


@pytest.mark.parametrize("loader", ["train_loader", "eval_loader"])
def test_rows_are_our_rows(loader: str) -> None:
    dataset = FRAGMENT[loader]["dataset"]
    streams = [
        Stream(**stream | {"local": str(OUT / stream["local"])}) for stream in dataset["streams"].values()
    ]
    chosen = {name: dataset[name] for name in ("shuffle", "num_canonical_nodes")}
    read = StreamingDataset(streams=streams, batch_size=1, **chosen)
    wanted = rows() if loader == "train_loader" else held_out_rows()
    assert len(read) == len(wanted) > 50
    found = [row["tokens"] for row in read]
    assert {tokens.dtype for tokens in found} == {np.dtype(np.int32)}
    assert np.array_equal(np.stack(found), wanted)
    assert np.array_equal(read[len(wanted) - 1]["tokens"], wanted[-1])
