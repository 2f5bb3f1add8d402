"""The parts of the report on the run as a whole: sources side by side, mixture, timings, config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import orjson

from pipeline.look.finished import FinishedRun
from pipeline.manifest import Manifest, read_manifest
from pipeline.options import PHASES
from pipeline.report.charts import share_bar
from pipeline.report.funnel import Funnel
from pipeline.report.markup import Markup, table, tag
from pipeline.sizes import format_bytes


def overview(funnels: Sequence[Funnel]) -> Markup:
    """The sources side by side."""
    rows = []
    for found in funnels:
        share = found.kept / found.documents if found.documents else 0.0
        rows.append(
            [
                tag("a", found.source, href=f"#source-{found.source}"),
                f"{found.records:,}",
                f"{found.documents:,}",
                f"{found.kept:,}",
                f"{share:.1%}",
                share_bar(share, f"{share:.1%} of the documents kept"),
                format_bytes(found.bytes),
                format_bytes(found.kept_bytes),
                "" if found.tokens is None else f"{found.tokens:,}",
            ]
        )
    head = ("source", "records", "documents", "kept", "share", "", "text", "text kept", "tokens")
    return tag("h2", "Sources", id="sources") + table(
        "From records to kept documents; the books of every phase balance", head, rows, (1, 2, 3, 4, 6, 7, 8)
    )


def mixture(plan: Mapping[str, Any], record: Mapping[str, Any]) -> Markup:
    """What was asked for, what was drawn, and what the paper published, side by side."""
    blocks = record.get("sources", {})
    rows = []
    for source in sorted({*plan["sources"], *blocks}):
        drawn, block = plan["sources"].get(source), blocks.get(source, {})
        row: list[object] = [source, _share(block.get("asked"))]
        if drawn is None:
            row += ["", "", "", "", "", ""]
        else:
            epochs = drawn["epochs"] + float(Fraction(drawn["epoch_fraction"]))
            share = drawn["rows"] / plan["rows"] if plan["rows"] else 0.0
            row += [
                _share(float(Fraction(drawn["proportion"]))),
                _share(share),
                share_bar(share, f"{share:.1%} of the rows"),
                f"{drawn['available_tokens']:,}",
                f"{drawn['tokens']:,}",
                f"{epochs:.2f}",
            ]
        published = block.get("published_epochs")
        row += ["" if published is None else f"{published:.2f}", block.get("published_disk") or ""]
        rows.append(row)
    head = (
        "source", "asked", "of those there", "drawn", "", "tokens there", "tokens drawn", "epochs",
        "epochs published", "disk published",
    )  # fmt: skip
    limit = "" if plan["requested_tokens"] else f", the largest that {plan['limited_by']} allows"
    published_tokens = record.get("config", {}).get("published_tokens")
    beside = f"; published: {published_tokens:,} tokens" if published_tokens else ""
    caption = (
        f"{plan['tokens']:,} tokens in {plan['rows']:,} rows of {plan['sequence_length']:,}{limit}, at most "
        f"{plan['max_epochs']:g} epochs{beside}"
    )
    return tag("h2", "Mixture", id="mixture") + table(caption, head, rows, (1, 2, 3, 5, 6, 7, 8, 9))


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def timings(found: Mapping[str, Any]) -> Markup:
    """The seconds of each phase; the only part that differs between two runs of the same input."""
    most = max((entry["seconds"] for entry in found.values()), default=0.0) or 1.0
    rows = [
        [
            phase,
            f"{found[phase]['seconds']:,.1f}",
            share_bar(found[phase]["seconds"] / most, f"{found[phase]['seconds']:.1f} seconds"),
            found[phase]["workers"],
            ", ".join(found[phase]["sources"]),
        ]
        for phase in (*PHASES[:5], "export", *PHASES[5:])
        if phase in found
    ]
    head = ("phase", "seconds", "", "workers", "worked on")
    caption = "Wall time of each phase when it last had work to do"
    return tag("h2", "Timings", id="timings") + table(caption, head, rows, (1, 3))


def config(run: FinishedRun, record: Mapping[str, Any], sources: Sequence[str]) -> Markup:
    """The config, and what each phase ran with, as their manifests have it; versions of packages."""
    parts = [tag("h2", "Config and versions", id="config")]
    manifests = [
        found
        for phase in (*PHASES[:5], "export", *PHASES[5:])
        for source in (*sources, "mixture")
        if (found := read_manifest(run.out, phase, source)) is not None
    ]
    versions: dict[str, set[str]] = {}
    for manifest in manifests:
        for name, version in manifest.versions.items():
            versions.setdefault(name, set()).add(version)
    rows = [[name, ", ".join(sorted(found))] for name, found in sorted(versions.items())]
    parts.append(table("Packages that output depends on", ("package", "version"), rows))
    if record:
        parts.append(tag("details", tag("summary", "the run's config"), _json(record)))
    parts += [_manifest(manifest) for manifest in manifests]
    return tag("section", *parts)


def _manifest(manifest: Manifest) -> Markup:
    said = {"key": manifest.key, **manifest.config}
    return tag("details", tag("summary", f"{manifest.phase} of {manifest.source}"), _json(said))


def _json(value: object) -> Markup:
    written = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return tag("pre", written, class_="config", tabindex="0")
