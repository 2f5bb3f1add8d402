"""tokenizer.encode: ids identical to SentencePiece's own, whatever the text, the model and the memory."""

from __future__ import annotations

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenizer.encode import Encoder, token_dtype
from tokenizer.words import WordCutter, WordMemory, gather

MODEL = Path(__file__).parents[1] / "models" / "tokenizer.model"

HOSTILE = [
    "",
    " ",
    "  ",
    "a",
    " a",
    "a ",
    "  a  ",
    "a b",
    "a  b   c    d",
    "\n",
    "\n\n a \n",
    "a \n b\n  c",
    "\ta\t\tb \t c",
    "a\u00a0b\u00a0 c",
    "one\r\ntwo\r\n",
    "x=[1, 22,333];//\u201cquoted\u201d\u2026",
    "\u2581",
    "a\u2581 b",
    "a \u2581b\u2581",
    "\x01 \x02\x01",
    "a\0b",
    "don\u2019t \u00abstop\u00bb, caf\u00e9.",
    "\u81ea\u7136\u8a00\u8a9e \u51e6\u7406\u3002\u65e5\u672c",
    "\U0001f44d\U0001f3fd x\U000e0041",
    "e\u0301 \u0301\u0301 \u0915\u094d\u0937",
    "a" * 500,
    "ab " * 300,
    " " * 100,
    "</s> <s> <0x0A>",
]


def train(lines: list[str], **flags: Any) -> sentencepiece.SentencePieceProcessor:
    """A little model; the flags' defaults here are the ones that LLaMA-1 took."""
    written = io.BytesIO()
    options = {
        "model_type": "bpe",
        "vocab_size": 340,
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "allow_whitespace_only_pieces": True,
        "split_digits": True,
        "character_coverage": 1.0,
        "minloglevel": 2,
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, **(options | flags)
    )
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


LINES = [f"the cat  number {n} sat on   the mat, (thatched) and    'purred'... {n * 7919}" for n in range(60)]


@pytest.fixture(scope="module")
def bundled() -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(MODEL))


def assert_identical(
    encoder: Encoder, processor: sentencepiece.SentencePieceProcessor, texts: list[str]
) -> None:
    tokens, lengths = encoder.encode(texts)
    wanted = processor.encode(texts)
    assert lengths.tolist() == [len(ids) for ids in wanted]
    assert tokens.tolist() == [token for ids in wanted for token in ids]
    assert tokens.dtype == encoder.dtype


def test_bundled_model_is_cut(bundled: sentencepiece.SentencePieceProcessor) -> None:
    assert Encoder(bundled).whole_because == ""


@pytest.mark.parametrize(("slice_bytes", "memory_bytes"), [(1, 1 << 20), (7, 2_000), (1 << 20, 0)])
def test_hostile_texts(
    bundled: sentencepiece.SentencePieceProcessor, slice_bytes: int, memory_bytes: int
) -> None:
    encoder = Encoder(bundled, slice_bytes=slice_bytes, memory_bytes=memory_bytes)
    for _ in range(2):  # cold, then from memory
        assert_identical(encoder, bundled, HOSTILE)


PARTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(
        [" ", "  ", "\n", "\t", "\u00a0", "\u2581", "the", "The", ".", "2024", "\u201d", "\u0301"]
    ),
    st.text(max_size=12),
)


@pytest.fixture(scope="module")
def encoder(bundled: sentencepiece.SentencePieceProcessor) -> Encoder:
    return Encoder(bundled, slice_bytes=64, memory_bytes=100_000)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.lists(PARTS, max_size=12).map("".join), max_size=5))
def test_any_text(encoder: Encoder, bundled: sentencepiece.SentencePieceProcessor, texts: list[str]) -> None:
    assert_identical(encoder, bundled, texts)


@pytest.fixture(scope="module")
def glued() -> sentencepiece.SentencePieceProcessor:
    """A model whose pieces join letters with digits and punctuation."""
    return train(
        LINES, split_by_unicode_script=False, split_by_number=False, split_digits=False, vocab_size=420
    )


@pytest.fixture(scope="module")
def glued_encoder(glued: sentencepiece.SentencePieceProcessor) -> Encoder:
    return Encoder(glued)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="theca ,.'()0179\n", max_size=60))
def test_pieces_of_mixed_scripts(
    glued: sentencepiece.SentencePieceProcessor, glued_encoder: Encoder, text: str
) -> None:
    assert glued_encoder.whole_because == ""
    assert any("," in piece and "t" in piece for piece in map(glued.id_to_piece, range(glued.vocab_size())))
    assert_identical(glued_encoder, glued, [text, *LINES[:2]])


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"model_type": "unigram", "vocab_size": 290}, "not a BPE model"),
        ({"normalization_rule_name": "nmt_nfkc"}, "normaliser is nmt_nfkc"),
        ({"add_dummy_prefix": False}, "no space in front"),
        ({"remove_extra_whitespaces": True}, "removes spaces"),
        ({"treat_whitespace_as_suffix": True}, "spaces end words"),
        ({"byte_fallback": False, "vocab_size": 100}, "no byte pieces"),
        ({"user_defined_symbols": ["cat  number"]}, "user-defined"),
        ({"split_by_whitespace": False}, "behind another character"),
    ],
)
def test_other_models_are_encoded_whole(flags: dict[str, Any], reason: str) -> None:
    processor = train(LINES, **flags)
    encoder = Encoder(processor)
    assert reason in encoder.whole_because
    assert_identical(encoder, processor, [*LINES[:5], "a  b ", ""])


def test_every_control_character_in_one_text(bundled: sentencepiece.SentencePieceProcessor) -> None:
    text = "words and " + "".join(map(chr, range(32))) + " more"
    assert_identical(Encoder(bundled), bundled, [text, "plain"])


def test_edges(bundled: sentencepiece.SentencePieceProcessor) -> None:
    texts = ["one two", "", "three"]
    plain = bundled.encode(texts)
    for bos in (False, True):
        for eos in (False, True):
            tokens, lengths = Encoder(bundled).encode(texts, bos=bos, eos=eos)
            wanted = [[1] * bos + ids + [2] * eos for ids in plain]
            assert lengths.tolist() == list(map(len, wanted))
            assert tokens.tolist() == [token for ids in wanted for token in ids]
    tokens, lengths = Encoder(bundled).encode([], bos=True, eos=True)
    assert (len(tokens), len(lengths)) == (0, 0)


def test_edge_a_model_lacks() -> None:
    encoder = Encoder(train(LINES, bos_id=-1))
    with pytest.raises(ValueError, match="no BOS piece"):
        encoder.encode(["a"], bos=True)


def test_lone_surrogate(bundled: sentencepiece.SentencePieceProcessor) -> None:
    encoder = Encoder(bundled)
    with pytest.raises(ValueError, match="text 1 is not valid Unicode: a lone surrogate at character 2"):
        encoder.encode(["fine", "ab\ud800c"])
    assert_identical(encoder, bundled, ["fine"])


@pytest.mark.parametrize(
    ("size", "dtype"), [(32_000, "uint16"), (65_499, "uint16"), (65_537, "int32"), (128_256, "int32")]
)
def test_dtype(size: int, dtype: str) -> None:
    assert token_dtype(size) == dtype


@pytest.mark.parametrize("size", [65_500, 65_536])
def test_dtype_in_doubt(size: int) -> None:
    with pytest.raises(ValueError, match="trainers disagree"):
        token_dtype(size)


def test_cuts() -> None:
    cutter = WordCutter(["\u2581the", "the", "()", "\u2581(", "\u2581\u2581", "\u00e9t"])
    data = " the(); th\u00e9t  the\n".encode()
    starts = np.flatnonzero(cutter.starts(np.frombuffer(data, np.uint8)))
    words = np.split(np.frombuffer(data, np.uint8), starts[1:])
    assert [word.tobytes().decode() for word in words] == [" the", "()", ";", " th\u00e9t", "  the", "\n"]


def _spell(brief: Any, long: Any) -> tuple[Any, Any]:
    words = [*brief, *long]
    return np.frombuffer(b"".join(words), np.uint8).astype(np.uint16), np.array(
        list(map(len, words)), np.int64
    )


def test_memory_stays_within_its_bytes_and_keeps_the_latest() -> None:
    asked = 0

    def spell(brief: Any, long: Any) -> Any:
        nonlocal asked
        asked += len(brief) + len(long)
        return _spell(brief, long)

    memory = WordMemory(spell, np.dtype(np.uint16), limit_bytes=20_000)
    for n in range(60):
        words = [b"often", b"x" * (100 + n), *(b"word%d" % k for k in range(n * 10, n * 10 + 10))]
        sizes = np.array(list(map(len, words)), np.int64)
        table, starts, lengths = memory.look_up(words, sizes)
        assert gather(table, starts, lengths).tobytes().replace(b"\0", b"") == b"".join(words)
        assert memory.bytes_held <= 20_000
    assert 40 < len(memory) < 120
    # "often" once; every other word comes once, the long ones never stay
    assert asked == 1 + 60 * 11


def test_slices_of_a_long_document_are_small(bundled: sentencepiece.SentencePieceProcessor) -> None:
    sizes: list[int] = []

    class Watched(Encoder):
        def _encode_slice(self, parts: list[bytes]) -> Any:
            sizes.append(sum(map(len, parts)))
            return super()._encode_slice(parts)

    text = "It was the best of times,  it was the worst of times.\n" * 400
    assert_identical(Watched(bundled, slice_bytes=1000), bundled, [text])
    assert len(sizes) > 15
    assert max(sizes) < 1100


def test_threads_of_one_process_do_not_mix_their_words() -> None:
    encoder = Encoder.from_file(str(MODEL))
    alone = Encoder.from_file(str(MODEL))
    texts = [" ".join(f"w{number * 7919 + k}x{k}" for k in range(400)) for number in range(64)]
    expected = [alone.encode([text])[0].tolist() for text in texts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            found = list(pool.map(lambda text: encoder.encode([text])[0].tolist(), texts))
    finally:
        sys.setswitchinterval(interval)
    assert found == expected
