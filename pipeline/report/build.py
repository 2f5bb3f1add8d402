"""The report as a whole: aggregates gathered, documents fetched, one file written."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import WinnowError
from pipeline.files import exists, join, read_file, write_file
from pipeline.look.drawing import rows_at
from pipeline.look.finished import FinishedRun
from pipeline.manifest import read_manifest
from pipeline.phases.mix import MIXTURE, PLAN
from pipeline.phases.mix import PHASE as MIX
from pipeline.report import run_page
from pipeline.report.cluster_view import ClusterView, cluster_view
from pipeline.report.funnel import funnel
from pipeline.report.markup import Markup, tag
from pipeline.report.record import read_record, read_timings
from pipeline.report.source_page import Shown, source_part, wanted_places
from pipeline.report.survey import Survey, survey

REPORT = "report/index.html"
CHARACTERS = 500
_COLUMNS = [
    "id", "source", "url", "input", "ordinal", "text", "verdict", "verdict_value", "verdict_threshold",
    "survivor",
]  # fmt: skip


def report_of(out: str) -> bool:
    """Write the report of the run in `out`; whether there is one, which takes a source that is curated."""
    try:
        run = FinishedRun(out)
    except WinnowError:
        return False
    if not finished_sources(run):
        return False
    write_file(join(out, REPORT), report(run, with_timings=True).encode())
    return True


def finished_sources(run: FinishedRun) -> list[str]:
    """The sources that phase `curate` has finished, by name."""
    return [source for source in run.sources() if read_manifest(run.out, "curate", source) is not None]


def report(run: FinishedRun, with_timings: bool) -> str:
    """The page: one HTML file that needs nothing else. Without timings, the same for the same input."""
    sources = finished_sources(run)
    record = read_record(run.out)
    surveys = {source: survey(run, source) for source in sources}
    clusters = {source: cluster_view(run, source) for source in sources}
    shown = _fetch(run, sources, surveys, clusters)
    funnels = [funnel(run, source) for source in sources]
    parts = [run_page.overview(funnels)]
    anchors = ["sources"]
    if read_manifest(run.out, MIX, MIXTURE) is not None and exists(join(run.out, PLAN)):
        parts.append(run_page.mixture(orjson.loads(read_file(join(run.out, PLAN))), record))
        anchors.append("mixture")
    times = read_timings(run.out) if with_timings else {}
    if times:
        parts.append(run_page.timings(times))
        anchors.append("timings")
    parts += [source_part(found, surveys[found.source], clusters[found.source], shown) for found in funnels]
    parts.append(run_page.config(run, record, sources))
    return _page(parts, [*anchors, *(f"source-{source}" for source in sources), "config"])


def _fetch(
    run: FinishedRun, sources: list[str], surveys: Mapping[str, Survey], clusters: Mapping[str, ClusterView]
) -> Shown:
    """The drawn documents, then those they lost to and the members of clusters, wherever they are."""
    places = [(place.path, place.row) for view in surveys.values() for place in wanted_places(view)]
    rows = rows_at(dict.fromkeys(places), _COLUMNS, CHARACTERS)
    ids = {row["survivor"] for row in rows.values() if row["survivor"]}
    for view in clusters.values():
        ids |= {label for label, _ in view.largest}
        ids |= {str(row["member"]) for members in view.members.values() for row in members}
    found = rows_at(_places_of(run, sources, ids), _COLUMNS, CHARACTERS)
    by_id: dict[str, Mapping[str, Any]] = {}
    for row in found.values():
        if row["id"] not in by_id or row["verdict"] is None:  # what was kept, before an equal id that was not
            by_id[row["id"]] = row
    return Shown(rows, by_id)


def _places_of(run: FinishedRun, sources: list[str], ids: set[str]) -> Iterable[tuple[str, int]]:
    wanted = pa.array(sorted(ids), pa.string())
    if not len(wanted):
        return
    for source in sources:
        for folder in ("curated", "dropped"):
            for path, table in run.tables(folder, source, ["id"]):
                hits = pc.is_in(table.column("id"), wanted).to_numpy(zero_copy_only=False)
                yield from ((path, row) for row in hits.nonzero()[0].tolist())


def _page(parts: list[Markup], anchors: list[str]) -> str:
    style, script = (_asset(name) for name in ("style.css", "script.js"))
    # Nothing but the page's own style and script is ever applied, and nothing is ever fetched.
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; "
        "form-action 'none'"
    )
    links = [tag("li", tag("a", anchor.removeprefix("source-"), href=f"#{anchor}")) for anchor in anchors]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", "Winnow: report of a run"),
        Markup(f"<style>{style}</style>"),
    )
    header = tag(
        "header",
        tag("h1", "What became of the data"),
        tag("p", "A Winnow run: what came in, what each rule took, what is left, and why.", class_="soft"),
        tag("nav", tag("ul", *links), aria_label="parts of the report"),
    )
    footer = tag("footer", "Texts and names come from the data and are shown as they are.", class_="soft")
    body = tag("body", header, tag("main", *parts), footer, Markup(f"<script>{script}</script>"))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
