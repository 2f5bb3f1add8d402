"""Documents of a run to read: `python -m pipeline.sample --rule RULE -n 20`. See --help."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from pipeline.look.drawing import Order, draw
from pipeline.look.finished import FinishedRun
from pipeline.look.show import answer, one_line, print_json, printable, say

_EPILOG = """\
examples:
  python -m pipeline.sample --rule perplexity.tail -n 20
  python -m pipeline.sample --rule language_score --near
  python -m pipeline.sample --rule kept --source wikipedia --text 2000"""


def main(arguments: list[str] | None = None) -> int:
    """Print drawn documents; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sample",
        description="Show documents that a rule dropped (or `kept` ones), drawn by hash(seed, id).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--run", metavar="DIR", default="out", help="the output folder of a run (default: out)"
    )
    parser.add_argument(
        "--rule", required=True, help="the rule, as the summary names it; `kept` for kept ones"
    )
    parser.add_argument("--source", help="only this source")
    parser.add_argument("-n", type=int, default=20, metavar="N", help="how many (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws others (default: 0)")
    parser.add_argument("--near", action="store_true", help="those nearest to the rule's threshold instead")
    parser.add_argument(
        "--text", type=int, default=300, metavar="N", help="how many characters of each text (default: 300)"
    )
    parser.add_argument("--json", action="store_true", help="whole rows as JSON")
    options = parser.parse_args(arguments)

    def command() -> None:
        run = FinishedRun(options.run)
        order: Order = "near" if options.near else "drawn"
        rows = draw(run, options.source, options.rule, options.n, seed=options.seed, order=order)
        if options.json:
            print_json(rows)
            return
        console = Console()
        for row in rows:
            say(console, f"{row['id']}  {row['source']}  {one_line(row['url'] or '-')}")
            if row["verdict"]:
                value, threshold = row["verdict_value"], row["verdict_threshold"]
                measured = f": {value:g}" if value is not None else ""
                limit = f", threshold {threshold:g}" if threshold is not None else ""
                survivor = f", lost to {row['survivor']}" if row["survivor"] else ""
                say(console, f"  {row['verdict']}{measured}{limit}{survivor}")
            text = row["text"][: options.text]
            more = "…" if len(row["text"]) > options.text else ""
            for line in f"{printable(text)}{more}".split("\n"):
                say(console, f"    {line}")
            say(console)

    return answer(command)


if __name__ == "__main__":
    sys.exit(main())
