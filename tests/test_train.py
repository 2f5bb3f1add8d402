"""Training of language models and classifiers: same bytes twice, what is held out, bad input."""

import gzip
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentencepiece
import zstandard
from conftest import wet_bytes
from hypothesis import given
from hypothesis import strategies as st

from filters.reference import NEGATIVE, POSITIVE, reference_scores
from pipeline.errors import WinnowError
from pipeline.models import load_language_model, load_reference, resolve
from pipeline.train.__main__ import main
from pipeline.train.classifier import Class, ClassifierSettings, Example, _matched, _once, _split, chunks
from pipeline.train.corpus import Counts, Spool, Text, read_texts, text_hash
from pipeline.train.kenlm_tools import find_tools
from pipeline.train.lm import Facts, LmSettings, _train_pieces, _units, card, cut
from pipeline.train.measures import at_threshold, calibration, paired_auc, roc_auc
from pipeline.train.supervised import Settings, train

Write = Callable[[str, list[dict[str, str]]], str]
MODELS = Path(__file__).parents[1] / "models"
TOOLS = os.environ.get("WINNOW_KENLM_TOOLS")


def words(number: int, stem: str, count: int = 60) -> str:
    """A text of `count` words that differs for each number and shares words within a stem."""
    return " ".join(f"{stem}{(number * 7 + place * (number % 13 + place)) % 400}" for place in range(count))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_rows(name: str, rows: list[dict[str, str]]) -> str:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(tmp_path / name)

    return write_rows


def pages(stem: str, count: int) -> list[dict[str, str]]:
    return [
        {"url": f"http://host{n % 40}.org/{stem}{n}", "text": words(n, stem, 40 + n % 30)}
        for n in range(count)
    ]


class Failing:
    """Runs a command that must fail with one sentence and leave nothing; answers the sentence."""

    def __init__(self, write: Write, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.write = write
        self._output = output
        self._capsys = capsys

    def __call__(self, arguments: list[str], status: int = 1) -> str:
        assert main([*arguments, "--output", str(self._output)]) == status
        said = self._capsys.readouterr().err
        assert said.count("\n") == 1
        assert not self._output.exists() or not list(self._output.iterdir())
        return said


@pytest.fixture
def failing(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Failing:
    return Failing(write, tmp_path / "out", capsys)


# --- reading


def test_texts_of_every_form(tmp_path: Path) -> None:
    line = json.dumps({"body": "of JSON", "url": "http://a/"}).encode() + b"\n"
    (tmp_path / "a.jsonl").write_bytes(line + b"not JSON {\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(line))
    (tmp_path / "d.txt").write_text("first\nstill first\n\n \nsecond\n")
    (tmp_path / "e.txt.gz").write_bytes(gzip.compress(b"third"))
    pq.write_table(pa.table({"body": ["of Parquet"]}), tmp_path / "f.parquet")
    counts = Counts()
    found = [text.text for text in read_texts([str(tmp_path / "*")], "body", counts)]
    assert found == ["of JSON"] * 3 + ["first\nstill first", "second", "third", "of Parquet"]
    assert counts.left_out == {"unreadable": 1}


def response(url: str, html: str) -> bytes:
    """A WARC response record."""
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nContent-Length: {len(block)}"
    head += f"\r\nWARC-Record-ID: <urn:{url}>\r\nContent-Type: application/http"
    return head.encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


ENGLISH = "The quick brown fox jumps over the lazy dog, and everybody in the village knows why it does so."
GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund, und alle im Dorf wissen, warum er das tut."


def test_pages_of_a_crawl_are_extracted_and_their_language_looked_up(tmp_path: Path) -> None:
    page = f"<html><body><nav>Home</nav><article><p>{ENGLISH}</p></article></body></html>"
    broken = response("http://a.org/cut", page)[:-150]
    (tmp_path / "a.warc.gz").write_bytes(
        b"".join(map(gzip.compress, [response("http://a.org/", page), broken]))
    )
    (tmp_path / "b.wet").write_bytes(gzip.compress(gzip.decompress(wet_bytes([("http://b.de/", GERMAN)]))))
    (tmp_path / "c.wet").write_bytes(wet_bytes([("http://c.org/", "= 12 + 3")]))
    counts = Counts()
    found = list(read_texts([str(tmp_path / "*")], "text", counts))
    assert found == [
        ("http://a.org/", "en", ENGLISH),
        ("http://b.de/", "de", GERMAN),
        ("http://c.org/", "und", "= 12 + 3"),
    ]
    assert counts.left_out == {"unreadable": 1}


def test_rows_that_the_pipeline_dropped_are_not_trained_on(write: Write) -> None:
    file = write("rows.jsonl", [{"text": "kept"}, {"text": "gone", "verdict": "language"}])
    assert [text.text for text in read_texts([file], "text", Counts())] == ["kept"]


def test_a_pattern_without_files() -> None:
    with pytest.raises(WinnowError, match=r"no file matches nowhere/\*"):
        list(read_texts(["nowhere/*"], "text", Counts()))


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_a_spool_knows_no_order(texts: list[str], shuffled: object) -> None:
    with Spool() as one, Spool() as other:
        for text in texts:
            assert one.add(text)
            assert not one.add(text)
        for text in sorted(texts, reverse=True):
            other.add(text)
        training, heldout = one.split(0.3, 1000)
        assert (training, heldout) == other.split(0.3, 1000)
        assert sorted([*one.texts(training), *other.texts(heldout)]) == sorted(texts)


def test_a_spool_holds_out_its_share_and_takes_no_more_than_asked() -> None:
    with Spool() as spool:
        for number in range(2000):
            spool.add(str(number))
        training, heldout = spool.split(0.1, 1000)
        assert len(training) + len(heldout) == 1000
        assert 70 < len(heldout) < 130
        more, _ = spool.split(0.1, 2000)
        assert set(training) <= set(more)  # a larger sample holds the smaller one


# --- measures


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
        ([1, 2, 3, 4], [1, 1, 0, 0], 0.0),
        ([5, 5, 5, 5], [1, 0, 1, 0], 0.5),
        ([1, 1, 2], [0, 1, 1], 0.75),
    ],
)
def test_roc_auc(scores: list[float], labels: list[int], expected: float) -> None:
    assert roc_auc(np.array(scores, float), np.array(labels, bool)) == expected


def test_roc_auc_needs_both_classes() -> None:
    assert np.isnan(roc_auc(np.array([1.0]), np.array([True])))


def test_precision_recall_and_calibration() -> None:
    scores, positive = np.array([0.1, 0.3, 0.5, 0.9, 1.0]), np.array([0, 1, 0, 1, 1], bool)
    assert at_threshold(scores, positive, 0.5) == (2 / 3, 2 / 3, 3)
    assert np.isnan(at_threshold(scores, positive, 2.0).precision)
    bins = calibration(scores, positive, 2)
    assert [(b.texts, b.positive_share) for b in bins] == [(2, 0.5), (3, 2 / 3)]
    assert bins[1].mean_score == pytest.approx(0.8)


def test_auc_with_length_held_fixed() -> None:
    scores, positive = np.array([1.0, 2.0, 9.0, 3.0]), np.array([0, 1, 1, 0], bool)
    lengths = np.array([100.0, 110.0, 900.0, 890.0])
    assert paired_auc(scores, positive, lengths, 1.2) == (1.0, 2)
    assert paired_auc(-lengths, positive, lengths, 1.2) == (0.0, 2)
    assert paired_auc(scores, positive, lengths, 99) == (0.75, 4)
    assert paired_auc(scores, positive, lengths, 1.0)[1] == 0


# --- classifier


def test_fasttext_trains_to_the_same_bytes_whatever_lies_in_memory(tmp_path: Path) -> None:
    examples = [(POSITIVE if n % 2 else NEGATIVE, words(n, "ab"[n % 2])) for n in range(40)]
    settings = Settings(dimensions=16, quantize=False)
    found = set()
    for attempt in range(6):
        junk = [bytes([attempt * 40]) * (1000 * n) for n in range(40)]
        assert train(examples, tmp_path, "model.bin", settings)[:2] == (0, 1)
        found.add((tmp_path / "model.bin").read_bytes())
        del junk
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]
    train(examples, tmp_path, "other.bin", Settings(dimensions=16, quantize=False, seed=1))
    assert (tmp_path / "other.bin").read_bytes() not in found


def test_a_nan_leads_to_the_next_seed_which_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    def fail_twice(text: Path, vectors: Path, target: Path, settings: Settings, seed: int) -> None:
        seeds.append(seed)
        if len(seeds) <= 2:
            raise RuntimeError("Encountered NaN.")

    monkeypatch.setattr("pipeline.train.supervised._fit", fail_twice)
    trained = train([(POSITIVE, words(1, "a"))], tmp_path, "m", Settings(quantize=False, seed=5))
    assert (trained.seed, trained.attempts, seeds) == (7, 3, [5, 6, 7])


def test_labels_and_end_marks_in_a_text_are_words_of_it(tmp_path: Path) -> None:
    examples = [(POSITIVE, f"__label__spam </s> {words(n, 'a')}") for n in range(10)]
    examples += [(NEGATIVE, words(n, "b")) for n in range(10)]
    train(examples, tmp_path, "model.bin", Settings(dimensions=4, quantize=False))
    assert sorted(load_reference(resolve(str(tmp_path / "model.bin"))).get_labels()) == [NEGATIVE, POSITIVE]


def test_no_host_is_on_both_sides_unless_it_is_most_of_its_class() -> None:
    texts = {n: (f"http://{'www.' * (n % 2)}host{n % 40}.org/{n}", f"text {n}") for n in range(400)}
    texts |= {n: (f"http://crowded.org/{n}", f"text {n}") for n in range(400, 700)}
    settings = ClassifierSettings(Path(), Settings(), heldout=0.3)
    sides: dict[str, set[bool]] = {}
    for example in _split(texts, True, settings):
        host = texts[int(example.text.split()[1])][0].split("/")[2].removeprefix("www.")
        sides.setdefault(host, set()).add(example.heldout)
    assert sides.pop("crowded.org") == {True, False}
    assert all(len(side) == 1 for side in sides.values())
    assert 4 < sum(side == {True} for side in sides.values()) < 20


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5000), st.integers(0, 9)), max_size=60))
def test_matched_classes_are_equal_in_every_bin_of_lengths(drawn: list[tuple[bool, int, int]]) -> None:
    examples = [Example(positive, order, False, "x" * length) for positive, length, order in drawn]
    matched = _matched(examples)
    assert matched == _matched(examples[::-1])
    assert [e.order for e in matched] == sorted(e.order for e in matched)
    positives, negatives = (
        sorted(len(e.text) for e in matched if e.positive is side) for side in (True, False)
    )
    assert len(positives) == len(negatives)
    # A bin is a quarter octave wide, and pairs in order of length lie in one bin.
    assert all(max(a, b) / min(a, b) < 2**0.25 for a, b in zip(positives, negatives, strict=True))


def test_a_chunk_that_two_pages_share_is_on_no_side() -> None:
    one, two, three = (Example(True, order, order > 1, "x") for order in (1, 2, 1))
    assert _once([one, two, three]) == [two]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, ["ab\ncd\nef\ng"]), (2, ["ab", "cd", "ef"]), (3, ["ab\ncd", "ef\ng"]), (99, [])],
)
def test_chunks(size: int, expected: list[str]) -> None:
    assert chunks("ab\ncd\nef\ng", size) == expected


def test_classifier_end_to_end(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = [{"url": "http://both.org/", "text": words(1, "both")}]
    positives = write("p.jsonl", [*pages("a", 300), *pages("a", 10), *shared])
    negatives = write("n.jsonl", [*pages("b", 300), *shared, {"url": "", "text": "short"}])
    arguments = ["classifier", "--positives", positives, "--negatives", negatives, "--min-chars", "50"]
    outputs = []
    for folder, files in (("one", ["p.jsonl"]), ("two", ["p2.jsonl", "p1.jsonl"])):
        if folder == "two":  # the same texts in other files and another order
            lines = (tmp_path / "p.jsonl").read_text().splitlines(keepends=True)[::-1]
            (tmp_path / "p1.jsonl").write_text("".join(lines[:100]))
            (tmp_path / "p2.jsonl").write_text("".join(lines[100:]))
            arguments[2:3] = [str(tmp_path / file) for file in files]
        assert main([*arguments, "--dimensions", "8", "--output", str(tmp_path / folder)]) == 0
        outputs.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert outputs[0] == outputs[1]
    assert sorted(outputs[0]) == ["reference.en.ftz", "reference.en.md"]
    card = outputs[0]["reference.en.md"].decode()
    assert "301 documents (left out: 10 copies)" in card
    assert "1 too short" in card
    assert "1 texts that are in both classes are in neither" in card
    assert "| classifier | 1.000 |" in card  # classes without a common word
    assert str(tmp_path) not in card
    assert card in capsys.readouterr().out
    model = load_reference(resolve(str(tmp_path / "one" / "reference.en.ftz")))
    scores = reference_scores(model, [words(999, "a"), words(999, "b")])
    assert scores[0] > 0.5 > scores[1]


def test_a_class_holds_what_is_drawn_by_hash_whatever_the_order() -> None:
    settings = ClassifierSettings(Path(), Settings(), documents=20, min_chars=3, language="en")
    rows = [Text(f"http://{n % 7}/{n}", "", f"text {n % 50}") for n in range(100)]
    rows += [Text("", "de", "ein Text"), Text("", "en", "no"), Text("", "en", "one more")]
    found = []
    for order in (rows, rows[::-1]):
        side = Class(20)
        for row in order:
            side.add(row, settings)
        side.finish()
        found.append((side.texts, str(side.counts)))
    assert found[0] == found[1]
    by_hash = sorted({text_hash(row.text) for row in rows if row.language != "de" and len(row.text) > 2})
    assert sorted(found[0][0]) == by_hash[:20]
    assert all(text[0] == min(r.url for r in rows if r.text == text[1]) for text in found[0][0].values())
    assert found[0][1] == (
        "20 documents (left out: 81 copies or not drawn by hash, 1 of another language, 1 too short)"
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PAR1 but not really", "no positive text"),
        (gzip.compress(b"plain words", mtime=0)[:-9], "no positive text"),
        (gzip.compress("\n".join(words(n, "a") for n in range(99)).encode(), mtime=0)[:-99], "is damaged"),
        (b"", "no positive text"),
        (
            b"WARC/1.0\r\nbroken",
            "no positive text has 1,000 characters or more: 0 documents (left out: 1 unre",
        ),
    ],
)
def test_damaged_files_of_texts(content: bytes, sentence: str, failing: Failing, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    negatives = failing.write("n.jsonl", pages("b", 3))
    arguments = ["classifier", "--positives", str(tmp_path / "file"), "--negatives", negatives]
    assert sentence in failing(arguments)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (OSError(28, "No space left on device", "vectors.txt"), 1, "No space left on device: vectors.txt"),
        (KeyboardInterrupt(), 130, "stopped; nothing was written"),
        (RuntimeError("Encountered NaN."), 1, "fastText met a NaN with each of 10 seeds; try a lower --rate"),
        (RuntimeError("other"), 1, "fastText stopped: other"),
    ],
)
def test_what_stops_a_training_half_way_leaves_nothing(
    error: BaseException, status: int, sentence: str, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: Path, vectors: Path, target: Path, settings: Settings, seed: int) -> None:
        target.write_bytes(b"half a model")
        raise error

    monkeypatch.setattr("pipeline.train.supervised._fit", fail)
    files = ["--positives", failing.write("p.jsonl", pages("a", 200))]
    files += ["--negatives", failing.write("n.jsonl", pages("b", 200))]
    assert failing(["classifier", *files, "--min-chars", "50"], status) == f"winnow: {sentence}\n"


def test_a_card_s_text_is_read_before_anything_is_trained(failing: Failing) -> None:
    said = failing(["classifier", "--positives", "nothing", "--about", "nowhere.md"])
    assert "cannot read nowhere.md" in said


@pytest.mark.parametrize(
    ("positives", "negatives", "sentence"),
    [
        ([], [{"text": "x" * 100}], "no positive text has 50 characters or more: 0 documents"),
        ([{"text": "x" * 100}], [{"text": "tiny"}], "no negative text has 50 characters"),
        (pages("a", 10), pages("b", 10), "texts of each class and equal length are left to train on"),
        ([{"text": "{"}] * 2, [{"other": "x"}], "no positive text"),
    ],
)
def test_what_is_said_of_bad_input_for_a_classifier(
    positives: list[dict[str, str]], negatives: list[dict[str, str]], sentence: str, failing: Failing
) -> None:
    write = failing.write
    files = ["--positives", write("p.jsonl", positives), "--negatives", write("n.jsonl", negatives)]
    assert sentence in failing(["classifier", *files, "--min-chars", "50"])


# --- cards


@pytest.mark.parametrize("card", ["en.lm.md", "reference.en.md"])
def test_the_bundled_models_are_those_that_their_cards_are_of(card: str) -> None:
    text = (MODELS / card).read_text()
    files = re.findall(r"- `(.+)`: ([\d,]+) bytes, SHA-256 `(\w+)`", text)
    assert files
    for name, size, digest in files:
        data = (MODELS / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (int(size.replace(",", "")), digest), name


# --- language model


@pytest.mark.parametrize(
    ("line", "most", "expected"),
    [
        ("one two three", 100, ["one two three"]),
        ("one two three", 8, ["one two", "three"]),
        ("é" * 9, 16, ["é" * 4, "éééé é"]),
    ],
)
def test_cut(line: str, most: int, expected: list[str]) -> None:
    assert cut(line, most) == expected


@given(st.text(alphabet="ab é日 "), st.integers(8, 40))
def test_cut_loses_nothing_and_is_never_too_long(line: str, most: int) -> None:
    parts = cut(line, most)
    assert all(len(part.encode()) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(line.split())


def test_pieces_are_trained_once_and_as_many_as_the_text_supports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # cc_net's Makefile trains a second, smaller vocabulary over the first one when that had succeeded.
    sizes = []
    whole = sentencepiece.SentencePieceTrainer.train

    def counted(**settings: Any) -> None:
        sizes.append(settings["vocab_size"])
        whole(**settings)

    monkeypatch.setattr(sentencepiece.SentencePieceTrainer, "train", counted)
    rich = [words(number, "abc"[number % 3]) for number in range(200)]
    for texts, pieces in ((rich, 40), (["ab ab ba"], 6)):
        settings = LmSettings("en", (), tmp_path, pieces=40)
        found = _train_pieces(iter(texts), tmp_path, settings)
        assert found.get_piece_size() == pieces
    assert sizes == [40, 40]


# What lmplz 0.3.0 says, and how it ends, where `ulimit -v` leaves it less than its -S asks for.
MALLOC_FAILED = (
    "echo 'util/scoped.cc:20 in void* util::InspectAddr(void*, size_t, const char*) threw MallocException '"
    "'because `!addr && requested'\\''.' >&2; "
    "echo 'Cannot allocate memory for 863533160 bytes in malloc' >&2"
)


def test_a_model_learns_from_lines_as_they_are_judged() -> None:
    """RedPajama's model saw a document as one line, with words glued at its line ends and tabs."""
    text = "a b\nc d\te\n\n \nX1"
    assert list(_units(text, "lines")) == ["a b", "c d e", "x0"]
    assert list(_units(text, "ccnet")) == ["a bc de x0"]


def test_as_many_pieces_as_the_text_supports_and_the_card_says_so(tmp_path: Path) -> None:
    settings = LmSettings("en", (), tmp_path)
    processor = _train_pieces(iter(words(n, "ab"[n % 2]) for n in range(200)), tmp_path, settings)
    pieces = processor.get_piece_size()
    assert 200 < pieces < 65_536
    values = {mode: [float(p) for p in range(100)] for mode in ("lines", "ccnet")}
    text = card(settings, Facts(Counts(), Counts(), 190, 10, pieces, 10, values, values))
    assert f"{pieces:,} SentencePiece unigram pieces (65,536 asked for; the text supports no more)" in text
    assert "10 are too few to tell percentiles" in text
    assert "asked for" not in card(
        replace(settings, pieces=pieces), Facts(Counts(), Counts(), 190, 10, pieces, 10, values, values)
    )


def stand_in(folder: Path, script: str) -> str:
    """A folder with programs in the place of KenLM's, that do what `script` says."""
    folder.mkdir(exist_ok=True)
    for name in ("lmplz", "build_binary"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


def lm_arguments(file: str, tools: str) -> list[str]:
    return [
        "lm",
        "--language",
        "en",
        "--input",
        file,
        "--pieces",
        "300",
        "--kenlm-tools",
        tools,
        "--order",
        "2",
    ]


@pytest.mark.parametrize(
    ("documents", "script", "sentence"),
    [
        (0, "exit 0", "0 distinct documents of language en are too few"),
        (10, "exit 0", "10 distinct documents of language en are too few to train on: 50 are needed"),
        (200, f"cat > /dev/null; {MALLOC_FAILED}; kill -ABRT $$", "lmplz failed: out of memory"),
        (200, "cat > /dev/null; echo std::bad_alloc >&2; exit 134", "lmplz failed: out of memory"),
        (200, "echo 'No space left on device'; exit 1", "lmplz failed: no space is left"),
        (200, "cat > /dev/null; echo wrong flag; exit 1", "lmplz failed: wrong flag"),
        (200, "kill -9 $$", "lmplz failed: out of memory"),
    ],
)
def test_what_is_said_of_bad_input_for_a_language_model(
    documents: int, script: str, sentence: str, failing: Failing, tmp_path: Path
) -> None:
    file = failing.write("texts.jsonl", [*pages("a", documents), {"text": " "}])
    assert sentence in failing(lm_arguments(file, stand_in(tmp_path / "bin", script)))


def test_rows_of_another_language_are_left_out(failing: Failing, tmp_path: Path) -> None:
    rows = [row | {"language": language} for language in ("de", "en") for row in pages(language, 40)]
    file = failing.write("texts.jsonl", rows)
    assert "40 distinct documents of language en" in failing(lm_arguments(file, stand_in(tmp_path / "b", "")))


def test_missing_tools(failing: Failing, tmp_path: Path) -> None:
    file = failing.write("texts.jsonl", pages("a", 5))
    assert "lmplz and build_binary not found" in failing(lm_arguments(file, str(tmp_path)))
    with pytest.raises(WinnowError, match="make kenlm-tools"):
        find_tools(str(tmp_path))


@pytest.mark.skipif(
    not (TOOLS or shutil.which("lmplz")),
    reason="lmplz is not built: make kenlm-tools, WINNOW_KENLM_TOOLS=DIR",
)
def test_a_language_model_trains_to_the_same_bytes(write: Write, tmp_path: Path) -> None:
    rows = [
        {"url": "", "text": "\n".join(words(n * 5 + line, "ab"[line % 2], 8) for line in range(5))}
        for n in range(300)
    ]
    one, two = write("one.jsonl", rows), write("two.jsonl", rows[::-1])
    web = write("web.jsonl", [{"text": words(n, "ab"[n % 2], 20)} for n in range(50)])
    outputs = []
    for folder, file in (("a", one), ("b", two)):
        arguments = ["lm", "--language", "en", "--input", file, "--cutoffs-from", web, "--pieces", "300"]
        arguments += ["--memory", "100M", *(["--kenlm-tools", TOOLS] if TOOLS else [])]
        assert main([*arguments, "--output", str(tmp_path / folder)]) == 0
        outputs.append({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()})
    assert outputs[0] == outputs[1]
    assert sorted(outputs[0]) == ["en.cutoffs.json", "en.lm.bin", "en.lm.md", "en.sp.model"]
    assert all(str(tmp_path).encode() not in data for data in outputs[0].values())
    model = load_language_model(
        *(resolve(str(tmp_path / "a" / f"en.{kind}")) for kind in ("lm.bin", "sp.model", "cutoffs.json")),
        "en",
        "lines",
    )
    assert model.cutoffs is not None and 1 < model.cutoffs.head <= model.cutoffs.tail
    likely, odd = model.judge(words(5, "a", 8)), model.judge("z9 qq 77 w")
    assert likely.perplexity is not None and odd.perplexity is not None
    assert likely.perplexity < odd.perplexity
