"""What shards/plan.json says: all that the training order follows from, beside the token shards it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mixtures.allocation import Allocation, Supply, allocate
from mixtures.course import Course, Order, Stage
from mixtures.epochs import TokenStream
from mixtures.packing import windows
from mixtures.proportions import as_fraction, shares
from pipeline.config import Config
from pipeline.errors import WinnowError

# What the token shards of all sources of a mixture have in common, and what its own shards then have too.
ENCODING = ("tokenizer", "vocabulary", "dtype", "policy", "bos", "eos")


@dataclass(frozen=True)
class TokenizedSource:
    """One source of a mixture: its share, how its tokens were made, and the entries of its token shards."""

    share: Fraction
    encoding: Mapping[str, Any]
    shards: Sequence[Mapping[str, Any]]

    @property
    def tokens(self) -> int:
        """Tokens to train on, each counted once."""
        return sum(shard["tokens"] for shard in self.shards)


def deal(config: Config, sources: Mapping[str, TokenizedSource]) -> Allocation:
    """The budget of `config` dealt to `sources`; raises WinnowError where they cannot serve it."""
    max_epochs = as_fraction(config.max_epochs)
    supplies = {name: Supply(source.share, source.tokens, max_epochs) for name, source in sources.items()}
    budget = None if config.tokens == "largest" else config.tokens
    later = [
        (stage.from_tokens // config.sequence_length, _stage_shares(config, number, sources))
        for number, stage in enumerate(config.curriculum)
    ]
    return allocate(supplies, config.sequence_length, budget, config.too_little, later)


def _stage_shares(config: Config, number: int, sources: Mapping[str, TokenizedSource]) -> dict[str, Fraction]:
    """The shares of one stage of the curriculum, of the sources that are there."""
    stage = config.curriculum[number]
    there = {name: share for name, share in stage.proportions.items() if name in sources}
    if not there:
        raise WinnowError(f"curriculum.{number}: none of its sources has any tokens")
    return shares(there, renormalise=True)


def plan_content(config: Config, sources: Mapping[str, TokenizedSource]) -> dict[str, Any]:
    """The plan of a mixture as JSON; raises WinnowError where the sources cannot be mixed."""
    encoding = next(iter(sources.values())).encoding
    for name, source in sources.items():
        if any(source.encoding[key] != encoding[key] for key in ENCODING):
            raise WinnowError(
                f"the token shards of {name} were made with another tokenizer; run tokenize again"
            )
    dealt = deal(config, sources)
    return {
        **{key: encoding[key] for key in ENCODING},
        "sequence_length": dealt.sequence_length,
        "seed": config.seed,
        "requested_tokens": dealt.requested,
        "tokens": dealt.tokens,
        "rows": dealt.rows,
        "rows_per_shard": max(1, config.shard_tokens // dealt.sequence_length),
        "limited_by": dealt.limit or "the budget",
        "largest_tokens": dealt.largest_rows * dealt.sequence_length,
        "max_epochs": config.max_epochs,
        "packing": config.packing,
        "stages": [
            {"first_row": stage.first_row, "rows_in_period": dict(stage.parts)} for stage in dealt.stages
        ],
        "sources": {
            name: {
                "proportion": str(sources[name].share),
                "available_tokens": draw.available,
                "rows": draw.rows,
                "tokens": draw.tokens,
                "epochs": draw.epochs,
                "epoch_fraction": str(draw.fraction),
                "shards": [
                    {"name": shard["name"], "tokens": shard["tokens"], "sha256": shard["files"][0]["sha256"]}
                    for shard in sources[name].shards
                ],
            }
            for name, draw in dealt.draws.items()
        },
    }


def order_of(plan: Mapping[str, Any]) -> Order:
    """The order of sources that a plan means."""
    stages = [Stage(stage["first_row"], stage["rows_in_period"]) for stage in plan["stages"]]
    return Order(Course(stages), plan["rows"], plan["seed"])


def streams_of(plan: Mapping[str, Any]) -> dict[str, TokenStream]:
    """The stream of tokens that each source of a plan is read as."""
    return {
        name: TokenStream(name, plan["seed"], tuple(shard["tokens"] for shard in source["shards"]))
        for name, source in plan["sources"].items()
    }


def source_rows(plan: Mapping[str, Any], source: str, start: int, stop: int) -> tuple[int, int]:
    """The rows of `source`, first and last (exclusive), that can hold tokens `start` to `stop` of its
    stream.
    """
    length, part = plan["sequence_length"], plan["sources"][source]
    first, last = start // length, min(-(-stop // length), part["rows"])
    if plan["packing"] == "best_fit":
        packed = windows(first, last, part["rows"], part["available_tokens"], length)
        return packed[0][0], packed[-1][1]
    return first, last
