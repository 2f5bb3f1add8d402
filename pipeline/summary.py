"""What a run prints at its end: where things are, and the books of each source."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.dedup.near_stage import NearDuplicates
from pipeline.files import join, read_file
from pipeline.ledger import Line, read_ledger
from pipeline.look.show import one_line, say
from pipeline.manifest import read_manifest
from pipeline.phases.duplicates import PHASE as DUPLICATES
from pipeline.phases.mix import PHASE as MIX
from pipeline.phases.mix import PLAN
from pipeline.phases.phase import Outcome, Run
from pipeline.sizes import format_bytes


def print_summary(
    run: Run, outcomes: list[Outcome], complete: bool = True, console: Console | None = None
) -> None:
    """Print what became of each source's records, the mixture, and the seconds of each phase."""
    console = console or Console()
    console.print(_documents(run))
    if any(outcome.phase == MIX for outcome in outcomes):
        console.print(_mixture(run))
    for line in near_duplicate_lines(run):
        say(console, line)
    for outcome in outcomes:
        state = f"{outcome.seconds:.1f} s" if outcome.ran else "up to date"
        say(console, f"{outcome.phase:12}{state}")
    if complete:
        say(console, f"results are in {run.out}/; the books balance in every phase")


def near_duplicate_lines(run: Run) -> list[str]:
    """What a user should know of how near-duplicates were sought: what may have been missed, how often."""
    said = []
    for source in run.flows:
        manifest = read_manifest(run.out, DUPLICATES, source)
        units = manifest.units if manifest else []
        for facts in (unit.facts for unit in units if unit.name == NearDuplicates.name):
            expected, left_out = facts["expected"], facts["not_compared"]
            line = (
                f"near-duplicates of {source}: of {facts['compared']:,} pairs compared {facts['alike']:,} "
                f"have {facts['measure']} >= {facts['threshold']:g} (verify: {facts['verify']}); "
                f"{expected['recall']:.2%} of pairs at Jaccard {facts['threshold']:g} are expected to meet"
            )
            if "contained_from" in expected:
                line += f", and 99.9% of contained texts of {expected['contained_from']:,} shingles or more"
            if "error" in expected:
                line += f"; similarities of long documents are within {expected['error']:.3f} (99.9%)"
            if any(left_out.values()):
                line += (
                    f"; not compared, in crowded bands {left_out['bands']:,} times a pair, "
                    f"in crowded shingles {left_out['sampled_shingles']:,} times"
                )
            said.append(line)
    return said


def _documents(run: Run) -> Table:
    table = Table(title="documents", title_justify="left")
    table.add_column("source")
    table.add_column("step")
    table.add_column("rule", overflow="fold")
    table.add_column("documents", justify="right")
    table.add_column("bytes of text", justify="right")
    for source in run.flows:
        for row in source_rows(run, source):
            table.add_row(*(Text(one_line(cell)) for cell in row))
        table.add_section()
    return table


def _mixture(run: Run) -> Table:
    plan = orjson.loads(read_file(join(run.out, PLAN)))
    title = f"mixture: {plan['tokens']:,} tokens in {plan['rows']:,} rows of {plan['sequence_length']:,}"
    if plan["requested_tokens"] is None:
        title += f", the largest that {plan['limited_by']} allows at {plan['max_epochs']:g} epochs"
    table = Table(title=title, title_justify="left")
    table.add_column("source")
    for name in ("share", "tokens there", "tokens drawn", "epochs", "epochs in the paper"):
        table.add_column(name, justify="right")
    for source in run.flows:
        drawn = plan["sources"][source]
        epochs = drawn["epochs"] + float(Fraction(drawn["epoch_fraction"]))
        published = run.blocks[source].published_epochs if source in run.blocks else None
        # Under a curriculum a source's share is what its stages come to.
        asked = float(Fraction(drawn["proportion"]))
        share = asked if len(plan["stages"]) == 1 else drawn["rows"] / plan["rows"]
        table.add_row(
            source,
            f"{share:.1%}",
            f"{drawn['available_tokens']:,}",
            f"{drawn['tokens']:,}",
            f"{epochs:.2f}",
            "" if published is None else f"{published:.2f}",
        )
    return table


def source_rows(run: Run, source: str) -> list[tuple[str, str, str, str, str]]:
    """The books of one source as table rows: source, step, rule, documents, bytes."""
    read = read_ledger(run.out, "prepare", source)
    final = read_ledger(run.out, "curate", source)
    judged = read_ledger(run.out, "judge", source)
    rows = [("records read", "", *_total(read, "in"))]
    for entry, step in (
        ("passed_over", "passed over"),
        ("merged", "merged"),
        ("dead", "dead letters"),
    ):
        rows += [(step, rule, *total) for rule, total in _by_rule(read, entry)]
    for step, books in (("text removed", read), ("lines removed", judged)):
        rows += [(step, rule, *total) for rule, total in _by_rule(books, "removed")]
    rows += [("dropped", rule, *total) for rule, total in _by_rule(final, "dropped")]
    rows.append(("kept", "", *_total(final, "out")))
    return [
        (source if number == 0 else "", step, rule, f"{documents:,}" if documents else "", _size(size))
        for number, (step, rule, documents, size) in enumerate(rows)
    ]


def _size(size: int) -> str:
    return format_bytes(size) if size else ""


def _total(lines: list[Line], entry: str) -> tuple[int, int]:
    chosen = [line for line in lines if line.entry == entry]
    return sum(line.documents for line in chosen), sum(line.bytes for line in chosen)


def _by_rule(lines: list[Line], entry: str) -> list[tuple[str, tuple[int, int]]]:
    documents: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for line in lines:
        if line.entry == entry:
            documents[line.rule] += line.documents
            size[line.rule] += line.bytes
    rules = sorted(documents, key=lambda rule: (-documents[rule], -size[rule], rule))
    return [(rule, (documents[rule], size[rule])) for rule in rules if documents[rule] or size[rule]]
