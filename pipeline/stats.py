"""A run in numbers: `python -m pipeline.stats`. See --help."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from rich.console import Console

from pipeline.look.finished import FinishedRun
from pipeline.look.show import answer, one_line, print_json, say
from pipeline.look.statistics import Statistics, statistics
from pipeline.sizes import format_bytes


def main(arguments: list[str] | None = None) -> int:
    """Print the numbers of each source; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.stats",
        description="Documents and bytes by rule, lengths, languages and hosts of each source.",
        epilog="example:\n  python -m pipeline.stats --source commoncrawl --top 20",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--run", metavar="DIR", default="out", help="the output folder of a run (default: out)"
    )
    parser.add_argument("--source", help="only this source")
    parser.add_argument(
        "--top", type=int, default=10, metavar="N", help="languages and hosts shown (default: 10)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)

    def command() -> None:
        run = FinishedRun(options.run)
        found = [statistics(run, source, options.top) for source in run.chosen(options.source)]
        if options.json:
            print_json([asdict(numbers) for numbers in found])
            return
        for numbers in found:
            _show(Console(), numbers)

    return answer(command)


def _show(console: Console, numbers: Statistics) -> None:
    say(console, numbers.source)
    for rule, (documents, size) in numbers.by_rule.items():
        say(console, f"  {rule:32} {documents:>12,} documents {format_bytes(size):>12}")
    if numbers.dead_letters:
        say(console, f"  {'dead letters':32} {numbers.dead_letters:>12,} records")
    if numbers.tokens is not None:
        say(console, f"  tokens {numbers.tokens:,}")
    if numbers.lengths:
        lengths = " ".join(format_bytes(length) for length in numbers.lengths)
        say(console, f"  bytes of text at the 5th, 25th, 50th, 75th, 95th percentile: {lengths}")
    for title, counts in (("languages", numbers.languages), ("hosts", numbers.hosts)):
        if counts:
            listed = ", ".join(f"{one_line(name or 'unknown')} {count:,}" for name, count in counts.items())
            say(console, f"  {title}: {listed}")


if __name__ == "__main__":
    sys.exit(main())
