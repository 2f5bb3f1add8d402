"""mixtures.locate: from a step to its documents and back, as the shards and their tables have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mixing import SIZES, make_run, read_shards, text_of, write_curated

from mixtures.locate import main
from mixtures.places import Places
from pipeline.phases.mix import mix
from pipeline.phases.tokenize import tokenize
from pipeline.schema import document_id

L = 32


CURRICULUM = [{"from_tokens": 1000, "proportions": {"web": 90, "books": 10}}]


@pytest.fixture(scope="module", params=["plain", "packed"])
def out(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp("out")
    write_curated(folder)
    packed = {"packing": "best_fit", "curriculum": CURRICULUM} if request.param == "packed" else {}
    run = make_run(folder, holdout={"tokens_per_source": 100}, **packed)
    tokenize(run)
    mix(run)
    return folder


def asked(capsys: pytest.CaptureFixture[str], out: Path, *arguments: str) -> Any:
    assert main([*arguments, "--run", str(out), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_batch_names_its_documents_urls_and_files(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = np.concatenate([tokens for tokens, _ in read_shards(out / "shards", "shard")])
    known = {
        line["id"]: (line, tokens)
        for source in SIZES
        for tokens, table in read_shards(out / "tokens" / source, source)
        for line in table
    }
    found = asked(capsys, out, "--step", "14", "--batch-rows", "7")
    assert (found["first_row"], found["stop_row"], found["tokens"]) == (98, 105, 7 * L)
    assert [row["row"] for row in found["rows"]] == list(range(98, 105))
    for row in found["rows"]:
        filled = 0
        for piece in row["pieces"]:
            line, tokens = known[piece["id"]]
            assert (piece["url"], piece["input"]) == (line["url"], line["input"])
            assert (row["source"], piece["document_tokens"]) == (line["source"], line["tokens"])
            document = tokens[line["start"] : line["end"]]
            at = row["row"] * L + piece["offset"]
            assert piece["offset"] == filled
            length = piece["stop"] - piece["start"]
            assert np.array_equal(flat[at : at + length], document[piece["start"] : piece["stop"]])
            filled += length
        assert filled == L


def test_the_last_batch_may_be_short(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = Places(str(out)).shards.rows
    size = next(size for size in range(7, rows) if rows % size)
    found = asked(capsys, out, "--step", str(rows // size), "--batch-rows", str(size))
    assert [row["row"] for row in found["rows"]] == list(range(rows // size * size, rows))


def test_every_document_leads_to_all_its_rows_and_no_other(out: Path) -> None:
    """What is computed for each document is what a scan of all tables finds."""
    places = Places(str(out))
    scanned: dict[str, list[Any]] = {}
    for piece in places.pieces(0, places.shards.rows):
        scanned.setdefault(piece.id, []).append(piece)
    epochs = {piece.epoch for pieces in scanned.values() for piece in pieces}
    assert epochs == {0, 1, 2}
    held = set()
    for source in SIZES:
        for number in range(SIZES[source]):
            document = places.find(document_id(source, str(number)))
            assert document is not None
            assert places.occurrences(document) == scanned.get(document.id, [])
            held |= {document.id} if document.held_out else set()
    assert held
    assert not held & scanned.keys()


def test_a_document_by_url_with_steps_and_text(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, out, "--document", "https://example.org/web/7/ü", "--batch-rows", "5", "--text")
    assert found["id"] == document_id("web", "7")
    assert (found["source"], found["input"], found["held_out"]) == ("web", "input-1.gz", False)
    assert [place["step"] for place in found["places"]] == [place["row"] // 5 for place in found["places"]]
    first = sorted((p for p in found["places"] if p["epoch"] == 0), key=lambda place: place["start"])
    assert [place["start"] for place in first] == [0, *(place["stop"] for place in first[:-1])]
    assert first[-1]["stop"] == found["tokens"]
    said = "".join(place["text"].replace(" ", "") for place in first)
    assert said == text_of("web", 7).replace(" ", "")


def test_plain_output_says_it_in_lines(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--row", "0", "--run", str(out), "--text"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("rows 0 to 0: 32 tokens of ")
    assert "at 0: tokens 0 to " in said
    assert "    | " in said
    held = next(
        line["id"] for _, table in read_shards(out / "shards" / "validation", "web") for line in table
    )
    assert main(["--document", held, "--run", str(out)]) == 0
    assert "held out for validation: in no training row" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--document", "nobody"], "no document of the token shards has the id or url nobody"),
        (["--step", "9999", "--batch-rows", "4"], "there is no step 9,999: "),
        (["--row", "-1"], "there is no row -1"),
        (["--row", "0", "--text", "--tokenizer", "no/such.model"], "no/such.model"),
        (["--row", "0", "--run", "nowhere"], "nowhere holds no training shards"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    out: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["--run", str(out), *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("winnow: ")
    assert sentence in said
    assert said.count("\n") == 1


def test_another_tokenizer_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = Places(str(out))
    places.plan["tokenizer"] = "another"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mixtures.locate.Places", lambda _: places)
        assert main(["--row", "0", "--text", "--run", str(out)]) == 1
    assert "the tokens were not made by bundled:tokenizer.model" in capsys.readouterr().err
