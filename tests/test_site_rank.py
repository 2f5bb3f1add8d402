"""The largest Stack Exchange sites of those given: ranked by posts, recorded, others kept with a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import RunJob
from test_stackexchange_reader import dump, row

from pipeline.errors import WinnowError
from pipeline.flows.stackexchange import LargestSites, RankedSites, StackExchangeDump
from pipeline.manifest import read_manifest
from pipeline.transforms.read import Documents

SITES = {"b.example": 3, "a.example": 3, "meta.a.example": 1, "big.example": 5}


def settled(records: dict[str, int], **settings: Any) -> RankedSites:
    return LargestSites(**settings).settled(StackExchangeDump(), records)


def test_sites_are_ranked_by_posts_then_by_name() -> None:
    records = {f"{site}__Posts.xml": posts for site, posts in SITES.items()}
    records |= {"big.example__Users.xml": 1, "BIG.example.7z": 4, "big.example-Comments.7z": 1}
    expected = (("big.example", 5), ("a.example", 3), ("b.example", 3), ("meta.a.example", 1))
    assert settled(records).posts == expected
    assert settled(dict(reversed(records.items()))).posts == expected
    named = LargestSites().settled(StackExchangeDump(site="A.example"), {"Posts.xml": 7})
    assert named.posts == (("a.example", 7),)
    assert LargestSites().settled(Documents(), {"x": 1}).posts == ()
    with pytest.raises(WinnowError, match=r"no input is of the site 'c\.example'"):
        settled(records, sites=("a.example", "c.example"))


def run_sites(folder: Path, run_job: RunJob, block: str) -> dict[str, Any]:
    """For each site the verdict of its documents, its value and threshold."""
    for site, posts in SITES.items():
        place = folder / "in" / site
        place.mkdir(parents=True, exist_ok=True)
        rows = (row(Id=n, PostTypeId=1, Score=1, Title=site, Body=f"<p>{n}</p>") for n in range(1, posts + 1))
        (place / "Posts.xml").write_bytes(dump(*rows))
    (folder / "config.yaml").write_text(f"sources:\n  stackexchange:\n    proportion: 1\n{block}")
    phases = "prepare,lines,judge,duplicates,curate"
    pattern = f"stackexchange={folder}/in/*/Posts.xml"
    out = folder / "out"
    run_job("--config", f"{folder}/config.yaml", "--phases", phases, "--input", pattern, "--output", str(out))
    found = {}
    for kept in ("curated", "dropped"):
        for path in sorted((out / kept / "stackexchange").glob("*.parquet")):
            for read in pq.read_table(path).to_pylist():
                verdict = (kept, read["verdict"], read["verdict_value"], read["verdict_threshold"])
                found.setdefault(read["url"].split("/")[2], set()).add(verdict)
    assert all(len(verdicts) == 1 for verdicts in found.values())
    return {site: verdicts.pop() for site, verdicts in found.items()}


def test_the_others_have_a_verdict_and_naming_sites_overrides_it(tmp_path: Path, run_job: RunJob) -> None:
    kept = ("curated", None, None, None)
    assert run_sites(tmp_path, run_job, "    largest_sites: {keep: 2}\n") == {
        "big.example": kept,
        "a.example": kept,
        "b.example": ("dropped", "site_rank", 3, 2),
        "meta.a.example": ("dropped", "site_rank", 4, 2),
    }
    manifest = read_manifest(str(tmp_path / "out"), "judge", "stackexchange")
    assert manifest is not None
    (stage,) = manifest.config["judge"]
    assert stage["posts"] == [["big.example", 5], ["a.example", 3], ["b.example", 3], ["meta.a.example", 1]]
    dropped = ("dropped", "site", None, None)
    block = "    largest_sites: {keep: 2, sites: [meta.a.example]}\n"
    assert run_sites(tmp_path, run_job, block) == dict.fromkeys(SITES, dropped) | {"meta.a.example": kept}
    assert run_sites(tmp_path, run_job, "    largest_sites: off\n") == dict.fromkeys(SITES, kept)


def test_a_site_that_grows_is_ranked_anew(tmp_path: Path, run_job: RunJob, monkeypatch: Any) -> None:
    block = "    largest_sites: {keep: 1}\n"
    assert run_sites(tmp_path, run_job, block)["big.example"][0] == "curated"
    monkeypatch.setitem(SITES, "meta.a.example", 9)
    found = run_sites(tmp_path, run_job, block)
    assert found["meta.a.example"][0] == "curated"
    assert found["big.example"] == ("dropped", "site_rank", 2, 1)
