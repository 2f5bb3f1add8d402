"""What became of every document of a run: kept, or dropped by which rule."""

from __future__ import annotations

import pyarrow as pa

from pipeline.look.finished import FinishedRun

KEPT = "kept"
_SCHEMA = pa.schema(
    [("id", pa.string()), ("input", pa.string()), ("ordinal", pa.int64()), ("fate", pa.string())]
)


def fates(run: FinishedRun, source: str) -> pa.Table:
    """For each document of a finished source id, input, ordinal, and its fate: `kept` or the rule.

    Raises WinnowError where phase `curate` was not finished for the source.
    """
    run.manifest("curate", source)
    parts = [_SCHEMA.empty_table()]
    for folder in ("curated", "dropped"):
        for _, table in run.tables(folder, source, ["id", "input", "ordinal", "verdict"]):
            fate = table.column("verdict").fill_null(KEPT)
            parts.append(table.drop_columns(["verdict"]).append_column("fate", fate).cast(_SCHEMA))
    return pa.concat_tables(parts)
