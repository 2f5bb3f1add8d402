"""Launch fragments: what trainers are told, so that they read a mixture as planned. All from one table.

Paths are relative to the output folder. A trainer that mixes by itself gets the token shards and weights, and
makes its own order of them; one that cannot gets the exported training shards. A fragment that no test gives
to that trainer's own parser says so at its top (docs/training.md has the versions).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import yaml


class SourceLine(NamedTuple):
    """One source as dealt: its share of the rows, how often it is read, and its token shards with their
    tokens."""

    name: str
    share: Fraction
    epochs: Fraction
    shards: tuple[tuple[str, int], ...]


class LaunchTable(NamedTuple):
    """All that fragments say: the sources, held-out shards with their tokens, and the numbers of the plan."""

    sources: tuple[SourceLine, ...]
    held_out: tuple[tuple[str, int], ...]
    sequence_length: int
    rows: int
    token_bytes: int
    vocabulary: int
    bos: int
    eos: int
    seed: int
    stages: int

    @property
    def tokens(self) -> int:
        """Tokens of all rows."""
        return self.rows * self.sequence_length


def launch_table(plan: Mapping[str, Any], validation: Sequence[Mapping[str, Any]]) -> LaunchTable:
    """The table of a plan (the content of plan.json) and its validation shards (their entries)."""
    sources = [
        SourceLine(
            name,
            Fraction(part["rows"], plan["rows"]),
            part["epochs"] + Fraction(part["epoch_fraction"]),
            tuple((shard["name"], shard["tokens"]) for shard in part["shards"]),
        )
        for name, part in plan["sources"].items()
    ]
    return LaunchTable(
        tuple(sources),
        tuple((entry["name"], entry["tokens"]) for entry in validation),
        plan["sequence_length"],
        plan["rows"],
        np.dtype(plan["dtype"]).itemsize,
        plan["vocabulary"],
        plan["bos"],
        plan["eos"],
        plan["seed"],
        len(plan["stages"]),
    )


def launch_files(table: LaunchTable) -> dict[str, str]:
    """The fragments by file name."""
    return {name: render(table) for name, render in _FRAGMENTS.items()}


def _yaml(table: LaunchTable, content: object, unchecked: str, *remarks: str) -> str:
    """YAML under a head of remarks; `unchecked` says what no parser of that trainer has seen."""
    head = [f"NOT CHECKED by its trainer's own parser: {unchecked}"] if unchecked else []
    head += remarks
    if table.stages > 1:
        head.append(
            f"The mixture has {table.stages} stages; these weights are the average of the whole course."
        )
    comments = "".join(f"# {line}\n" for line in head)
    return comments + yaml.safe_dump(content, sort_keys=False, width=1000)


def _blend(weighted: Sequence[tuple[Fraction, str]]) -> list[str]:
    """Megatron's list of weights and prefixes."""
    return [text for weight, prefix in weighted for text in (repr(float(weight)), prefix)]


def _megatron(table: LaunchTable) -> str:
    """The file for --per-split-data-args-path: Megatron's weights count samples of one length, so tokens."""
    train = [
        (line.share * Fraction(tokens, sum(count for _, count in line.shards)), f"tokens/{line.name}/{shard}")
        for line in table.sources
        for shard, tokens in line.shards
    ]
    total = sum(tokens for _, tokens in table.held_out)
    valid = [(Fraction(tokens, total), f"shards/validation/{name}") for name, tokens in table.held_out]
    splits = {"train": _blend(train), "valid": _blend(valid) or None, "test": None}
    return json.dumps(splits, indent=1) + "\n"


def _megatron_arguments(table: LaunchTable) -> str:
    return (
        "# NOT CHECKED by its trainer's own parser: the package megatron-core does not hold Megatron's.\n"
        "# pretrain_gpt.py $(grep -v '^#' shards/launch/megatron.args), beside model and tokenizer.\n"
        "--per-split-data-args-path shards/launch/megatron.json\n"
        f"--seq-length {table.sequence_length}\n"
        f"--train-samples {table.rows}\n"
    )


def _olmo(table: LaunchTable) -> str:
    """A SourceMixtureList; a cap just above the epochs leaves room for the rounding to whole instances."""
    sources = [
        {
            "source_name": line.name,
            "target_ratio": float(line.share),
            "max_repetition_ratio": float(int(line.epochs) + 1),
            "paths": [f"tokens/{line.name}/olmo/train/{shard}.npy" for shard, _ in line.shards],
        }
        for line in table.sources
    ]
    return _yaml(
        table,
        {"sources": sources},
        "",
        "olmo_core.data.source_mixture.SourceMixtureList; wants `sidecars: [olmo]`.",
        f"SourceMixtureDatasetConfig: requested_tokens {table.tokens}. Dataset: sequence_length "
        f"{table.sequence_length}, tokens of {8 * table.token_bytes} bits.",
        f"Tokenizer: vocab_size {table.vocabulary}, bos_token_id {table.bos}, eos_token_id {table.eos}.",
    )


def _datatrove(table: LaunchTable) -> str:
    sources = {
        line.name: {
            "weight": float(line.share),
            "dataset": {
                "data_folder": f"tokens/{line.name}/datatrove/train",
                "seq_len": table.sequence_length,
                "recursive": False,
                "token_size": table.token_bytes,
                "return_positions": True,
            },
        }
        for line in table.sources
    }
    return _yaml(
        table,
        sources,
        "",
        "Arguments of datatrove.utils.dataset.DatatroveFolderDataset, by source.",
        "Wants `sidecars: [datatrove]`.",
        "Its windows have seq_len + 1 tokens and do not overlap. It mixes nothing: the weights are for you.",
    )


def _nanotron(table: LaunchTable) -> str:
    dataset = {
        "dataset_folder": [f"tokens/{line.name}/datatrove/train" for line in table.sources],
        "dataset_weights": [float(line.share) for line in table.sources],
        "token_size_in_bytes": table.token_bytes,
        "vocab_size": table.vocabulary,
        "return_positions": True,
    }
    stage = {
        "name": "mixture",
        "start_training_step": 1,
        "data": {"dataset": dataset, "seed": table.seed, "num_loading_workers": 1},
    }
    return _yaml(
        table,
        {"data_stages": [stage], "tokens": {"sequence_length": table.sequence_length}},
        "the nanotron of the package index (0.4) has no such arguments, its repository does.",
        "Wants `sidecars: [datatrove]` and a `tokenizer_name` that transformers can load.",
    )


def _llm_foundry(table: LaunchTable) -> str:
    def loader(split: str) -> dict[str, Any]:
        dataset = {
            "streams": {"mixture": {"local": "shards/mds", "split": split}},
            "shuffle": False,
            "num_canonical_nodes": 1,
            "max_seq_len": table.sequence_length,
            "eos_token_id": table.eos,
        }
        return {"name": "text", "dataset": dataset, "drop_last": split == "train", "num_workers": 8}

    loaders = {"max_seq_len": table.sequence_length, "train_loader": loader("train")}
    if table.held_out:
        loaders["eval_loader"] = loader("val")
    return _yaml(
        table,
        loaders,
        "a test gives the streams to streaming's own Stream, and no more.",
        "Wants `--export mds`. The rows have their order already, so they are not shuffled again.",
    )


def _litgpt(table: LaunchTable) -> str:
    arguments: dict[str, Any] = {"data_path": "shards/litdata/train", "seed": table.seed}
    if table.held_out:
        arguments |= {"data_path": "shards/litdata", "split_names": ["train", "val"]}
    content = {
        "data": {"class_path": "litgpt.data.LitData", "init_args": arguments},
        "train": {"max_seq_length": table.sequence_length - 1, "max_tokens": table.tokens},
    }
    return _yaml(
        table,
        content,
        "",
        "Wants `--export litdata`. LitData reads blocks of max_seq_length + 1 tokens, so one row each, and",
        "always shuffles them: shares hold over the whole course, not at every step of it.",
    )


def _levanter(table: LaunchTable) -> str:
    content = {
        "data": {
            "configs": {
                line.name: {"train_urls": [f"export/{line.name}/*.jsonl.gz"]} for line in table.sources
            },
            "train_weights": {line.name: float(line.share) for line in table.sources},
            "stop_strategy": "restart",
        }
    }
    return _yaml(
        table,
        content,
        "the levanter of the package index (1.1) has no mixtures, its repository does.",
        "It reads text and makes its own tokens: wants `--export-documents jsonl.gz` and data.tokenizer.",
        "That text holds the held-out documents too.",
    )


_FRAGMENTS: dict[str, Callable[[LaunchTable], str]] = {
    "megatron.json": _megatron,
    "megatron.args": _megatron_arguments,
    "olmo-core.yaml": _olmo,
    "datatrove.yaml": _datatrove,
    "nanotron.yaml": _nanotron,
    "llm-foundry.yaml": _llm_foundry,
    "litgpt.yaml": _litgpt,
    "levanter.yaml": _levanter,
}
