"""Masking on secrets and look-alikes planted into real code: precision and recall by sort, as documented."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path

from planting import planted
from planting_sorts import LOOKALIKES, SECRETS

from filters.code_secrets import findings

DOCUMENT = Path(__file__).parents[1] / "docs" / "sources" / "github.md"


@lru_cache(maxsize=1)
def counted() -> tuple[Counter[str], Counter[str], int]:
    """By sort how many were planted, and how many found (secrets: exactly, and of their kind; look-alikes: in
    part is enough); and findings that touch nothing planted."""
    there: Counter[str] = Counter()
    found: Counter[str] = Counter()
    stray = 0
    for host in planted():
        mine = findings(host.text)
        exact = {(f.start, f.end): f.kind for f in mine}
        for (start, end), (kind, sort) in host.truth.items():
            there[sort] += 1
            if kind is None:
                found[sort] += any(f.start < end and f.end > start for f in mine)
            else:
                found[sort] += exact.get((start, end)) == kind
        stray += sum(not any(f.start < end and f.end > start for start, end in host.truth) for f in mine)
    return there, found, stray


def rates() -> tuple[float, float]:
    """Precision and recall over all sorts."""
    there, found, stray = counted()
    right = sum(found[sort] for sort, *_ in SECRETS)
    wrong = stray + sum(found[sort] for sort, *_ in LOOKALIKES)
    return right / (right + wrong), right / sum(there[sort] for sort, *_ in SECRETS)


def table() -> str:
    """The table of docs/sources/github.md."""
    there, found, _ = counted()
    precision, recall = rates()
    rows = ["| secrets | planted | found | look-alikes | planted | taken |", "|---|---|---|---|---|---|"]
    for number, (sort, *_) in enumerate(SECRETS):
        other = LOOKALIKES[number][0] if number < len(LOOKALIKES) else ""
        beside = f"{other} | {there[other]} | {found[other]}" if other else " | |"
        rows.append(f"| {sort} | {there[sort]} | {found[sort]} | {beside} |")
    rows.append(f"| all: precision {precision:.1%}, recall {recall:.1%} | | | | | |")
    return "\n".join(rows)


def test_the_documented_table_is_the_measured_one() -> None:
    assert table() in DOCUMENT.read_text()


def test_the_truth_is_large_and_masking_good_on_it() -> None:
    there, _, _ = counted()
    assert sum(there[sort] for sort, *_ in SECRETS) >= 300
    assert sum(there[sort] for sort, *_ in LOOKALIKES) >= sum(there.values()) * 0.45
    precision, recall = rates()
    assert precision >= 0.99
    assert recall >= 0.93


def test_planting_is_the_same_for_the_same_seed() -> None:
    assert planted(7) == planted(7) != planted(8)


if __name__ == "__main__":
    print(table())
