"""The command line of `python -m pipeline.run`, grouped and worded for a person."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import WinnowError
from pipeline.sizes import parse_amount

PHASES = ("prepare", "lines", "judge", "duplicates", "curate", "tokenize", "mix")
SHARD_FORMATS = ("llmc", "mds", "litdata")
EXPORT_FORMATS = ("jsonl.zst", "jsonl.gz", "jsonl", "parquet")
RUNNERS = ("DirectRunner", "SparkRunner", "FlinkRunner", "DataflowRunner", "PortableRunner", "FnApiRunner")
DEFAULT_CONFIG = "mixtures/llama1.yaml"

_DESCRIPTION = """\
Turn raw dumps into curated documents, token shards and training shards.

With nothing else, the bundled samples are run with mixtures/llama1.yaml into out/. A run that was
stopped goes on where it was when the same command is given again; what an edited config does not touch
is not done again."""

_EPILOG = """\
Every other option goes to Beam as it is, for example --project, --region, --temp_location (Dataflow) or
--job_endpoint, --environment_type (Spark, Flink).

examples:
  python -m pipeline.run --runner DirectRunner
  python -m pipeline.run --input commoncrawl='crawl/*.warc.wet.gz' --sources commoncrawl --output out-crawl
  python -m pipeline.run --config my.yaml --phases tokenize,mix --tokens 2B"""


@dataclass
class Options:
    """What the command line says; `beam` is what goes to Beam untouched."""

    runner: str = "DirectRunner"
    config: str | None = None
    output: str = "out"
    inputs: dict[str, list[str]] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    phases: tuple[str, ...] = PHASES
    limit: int | None = None
    fresh: bool = False
    verify_inputs: bool = False
    plan: bool = False
    workers: int = 0
    tokens: str | int | None = None
    exchange: str = ""
    export: str = ""
    shard_formats: tuple[str, ...] | None = None
    beam: list[str] = field(default_factory=list)


def parse_options(arguments: list[str]) -> Options:
    """The options in `arguments`; raises WinnowError in one sentence where they make no sense."""
    known, beam = _parser().parse_known_args(arguments)
    _refuse_strangers(beam)
    return Options(
        runner=_runner(known.runner),
        config=known.config,
        output=known.output.rstrip("/") or "/",
        inputs=_inputs(known.input),
        sources=_names(known.sources),
        phases=_phases(_names(known.phases), known.export_documents),
        limit=known.limit,
        fresh=known.fresh,
        verify_inputs=known.verify_inputs,
        plan=known.plan,
        workers=known.workers,
        tokens=_tokens(known.tokens),
        exchange=known.exchange,
        export=known.export_documents,
        shard_formats=_shard_formats(known.export),
        beam=beam,
    )


def option_names() -> list[str]:
    """The main job's own options, as they are typed."""
    return [text for action in _parser()._actions for text in action.option_strings]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m pipeline.run",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = parser.add_argument_group("what to run")
    what.add_argument(
        "--config", metavar="FILE", help=f"the mixture and thresholds (default: {DEFAULT_CONFIG})"
    )
    what.add_argument(
        "--input",
        metavar="SOURCE=PATTERN",
        action="append",
        default=[],
        help="input files of one source, instead of the config's; may be repeated. The bundled samples "
        "of all other sources are then left out",
    )
    what.add_argument(
        "--sources", metavar="A,B", help="only these sources; their proportions are renormalised"
    )
    what.add_argument(
        "--phases", metavar="A,B", help=f"only these phases (default: all: {', '.join(PHASES)})"
    )
    what.add_argument("--limit", metavar="N", type=int, help="only the first N records of each input file")
    what.add_argument(
        "--tokens", metavar="N", help="the token budget, as 1.4T or 2B, instead of the config's"
    )
    what.add_argument(
        "--plan", action="store_true", help="say what would run and why, and about how long; run nothing"
    )
    where = parser.add_argument_group("where results go")
    where.add_argument("--output", metavar="DIR", default="out", help="the output folder (default: out)")
    where.add_argument(
        "--export-documents",
        metavar="FORMAT",
        choices=EXPORT_FORMATS,
        default="",
        help="also write what was kept to DIR/export/SOURCE, for other tools: " + ", ".join(EXPORT_FORMATS),
    )
    where.add_argument(
        "--export",
        metavar="A,B",
        help="also write the training shards to DIR/shards/FORMAT, for other trainers than Megatron, instead "
        "of the config's formats: " + ", ".join(SHARD_FORMATS),
    )
    where.add_argument(
        "--fresh", action="store_true", help="delete the output folder's results and start over"
    )
    where.add_argument(
        "--verify-inputs",
        action="store_true",
        help="hash local inputs again instead of trusting size and time",
    )
    how = parser.add_argument_group("how to run")
    how.add_argument(
        "--runner",
        default="DirectRunner",
        help="DirectRunner (this machine), SparkRunner, FlinkRunner, DataflowRunner, PortableRunner",
    )
    how.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=0,
        help="local processes (default: the cores, 1 for small input)",
    )
    how.add_argument(
        "--exchange",
        choices=("files", "shuffle"),
        default="",
        help="how duplicates meet: by files (default on this machine) or by the engine's shuffle "
        "(default elsewhere); the answer is the same",
    )
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # argparse declares NoReturn and exits
        raise WinnowError(f"{message}; --help lists the options")


def _refuse_strangers(beam: list[str]) -> None:
    if beam and not beam[0].startswith("-"):
        raise WinnowError(f"{beam[0]!r} is no option; --help lists the options")


def _runner(name: str) -> str:
    """The runner's full name, which Beam too takes in any case and without its last word."""
    known = {full.lower(): full for full in RUNNERS}
    if "." in name:  # a class of the user's
        return name
    found = known.get(name.lower()) or known.get(f"{name.lower()}runner")
    if not found:
        raise WinnowError(f"--runner {name}: no runner is called so; there are {', '.join(RUNNERS[:-1])}")
    return found


def _names(listed: str | None) -> list[str]:
    return [name.strip() for name in (listed or "").split(",") if name.strip()]


def _phases(names: list[str], export: str) -> tuple[str, ...]:
    unknown = [name for name in names if name not in PHASES]
    if unknown:
        raise WinnowError(f"--phases: no phase is called {unknown[0]!r}; there are {', '.join(PHASES)}")
    chosen = [phase for phase in PHASES if phase in names] if names else list(PHASES)
    if export:
        # Right behind `curate`: what may go wrong after it is no reason to have no documents.
        chosen.insert(sum(phase not in ("tokenize", "mix") for phase in chosen), "export")
    return tuple(chosen)


def _shard_formats(listed: str | None) -> tuple[str, ...] | None:
    if listed is None:
        return None
    names = _names(listed)
    unknown = [name for name in names if name not in SHARD_FORMATS]
    if unknown:
        raise WinnowError(
            f"--export: no format is called {unknown[0]!r}; there are {', '.join(SHARD_FORMATS)}"
        )
    return tuple(names)


def _inputs(pairs: list[str]) -> dict[str, list[str]]:
    inputs: dict[str, list[str]] = {}
    for pair in pairs:
        source, equals, pattern = pair.partition("=")
        if not (source and equals and pattern):
            raise WinnowError(f"--input {pair}: write SOURCE=PATTERN, as in commoncrawl='crawl/*.wet.gz'")
        inputs.setdefault(source, []).append(pattern)
    return inputs


def _tokens(text: str | None) -> str | int | None:
    if text is None or text == "largest":
        return text
    try:
        amount = parse_amount(text)
    except ValueError as error:
        raise WinnowError(f"--tokens: {error}") from error
    if not isinstance(amount, int) or amount <= 0:
        raise WinnowError(f"--tokens: {text!r} is no amount")
    return amount


def default_config() -> str:
    """The bundled config, in the working folder where there is one, else in the package."""
    if Path(DEFAULT_CONFIG).is_file():
        return DEFAULT_CONFIG
    return str(Path(__file__).resolve().parent.parent / DEFAULT_CONFIG)
