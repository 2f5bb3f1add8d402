"""A flow: what is done to one source, as data that reads like the paper's paragraph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.dedup.rounds import Round
from pipeline.transforms.clean import CleanStage
from pipeline.transforms.judging import JudgeStage
from pipeline.transforms.read import ReadStage
from pipeline.transforms.stage import Stage

_Stage = TypeVar("_Stage", bound=Stage)


@dataclass(frozen=True)
class Flow:
    """The recipe of a source, phase by phase.

    `read` and `clean` run in `prepare`, `rounds` in `lines`, `judge` in `judge`, `duplicates` and then
    `near_duplicates` (one at most) in `duplicates`. `presets`: what a config says of stages, by a name that
    stands for it.
    """

    name: str
    read: ReadStage
    clean: tuple[CleanStage, ...] = ()
    rounds: tuple[Round, ...] = ()
    judge: tuple[JudgeStage, ...] = ()
    duplicates: tuple[Round, ...] = ()
    near_duplicates: tuple[NearDuplicates, ...] = ()
    presets: Mapping[str, Mapping[str, Mapping[str, Any] | bool]] = field(default_factory=dict)

    def stages(self) -> dict[str, Stage]:
        """Every stage by the name it has in a config."""
        found: dict[str, Stage] = {self.read.name: self.read}
        for part in (self.clean, self.rounds, self.judge, self.duplicates, self.near_duplicates):
            found.update({stage.name: stage for stage in part})
        return found

    def with_stages(self, changed: Mapping[str, Stage]) -> Flow:
        """The flow with some stages replaced by name, without those that are off then."""

        def rebuilt(part: tuple[_Stage, ...]) -> tuple[_Stage, ...]:
            stages = (changed.get(stage.name, stage) for stage in part)
            return tuple(cast(_Stage, stage) for stage in stages if stage.on)

        return Flow(
            name=self.name,
            read=cast(ReadStage, changed.get(self.read.name, self.read)),
            clean=rebuilt(self.clean),
            rounds=rebuilt(self.rounds),
            judge=rebuilt(self.judge),
            duplicates=rebuilt(self.duplicates),
            near_duplicates=rebuilt(self.near_duplicates),
            presets=self.presets,
        )
