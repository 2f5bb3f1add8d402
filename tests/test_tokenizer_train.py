"""tokenizer.train, .draw and .check: flags, the draw, same bytes anywhere, sentences for bad input."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentencepiece
import zstandard

from pipeline.errors import WinnowError
from tokenizer import check, proto, train
from tokenizer.draw import Draw, Text, order_key, read_texts
from tokenizer.flags import MAX_LINE_BYTES

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "models" / "tokenizer.model"
LINES = [
    f"line {n} of the {n % 7} texts about tokens, the {n * 31} words and their pieces" for n in range(200)
]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    if path.suffix == ".zst":
        data = zstandard.compress(data)
    path.write_bytes(data)
    return path


def run(*arguments: object) -> int:
    return train.main([str(argument) for argument in arguments])


def test_same_bytes_in_two_folders_and_no_path_inside(tmp_path: Path) -> None:
    rows = [{"id": f"doc{n}", "text": line} for n, line in enumerate(LINES)]
    models = []
    for name, order in (("first-folder", rows), ("second-folder", rows[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        write_jsonl(folder / f"{name}-a.jsonl", order[:50])
        write_jsonl(folder / f"{name}-b.jsonl.gz", order[50:])
        command = [sys.executable, "-m", "tokenizer.train", "--vocab-size", "330"]
        command += ["--input", str(folder / "*.jsonl*"), "--output", str(folder / "out.model")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
        assert ran.stderr == b""  # no warnings of Beam's either
        models.append((folder / "out.model").read_bytes())
    assert models[0] == models[1]
    assert b"folder" not in models[0]
    spec = proto.parse_model(models[0]).trainer_spec
    assert not any(spec.HasField(field) for field in ("model_prefix", "input_format"))
    assert list(spec.input) == []


def test_flags_are_llamas() -> None:
    model = proto.parse_model(train.train_model(iter(LINES), 330))
    differing = [finding for finding in check.check_flags(model) if finding.good is not True]
    assert [finding.subject for finding in differing] == ["vocab_size", "num_threads"]
    assert all(finding.good is None for finding in differing)
    assert [piece.piece for piece in model.pieces[:4]] == ["<unk>", "<s>", "</s>", "<0x00>"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_reads_jsonl(tmp_path: Path, name: str) -> None:
    path = write_jsonl(tmp_path / name, [{"id": 7, "source": "books", "text": "x"}, {"text": "y"}])
    assert list(read_texts(str(path))) == [Text("books", "7", "x"), Text("text", "y", "y")]
    assert [text.source for text in read_texts(str(path), "mine")] == ["mine", "mine"]


def test_reads_parquet_and_lines(tmp_path: Path) -> None:
    table = pa.table(
        {"id": ["1", "2"], "text": pa.array(["x", None], pa.large_string()), "score": [1.0, 2.0]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert list(read_texts(str(tmp_path / "a.parquet"))) == [Text("text", "1", "x")]
    (tmp_path / "a.txt").write_bytes("één\r\ntwo\n".encode())
    assert [text.text for text in read_texts(str(tmp_path / "a.txt"))] == ["één", "two"]


def draw(texts: list[Text], budget: int, shares: dict[str, Fraction] | None = None) -> tuple[list[str], Draw]:
    sample = Draw(budget, shares)
    for text in texts:
        sample.add(text)
    return list(sample.lines()), sample


def test_draw_takes_the_smallest_keys_in_their_order() -> None:
    texts = [Text("a", f"name{n}", f"text number {n:03}") for n in range(100)]
    lines, sample = draw(texts, 160)
    wanted = [text.text for text in sorted(texts, key=lambda text: order_key(text.name))]
    assert lines == wanted[:10]
    assert draw(texts[::-1], 160)[0] == lines
    assert draw(texts, 161)[0] == wanted[:11]
    assert sample.drawn["a"].documents == 10


def test_draw_follows_proportions_to_a_line() -> None:
    texts = [
        Text(source, f"{source}{n}", "\n".join(["9 letters"] * 5)) for source in "abc" for n in range(100)
    ]
    _, sample = draw(texts, 4000, {"a": Fraction(3), "b": Fraction(1), "c": Fraction(0)})
    assert {source: count.lines for source, count in sample.drawn.items()} == {"a": 300, "b": 100}
    assert sample.short() == {}
    _, sample = draw(texts, 20_000, {"a": Fraction(3), "b": Fraction(1), "c": Fraction(0)})
    assert sample.short() == {"a": (5000, 15_000)}
    with pytest.raises(WinnowError, match="source c, which has no proportion"):
        draw(texts, 100, {"a": Fraction(1), "b": Fraction(1)})


def test_draw_holds_no_more_than_its_budget() -> None:
    sample = Draw(1000)
    for n in range(2000):
        sample.add(Text("a", str(n), "x" * 90))
        pool = sample._pools[""]
        assert pool.size == sum(len(held.text) + 1 for held in pool.heap) < 1000 + 91


def test_lines_the_trainer_would_skip_are_counted() -> None:
    long, reserved, limit = "x" * (MAX_LINE_BYTES + 1), "a \u2585 b", "é" * (MAX_LINE_BYTES // 2)
    lines, sample = draw([Text("a", "1", f"one\n{long}\n\n{reserved}\n{limit}")], 10**6)
    assert lines == ["one", limit]
    count = sample.drawn["a"]
    assert (count.lines, count.bytes) == (2, 3 + MAX_LINE_BYTES)
    assert (count.long_lines, count.long_bytes) == (1, MAX_LINE_BYTES + 1)
    assert (count.reserved_lines, count.reserved_bytes) == (1, 7)


def test_limits_are_the_trainers_own() -> None:
    """A line at the limit is learned from; one byte more, or the reserved character, and it is skipped."""

    def learned(line: str) -> bool:
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([*LINES, *[line] * 3]),
            model_writer=written,
            model_type="bpe",
            vocab_size=120,
            character_coverage=1.0,
            hard_vocab_limit=False,
            normalization_rule_name="identity",
            max_sentence_length=MAX_LINE_BYTES,
            minloglevel=2,
        )
        model = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
        return model.piece_to_id("Ж") != model.unk_id()

    assert learned("Ж" * (MAX_LINE_BYTES // 2))
    assert not learned("Ж" * (MAX_LINE_BYTES // 2) + "x")
    assert not learned("ЖЖЖ \u2585")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vocab-size", "32000"], "support 369"),
        (["--vocab-size", "100"], "100 pieces are too few"),
        (["--vocab-size", "0"], "must be above 0"),
        (["--proportions", "other=1"], "source text, which has no proportion"),
        (["--proportions", "text"], "cannot read text"),
        (["--proportions", "text=many", "a=1"], "text=many is not SOURCE=SHARE"),
        (["--proportions", "text=0"], "no source with a share above 0"),
    ],
)
def test_one_sentence_and_no_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": line} for line in LINES])
    output = tmp_path / "out" / "t.model"
    assert run("--input", path, "--output", output, *arguments) == 1
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("tokenizer.train")]
    assert len(said) == 1
    assert message in said[0]
    assert not output.parent.exists()


def test_the_number_it_names_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": line} for line in LINES])
    assert run("--input", path, "--output", tmp_path / "t.model") == 1
    most = capsys.readouterr().err.split("--vocab-size ")[1].strip()
    assert run("--input", path, "--output", tmp_path / "t.model", "--vocab-size", most) == 0
    assert f"{int(most):,} pieces" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "no text to train on"),
        ("a.jsonl", b'{"text": ""}\n{"text": "\\n\\n"}\n', "no text to train on"),
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y"}\n', "line 2 is not a JSON object"),
        ("a.jsonl", b'{"text": "x"\n', "line 1 is not a JSON object"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "x"}\n' * 99, mtime=0)[:-12], "cannot read"),
        ("a.jsonl.zst", b"not zstandard at all", "cannot read"),
        ("a.parquet", b"PAR1 but not really", "cannot read"),
        ("a.txt", b"fine\n\xff\xfe\n", "line 2 is not UTF-8"),
    ],
)
def test_bad_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert run("--input", tmp_path / name, "--output", tmp_path / "t.model") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "t.model").exists()


def test_pattern_without_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--input", tmp_path / "none*.jsonl", "--output", tmp_path / "t.model") == 1
    assert "no file matches --input" in capsys.readouterr().err


def test_proportions_from_a_mixture(tmp_path: Path) -> None:
    mixture = tmp_path / "m.yaml"
    mixture.write_text("seed: 1\nsources:\n  books:\n    proportion: 4.5\n  c4: {proportion: 15.0}\n")
    assert train.parse_proportions([str(mixture)]) == {"books": Fraction("4.5"), "c4": Fraction(15)}
    mixture.write_text("sources: [books]\n")
    with pytest.raises(WinnowError, match="is not a mixture"):
        train.parse_proportions([str(mixture)])


def test_check_passes_the_bundled_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = write_jsonl(tmp_path / "a.jsonl", [{"text": "some words", "source": "c4"}])
    assert check.main([str(MODEL), "--texts", str(texts)]) == 0
    said = capsys.readouterr().out
    assert "WRONG" not in said
    assert "c4" in said
    assert "word by word" in said


def test_check_finds_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=written, model_type="bpe", vocab_size=120, minloglevel=2
    )
    model = proto.parse_model(written.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    wrong = {finding.subject for finding in check.check_flags(model) if finding.good is False}
    assert {
        "byte_fallback",
        "split_digits",
        "character_coverage",
        "name",
        "remove_extra_whitespaces",
    } <= wrong
    wrong = {finding.subject for finding in check.check_behaviour(model, processor) if finding.good is False}
    assert {"byte pieces", "digits stand alone", "round trip: code with spaces", "round trip: CJK"} <= wrong
    (tmp_path / "t.model").write_bytes(written.getvalue())
    assert check.main([str(tmp_path / "t.model")]) == 1
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x0a\x03abc"])
def test_check_of_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (tmp_path / "t.model").write_bytes(content)
    assert check.main([str(tmp_path / "t.model")]) == 1
    assert "is not a SentencePiece model" in capsys.readouterr().err
