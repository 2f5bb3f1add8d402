"""The one config of a run: a typed YAML whose every mistake is found before any data is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.errors import WinnowError
from pipeline.files import read_file
from pipeline.flow import Flow
from pipeline.flows import FLOWS
from pipeline.inputs import InputPattern
from pipeline.sizes import parse_amount
from pipeline.transforms.stage import Stage
from pipeline.yaml_lines import Path, load_yaml

STANDARD_SOURCES = ("commoncrawl", "c4", "github", "wikipedia", "books", "arxiv", "stackexchange")
_Model = TypeVar("_Model", bound=BaseModel)
Amount = Annotated[int, BeforeValidator(parse_amount)]
Budget = Annotated[
    Literal["largest"] | int,
    BeforeValidator(lambda value: value if value == "largest" else parse_amount(value)),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceBlock(_Strict):
    """What every source's block may hold, beside the thresholds of its flow."""

    proportion: float = Field(gt=0, description="share of the training tokens, as 67.0 or 0.67")
    flow: str = Field("", description="the recipe; the source's own name by default")
    inputs: list[InputPattern] = Field(
        [], description="file patterns, or {pattern, snapshot}; empty: the bundled samples"
    )
    preset: str = Field("", description="thresholds that a flow has under a name; the block's own come after")
    published_epochs: float | None = Field(None, description="report only")
    published_disk: str | None = Field(None, description="report only")


class Holdout(_Strict):
    """How much of each source is set apart for validation, whole documents by hash."""

    tokens_per_source: Amount | None = None
    share: float | None = Field(None, gt=0, lt=1)


class CurriculumStage(_Strict):
    """Proportions that take over at a number of tokens; a source left out gives nothing from there on."""

    from_tokens: Amount = Field(ge=0, description="tokens of the budget before this stage")
    proportions: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)


class Config(_Strict):
    """The settings of a run that belong to no single source."""

    tokens: Budget = Field("largest", description="the token budget")
    published_tokens: Amount | None = Field(None, description="report only")
    sequence_length: int = Field(2048, gt=0)
    seed: int = 0
    max_epochs: float = Field(4, gt=0, description="no source is read more often than this")
    too_little: Literal["error", "cap", "redistribute", "shrink"] = "error"
    packing: Literal["concatenate", "best_fit"] = Field(
        "concatenate", description="how documents are laid into rows; best_fit cuts fewer of them"
    )
    curriculum: list[CurriculumStage] = Field([], description="proportions that take over later on")
    holdout: Holdout | None = None
    missing_sources: Literal["error", "renormalise"] = "error"
    scores: Literal["needed", "all"] = "needed"
    tokenizer: str = "bundled:tokenizer.model"
    tokenizer_name: str = Field(
        "", pattern=r"^[^|\n]*$", description="the name by which trainers load it; its file's name by default"
    )
    sidecars: list[Literal["olmo", "datatrove"]] = Field(
        [], description="trainers beside Megatron that are to read the token shards"
    )
    export: list[Literal["llmc", "mds", "litdata"]] = Field(
        [], description="formats, beside Megatron's, that the training shards are written in too"
    )
    shard_tokens: Amount = Field(
        128 << 20, gt=0, description="about this many tokens a shard, held in memory"
    )
    batch_bytes: Amount = Field(16 << 20, gt=0, description="text in one batch; changes file names only")


@dataclass(frozen=True)
class Source:
    """One source: its block, and its flow with the block's thresholds (None where this version has none
    yet)."""

    block: SourceBlock
    flow: Flow | None


def read_config(path: str) -> tuple[Config, dict[str, Source]]:
    """Read and check the config at `path`.

    Raises WinnowError with file, line, key and the nearest valid name.
    """
    return parse_config(read_file(path).decode("utf-8", "replace"), path)


def parse_config(text: str, name: str) -> tuple[Config, dict[str, Source]]:
    """Check the YAML `text` of a config called `name`; see `read_config`."""
    data, lines = load_yaml(text, name)
    check = _Checker(name, lines)
    if not isinstance(data, dict) or not isinstance(data.get("sources"), dict) or not data["sources"]:
        raise check.error((), "a config is a mapping with a block `sources:` of one block a source")
    general = {key: value for key, value in data.items() if key != "sources"}
    config = check.model(Config, general, (), extra_names=["sources"])
    sources = {key: _source(check, key, block) for key, block in data["sources"].items()}
    total = sum(source.block.proportion for source in sources.values())
    if abs(total - 100) > 1e-6 and abs(total - 1) > 1e-6:
        raise check.error(("sources",), f"the proportions sum to {total:g}, not to 100 or to 1")
    _check_curriculum(check, config, sources)
    return config, sources


def _check_curriculum(check: _Checker, config: Config, sources: Mapping[str, Source]) -> None:
    """Stages run upwards, each sums to 100 or 1, and every source they name has a block."""
    before = -1
    for number, stage in enumerate(config.curriculum):
        place: Path = ("curriculum", number)
        if stage.from_tokens // config.sequence_length <= before:
            raise check.error(
                (*place, "from_tokens"), "stages begin one after the other, a row or more apart"
            )
        before = stage.from_tokens // config.sequence_length
        for name in stage.proportions:
            if name not in sources:
                raise check.error((*place, "proportions", name), f"unknown source{_nearest(name, sources)}")
        total = sum(stage.proportions.values())
        if abs(total - 100) > 1e-6 and abs(total - 1) > 1e-6:
            raise check.error(
                (*place, "proportions"), f"the proportions sum to {total:g}, not to 100 or to 1"
            )


def _source(check: _Checker, name: str, block: object) -> Source:
    place: Path = ("sources", name)
    if not isinstance(block, dict):
        raise check.error(place, "a source is a block with `proportion:` and `inputs:`")
    if "flow" not in block and name not in FLOWS and name not in STANDARD_SOURCES:
        known = sorted({*FLOWS, *STANDARD_SOURCES})
        raise check.error(
            place, f"unknown source {name!r}{_nearest(name, known)}; another name needs a `flow:`"
        )
    flow_name = block.get("flow") or name
    own = {key: value for key, value in block.items() if key in SourceBlock.model_fields}
    if flow_name not in FLOWS:
        if "flow" in block:
            raise check.error(
                (*place, "flow"), f"unknown flow {flow_name!r}{_nearest(str(flow_name), FLOWS)}"
            )
        if block.get("inputs"):
            raise check.error(place, f"this version has no flow for {name} yet; leave it out with --sources")
        return Source(check.model(SourceBlock, own, place), None)
    flow = FLOWS[flow_name]
    stages = flow.stages()
    for key in block:
        if key not in own and key not in stages:
            names = [*SourceBlock.model_fields, *stages]
            raise check.error((*place, key), f"unknown key{_nearest(str(key), names)}")
    preset = block.get("preset") or ""
    if preset and preset not in flow.presets:
        near = _nearest(str(preset), flow.presets)
        raise check.error((*place, "preset"), f"{flow_name} has no preset {preset!r}{near}")
    named = flow.presets[preset] if preset else {}
    stages |= {
        key: _stage(check, stages[key], override, (*place, "preset")) for key, override in named.items()
    }
    changed = {key: stages[key] for key in named}
    changed |= {key: _stage(check, stages[key], block[key], (*place, key)) for key in block if key not in own}
    return Source(check.model(SourceBlock, own, place), flow.with_stages(changed))


def _stage(check: _Checker, stage: Stage, override: object, place: Path) -> Stage:
    if isinstance(override, bool):
        override = {"on": override}
    if not isinstance(override, dict):
        raise check.error(place, f"write a block of {stage.name}'s thresholds, or `on` or `off`")
    return check.model(type(stage), {**stage.model_dump(), "on": True, **override}, place)


def _model_at(model: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel]:
    """The model that the fields of `model` lead to by `path`, through lists, mappings and alternatives."""
    found = model
    for part in path:
        if part in found.model_fields:
            models = [kind for kind in _kinds(found.model_fields[str(part)].annotation) if _is_model(kind)]
            found = models[0] if models else found
    return found


def _kinds(annotation: Any) -> list[Any]:
    inner = [kind for argument in get_args(annotation) for kind in _kinds(argument)]
    return [annotation, *inner]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.4)
    return f"; did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True)
class _Checker:
    """Turns whatever is wrong at a place in a config into one sentence that names file, line and key."""

    name: str
    lines: Mapping[Path, int]

    def error(self, place: Path, problem: str) -> WinnowError:
        known = place
        while known not in self.lines and known:
            known = known[:-1]
        dotted = ".".join(map(str, place))
        return WinnowError(
            f"{self.name}, line {self.lines.get(known, 1)}: {dotted + ': ' if dotted else ''}{problem}"
        )

    def model(
        self, model: type[_Model], data: dict[str, Any], place: Path, extra_names: Iterable[str] = ()
    ) -> _Model:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            errors = error.errors()
            # A misspelt key is the cause, a missing one then its consequence.
            first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
            where = place
            for part in first["loc"]:  # a path of the YAML, with names of ours between
                where = (*where, part) if (*where, part) in self.lines else where
            if first["type"] == "extra_forbidden":
                inner = _model_at(model, first["loc"][:-1])
                names = [*inner.model_fields, *(extra_names if inner is model else ())]
                raise self.error(where, f"unknown key{_nearest(str(first['loc'][-1]), names)}") from error
            if first["type"] == "missing":
                raise self.error(where, f"`{first['loc'][-1]}:` is missing") from error
            problem = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a valid list")
            raise self.error(where, f"{problem[0].lower()}{problem[1:]}, not {first['input']!r}") from error
