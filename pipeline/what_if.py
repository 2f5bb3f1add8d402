"""What an edited config would keep and drop, in seconds: `python -m pipeline.what_if`. See --help."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.config import read_config
from pipeline.look.finished import FinishedRun
from pipeline.look.replay import Replay, replay
from pipeline.look.show import answer, one_line, print_json, say
from pipeline.options import default_config
from pipeline.sizes import format_bytes


def main(arguments: list[str] | None = None) -> int:
    """Print what the edited thresholds would change; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.what_if",
        description="Hold an edited config's thresholds against the scores that a run recorded. Duplicates "
        "of lines and documents are not replayed: kept means kept by every rule of `judge`.",
        epilog="example:\n  python -m pipeline.what_if --config edited.yaml --run out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="the edited config (default: mixtures/llama1.yaml)")
    parser.add_argument(
        "--run", metavar="DIR", default="out", help="the output folder of a run (default: out)"
    )
    parser.add_argument("--source", help="only this source")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)

    def command() -> None:
        run = FinishedRun(options.run)
        _, sources = read_config(options.config or default_config())
        names = [name for name in run.chosen(options.source) if name in sources and sources[name].flow]
        found = [replay(run, name, sources[name]) for name in names]
        if options.json:
            print_json([_as_json(one) for one in found])
            return
        for one in found:
            _show(Console(), one)

    return answer(command)


def _show(console: Console, one: Replay) -> None:
    if one.now == one.then and not one.not_replayed:
        say(console, f"{one.source}: nothing changes")
        return
    table = Table(title=one.source, title_justify="left")
    table.add_column("fate")
    for name in ("documents now", "then", "bytes of text now", "then"):
        table.add_column(name, justify="right")
    for fate in sorted({*one.now, *one.then}, key=lambda fate: (-one.now[fate], fate)):
        table.add_row(
            Text(one_line(fate)),
            f"{one.now[fate]:,}",
            f"{one.then[fate]:,}",
            format_bytes(one.bytes_now[fate]),
            format_bytes(one.bytes_then[fate]),
        )
    console.print(table)
    for (now, then), ids in sorted(one.moved.items()):
        say(console, f"  {now} -> {then}, for example {', '.join(ids)}")
    for stage, documents in sorted(one.unknown.items()):
        say(
            console,
            f"  {documents:,} documents were never scored by {stage}: a run with `scores: all` in the config "
            "records all scores",
        )
    for sentence in one.not_replayed:
        say(console, f"  {sentence}")
    say(console, "  duplicates of lines and documents are not replayed")


def _as_json(one: Replay) -> dict[str, object]:
    fates = sorted({*one.now, *one.then})
    return {
        "source": one.source,
        "fates": {
            fate: {
                "documents_now": one.now[fate],
                "documents_then": one.then[fate],
                "bytes_now": one.bytes_now[fate],
                "bytes_then": one.bytes_then[fate],
            }
            for fate in fates
        },
        "unknown_by_stage": dict(sorted(one.unknown.items())),
        "moved": [
            {"now": now, "then": then, "examples": ids} for (now, then), ids in sorted(one.moved.items())
        ],
        "not_replayed": [*one.not_replayed, "duplicates of lines and documents"],
    }


if __name__ == "__main__":
    sys.exit(main())
