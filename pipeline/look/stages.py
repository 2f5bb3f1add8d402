"""The stages a finished run had, made again from the settings its manifests hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from pipeline.errors import WinnowError
from pipeline.flows import FLOWS
from pipeline.look.finished import FinishedRun
from pipeline.models import Model, resolve
from pipeline.transforms.judging import JudgeStage


def judge_stages(run: FinishedRun, source: str) -> list[JudgeStage]:
    """The stages of `judge` that a source went through, in their order.

    Raises WinnowError where a stage is not what this version knows.
    """
    kinds = {stage.name: stage.recorded() for flow in FLOWS.values() for stage in flow.judge}
    stages = []
    for settings in run.manifest("judge", source).config["judge"]:
        fields = {key: value for key, value in settings.items() if key != "stage"}
        try:
            stages.append(kinds[settings["stage"]].model_validate(fields))
        except (KeyError, ValidationError) as error:
            raise WinnowError(
                f"stage {settings['stage']!r} of {run.out} is not one of this version: run it again"
            ) from error
    return stages


def fetched(stages: Iterable[JudgeStage]) -> dict[str, Model]:
    """The model files of `stages`, fetched."""
    return {path: resolve(path) for stage in stages for path in stage.model_paths()}


def scored_alike(stage: JudgeStage, other: JudgeStage, digests: dict[str, Any]) -> bool:
    """Whether scores recorded by `other`, with model files of these digests, hold for `stage`."""
    if stage.name != other.name:
        return False
    if _scoring(stage) != _scoring(other):
        return False
    return all(digests.get(path) == resolve(path).digest for path in stage.model_paths())


def _scoring(stage: JudgeStage) -> dict[str, Any]:
    return {key: value for key, value in stage.settings().items() if key not in stage.decides}
