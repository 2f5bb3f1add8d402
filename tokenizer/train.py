"""Train a tokenizer with LLaMA-1's flags: `python -m tokenizer.train --input FILES... --output MODEL`."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import sentencepiece
import yaml

from pipeline.errors import WinnowError
from pipeline.files import read_file, write_file
from pipeline.remote import match
from tokenizer.draw import Draw, Drawn, read_texts
from tokenizer.flags import NORMALIZER_FLAGS, TRAINER_FLAGS

DEFAULT_BYTES = 256_000_000
_ERROR = 2  # SentencePiece's log level above warnings


def train_model(lines: Iterator[str], vocab_size: int = 32_000) -> bytes:
    """Train on `lines`: the bytes of a model file, the same for the same lines in the same order.

    Raises WinnowError where there are no lines, or they do not support `vocab_size` pieces.
    """
    flags: dict[str, Any] = {flag.name: flag.value for flag in TRAINER_FLAGS}
    normalizer = {flag.name: flag.value for flag in NORMALIZER_FLAGS}
    del flags["train_extremely_large_corpus"]  # no longer known to the trainer, which does what false did
    flags |= {"model_type": "bpe", "vocab_size": vocab_size, "num_threads": 1}
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines,
            model_writer=written,
            minloglevel=_ERROR,
            normalization_rule_name=normalizer["name"],
            add_dummy_prefix=normalizer["add_dummy_prefix"],
            remove_extra_whitespaces=normalizer["remove_extra_whitespaces"],
            **flags,
        )
    except RuntimeError as error:
        raise WinnowError(_in_words(str(error), vocab_size)) from error
    # Given files, the trainer writes their names into the model; given lines and a stream it has none.
    return written.getvalue()


def _in_words(error: str, vocab_size: int) -> str:
    if most := re.search(r"set it to a value <= (\d+)", error):
        most_pieces = int(most[1])
        return (
            f"these texts support {most_pieces:,} pieces, not {vocab_size:,}: give more texts,"
            f" or ask for fewer with --vocab-size {most_pieces}"
        )
    if least := re.search(r"smaller than required_chars\. \d+ vs (\d+)", error):
        least_pieces = int(least[1])
        return (
            f"{vocab_size:,} pieces are too few: bytes, special pieces and the characters of these texts take"
            f" {least_pieces:,}, so ask for more with --vocab-size"
        )
    if "sentences_.empty()" in error:
        return "there is no text to train on: every input is empty, or every line is skipped"
    return f"SentencePiece could not train: {error.splitlines()[0]}"


def parse_inputs(arguments: Sequence[str]) -> list[tuple[str | None, str]]:
    """Files from arguments of the form [SOURCE=]PATTERN: (source or None, path), sorted.

    Raises WinnowError for a pattern without a file.
    """
    found: set[tuple[str | None, str]] = set()
    for argument in arguments:
        named = re.match(r"([A-Za-z][\w-]*)=(.+)", argument)
        source, pattern = (named[1], named[2]) if named else (None, argument)
        matched = match(pattern)
        if not matched:
            raise WinnowError(f"no file matches --input {pattern}")
        found.update((source, file.path) for file in matched)
    return sorted(found, key=lambda item: (item[0] or "", item[1]))


def parse_proportions(arguments: Sequence[str]) -> dict[str, Fraction]:
    """Proportions from SOURCE=SHARE arguments, or from the `sources:` block of one mixture file.

    Raises WinnowError where an argument is neither.
    """
    shares: dict[str, object] = {}
    if len(arguments) == 1 and "=" not in arguments[0]:
        try:
            sources = yaml.safe_load(read_file(arguments[0]))["sources"]
            shares = {str(name): block["proportion"] for name, block in sources.items()}
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
            raise WinnowError(
                f"{arguments[0]} is not a mixture with a proportion for each of its sources"
            ) from None
    else:
        for argument in arguments:
            name, _, share = argument.partition("=")
            shares[name] = share
    parsed = {name: _share(name, share) for name, share in shares.items()}
    if not sum(parsed.values()):
        raise WinnowError("--proportions has no source with a share above 0")
    return parsed


def _share(name: str, share: object) -> Fraction:
    try:
        value = Fraction(str(share))
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if value < 0 or not name:
        raise WinnowError(f"--proportions: {name}={share} is not SOURCE=SHARE with a share of 0 or more")
    return value


def _report(drawn: dict[str, Drawn]) -> str:
    rows = [
        ("source", "documents", "lines", "bytes", "skipped: too long (bytes)", "skipped: reserved (bytes)")
    ]
    for source, count in sorted(drawn.items()):
        rows.append(
            (
                source,
                f"{count.documents:,}",
                f"{count.lines:,}",
                f"{count.bytes:,}",
                f"{count.long_lines:,} ({count.long_bytes:,})",
                f"{count.reserved_lines:,} ({count.reserved_bytes:,})",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tokenizer.train",
        description="Train a SentencePiece BPE tokenizer with LLaMA-1's flags on texts drawn by hash.",
    )
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="[SOURCE=]PATTERN",
        help="parquet or jsonl(.gz, .zst) files with a text column, or plain text, a document a line",
    )
    parser.add_argument("--output", required=True, metavar="MODEL", help="the model file to write")
    parser.add_argument("--vocab-size", type=int, default=32_000, metavar="N", help="pieces (default 32000)")
    parser.add_argument(
        "--bytes",
        type=int,
        default=DEFAULT_BYTES,
        metavar="N",
        help="bytes of text to draw (default 256000000)",
    )
    parser.add_argument(
        "--proportions",
        nargs="+",
        metavar="SOURCE=SHARE",
        help="how sources share the bytes, or one mixture file; default: one pool for all",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 where a model was written."""
    options = _arguments().parse_args(arguments)
    try:
        if options.bytes <= 0 or options.vocab_size <= 0:
            raise WinnowError("--bytes and --vocab-size must be above 0")
        draw = Draw(options.bytes, parse_proportions(options.proportions) if options.proportions else None)
        for source, path in parse_inputs(options.input):
            for text in read_texts(path, source):
                draw.add(text)
        model = train_model(draw.lines(), options.vocab_size)
        write_file(options.output, model)
    except WinnowError as error:
        print(f"tokenizer.train: {error}", file=sys.stderr)
        return 1
    print(_report(draw.drawn))
    for source, (held, wanted) in draw.short().items():
        print(f"{source} holds {held:,} bytes, less than its share of {wanted:,}: all of it was taken")
    print(f"wrote {options.output}: {options.vocab_size:,} pieces, {len(model):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
