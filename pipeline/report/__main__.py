"""The report of a finished run: `python -m pipeline.report --run out`. See --help."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from pipeline.errors import WinnowError
from pipeline.files import join, write_file
from pipeline.look.finished import FinishedRun
from pipeline.look.show import answer, say
from pipeline.report.build import REPORT, finished_sources, report


def main(arguments: list[str] | None = None) -> int:
    """Write the report; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.report",
        description="Write DIR/report/index.html, one file that opens offline: what came in, what each rule "
        "took, scores with their thresholds, duplicates, mixture, examples. A run ends with it.",
        epilog="example:\n  python -m pipeline.report --run out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--run", metavar="DIR", default="out", help="the output folder of a run (default: out)"
    )
    parser.add_argument(
        "--no-timings", action="store_true", help="leave out what differs between two runs of the same input"
    )
    options = parser.parse_args(arguments)

    def command() -> None:
        run = FinishedRun(options.run)
        if not finished_sources(run):
            raise WinnowError(
                f"no source of {run.out} has been finished by phase curate, so there is no report"
            )
        path = join(run.out, REPORT)
        write_file(path, report(run, with_timings=not options.no_timings).encode())
        say(Console(), path)

    return answer(command)


if __name__ == "__main__":
    sys.exit(main())
