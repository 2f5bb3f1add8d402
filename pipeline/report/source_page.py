"""The part of the report on one source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.look.fates import KEPT
from pipeline.report.charts import axis_of, histogram, number, share_bar
from pipeline.report.cluster_view import ClusterView
from pipeline.report.funnel import Funnel
from pipeline.report.markup import Markup, join, table, tag
from pipeline.report.moving import Move, moves
from pipeline.report.survey import EXAMPLES, Names, Place, RuleView, Survey
from pipeline.sizes import format_bytes

TOP = 15
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_PER_CENT = 100


@dataclass(frozen=True)
class Shown:
    """The documents to show: rows by place, and by id those that others are compared with."""

    rows: Mapping[tuple[str, int], Mapping[str, Any]]
    by_id: Mapping[str, Mapping[str, Any]]


def source_part(steps: Funnel, view: Survey, clusters: ClusterView, shown: Shown) -> Markup:
    """Everything on one source, from its funnel to its examples."""
    name = steps.source
    parts = [
        tag("h2", name, id=f"source-{name}"),
        _funnel(steps),
        *_scores(view),
        *_lengths(view),
        *_names(view),
        *_clusters(clusters, shown),
        *_examples(view, shown),
    ]
    return tag("section", *parts, aria_labelledby=f"source-{name}")


def _funnel(steps: Funnel) -> Markup:
    rows: list[list[object]] = [
        [
            "records read",
            "",
            "",
            f"{steps.records:,}",
            _bar(steps.records, steps.records, "records"),
            "",
            format_bytes(steps.bytes),
            "",
        ]
    ]
    for step in steps.steps:
        tokens = "" if step.tokens_left is None else f"≈ {step.tokens_left:,}"
        rows.append(
            [
                step.rule,
                step.phase,
                f"−{step.documents:,}" if step.documents else "",
                f"{step.documents_left:,}",
                _bar(step.documents_left, steps.records, "records"),
                f"−{format_bytes(step.bytes)}" if step.bytes > 0 else "",
                format_bytes(step.bytes_left),
                tokens,
            ]
        )
    exact = "" if steps.tokens is None else f"{steps.tokens:,}"
    kept = _bar(steps.kept, steps.records, "records")
    rows.append(["kept", "", "", f"{steps.kept:,}", kept, "", format_bytes(steps.kept_bytes), exact])
    caption = (
        "Each rule with what it took and what was left behind it: whole documents by the verdict they ended "
        "with. Tokens before the end are scaled by bytes from those of the kept documents."
    )
    head = ("rule", "phase", "taken", "left", "of the records", "text taken", "text left", "tokens left")
    return tag("h3", "From records to kept documents") + table(caption, head, rows, (2, 3, 5, 6, 7))


def _bar(part: int, whole: int, of: str) -> Markup:
    share = part / whole if whole else 0.0
    return share_bar(share, f"{share:.1%} of the {of}")


def _scores(view: Survey) -> list[Markup]:
    shown = [rule for rule in view.rules.values() if rule.spread.total()]
    if not shown:
        return []
    said = tag(
        "p",
        "The dashed line is the threshold. Moving it says which kept documents would go, and which documents "
        "that this rule dropped would pass it; what the rules behind it would then say, ",
        tag("code", "python -m pipeline.what_if"),
        " tells.",
        class_="soft",
    )
    return [tag("h3", "Scores and their thresholds"), said, tag("div", *map(_score, shown), class_="grid")]


def _score(view: RuleView) -> Markup:
    limit = view.limit
    axis = axis_of(view.spread, limit)
    title = view.rule if view.value == view.rule else f"{view.rule} by {view.value}"
    bound = (
        "no threshold"
        if limit is None
        else f"{'at least' if view.spread.upwards else 'at most'} {number(limit)}"
    )
    if len(view.thresholds) > 1 and limit is None:
        bound = f"{len(view.thresholds)} thresholds, each for its kind of document"
    note = "" if view.full else "; recorded of dropped documents only"
    changes = moves(view)
    children = [
        tag("h4", title, " ", tag("span", f"({bound}{note})", class_="soft")),
        histogram(view.spread, axis, limit, f"how {view.value} is spread"),
    ]
    data = None
    if len(changes) > 1:
        at = next(place for place, move in enumerate(changes) if move.threshold == limit)
        told = [
            {"x": f"{axis(move.threshold):.1f}", "said": _said(move, move.threshold == limit)}
            for move in changes
        ]
        data = orjson.dumps(told).decode()
        children += [
            tag(
                "input",
                type="range",
                min=0,
                max=len(changes) - 1,
                value=at,
                hidden=True,
                aria_label=f"another threshold for {title}",
            ),
            tag("output"),
            tag("details", tag("summary", "as a table"), _moves_table(changes)),
        ]
    return tag("div", *children, class_="score", data_moves=data)


def _said(move: Move, present: bool) -> str:
    if present:
        return f"{number(move.threshold)}: the threshold of this run"
    return (
        f"{number(move.threshold)}: {move.lost:,} kept documents would go, "
        f"{move.freed:,} that this rule dropped would pass it"
    )


def _moves_table(changes: list[Move]) -> Markup:
    rows = [[number(move.threshold), f"{move.lost:,}", f"{move.freed:,}"] for move in changes]
    return table(
        "What another threshold would change",
        ("threshold", "kept that go", "dropped that pass"),
        rows,
        (1, 2),
    )


def _lengths(view: Survey) -> list[Markup]:
    if not view.lengths.total():
        return []
    heading = tag("h3", "Lengths, in bytes of text")
    groups = (KEPT, "dropped")
    chart = histogram(view.lengths, axis_of(view.lengths, None), None, "how long documents are", groups)
    found = [(share, view.lengths.quantile(KEPT, share)) for share in _QUANTILES]
    words = ", ".join(
        f"{share * _PER_CENT:.0f}%: {format_bytes(value)}" for share, value in found if value is not None
    )
    return [heading, chart, tag("p", f"Quantiles of the kept, to three digits: {words}" if words else "")]


def _names(view: Survey) -> list[Markup]:
    tables = [
        _names_table(title, names, view)
        for title, names in (("language", view.languages), ("host", view.hosts))
        if any(names.counts)
    ]
    return [tag("h3", "Languages and hosts"), tag("div", *tables, class_="grid")] if tables else []


def _names_table(title: str, names: Names, view: Survey) -> Markup:
    kept = view.lengths.total(KEPT)
    ordered = sorted(names.counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        [name or "not known", f"{count:,}", _bar(count, kept, "kept documents")]
        for name, count in ordered[:TOP]
    ]
    least = ", at least" if names.pruned else ""
    caption = f"Kept documents by {title}{least}: {min(TOP, len(ordered))} of {len(ordered):,}"
    return table(caption, (title, "documents", "share"), rows, (1,))


def _clusters(view: ClusterView, shown: Shown) -> list[Markup]:
    if not view.clusters.counts:
        return []
    lost = ", ".join(f"{count:,} by {rule}" for rule, count in sorted(view.lost.items()))
    least = "at least " if view.clusters.pruned else ""
    sizes = table(
        f"{least}{len(view.clusters.counts):,} clusters; documents lost: {lost or 'none'}",
        ("documents listed", "clusters"),
        [[size, f"{count:,}"] for size, count in view.sizes.items()],
        (1,),
    )
    examples = []
    for label, size in view.largest:
        members = [document for row in view.members[label] for document in _member(row, shown)]
        best = shown.by_id.get(label)
        examples.append(
            tag(
                "details",
                tag("summary", f"{size:,} listed in the cluster of {label}"),
                tag(
                    "div",
                    tag("div", tag("h4", "the best of it"), _document(best, "stayed") if best else label),
                    tag("div", tag("h4", f"{len(members)} of the others"), *members),
                    class_="pair",
                ),
            )
        )
    return [tag("h3", "Clusters of duplicates"), sizes, *examples]


def _member(row: Mapping[str, Any], shown: Shown) -> list[Markup]:
    found = shown.by_id.get(row["member"])
    note = "" if row["similarity"] is None else f"similarity {row['similarity']:.4g}"
    return [_document(found, "lost" if row["rule"] else "stayed", note)] if found else []


def _examples(view: Survey, shown: Shown) -> list[Markup]:
    parts = []
    for rule in view.rules.values():
        if not rule.dropped:
            continue
        title, beside = _beside(rule, view, shown)
        dropped = [_document(shown.rows[place.path, place.row], "lost") for place in rule.dropped]
        parts.append(
            tag(
                "details",
                tag("summary", f"{rule.rule}: {len(dropped)} dropped beside {len(beside)} that stayed"),
                tag(
                    "div",
                    tag("div", tag("h4", "dropped, drawn at random"), *dropped),
                    tag("div", tag("h4", title), *beside),
                    class_="pair",
                ),
            )
        )
    return [tag("h3", f"Examples: up to {EXAMPLES} of each rule"), *parts] if parts else []


def _beside(rule: RuleView, view: Survey, shown: Shown) -> tuple[str, list[Markup]]:
    """What to put beside dropped documents: what they lost to, what just passed, else anything kept."""
    survivors = dict.fromkeys(
        found for place in rule.dropped if (found := shown.rows[place.path, place.row]["survivor"])
    )
    if survivors:
        rows = [shown.by_id[survivor] for survivor in survivors if survivor in shown.by_id]
        return "what they lost to", [_document(row, "stayed") for row in rows]
    if rule.passed:
        return f"just passed, by {rule.value}", [
            _document(shown.rows[place.path, place.row], "stayed", f"{rule.value} {number(abs(place.rank))}")
            for place in rule.passed
        ]
    return (
        "kept, drawn at random (no value of this rule is recorded for what passes)",
        [_document(shown.rows[place.path, place.row], "stayed") for place in view.kept],
    )


def wanted_places(view: Survey) -> list[Place]:
    """Every document of a source to show by its place."""
    lists = [places for rule in view.rules.values() for places in (rule.dropped, rule.passed)]
    return [place for places in (*lists, view.kept) for place in places]


def _document(row: Mapping[str, Any], fate: str, note: str = "") -> Markup:
    said = [part for part in (note, _verdict(row)) if part]
    return tag(
        "article",
        tag("p", tag("code", row["id"]), join([f" {part}" for part in said], ";")),
        tag("p", row["url"] or f"{row['input']}, record {row['ordinal']}", class_="soft"),
        tag("pre", row["text"]),
        class_=f"document {fate}",
    )


def _verdict(row: Mapping[str, Any]) -> str:
    if row["verdict"] is None:
        return ""
    value = "" if row["verdict_value"] is None else f" {number(row['verdict_value'])}"
    limit = "" if row["verdict_threshold"] is None else f", threshold {number(row['verdict_threshold'])}"
    return f"{row['verdict']}{value}{limit}"
