"""What `make_run.py` left: the run, and the tokens that a trainer must find in it. Needs numpy alone."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

PLACE = Path(os.environ["WINNOW_TRAINER_RUN"])
OUT = PLACE / "out"
L = 64


@cache
def arrays() -> dict[str, np.ndarray]:
    """All expected arrays by name."""
    with np.load(PLACE / "expected.npz") as stored:
        return {name: stored[name] for name in stored}


@cache
def plan() -> dict[str, Any]:
    """What the plan says."""
    found: dict[str, Any] = json.loads((PLACE / "expected.json").read_text())
    return found


def shards(held_out: bool = False) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(`<source>/<shard>`, its tokens, tokens of each document) of every token shard of one side."""
    names = sorted(name.removesuffix("/tokens") for name in arrays() if name.endswith("/tokens"))
    chosen = [name for name in names if ("/validation-" in name) == held_out]
    assert len(chosen) > 1
    return [(name, arrays()[f"{name}/tokens"], arrays()[f"{name}/lengths"]) for name in chosen]


def rows() -> np.ndarray:
    """The training order, (rows, L)."""
    return arrays()["rows"]


def held_out_rows() -> np.ndarray:
    """The held-out rows, source by source."""
    return np.concatenate([arrays()[f"validation/{source}"] for source in sorted(plan()["sources"])])
