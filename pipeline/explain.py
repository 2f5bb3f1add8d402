"""A document's whole life: `python -m pipeline.explain ID-or-URL`. See --help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from pipeline.errors import WinnowError
from pipeline.look.finished import FinishedRun
from pipeline.look.life import Life, as_json, find_lives, sharers
from pipeline.look.show import answer, one_line, print_json, say

_ROWS_SHOWN = 8

_EPILOG = """\
examples:
  python -m pipeline.explain https://example.org/page
  python -m pipeline.explain 2dea7af49ad735ffefc90d673c756e69 --shared
  python -m pipeline.explain crawl-00017.warc.gz:4711          a record by its place, a dead letter too"""


def main(arguments: list[str] | None = None) -> int:
    """Print what became of a document and why; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.explain",
        description="What became of a document: where it stood, each stage with value and threshold, lines "
        "removed, duplicates, tokens.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("document", metavar="ID-or-URL", help="an id, a URL, or INPUT:ORDINAL")
    parser.add_argument(
        "--run", metavar="DIR", default="out", help="the output folder of a run (default: out)"
    )
    parser.add_argument(
        "--shared", action="store_true", help="read all texts for the documents that share its removed lines"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)

    def command() -> None:
        run = FinishedRun(options.run)
        lives = list(find_lives(run, options.document))
        dead = list(_dead(run, options.document))
        if not lives and not dead:
            raise WinnowError(
                f"no record of the run in {run.out} has the id, URL or place {options.document!r}"
            )
        shared = sharers(run, [line for life in lives for _, line in life.lines]) if options.shared else {}
        if options.json:
            listed = {line: {"documents": n, "examples": ids} for line, (n, ids) in shared.items()}
            print_json(
                {"documents": [as_json(life) for life in lives], "dead_letters": dead, "shared": listed}
            )
            return
        console = Console()
        for life in lives:
            _show(console, life, shared)
        for letter in dead:
            say(console, f"dead letter: {letter['input']}:{letter['ordinal']}")
            say(console, f"  error: {one_line(letter['error'], 400)}")
            say(console, f"  starts with: {one_line(letter['head'])}")

    return answer(command)


def _dead(run: FinishedRun, wanted: str) -> Iterator[dict[str, Any]]:
    """Dead letters by place, or whose error or first bytes name what is wanted."""
    for source in run.sources():
        for letter in run.dead_letters(source):
            place = f"{letter['input']}:{letter['ordinal']}"
            if wanted == place or wanted in letter["error"] or wanted in letter["head"]:
                yield {"source": source, **letter}


def _show(console: Console, life: Life, shared: dict[str, tuple[int, list[str]]]) -> None:
    row = life.row
    say(console, f"{row['id']}  {row['source']}")
    say(console, f"  url        {one_line(row['url'] or '-')}")
    say(
        console,
        f"  read from  {one_line(row['input'])}, record {row['ordinal']}"
        + (f", snapshot {one_line(row['snapshot'])}" if row["snapshot"] else ""),
    )
    say(console, f"  metadata   {one_line(row['metadata'] or '{}', 400)}")
    if life.prepared["verdict"]:
        say(console, f"  prepare    dropped by {_verdict(life.prepared)}")
    for number, line in life.lines:
        say(console, f"  line {number} removed: {one_line(line)}")
        if line in shared:
            others, ids = shared[line]
            say(console, f"    in {others:,} documents, for example {', '.join(ids)}")
    for stage in life.stages:
        _show_stage(console, stage)
    for pair in life.clusters:
        say(console, f"  cluster    {_lost_to(pair)}")
    if row["verdict"]:
        survivor = f"; the survivor is {row['survivor']}" if row["survivor"] else ""
        say(console, f"  dropped by {_verdict(row)}{survivor}")
    else:
        say(console, f"  kept, {row['bytes']:,} bytes of text" if "folder" in row else "  kept so far")
    if life.tokens:
        _show_tokens(console, life.tokens)
    say(console)


def _lost_to(pair: dict[str, Any]) -> str:
    if pair["survivor"] is None:
        return f"{pair['member']} stays, in the cluster of {pair['cluster']}"
    known = "" if pair["similarity"] is None else f", similarity {pair['similarity']:g}"
    return f"{pair['member']} lost to {pair['survivor']} ({pair['rule']}{known})"


def _show_tokens(console: Console, tokens: dict[str, Any]) -> None:
    say(
        console,
        f"  tokens     {tokens['tokens']:,}, document {tokens['ordinal']:,} of token shard {tokens['shard']}",
    )
    if tokens["held_out"]:
        say(console, "  held out for validation: in no training row")
        return
    rows = ", ".join(f"{row['row']:,} (epoch {row['epoch'] + 1})" for row in tokens["rows"][:_ROWS_SHOWN])
    more = f" and {len(tokens['rows']) - _ROWS_SHOWN:,} more" if len(tokens["rows"]) > _ROWS_SHOWN else ""
    say(console, f"  rows       {rows or 'none: the budget ends before it'}{more}")


def _show_stage(console: Console, stage: dict[str, Any]) -> None:
    if stage["checks"] is None:
        said = f"fails {stage['verdict']}" if stage["verdict"] else "no score recorded"
        say(console, f"  {stage['stage']}: {said}")
        return
    for check in stage["checks"]:
        value = "" if check["value"] is None else f" {check['value']:g}"
        limit = "" if check["threshold"] is None else f", threshold {check['threshold']:g}"
        say(
            console,
            f"  {stage['stage']}: {check['rule']}{value}{limit}: {'passes' if check['passed'] else 'fails'}",
        )


def _verdict(row: dict[str, Any]) -> str:
    value = "" if row["verdict_value"] is None else f" ({row['verdict_value']:g}"
    limit = "" if row["verdict_threshold"] is None else f", threshold {row['verdict_threshold']:g}"
    return f"{row['verdict']}{value}{limit}{')' if value else ''}"


if __name__ == "__main__":
    sys.exit(main())
