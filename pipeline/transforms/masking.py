"""Masking of secrets and personal data, an option that the paper's recipe does not have."""

from __future__ import annotations

from typing import ClassVar

import orjson
import pyarrow as pa
from pydantic import Field

from filters.code_secrets import KINDS, Kind, mask
from pipeline.models import Model
from pipeline.transforms.judging import JudgeStage, Judging


class MaskSecrets(JudgeStage):
    """Keys, passwords in addresses, e-mail and IP addresses give way to something that stands for them.

    How many of each kind is in `rule_values` as `mask.<kind>`, the bytes that went and came as
    `mask.bytes_removed` and `mask.bytes_added`; both are in the ledger. It comes before texts are compared.
    """

    name: ClassVar[str] = "mask"
    kinds: tuple[Kind, ...] = Field(KINDS, description="StarCoder's (arXiv:2305.06161) without names")

    def judge(self, batch: Judging, models: dict[str, Model]) -> None:
        """Change the texts of the rows without a verdict."""
        for row in batch.rows().tolist():
            masked = mask(batch.texts[row], self.kinds)
            if masked.counts:
                batch.texts[row] = masked.text
                values = {f"mask.{kind}": float(count) for kind, count in sorted(masked.counts.items())}
                sizes = {"mask.bytes_removed": masked.removed, "mask.bytes_added": masked.added}
                batch.record_values(row, values | sizes)


def masked_bytes(rule_values: pa.ChunkedArray) -> tuple[int, int]:
    """Bytes that went from and came into the rows with these `rule_values`, added up."""
    removed = added = 0
    for text in rule_values.to_pylist():
        if text is not None and '"mask.bytes_' in text:
            values = orjson.loads(text)
            removed += int(values["mask.bytes_removed"])
            added += int(values["mask.bytes_added"])
    return removed, added
