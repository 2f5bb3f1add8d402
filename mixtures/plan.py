"""What a mixture draws from which source, printed: `python -m mixtures.plan SPEC --run OUT`. See --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from fractions import Fraction

from rich.console import Console
from rich.table import Table

from pipeline.look.show import log_to_terminal, say, wide_console

log_to_terminal()  # before Beam is imported: it chatters while it is

from mixtures.allocation import Allocation  # noqa: E402  # see above
from mixtures.budget import Budget, budgets  # noqa: E402  # see above
from mixtures.plan_file import TokenizedSource, deal  # noqa: E402  # see above
from mixtures.proportions import shares  # noqa: E402  # see above
from pipeline.config import Source, read_config  # noqa: E402  # see above
from pipeline.errors import WinnowError  # noqa: E402  # see above
from pipeline.files import exists, read_file  # noqa: E402  # see above
from pipeline.inputs import memory_path  # noqa: E402  # see above
from pipeline.ledger import read_ledger  # noqa: E402  # see above
from pipeline.manifest import read_manifest  # noqa: E402  # see above
from pipeline.phases.mix import sources_of  # noqa: E402  # see above
from pipeline.phases.tokenize import PHASE as TOKENIZE  # noqa: E402  # see above
from pipeline.sealed import unsealed  # noqa: E402  # see above
from pipeline.sizes import format_bytes, parse_amount  # noqa: E402  # see above

_WIDTH = 110  # of the table of sources, whose figures must not be cut

_EPILOG = """\
examples:
  python -m mixtures.plan mixtures/llama1.yaml --run out
  python -m mixtures.plan mixtures/llama1.yaml --run out --tokens 2M
  python -m mixtures.plan mixtures/llama1.yaml --run out --params 7e9"""


def main(arguments: list[str] | None = None) -> int:
    """Print the plan; returns the exit status: 0 printed, 1 stopped with one sentence."""
    console = wide_console(_WIDTH)
    try:
        options = _parse(sys.argv[1:] if arguments is None else arguments)
        config, sources = read_config(options.spec)
        mixed = _sources_in(options.run, sources)
        if options.tokens is not None:
            config = config.model_copy(update={"tokens": options.tokens})
        if options.params is not None or options.flops is not None:
            wanted = budgets(parameters=options.params, flops=options.flops)
            _print_budgets(console, wanted, _raw_bytes_a_token(options.run, mixed))
        missing = [source for source in sources if source not in mixed]
        if missing:
            console.print(
                f"no token shards of {', '.join(missing)}: the other proportions are renormalised to 100%"
            )
        print_plan(console, options.run, sources, deal(config, mixed))
    except (WinnowError, ValueError) as error:
        say(Console(stderr=True), f"winnow: {error}")
        return 1
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mixtures.plan",
        description="Print what a mixture draws from the token shards of a run, beside what was published.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("spec", metavar="SPEC", help="the config, as mixtures/llama1.yaml")
    parser.add_argument(
        "--run", metavar="OUT", required=True, help="the output folder whose token shards are meant"
    )
    parser.add_argument(
        "--tokens", metavar="N", type=_tokens, help="the token budget, as 1.4T or 2B, or largest"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--params", metavar="N", type=_positive, help="also print what a model of N parameters wants"
    )
    size.add_argument(
        "--flops", metavar="C", type=_positive, help="also print what C operations of training want"
    )
    return parser.parse_args(arguments)


def _tokens(text: str) -> str | int:
    if text == "largest":
        return text
    try:
        amount = parse_amount(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    assert isinstance(amount, int)  # parse_amount makes a whole number of every string, or raises
    return amount


def _positive(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = 0
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return amount


def _sources_in(out: str, sources: Mapping[str, Source]) -> dict[str, TokenizedSource]:
    """The sources that have token shards, their proportions renormalised."""
    read = {name: read_manifest(out, TOKENIZE, name) for name in sources}
    manifests = {name: manifest for name, manifest in read.items() if manifest is not None}
    if not manifests:
        raise WinnowError(f"{out} holds no token shards; run python -m pipeline.run --output {out} first")
    proportions = {name: sources[name].block.proportion for name in manifests}
    return sources_of(shares(proportions, renormalise=True), manifests)


def print_plan(console: Console, out: str, sources: Mapping[str, Source], plan: Allocation) -> None:
    """Print a plan: each source beside its published row, then the budget and what limits it."""
    table = Table(title="mixture", title_justify="left")
    table.add_column("source", no_wrap=True)
    figures = ("share", "tokens there", "drawn", "rows", "epochs", "in the paper", "text", "in the paper")
    for name in figures:
        table.add_column(name, justify="right")
    for source, draw in plan.draws.items():
        block = sources[source].block
        table.add_row(
            source,
            f"{float(Fraction(draw.rows, plan.rows)):.2%}",
            f"{draw.available:,}",
            f"{draw.tokens:,}",
            f"{draw.rows:,}",
            f"{draw.epochs} + {float(draw.fraction):.2f}",
            f"{block.published_epochs:.2f}" if block.published_epochs is not None else "",
            _text_size(out, source),
            block.published_disk or "",
        )
    console.print(table)
    limit = f"limited by {plan.limit}" if plan.limit else "limited by the budget asked for"
    console.print(
        f"{plan.tokens:,} tokens in {plan.rows:,} rows of {plan.sequence_length:,}, {limit}", highlight=False
    )
    largest = plan.largest_rows * plan.sequence_length
    console.print(f"the largest budget of these shares is {largest:,} tokens", highlight=False)


def _text_size(out: str, source: str) -> str:
    """The curated text of a source, which the paper's disk sizes are to be compared with."""
    kept = sum(line.bytes for line in read_ledger(out, "curate", source) if line.entry == "out")
    return format_bytes(kept) if kept else ""


def _raw_bytes(out: str, source: str) -> int | None:
    """Bytes of the source's input files, where the run remembers them."""
    path = memory_path(out, source)
    if not exists(path):
        return None
    marks = (unsealed(read_file(path)) or {}).values()
    return sum(int(str(mark[0]).split(":", maxsplit=1)[0]) for mark in marks)


def _raw_bytes_a_token(out: str, mixed: Mapping[str, TokenizedSource]) -> float | None:
    """Input bytes for a token of the mixture, each source read once, at the yields of this run."""
    raw = {name: _raw_bytes(out, name) for name in mixed}
    if any(not raw[name] or not source.tokens for name, source in mixed.items()):
        return None
    return sum(float(source.share) * (raw[name] or 0) / source.tokens for name, source in mixed.items())


def _print_budgets(console: Console, wanted: list[Budget], bytes_a_token: float | None) -> None:
    table = Table(title="token budgets", title_justify="left")
    table.add_column("rule")
    for name in ("parameters", "tokens", "operations", "raw data, read once"):
        table.add_column(name, justify="right")
    for budget in wanted:
        need = format_bytes(bytes_a_token * budget.tokens) if bytes_a_token else "unknown"
        figures = (budget.parameters, budget.tokens, budget.flops)
        table.add_row(budget.rule, *(f"{figure:.3g}" for figure in figures), need)
    console.print(table)
    for budget in wanted:
        console.print(f"{budget.rule}: {budget.formula}; {budget.source}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
