"""Masking: precision and recall by kind on a constructed truth, and what a run records of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.code_secrets import KINDS, Finding, findings, mask
from pipeline.records import Document
from pipeline.schema import documents_table
from pipeline.transforms.judging import Judging
from pipeline.transforms.masking import MaskSecrets, masked_bytes

TRUTH = Path(__file__).parent / "data" / "github" / "secrets.txt"
_MARKED = re.compile(r"⟦(\w+):(.*?)⟧", re.DOTALL)


def truth() -> tuple[str, set[Finding]]:
    """The text without marks, and what they mark."""
    text, found, last = "", set(), 0
    marked = TRUTH.read_text()
    for match in _MARKED.finditer(marked):
        text += marked[last : match.start()]
        found.add(Finding(len(text), len(text) + len(match[2]), match[1]))  # type: ignore[arg-type]  # a kind
        text += match[2]
        last = match.end()
    return text + marked[last:], found


def table() -> str:
    """The table of docs/sources/github.md."""
    text, expected = truth()
    found = set(findings(text))
    rows = ["| kind | in the truth | found | right | precision | recall |", "|---|---|---|---|---|---|"]
    for kind in (*KINDS, "all"):
        mine = {f for f in found if kind in (f.kind, "all")}
        true = {f for f in expected if kind in (f.kind, "all")}
        right = len(mine & true)
        rates = f"{right / len(mine):.1%} | {right / len(true):.1%}"
        rows.append(f"| {kind} | {len(true)} | {len(mine)} | {right} | {rates} |")
    return "\n".join(rows)


def test_the_documented_table_is_the_measured_one() -> None:
    document = Path(__file__).parents[1] / "docs" / "sources" / "github.md"
    assert table() in document.read_text()


def test_the_truth_finds_the_detector_good() -> None:
    text, expected = truth()
    found = set(findings(text))
    assert len(expected) >= 35
    assert len(found & expected) >= 0.95 * len(found)
    assert len(found & expected) >= 0.9 * len(expected)


def test_what_stands_for_each_kind() -> None:
    text = "a <joe@cs.uni.edu> 93.184.215.77 https://u:s3cr3tHorse@h ghp_a8Xk3LmQ0pZr5VtYb2NcWd9KfJ7sAeHuG1iO"
    masked = mask(text)
    assert re.fullmatch(
        r"a <<EMAIL>> (?:172\.16|192\.168)\.\d+\.\d+ https://u:<PASSWORD>@h <KEY>", masked.text
    )
    assert masked.counts == {"email": 1, "ip_address": 1, "password": 1, "key": 1}
    assert len(masked.text) == len(text) - masked.removed + masked.added


def test_equal_addresses_stay_equal_and_no_mask_is_masked_again() -> None:
    masked = mask("93.184.215.77, 151.101.1.69, 93.184.215.77, 2606:4700:4700::64").text
    first, second, third, fourth = masked.split(", ")
    assert first == third != second
    assert ":" in fourth
    assert mask(masked).counts == {}


def test_only_the_kinds_asked_for_are_masked() -> None:
    assert mask("joe@cs.uni.edu 93.184.215.77", ("email",)).text == "<EMAIL> 93.184.215.77"


@pytest.mark.parametrize("text", ["", "x = 1\n", "@", "://", "eyJ", "-----BEGIN PRIVATE KEY-----"])
def test_text_with_nothing_to_mask_is_itself(text: str) -> None:
    assert mask(text) == (text, {}, 0, 0)


PIECES = [
    "joe@cs.uni.edu",
    "93.184.215.77",
    "eyJ0.eyJ1",
    "AKIAQ3EGRXZ7LMNO2PKT",
    "://a:b1@",
    " ",
    "\n",
    "é",
    ".",
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_findings_are_in_order_apart_and_bytes_balance(text: str) -> None:
    edges = [edge for finding in findings(text) for edge in finding[:2]]
    assert edges == sorted(edges)
    masked = mask(text)
    assert len(masked.text.encode()) == len(text.encode()) - masked.removed + masked.added


def test_the_stage_masks_kept_rows_and_records_counts_and_bytes() -> None:
    texts = ["to joe@cs.uni.edu, 93.184.215.77", "nothing", "joe@cs.uni.edu"]
    batch = Judging(
        documents_table("github", "x", [(n, Document(str(n), text)) for n, text in enumerate(texts)])
    )
    batch.drop(2, "license")
    MaskSecrets().judge(batch, {})
    judged = batch.table()
    assert judged.column("text").to_pylist()[1:] == texts[1:]
    values = [orjson.loads(value) if value else None for value in judged.column("rule_values").to_pylist()]
    assert values[1:] == [None, None]
    assert Counter(values[0]) == Counter(
        {
            "mask.email": 1,
            "mask.ip_address": 1,
            "mask.bytes_removed": 27,
            "mask.bytes_added": values[0]["mask.bytes_added"],
        }
    )
    removed, added = masked_bytes(judged.column("rule_values"))
    assert sum(judged.column("bytes").to_pylist()) == sum(len(text) for text in texts) - removed + added
    assert masked_bytes(pa.chunked_array([pa.array([None, '{"gopher.words": 1}'])])) == (0, 0)


if __name__ == "__main__":
    print(table())
