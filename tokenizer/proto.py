"""SentencePiece's model file as a protobuf message.

The module that the sentencepiece package generates refuses to load beside the protobuf runtime that Beam
pins, so the few messages are described here; field numbers, types and defaults are those of
sentencepiece_model.proto (google/sentencepiece, src/sentencepiece_model.proto). Fields that are not described
here survive a round trip.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # ModelProto.SentencePiece.Type
UNIGRAM, BPE, WORD, CHAR = 1, 2, 3, 4  # TrainerSpec.ModelType

_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int": FieldDescriptorProto.TYPE_INT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}

_TRAINER_SPEC = [
    (1, "input", "repeated string", ""),
    (2, "model_prefix", "string", ""),
    (3, "model_type", "int", "1"),  # an enum; its wire form is that of an int
    (4, "vocab_size", "int", "8000"),
    (5, "accept_language", "repeated string", ""),
    (7, "input_format", "string", ""),
    (10, "character_coverage", "float", "0.9995"),
    (11, "input_sentence_size", "uint64", "0"),
    (14, "seed_sentencepiece_size", "int", "1000000"),
    (15, "shrinking_factor", "float", "0.75"),
    (16, "num_threads", "int", "16"),
    (17, "num_sub_iterations", "int", "2"),
    (18, "max_sentence_length", "int", "4192"),
    (19, "shuffle_input_sentence", "bool", "true"),
    (20, "max_sentencepiece_length", "int", "16"),
    (21, "split_by_unicode_script", "bool", "true"),
    (22, "split_by_whitespace", "bool", "true"),
    (23, "split_by_number", "bool", "true"),
    (24, "treat_whitespace_as_suffix", "bool", "false"),
    (25, "split_digits", "bool", "false"),
    (26, "allow_whitespace_only_pieces", "bool", "false"),
    (30, "control_symbols", "repeated string", ""),
    (31, "user_defined_symbols", "repeated string", ""),
    (32, "vocabulary_output_piece_score", "bool", "true"),
    (33, "hard_vocab_limit", "bool", "true"),
    (34, "use_all_vocab", "bool", "false"),
    (35, "byte_fallback", "bool", "false"),
    (36, "required_chars", "string", ""),
    (40, "unk_id", "int", "0"),
    (41, "bos_id", "int", "1"),
    (42, "eos_id", "int", "2"),
    (43, "pad_id", "int", "-1"),
    (44, "unk_surface", "string", " \u2047 "),
    (45, "unk_piece", "string", "<unk>"),
    (46, "bos_piece", "string", "<s>"),
    (47, "eos_piece", "string", "</s>"),
    (48, "pad_piece", "string", "<pad>"),
    (49, "train_extremely_large_corpus", "bool", "false"),
    (53, "pretokenization_delimiter", "string", ""),
]
_NORMALIZER_SPEC = [
    (1, "name", "string", ""),
    (2, "precompiled_charsmap", "bytes", ""),
    (3, "add_dummy_prefix", "bool", "true"),
    (4, "remove_extra_whitespaces", "bool", "true"),
    (5, "escape_whitespaces", "bool", "true"),
    (6, "normalization_rule_tsv", "string", ""),
]
_PIECE = [(1, "piece", "string", ""), (2, "score", "float", ""), (3, "type", "int", str(NORMAL))]
_MODEL = [
    (1, "pieces", "repeated SentencePiece", ""),
    (2, "trainer_spec", "TrainerSpec", ""),
    (3, "normalizer_spec", "NormalizerSpec", ""),
    (5, "denormalizer_spec", "NormalizerSpec", ""),
]


def _message(name: str, fields: list[tuple[int, str, str, str]]) -> DescriptorProto:
    message = DescriptorProto(name=name)
    for number, field_name, kind, default in fields:
        type_name = kind.removeprefix("repeated ")
        field = message.field.add(name=field_name, number=number)
        repeated = kind.startswith("repeated ")
        field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
        if type_name in _TYPES:
            field.type = _TYPES[type_name]
        else:
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".winnow.sentencepiece.{type_name}"
        if default:
            field.default_value = default
    return message


def _model_class() -> Any:
    file = FileDescriptorProto(
        name="winnow_sentencepiece.proto", package="winnow.sentencepiece", syntax="proto2"
    )
    for name, fields in (
        ("SentencePiece", _PIECE),
        ("TrainerSpec", _TRAINER_SPEC),
        ("NormalizerSpec", _NORMALIZER_SPEC),
        ("ModelProto", _MODEL),
    ):
        file.message_type.append(_message(name, fields))
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("winnow.sentencepiece.ModelProto"))


_ModelProto = _model_class()


def parse_model(data: bytes) -> Any:
    """The ModelProto in `data`, the bytes of a `.model` file.

    Raises ValueError where `data` is no SentencePiece model.
    """
    try:
        model = _ModelProto.FromString(data)
    except DecodeError:
        raise ValueError("this file is not a SentencePiece model") from None
    if not model.pieces or not model.HasField("trainer_spec"):
        raise ValueError("this file is not a SentencePiece model")
    return model
