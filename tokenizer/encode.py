"""Encoding documents: SentencePiece's own ids, each distinct word encoded once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import sentencepiece
from numpy.typing import DTypeLike, NDArray

from tokenizer import proto
from tokenizer.words import SPACE, Ints, WordCutter, WordMemory, gather

MEMORY_BYTES = 128 << 20
SLICE_BYTES = 4 << 20  # text worked on at once: larger runs slower (the tables leave the processor's cache)
_WORDS_A_CALL = 128  # SentencePiece is fastest on strings of about 1 kB
_SMALLEST_IN_DOUBT, _LARGEST_IN_DOUBT = 65_500, 65_536
_CANDIDATES = tuple(chr(code) for code in range(1, 32) if chr(code) not in "\t\n\v\f\r")


def token_dtype(vocab_size: int) -> np.dtype[np.generic]:
    """The integer type of tokens on disk: uint16 below 65,500 pieces, int32 above 65,536.

    Raises ValueError between the two, where Megatron's writer and its fast cache path disagree about the type
    (megatron-core: `DType.optimal_dtype` against `GPTDatasetConfig.token_dtype_code`).
    """
    if vocab_size < _SMALLEST_IN_DOUBT:
        return np.dtype(np.uint16)
    if vocab_size > _LARGEST_IN_DOUBT:
        return np.dtype(np.int32)
    raise ValueError(
        f"a vocabulary of {vocab_size:,} pieces lies between {_SMALLEST_IN_DOUBT:,} and {_LARGEST_IN_DOUBT:,}"
        ", where trainers disagree on 16 or 32 bits: use a smaller or a larger one"
    )


class Encoder:
    """Encodes batches of documents, ids identical to those of encoding each document at once."""

    def __init__(
        self,
        processor: sentencepiece.SentencePieceProcessor,
        *,
        memory_bytes: int = MEMORY_BYTES,
        slice_bytes: int = SLICE_BYTES,
    ) -> None:
        """Wrap a loaded `processor`; its words are remembered within `memory_bytes`.

        Raises ValueError for a vocabulary size that `token_dtype` refuses.
        """
        self._processor = processor
        self._slice_bytes = slice_bytes
        self.dtype = token_dtype(processor.vocab_size())
        model = proto.parse_model(processor.serialized_model_proto())
        self.whole_because = _whole_because(model)
        if not self.whole_because:
            try:
                self._cutter = WordCutter(piece.piece for piece in model.pieces if piece.type == proto.NORMAL)
                self._separators = self._find_separators()
            except ValueError as error:
                self.whole_because = str(error)
        self._memory = WordMemory(self._encode_words, self.dtype, memory_bytes)
        # The remembered words are one table, and engines run several units in the threads of a process.
        self._memory_lock = threading.Lock()
        self._separator = b""

    @classmethod
    def from_file(cls, path: str) -> Encoder:
        """An encoder of the model file at `path`; raises OSError or RuntimeError where it does not load."""
        return cls(sentencepiece.SentencePieceProcessor(model_file=path))

    def encode(
        self, texts: Sequence[str], *, bos: bool = False, eos: bool = False
    ) -> tuple[NDArray[np.generic], Ints]:
        """Encode `texts`: (all their tokens in a row, of `self.dtype`; the number of tokens of each, int64).

        `bos` and `eos` put the model's own ids in front of and behind every text, an empty one included.
        Raises ValueError for a text that is not valid Unicode (a lone surrogate), and where `bos` or `eos` is
        asked of a model without one.
        """
        edges = (
            self._edge(bos, self._processor.bos_id(), "BOS"),
            self._edge(eos, self._processor.eos_id(), "EOS"),
        )
        data = [_utf8(text, i) for i, text in enumerate(texts)]
        if self.whole_because:
            tokens, lengths = self._encode_whole(data)
        else:
            with self._memory_lock:
                tokens, lengths = self._encode_cut(data)
        return _add_edges(tokens, lengths, *edges)

    def _find_separators(self) -> list[bytes]:
        """Characters that always are one token and touch no other: they keep words of one string apart."""
        found = []
        for char in filter(self._cutter.is_alone, _CANDIDATES):
            once, twice = self._processor.encode([char, char + char])
            if len(once) == 2 and twice == [*once, once[-1]]:  # the space in front, and the character
                found.append(char.encode())
        if not found:
            raise ValueError("it has no control character that stands alone")
        return found

    def _edge(self, wanted: bool, token: int, name: str) -> list[int]:
        if wanted and token < 0:
            raise ValueError(f"this model has no {name} piece to put around documents")
        return [token] if wanted else []

    def _encode_whole(self, data: list[bytes]) -> tuple[NDArray[np.generic], Ints]:
        arrays = self._processor.encode(data, num_threads=1, return_type="numpy")
        return _concatenate(arrays, self.dtype), np.fromiter(map(len, arrays), np.int64, len(arrays))

    def _encode_cut(self, data: list[bytes]) -> tuple[NDArray[np.generic], Ints]:
        lengths = np.zeros(len(data), np.int64)
        tokens = []
        for owners, parts in _slices(data, self._slice_bytes):
            some, counts = self._encode_slice(parts)
            np.add.at(lengths, owners, counts)
            tokens.append(some)
        return _concatenate(tokens, self.dtype), lengths

    def _encode_slice(self, parts: list[bytes]) -> tuple[NDArray[np.generic], Ints]:
        """Tokens of `parts`, none of them empty, through the words they are made of."""
        joined = b" " + b" ".join(parts)
        unused = (char for char in self._separators if char not in joined)
        self._separator = next(unused, b"")
        if not self._separator:  # every control character occurs: no text that a person wrote
            return self._encode_whole(parts)
        data = np.frombuffer(joined, np.uint8)
        sizes = np.fromiter(map(len, parts), np.int64, len(parts)) + 1
        starts = self._cutter.starts(data)
        starts[np.cumsum(sizes) - sizes] = True
        offsets = np.append(np.flatnonzero(starts), len(data))
        words = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(joined)]
        ).dictionary_encode()
        distinct = words.dictionary.to_numpy(zero_copy_only=False).tolist()
        word_ends: Ints = np.frombuffer(words.dictionary.buffers()[1], np.int64, len(distinct) + 1)
        table, first, count = self._memory.look_up(distinct, word_ends[1:] - word_ends[:-1])
        index = words.indices.to_numpy()
        counts = count[index]
        part_starts = np.searchsorted(offsets, np.cumsum(sizes) - sizes)
        return gather(table, first[index], counts), np.add.reduceat(counts, part_starts)

    def _encode_words(
        self, brief: Sequence[bytes], long: Sequence[bytes]
    ) -> tuple[NDArray[np.generic], Ints]:
        """Tokens of words that begin with their own spaces and do not hold the separator."""
        mark = self._separator
        strings = [
            mark + mark.join(brief[i : i + _WORDS_A_CALL]) for i in range(0, len(brief), _WORDS_A_CALL)
        ]
        strings += [mark + word for word in long]
        arrays = self._processor.encode(strings, num_threads=1, return_type="numpy")
        tokens = _concatenate([array[1:] for array in arrays], self.dtype)
        marks = np.flatnonzero(tokens == tokens[0]) if len(tokens) else np.zeros(0, np.int64)
        lengths = np.diff(np.append(marks, len(tokens))) - 1
        return gather(tokens, marks + 1, lengths), lengths


def _whole_because(model: Any) -> str:
    """Why texts cannot be cut under `model` (a ModelProto), or nothing where they can."""
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    kinds = {piece.type for piece in model.pieces}
    for fault, reason in (
        (trainer.model_type != proto.BPE, "it is not a BPE model"),
        (bool(normalizer.precompiled_charsmap), f"its normaliser is {normalizer.name}, not identity"),
        (bool(normalizer.normalization_rule_tsv), "its normaliser has rules of its own"),
        (not normalizer.add_dummy_prefix, "it puts no space in front of a text"),
        (normalizer.remove_extra_whitespaces, "it removes spaces"),
        (not normalizer.escape_whitespaces, "it does not escape spaces"),
        (trainer.treat_whitespace_as_suffix, "its spaces end words"),
        (bool(trainer.pretokenization_delimiter), "it has a pretokenization delimiter"),
        (not trainer.byte_fallback or proto.BYTE not in kinds, "it has no byte pieces"),
        (proto.USER_DEFINED in kinds, "it has user-defined pieces"),
        (proto.UNUSED in kinds, "it has unused pieces"),
    ):
        if fault:
            return reason
    return ""


def _utf8(text: str, number: int) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text {number} is not valid Unicode: a lone surrogate at character {error.start}"
        ) from None
    return data.replace(SPACE.encode(), b" ") if SPACE in text else data


def _slices(data: list[bytes], limit: int) -> Iterator[tuple[list[int], list[bytes]]]:
    """Group texts, longer ones cut at spaces, into slices of about `limit` bytes: (owners, parts)."""
    owners: list[int] = []
    parts: list[bytes] = []
    size = 0
    for owner, part in chain.from_iterable(
        ((i, part) for part in _parts(text, limit)) for i, text in enumerate(data)
    ):
        if size and size + len(part) > limit:
            yield owners, parts
            owners, parts, size = [], [], 0
        owners.append(owner)
        parts.append(part)
        size += len(part)
    if parts:
        yield owners, parts


def _parts(text: bytes, limit: int) -> Iterator[bytes]:
    """Cut `text` at spaces that follow another character and do not end it; the space itself goes."""
    start = 0
    while len(text) - start > limit:
        cut = text.find(b" ", start + limit)
        while cut > 0 and text[cut - 1] == ord(" "):
            cut = text.find(b" ", cut + 1)
        if cut < 0 or cut + 1 == len(text):
            break
        yield text[start:cut]
        start = cut + 1
    if start < len(text):
        yield text[start:]


def _concatenate(arrays: Sequence[NDArray[np.generic]], dtype: DTypeLike) -> NDArray[np.generic]:
    return np.concatenate(arrays, dtype=dtype, casting="unsafe") if len(arrays) else np.zeros(0, dtype)


def _add_edges(
    tokens: NDArray[np.generic], lengths: Ints, bos: list[int], eos: list[int]
) -> tuple[NDArray[np.generic], Ints]:
    """Put `bos` and `eos`, each of no or one token, around every run of `lengths` in `tokens`."""
    if not bos and not eos:
        return tokens, lengths
    longer = lengths + (len(bos) + len(eos))
    ends = np.cumsum(longer)
    inside = np.ones(int(longer.sum()), np.bool_)
    edged = np.empty(len(inside), tokens.dtype)
    for edge, at in ((bos, ends - longer), (eos, ends - 1)):
        if edge:
            inside[at] = False
            edged[at] = edge[0]
    edged[inside] = tokens
    return edged, longer
