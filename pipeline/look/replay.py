"""What an edited config would keep and drop, by the scores a finished run recorded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pipeline.config import Source
from pipeline.look.fates import KEPT
from pipeline.look.finished import FinishedRun
from pipeline.look.stages import fetched, judge_stages, scored_alike
from pipeline.manifest import read_manifest
from pipeline.phases.judge import settled
from pipeline.phases.phase import stage_settings
from pipeline.schema import SCORE_FIELDS
from pipeline.transforms.judging import JudgeStage

UNKNOWN = "unknown"
_COLUMNS = ["id", "bytes", "language", "verdict", *(score.name for score in SCORE_FIELDS)]


@dataclass
class Replay:
    """What `judge` would say of a source's documents under an edited config.

    `now`, `then`: documents by `kept`, `unknown` or rule, before duplicates of documents are taken out;
    `bytes_now`, `bytes_then`: their text. `unknown`: for each stage that would need scores the run does not
    have, documents. `not_replayed`: what else the edit changes, a sentence each. `moved`: documents by (fate
    now, fate then), where these differ, with some ids.
    """

    source: str
    now: Counter[str] = field(default_factory=Counter)
    then: Counter[str] = field(default_factory=Counter)
    bytes_now: Counter[str] = field(default_factory=Counter)
    bytes_then: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    not_replayed: list[str] = field(default_factory=list)
    moved: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def replay(run: FinishedRun, source: str, edited: Source, examples: int = 3) -> Replay:
    """Hold the edited stages of `judge` against the scores in judged/.

    A verdict given before `judge` stays. A document whose first failing rule passes now is unknown as soon as
    a stage is met that never scored it. Raises WinnowError where phase `judge` was not finished.
    """
    assert edited.flow is not None
    old = judge_stages(run, source)
    new = list(settled(edited.flow, run.manifest("prepare", source)).judge)
    digests = run.manifest("judge", source).config["models"]
    same = {stage.name: stage for other in old for stage in new if scored_alike(stage, other, digests)}
    judge = _Judge(old, new, set(same), {stage.name for stage in old if stage in new})
    answer = Replay(source, not_replayed=_not_replayed(run, source, edited))
    for _, table in run.tables("judged", source, _COLUMNS):
        for row in table.to_pylist():
            _count(answer, row, judge, examples)
    return answer


def _count(answer: Replay, row: dict[str, Any], judge: _Judge, examples: int) -> None:
    now = row["verdict"] or KEPT
    then, blocking = judge.fate(row)
    answer.now[now] += 1
    answer.then[then] += 1
    answer.bytes_now[now] += row["bytes"]
    answer.bytes_then[then] += row["bytes"]
    if blocking:
        answer.unknown[blocking] += 1
    if now != then:
        ids = answer.moved.setdefault((now, then), [])
        if len(ids) < examples:
            ids.append(row["id"])


class _Judge:
    """Old and new stages. `scored`: names of new ones whose recorded scores hold, `same`: of unchanged
    ones."""

    def __init__(
        self, old: list[JudgeStage], new: list[JudgeStage], scored: set[str], same: set[str]
    ) -> None:
        self._old, self._new, self._scored, self._same = old, new, scored, same
        self._models = fetched(stage for stage in new if stage.name in scored)
        self._place = {stage.name: place for place, stage in enumerate(old)}

    def fate(self, row: dict[str, Any]) -> tuple[str, str]:
        """`kept`, `unknown` or the rule; and the name of the stage whose scores are absent."""
        verdict = row["verdict"]
        given_by = next((stage.name for stage in self._old if verdict and stage.gives(verdict)), None)
        if verdict and given_by is None:
            return verdict, ""
        blocking = ""
        for stage in self._new:
            checks = stage.checks(row, self._models) if stage.name in self._scored else None
            if checks is not None:
                failed = next((check.rule for check in checks if not check.passed), None)
                if failed:
                    return failed, ""
            elif stage.name in self._same and given_by == stage.name:
                return str(verdict), ""
            elif stage.name not in self._same or (
                given_by is not None and self._place[stage.name] > self._place[given_by]
            ):
                blocking = blocking or stage.name
        return (UNKNOWN, blocking) if blocking else (KEPT, "")


def _not_replayed(run: FinishedRun, source: str, edited: Source) -> list[str]:
    flow = edited.flow
    assert flow is not None
    prepared = run.manifest("prepare", source).config
    parts = [
        (
            "what `prepare` does",
            [prepared["read"], *prepared["clean"]],
            [flow.read.settings(), *stage_settings(flow.clean)],
        ),
        (
            "duplicate lines and records",
            _recorded(run, "lines", source, "rounds"),
            stage_settings(flow.rounds),
        ),
        (
            "duplicate documents",
            _recorded(run, "duplicates", source, "duplicates"),
            stage_settings(flow.duplicates),
        ),
        (
            "near-duplicates",
            _recorded(run, "duplicates", source, "near_duplicates"),
            stage_settings(flow.near_duplicates),
        ),
    ]
    return [
        f"the edit also changes {what}, which only a run can replay"
        for what, before, after in parts
        if before != after
    ]


def _recorded(run: FinishedRun, phase: str, source: str, stages: str) -> list[dict[str, Any]]:
    """The stages a phase ran with: none where the source had no part in it."""
    manifest = read_manifest(run.out, phase, source)
    found: list[dict[str, Any]] = manifest.config[stages] if manifest else []
    return found
