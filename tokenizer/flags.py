"""LLaMA-1's trainer flags, as they stand in its published `tokenizer.model`."""

from __future__ import annotations

from typing import NamedTuple

from tokenizer import proto

_FILE = "trainer_spec of LLaMA-1's tokenizer.model"
_NORMALIZER = "normalizer_spec of LLaMA-1's tokenizer.model"
_PAPER = f"LLaMA paper (arXiv 2302.13971) section 2.1, and {_FILE}"
_DEFAULT = f"{_FILE}: left at SentencePiece's default"


class Flag(NamedTuple):
    """A trainer flag: name and value in the model file, where these are known from, whether it shapes a
    model.

    A flag that does not shape the model says how a machine was used, or how many pieces were asked for.
    """

    name: str
    value: int | float | str | bool
    source: str
    shapes: bool = True


TRAINER_FLAGS = (
    Flag("model_type", proto.BPE, _PAPER),
    Flag("vocab_size", 32_000, _FILE, shapes=False),
    Flag("character_coverage", 0.99995, _FILE),
    Flag("split_digits", True, _PAPER),
    Flag("byte_fallback", True, _PAPER),
    Flag("allow_whitespace_only_pieces", True, _FILE),
    Flag("split_by_unicode_script", True, _DEFAULT),
    Flag("split_by_number", True, _DEFAULT),
    Flag("split_by_whitespace", True, _DEFAULT),
    Flag("treat_whitespace_as_suffix", False, _DEFAULT),
    Flag("max_sentencepiece_length", 16, _DEFAULT),
    Flag("max_sentence_length", 4192, _DEFAULT),
    Flag("input_sentence_size", 200_000_000, _FILE),
    Flag("shuffle_input_sentence", True, _DEFAULT),
    Flag("seed_sentencepiece_size", 1_000_000, _DEFAULT),
    Flag("shrinking_factor", 0.75, _DEFAULT),
    Flag("num_sub_iterations", 2, _DEFAULT),
    Flag("num_threads", 80, _FILE, shapes=False),  # BPE training itself has one thread (sentencepiece #941)
    Flag("train_extremely_large_corpus", False, _DEFAULT),
    Flag("hard_vocab_limit", True, _DEFAULT),
    Flag("use_all_vocab", False, _DEFAULT),
    Flag("vocabulary_output_piece_score", True, _DEFAULT),
    Flag("unk_id", 0, _DEFAULT),
    Flag("bos_id", 1, _DEFAULT),
    Flag("eos_id", 2, _DEFAULT),
    Flag("pad_id", -1, _DEFAULT),
    Flag("unk_piece", "<unk>", _DEFAULT),
    Flag("bos_piece", "<s>", _DEFAULT),
    Flag("eos_piece", "</s>", _DEFAULT),
    Flag("pad_piece", "<pad>", _DEFAULT),
    Flag("unk_surface", " \u2047 ", _DEFAULT),
)
NORMALIZER_FLAGS = (
    Flag("name", "identity", _NORMALIZER),
    Flag("precompiled_charsmap", "", _NORMALIZER),
    Flag("add_dummy_prefix", True, _NORMALIZER),
    Flag("remove_extra_whitespaces", False, _NORMALIZER),
    Flag("escape_whitespaces", True, _NORMALIZER),
)
MAX_LINE_BYTES = 4192  # max_sentence_length: the trainer skips a longer line and says so only in its log
RESERVED = "\u2585"  # stands for unknown characters inside the trainer, which skips a line that holds it
