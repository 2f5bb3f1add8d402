"""Near-duplicates in real runs: every document that goes names one that stays, however the run is cut."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import RunJob, folder_digests

from pipeline.dedup.bands import MEETS
from pipeline.dedup.near_stage import POINTS, NearDuplicates
from pipeline.dedup.near_steps import PAIR, POINT, MeetPoints
from pipeline.engine import Engine
from pipeline.errors import WinnowError
from pipeline.manifest import read_manifest
from pipeline.packed import read_packed
from pipeline.summary import near_duplicate_lines

PHASES = "prepare,lines,judge,duplicates,curate"
Texts = dict[str, list[tuple[str, str]]]


def words(rng: random.Random, count: int) -> list[str]:
    return [f"w{rng.randrange(10**6)}" for _ in range(count)]


def edited(rng: random.Random, text: Sequence[str], changes: int) -> list[str]:
    changed = list(text)
    for place in rng.sample(range(len(text)), changes):
        changed[place] = f"x{rng.randrange(10**9)}"
    return changed


def overlap(one: str, other: str, size: int = 5) -> tuple[float, float]:
    """Jaccard and containment of the word shingles of two texts of plain lower-case words."""
    a, b = (
        {tuple(text.split()[i : i + size]) for i in range(len(text.split()) - size + 1)}
        for text in (one, other)
    )
    return len(a & b) / len(a | b), len(a & b) / min(len(a), len(b))


def corpus(seed: int, families: int = 12) -> list[tuple[str, str]]:
    """Families of texts: edited ones, copies but for capitals, parts of an omnibus, and texts alone."""
    rng = random.Random(seed)
    texts = []
    for _ in range(families):
        text = words(rng, rng.choice([150, 400]))
        family = [text] + [edited(rng, text, rng.randrange(4)) for _ in range(rng.randrange(4))]
        family += [[word.upper() for word in rng.choice(family)] for _ in range(rng.randrange(2))]
        if rng.random() < 0.5:
            family.append(words(rng, 300) + edited(rng, text, 1) + words(rng, 300))
        texts += family
    texts += [["Read", "more"], ["read", "MORE"], ["one", "two", "three", "four"], ["one", "two", "three"]]
    return [(f"{seed}-{number}", " ".join(text)) for number, text in enumerate(texts)]


def write(folder: Path, sources: Texts, files: int = 3) -> list[str]:
    """Write each source's (id, text) rows as JSON lines into some files; returns the inputs as options."""
    options = []
    for source, rows in sources.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        for number in range(files):
            lines = [json.dumps({"id": name, "text": text}) for name, text in rows[number::files]]
            (folder / source / f"part-{number}.jsonl").write_text("\n".join(lines) + "\n" if lines else "")
        options += ["--input", f"{source}={folder / source}/part-*.jsonl"]
    return options


def config(path: Path, settings: dict[str, str], batch: str = "16MiB") -> list[str]:
    """Write a config of documents sources with these near-duplicate settings; returns it as options."""
    share = 100 / len(settings)
    blocks = [
        f"  {source}: {{flow: documents, proportion: {share}, read: {{id: id}}, duplicate_text: on"
        + (f", near_duplicates: {near}}}" if near else "}")
        for source, near in settings.items()
    ]
    path.write_text("\n".join([f"batch_bytes: {batch}", "sources:", *blocks]) + "\n")
    return ["--config", str(path), "--phases", PHASES]


def rows(out: Path, folder: str, source: str = "*") -> list[dict[str, Any]]:
    found = [
        row
        for file in sorted(out.glob(f"{folder}/{source}/*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))


def answer(out: Path) -> list[list[dict[str, Any]]]:
    return [rows(out, folder) for folder in ("curated", "dropped", "clusters")]


EITHER = "{measure: either, threshold: 0.9, one_in: 4}"


def test_whoever_goes_names_one_that_stays_and_is_alike(tmp_path: Path, run_job: RunJob) -> None:
    inputs = write(tmp_path / "in", {"a": corpus(1)})
    run_job(*config(tmp_path / "c.yaml", {"a": EITHER}), *inputs, "--output", str(tmp_path / "out"))
    kept, dropped, members = answer(tmp_path / "out")
    stays = {row["id"]: row for row in kept}
    text = {row["id"]: row["text"].lower() for row in kept + dropped}
    near = [row for row in dropped if row["verdict"] == "near_duplicate"]
    assert len(near) > 10
    for row in near:
        similarity = max(overlap(text[row["id"]], text[row["survivor"]]))
        assert row["survivor"] in stays
        assert row["verdict_value"] == pytest.approx(similarity)
        assert similarity >= row["verdict_threshold"] == 0.9
        assert stays[row["survivor"]]["cluster"] == row["cluster"]
    # Nothing that stays is over the threshold with anything else that stays.
    ids = [name for name in sorted(stays) if len(text[name].split()) >= 5]
    assert not [(a, b) for a in ids for b in ids if a < b and max(overlap(text[a], text[b])) >= 0.9]
    short = [row for row in kept if len(row["text"].split()) < 5]
    assert len(short) == 4
    table = {row["member"]: row for row in members}
    assert {row["id"] for row in kept + dropped if row["cluster"]} == set(table)
    assert {name for name, row in table.items() if row["rule"]} == {row["id"] for row in dropped}
    for row in table.values():
        if row["rule"]:
            similarity = max(overlap(text[row["pair_first"]], text[row["pair_second"]]))
            assert row["similarity"] == pytest.approx(similarity)
            assert row["survivor"] in {row["pair_first"], row["pair_second"]}
    labels = defaultdict(list)
    for name, row in table.items():
        labels[row["cluster"]].append(name)
    assert all(label in stays for label in labels), "a cluster is called after its best, who stays"


@pytest.mark.parametrize(
    ("near", "more"),
    [
        (EITHER, ["--workers", "2"]),
        ("{measure: either, threshold: 0.9, one_in: 4, edges_in_memory: 0}", ["--exchange", "shuffle"]),
    ],
)
def test_every_way_gives_one_answer(near: str, more: list[str], tmp_path: Path, run_job: RunJob) -> None:
    inputs = write(tmp_path / "in", {"a": corpus(2, 5), "b": corpus(3, 2) + corpus(2, 2)}, files=2)
    plain = config(tmp_path / "plain.yaml", {"a": EITHER, "b": ""})
    run_job(*plain, *inputs, "--output", str(tmp_path / "plain"))
    run_job(
        *config(tmp_path / "c.yaml", {"a": near, "b": ""}), *inputs, *more, "--output", str(tmp_path / "out")
    )
    assert answer(tmp_path / "out") == answer(tmp_path / "plain")
    assert sum(row["verdict"] == "near_duplicate" for row in rows(tmp_path / "out", "dropped")) > 5


def test_steps_done_without_a_pipeline_write_the_same_bytes(
    tmp_path: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write(tmp_path / "in", {"a": corpus(2, 3)}, files=2)
    options = [*config(tmp_path / "c.yaml", {"a": EITHER}), *inputs, "--output"]
    started: list[int] = []
    run = Engine.run

    def count(self: Engine, build: Callable[[beam.Pipeline], object], size: int, elements: int) -> None:
        started.append(elements)
        with monkeypatch.context() as here:
            here.setattr(Engine, "works_here", lambda *_: True)
            run(self, build, size, elements)

    monkeypatch.setattr(Engine, "run", count)
    run_job(*options, str(tmp_path / "loop"))
    assert len(started) == 3, "prepare, judge, curate: whatever reads text"
    monkeypatch.setattr(Engine, "works_here", lambda *_: False)
    run_job(*options, str(tmp_path / "jobs"))
    assert len(started) == 3 + 3 + 12
    assert folder_digests(tmp_path / "loop") == folder_digests(tmp_path / "jobs")


def test_a_long_chain_is_one_cluster_by_one_array_and_by_stars(tmp_path: Path, run_job: RunJob) -> None:
    text = words(random.Random(12), 2600)
    chain = [(f"{link}", " ".join(text[8 * link : 8 * link + 200])) for link in range(300)]
    inputs = write(tmp_path / "in", {"a": chain})
    for name, more in (("array", ""), ("stars", ", edges_in_memory: 0")):
        near = config(tmp_path / f"{name}.yaml", {"a": f"{{threshold: 0.9{more}}}"})
        run_job(*near, *inputs, "--output", str(tmp_path / name))
    kept, dropped, members = answer(tmp_path / "array")
    assert answer(tmp_path / "stars") == [kept, dropped, members]
    assert len(members) == 300
    assert len({row["cluster"] for row in members}) == 1
    # Only neighbours are alike (.92; the next but one .85), so each that goes lost to the one beside it.
    place = {row["id"]: text.index(row["text"].split()[0]) // 8 for row in kept + dropped}
    assert {abs(place[row["id"]] - place[row["survivor"]]) for row in dropped} == {1}
    stays = {place[row["id"]] for row in kept}
    assert not stays & {link + 1 for link in stays}
    assert len(stays) > 100


def test_batches_and_order_change_nothing(tmp_path: Path, run_job: RunJob) -> None:
    texts = corpus(4, 8)
    inputs = write(tmp_path / "in", {"a": texts})
    run_job(*config(tmp_path / "c.yaml", {"a": EITHER}), *inputs, "--output", str(tmp_path / "plain"))
    random.Random(1).shuffle(texts)
    others = write(tmp_path / "other", {"a": texts}, files=4)
    small = config(tmp_path / "small.yaml", {"a": EITHER}, batch="4KiB")
    run_job(*small, *others, "--output", str(tmp_path / "out"))
    assert len(list((tmp_path / "out" / "documents" / "a").iterdir())) > 8

    def without_place(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kept = [{k: v for k, v in row.items() if k not in ("input", "ordinal")} for row in found]
        return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True))

    for one, other in zip(answer(tmp_path / "out"), answer(tmp_path / "plain"), strict=True):
        assert without_place(one) == without_place(other)


def test_sources_of_one_scope_meet_and_the_first_keeps_its_documents(tmp_path: Path, run_job: RunJob) -> None:
    rng = random.Random(5)
    text = words(rng, 200)
    inputs = write(
        tmp_path / "in",
        {
            "a": [("1", " ".join(text)), ("2", " ".join(words(rng, 50)))],
            "b": [("1", " ".join(edited(rng, text, 1)))],
        },
    )
    within = "{threshold: 0.9, scope: web}"
    run_job(
        *config(tmp_path / "c.yaml", {"b": within, "a": within}), *inputs, "--output", str(tmp_path / "out")
    )
    dropped = rows(tmp_path / "out", "dropped")
    assert [(row["source"], row["verdict"]) for row in dropped] == [("a", "near_duplicate")]
    kept = {row["source"]: row for row in rows(tmp_path / "out", "curated") if row["cluster"]}
    assert kept["b"]["id"] == dropped[0]["survivor"]
    assert kept["b"]["cluster_shared"], "no side of a holdout could be right for both sources"
    run_job(
        *config(tmp_path / "c.yaml", {"b": "on", "a": "on"}), *inputs, "--output", str(tmp_path / "alone")
    )
    assert not rows(tmp_path / "alone", "dropped"), "each source by itself"


def test_survivors_by_quality_then_length_then_id(tmp_path: Path, run_job: RunJob) -> None:
    rng = random.Random(6)
    text = words(rng, 200)
    longer = [*text, "and", "more"]
    inputs = write(tmp_path / "in", {"a": [("1", " ".join(text)), ("2", " ".join(longer))]})
    settings = {"a": "{threshold: 0.9}"}
    run_job(*config(tmp_path / "c.yaml", settings), *inputs, "--output", str(tmp_path / "out"))
    assert [len(row["text"].split()) for row in rows(tmp_path / "out", "curated")] == [202]


def test_an_exact_duplicate_follows_its_survivor(tmp_path: Path, run_job: RunJob) -> None:
    rng = random.Random(7)
    text = " ".join(words(rng, 200))
    best = text + " and more"
    inputs = write(tmp_path / "in", {"a": [("1", text), ("2", best)], "b": [("1", text), ("2", text + "!")]})
    near = config(tmp_path / "c.yaml", {"a": "on", "b": ""})
    run_job(*near, *inputs, "--output", str(tmp_path / "out"))
    [kept, other] = sorted(rows(tmp_path / "out", "curated"), key=lambda row: str(row["source"]))
    assert (kept["text"], other["text"]) == (best, text + "!"), "b does not ask for near-duplicates"
    dropped = {row["source"]: row for row in rows(tmp_path / "out", "dropped")}
    assert {row["survivor"] for row in dropped.values()} == {kept["id"]}
    assert dropped["b"]["verdict"] == "duplicate_text"
    assert dropped["b"]["verdict_value"] == dropped["a"]["verdict_value"] == pytest.approx(196 / 198)
    [row] = rows(tmp_path / "out", "clusters", "b")
    assert (row["survivor"], row["pair_first"]) == (kept["id"], dropped["a"]["id"])


@pytest.mark.parametrize(
    ("near", "found"),
    [
        ("{threshold: 0.8, verify: sampled, sketch: 64}", True),
        ("{threshold: 0.999}", False),
        ("{threshold: 0.999, verify: none}", True),
        ("{threshold: 0.8, permutations: 64, rows: 8, shingle: 3, preset: datatrove}", True),
    ],
)
def test_how_candidates_are_verified(near: str, found: bool, tmp_path: Path, run_job: RunJob) -> None:
    rng = random.Random(8)
    text = words(rng, 2000)
    inputs = write(tmp_path / "in", {"a": [("1", " ".join(text)), ("2", " ".join(edited(rng, text, 5)))]})
    run, _ = run_job(*config(tmp_path / "c.yaml", {"a": near}), *inputs, "--output", str(tmp_path / "out"))
    dropped = rows(tmp_path / "out", "dropped")
    assert len(dropped) == found
    if found:
        known = "none" not in near
        assert (dropped[0]["verdict_value"] is not None) == known
    [line] = near_duplicate_lines(run)
    assert ("within 0.244" in line) == ("sampled" in near)


def test_a_cluster_of_which_two_stay_is_on_one_side_of_a_holdout(tmp_path: Path, run_job: RunJob) -> None:
    rng = random.Random(11)
    texts = []
    for chain in range(4):
        first = words(rng, 400)
        middle = [*edited(rng, first[:200], 6), *first[200:]]
        last = [*middle[:200], *edited(rng, middle[200:], 6)]
        texts += [(f"{chain}-{place}", " ".join(text)) for place, text in enumerate((first, middle, last))]
    inputs = write(tmp_path / "in", {"a": texts})
    options = config(tmp_path / "c.yaml", {"a": "{threshold: 0.8}"})
    options[-1] += ",tokenize"
    run_job(*options, *inputs, "--output", str(tmp_path / "out"))
    kept = rows(tmp_path / "out", "curated")
    assert len(kept) == 8, "the middle of each chain goes, its ends are not alike"
    labels = {row["id"]: row["cluster"] for row in kept}
    side = {}
    for path in sorted((tmp_path / "out" / "work" / "tokenize" / "encoded" / "a").iterdir()):
        packed = read_packed(str(path))
        side |= {
            name.decode(): key
            for name, key in zip(packed["id"].tolist(), packed["holdout"].tolist(), strict=True)
        }
    assert len({(labels[name], key) for name, key in side.items()}) == len(set(labels.values())) == 4


def test_an_edited_threshold_does_not_judge_again(tmp_path: Path, run_job: RunJob) -> None:
    inputs = write(tmp_path / "in", {"a": corpus(9, 3)})
    options = [*inputs, "--output", str(tmp_path / "out")]
    run_job(*config(tmp_path / "c.yaml", {"a": "{threshold: 0.9}"}), *options)
    _, second = run_job(*config(tmp_path / "c.yaml", {"a": "{threshold: 0.9}"}), *options)
    assert [outcome.ran for outcome in second] == [[]] * 5
    _, third = run_job(*config(tmp_path / "c.yaml", {"a": "{threshold: 0.5}"}), *options)
    assert next(outcome.phase for outcome in third if outcome.ran) == "duplicates"
    run_job(
        *config(tmp_path / "c.yaml", {"a": "{threshold: 0.5}"}), *inputs, "--output", str(tmp_path / "fresh")
    )
    assert answer(tmp_path / "out") == answer(tmp_path / "fresh")


def test_what_may_be_missed_is_recorded_and_said(tmp_path: Path, run_job: RunJob) -> None:
    rng = random.Random(10)
    template = words(rng, 150)
    pages = [(str(n), " ".join([*template, f"page{n}"])) for n in range(60)]
    inputs = write(tmp_path / "in", {"a": pages})
    run, _ = run_job(*config(tmp_path / "c.yaml", {"a": "on"}), *inputs, "--output", str(tmp_path / "out"))
    assert len(rows(tmp_path / "out", "curated")) == 1
    manifest = read_manifest(run.out, "duplicates", "a")
    assert manifest is not None
    [facts] = [unit.facts for unit in manifest.units if unit.name == NearDuplicates.name]
    assert facts["expected"]["recall"] == pytest.approx(0.99988, abs=1e-5)
    assert facts["not_compared"]["bands"] > 0
    [line] = near_duplicate_lines(run)
    assert "99.99% of pairs at Jaccard 0.9 are expected to meet" in line
    assert f"in crowded bands {facts['not_compared']['bands']:,} times" in line


@pytest.mark.parametrize(
    ("near", "message"),
    [
        ("{measure: either, verify: none}", "`verify: none` leaves it to the bands"),
        ("{permutations: 4}", "a band of 8 rows needs as many permutations, not 4"),
        ("{preset: webb}", "near_duplicates.preset: input should be 'web'"),
        ("{quality: perplexty}", "near_duplicates.quality: input should be 'language_score'"),
        ("{tresholds: 0.8}", "unknown key; did you mean 'threshold'"),
        ("{threshold: 90}", "near_duplicates.threshold: input should be less than or equal to 1"),
    ],
)
def test_wrong_settings_are_one_sentence(near: str, message: str, tmp_path: Path, run_job: RunJob) -> None:
    with pytest.raises(WinnowError, match=message):
        run_job(*config(tmp_path / "c.yaml", {"a": near}), "--output", str(tmp_path / "out"))


def test_sources_of_one_scope_compare_alike(tmp_path: Path, run_job: RunJob) -> None:
    inputs = write(tmp_path / "in", {"a": corpus(1, 1), "b": corpus(1, 1)})
    options = [*inputs, "--output", str(tmp_path / "out")]
    different = {"a": "{scope: web}", "b": "{scope: web, threshold: 0.8}"}
    with pytest.raises(WinnowError, match=r"sources\.b\.near_duplicates\.threshold: 0\.8 here, 0\.9 for a"):
        run_job(*config(tmp_path / "c.yaml", different), *options)
    with pytest.raises(WinnowError, match=r"sources\.a\.near_duplicates\.scope: b is a source"):
        run_job(*config(tmp_path / "c.yaml", {"a": "{scope: b}", "b": "on"}), *options)


def test_a_hundred_thousand_copies_are_compared_with_nobody() -> None:
    points = np.zeros(16 * 100_000, POINT)
    points["key"] = np.repeat(np.arange(16, dtype=np.uint64) << np.uint64(1), 100_000)
    points["document"], points["set"] = np.tile(np.arange(100_000, dtype=np.uint64), 16), 7
    arrays, facts = MeetPoints().decide("", {POINTS: points})
    pairs = arrays["pairs.entries"]
    assert (len(pairs), facts["left_out"]) == (99_999, {"bands": 0, "shared": 0})
    assert pairs["copy"].all()
    assert set(pairs["first"].tolist()) == {0}


def test_twenty_thousand_pages_of_one_template_make_few_pairs() -> None:
    pages = 20_000
    points = np.zeros(16 * pages, POINT)
    points["key"] = np.repeat(np.arange(16, dtype=np.uint64) << np.uint64(1), pages)
    points["document"] = np.tile(np.arange(pages, dtype=np.uint64), 16)
    points["set"] = np.tile(np.random.default_rng(1).permutation(pages).astype(np.uint64), 16)
    arrays, facts = MeetPoints().decide("", {POINTS: points})
    assert arrays["pairs.entries"].dtype == PAIR
    assert len(arrays["pairs.entries"]) == MEETS * pages - MEETS * (MEETS + 1) // 2
    assert facts["left_out"]["bands"] == 16 * (pages * (pages - 1) // 2 - len(arrays["pairs.entries"]))
