"""What a source's documents are like, kept and dropped: counts, lengths, languages, hosts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.look.fates import KEPT
from pipeline.look.finished import FinishedRun
from pipeline.manifest import read_manifest

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Scheme, user and password, then the host: RFC 3986, section 3.2.
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:]*)"
_COLUMNS = ["verdict", "bytes", "language", "url"]


@dataclass
class Statistics:
    """A source in numbers. `by_rule`: documents and bytes of text, `kept` among the rules.

    `lengths`: bytes of text of kept documents at the 5th, 25th, 50th, 75th, 95th percentile, exact.
    `languages`, `hosts`: kept documents by each, the most frequent first. `tokens`: None before `tokenize`.
    """

    source: str
    by_rule: dict[str, tuple[int, int]]
    dead_letters: int
    tokens: int | None
    lengths: list[int]
    languages: dict[str, int]
    hosts: dict[str, int]


@dataclass
class _Counts:
    documents: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    hosts: Counter[str] = field(default_factory=Counter)
    lengths: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = field(default_factory=list)

    def add(self, table: pa.Table, kept: bool) -> None:
        rules = table.column("verdict").fill_null(KEPT)
        grouped = pa.table({"rule": rules, "bytes": table.column("bytes")}).group_by("rule")
        for row in grouped.aggregate([("bytes", "sum"), ([], "count_all")]).to_pylist():
            self.documents[row["rule"]] += row["count_all"]
            self.bytes[row["rule"]] += row["bytes_sum"]
        if not kept:
            return
        self.lengths.append(table.column("bytes").to_numpy())
        for entry in pc.value_counts(table.column("language")).to_pylist():
            self.languages[entry["values"] or ""] += entry["counts"]
        for entry in pc.value_counts(host_column(table.column("url"))).to_pylist():
            if entry["values"] is not None:
                self.hosts[entry["values"]] += entry["counts"]


def statistics(run: FinishedRun, source: str, top: int = 10) -> Statistics:
    """The numbers of one source; `top`: how many languages and hosts.

    Raises WinnowError where phase `curate` was not finished for it.
    """
    run.manifest("curate", source)
    counts = _Counts()
    for folder in ("curated", "dropped"):
        for _, table in run.tables(folder, source, _COLUMNS):
            counts.add(table, folder == "curated")
    lengths = np.concatenate(counts.lengths) if counts.lengths else np.zeros(0, np.int64)
    quantiles = np.quantile(lengths, _QUANTILES, method="lower").tolist() if len(lengths) else []
    prepared = run.manifest("prepare", source)
    dead = sum(output.rows for output in prepared.files(f"dead_letters/{source}"))
    tokenized = read_manifest(run.out, "tokenize", source)
    rules = sorted(counts.documents, key=lambda rule: (rule != KEPT, -counts.documents[rule], rule))
    return Statistics(
        source,
        {rule: (counts.documents[rule], counts.bytes[rule]) for rule in rules},
        dead,
        sum(unit.facts.get("tokens", 0) for unit in tokenized.units) if tokenized else None,
        [int(length) for length in quantiles],
        most_common(counts.languages, top),
        most_common(counts.hosts, top),
    )


def host_column(urls: pa.ChunkedArray) -> pa.ChunkedArray:
    """The host of each URL, in lower case; null where there is none."""
    return pc.utf8_lower(pc.struct_field(pc.extract_regex(pc.fill_null(urls, ""), _HOST), "host"))


def most_common(counts: Counter[str], top: int) -> dict[str, int]:
    """The `top` most frequent keys, equal counts by name, so that the order is always the same."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:top])
