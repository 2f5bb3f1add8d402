"""What a config edit changed: `python -m pipeline.diff RUN_A RUN_B`. See --help."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.look.comparison import compare
from pipeline.look.finished import FinishedRun
from pipeline.look.show import answer, print_json, printable, say


def main(arguments: list[str] | None = None) -> int:
    """Print the changes between two runs; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.diff",
        description="Which documents one run kept and another dropped, and by which rules.",
        epilog="example:\n  python -m pipeline.diff out out-stricter --source commoncrawl",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", metavar="RUN_A", help="an output folder")
    parser.add_argument("after", metavar="RUN_B", help="another")
    parser.add_argument("--source", help="only this source")
    parser.add_argument("-n", type=int, default=3, metavar="N", help="ids shown of each change (default: 3)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)

    def command() -> None:
        changes = compare(FinishedRun(options.before), FinishedRun(options.after), options.source, options.n)
        if options.json:
            print_json([asdict(change) for change in changes])
            return
        table = Table()
        for name in ("source", f"in {options.before}", f"in {options.after}"):
            table.add_column(name)
        table.add_column("documents", justify="right")
        table.add_column("for example", overflow="fold")
        for change in changes:
            if change.before != change.after:
                ids = "\n".join(change.examples)
                cells = (change.source, change.before, change.after, f"{change.documents:,}", ids)
                table.add_row(*(Text(printable(cell)) for cell in cells))
        console = Console()
        if table.row_count:
            console.print(table)
        same = sum(change.documents for change in changes if change.before == change.after)
        moved = sum(change.documents for change in changes) - same
        say(console, f"{moved:,} documents differ, {same:,} are as they were")

    return answer(command)


if __name__ == "__main__":
    sys.exit(main())
