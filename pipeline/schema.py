"""The one schema of all sources: what a row of documents, judged, curated and dropped holds."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pyarrow as pa
import xxhash

from pipeline.records import Document

# What `prepare` writes. `bytes` is the UTF-8 length of `text`, kept beside it so that books can be balanced
# without reading any text; `input` and `ordinal` say where the record stood (for people, never for ids).
DOCUMENT_FIELDS = [
    pa.field("id", pa.string()),
    pa.field("source", pa.string()),
    pa.field("url", pa.string()),
    pa.field("timestamp", pa.string()),
    pa.field("snapshot", pa.string()),
    pa.field("language", pa.string()),
    pa.field("text", pa.large_string()),
    pa.field("bytes", pa.int64()),
    pa.field("metadata", pa.string()),
    pa.field("input", pa.string()),
    pa.field("ordinal", pa.int64()),
]

# The first rule a row failed, null while it is kept; `survivor` is the id of the document a duplicate lost
# to.
VERDICT_FIELDS = [
    pa.field("verdict", pa.string()),
    pa.field("verdict_value", pa.float64()),
    pa.field("verdict_threshold", pa.float64()),
    pa.field("survivor", pa.string()),
]

# What `judge` adds; null where a row was not scored (it had failed before, or the flow has no such stage).
# `rule_values` is a JSON object of what page rules measured, "gopher.words" and others.
SCORE_FIELDS = [
    pa.field("lines_removed", pa.int32()),
    pa.field("bytes_removed", pa.int64()),
    pa.field("language_score", pa.float64()),
    pa.field("perplexity", pa.float64()),
    pa.field("perplexity_bucket", pa.string()),
    pa.field("reference_score", pa.float64()),
    pa.field("rule_values", pa.string()),
]

# What `curate` adds for documents that have near-duplicates: the id of the best of their cluster, and whether
# the cluster has members of several sources. Several members of a cluster may be kept; a holdout keeps them
# on one side.
CLUSTER_FIELDS = [pa.field("cluster", pa.string()), pa.field("cluster_shared", pa.bool_())]

DOCUMENTS = pa.schema(DOCUMENT_FIELDS + VERDICT_FIELDS)
JUDGED = pa.schema(DOCUMENT_FIELDS + SCORE_FIELDS + VERDICT_FIELDS)
CURATED = pa.schema(DOCUMENT_FIELDS + SCORE_FIELDS + VERDICT_FIELDS + CLUSTER_FIELDS)


def document_id(source: str, key: str) -> str:
    """The id of the record `key` of `source`: xxh3_128 of both, as 32 hex digits (design, section 2)."""
    return xxhash.xxh3_128_hexdigest(f"{source}\0{key}".encode())


def documents_table(source: str, input_name: str, documents: Sequence[tuple[int, Document]]) -> pa.Table:
    """One batch of (ordinal, document) pairs as a table of the DOCUMENTS schema."""
    rows = [document for _, document in documents]
    verdicts = [document.verdict for document in rows]
    columns = {
        "id": [document_id(source, document.key) for document in rows],
        "source": [source] * len(rows),
        "url": [document.url for document in rows],
        "timestamp": [document.timestamp for document in rows],
        "snapshot": [document.snapshot for document in rows],
        "language": [document.language for document in rows],
        "text": [document.text for document in rows],
        "bytes": [len(document.text.encode()) for document in rows],
        "metadata": [
            orjson.dumps(document.metadata, option=orjson.OPT_SORT_KEYS).decode() for document in rows
        ],
        "input": [input_name] * len(rows),
        "ordinal": [ordinal for ordinal, _ in documents],
        "verdict": [verdict.rule if verdict else None for verdict in verdicts],
        "verdict_value": [verdict.value if verdict else None for verdict in verdicts],
        "verdict_threshold": [verdict.threshold if verdict else None for verdict in verdicts],
        "survivor": [None] * len(rows),
    }
    return pa.table(columns, schema=DOCUMENTS)
