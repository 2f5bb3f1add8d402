"""Check a tokenizer against what LLaMA-1's does: `python -m tokenizer.check MODEL [--texts FILES...]`."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sentencepiece
from rich.console import Console
from rich.table import Table
from rich.text import Text as Cell

from pipeline.errors import WinnowError
from pipeline.files import read_file
from pipeline.look.show import one_line
from tokenizer import proto
from tokenizer.draw import Text, read_texts
from tokenizer.encode import Encoder
from tokenizer.flags import NORMALIZER_FLAGS, TRAINER_FLAGS, Flag
from tokenizer.train import parse_inputs
from tokenizer.words import SPACE

ROUND_TRIPS = {
    "prose": "The quick brown fox, 1,234.5 times — “so it goes”.",
    "code with tabs": "def f(x):\n\tif x:\n\t\treturn {'a': [1, 2]}\n",
    "code with spaces": "class A:\n    def f(self):\n        return  1   # aligned\n",
    "runs of spaces": "a" + "".join(" " * n + "b" for n in range(1, 40)),
    "spaces around": "   both sides  ",
    "one space": " ",
    "Windows line ends": "one\r\ntwo\r\n\r\nthree\r",
    "empty lines": "\n\n\na\n\n",
    "control characters": "".join(chr(code) for code in [*range(1, 32), 127, *range(128, 160)]),
    "NUL": "a\0b\0\0",
    "no-break and other spaces": "a\u00a0b\u2003c\u3000d\u200be\ufefff",
    "emoji": "👍🏽 👩‍👩‍👧‍👦 🇪🇺 ☃️",
    "right-to-left": "שלום עולם، مرحبا بالعالم \u200fא\u200e",
    "CJK": "自然语言处理、日本語の文章。한국어 문장",
    "Indic": "नमस्ते दुनिया தமிழ் বাংলা",
    "lone combining marks": "\u0301 e\u0301 \u0300\u0327\u0489",
    "mathematics": "∀x∈ℝ: x² ≥ 0 ⇒ √x², 𝔸𝕓",
    "rare planes": "\U00020000 \U0001f0a1 \U000e0041 \U0010fffd",
}
SPECIAL_STRINGS = ("<s>", "</s>", "<unk>", "<pad>", "<0x0A>", "a</s>b <s> c")


class Finding(NamedTuple):
    """One thing looked at: what was found, what was wanted; `good` is None where it is only told."""

    subject: str
    found: str
    wanted: str
    good: bool | None


def check_flags(model: Any) -> list[Finding]:
    """Compare the flags in a ModelProto with LLaMA-1's, one finding each."""
    findings = []
    for spec, flags in ((model.trainer_spec, TRAINER_FLAGS), (model.normalizer_spec, NORMALIZER_FLAGS)):
        for flag in flags:
            found = getattr(spec, flag.name)
            same = _same(found, flag)
            good = True if same else (False if flag.shapes else None)
            findings.append(Finding(flag.name, _shown(found), _shown(flag.value), good))
    return findings


def _same(found: Any, flag: Flag) -> bool:
    if isinstance(flag.value, float):
        return abs(float(found) - flag.value) < 1e-7  # the model file keeps 32 bits
    wanted = str(flag.value).encode() if isinstance(found, bytes) else flag.value
    return bool(found == wanted)


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes" if value else "empty"
    return (
        f"{value:.6g}"
        if isinstance(value, float)
        else (repr(value) if isinstance(value, str) else str(value))
    )


def check_behaviour(model: Any, processor: sentencepiece.SentencePieceProcessor) -> Iterator[Finding]:
    """Look at what the model does with bytes, digits, spaces, special strings and text of every kind."""
    of_bytes = [piece.piece for piece in model.pieces if piece.type == proto.BYTE]
    yield Finding(
        "byte pieces",
        str(len(set(of_bytes))),
        "256",
        sorted(of_bytes) == sorted(f"<0x{code:02X}>" for code in range(256)),
    )
    named = [p.piece for p in model.pieces if p.type in (proto.USER_DEFINED, proto.UNUSED)]
    yield Finding("pieces out of the ordinary", ", ".join(named[:5]) or "none", "none", not named)
    normal = [p.piece for p in model.pieces if p.type == proto.NORMAL]
    glued = [p for p in normal if len(p) > 1 and any(c.isdecimal() for c in p)]
    yield Finding("digits stand alone", ", ".join(glued[:5]) or "yes", "yes", not glued)
    digits = processor.encode("2023", out_type=str)
    yield Finding("2023", " ".join(digits), "4 digits", [d for d in digits if d != SPACE] == list("2023"))
    longest = max((len(p) for p in normal if not p.strip(SPACE)), default=0)
    yield Finding("longest run of spaces", str(longest), "2 or more", longest > 1)
    special = [
        i for i, piece in enumerate(model.pieces) if piece.type not in (proto.NORMAL, proto.USER_DEFINED)
    ]
    controls = {i for i in special if model.pieces[i].type != proto.BYTE}
    for text in SPECIAL_STRINGS:
        ids = processor.encode(text)
        good = controls.isdisjoint(ids) and processor.decode(ids) == text
        yield Finding(f"{text} in a text", "plain text" if good else f"ids {ids}", "plain text", good)
    for name, text in ROUND_TRIPS.items():
        back = processor.decode(processor.encode(text))
        yield Finding(
            f"round trip: {name}", "same" if back == text else repr(back)[:60], "same", back == text
        )


def bytes_per_token(encoder: Encoder, texts: Iterator[Text]) -> dict[str, tuple[int, int, int]]:
    """Count {source: (documents, bytes of UTF-8, tokens)} of `texts`, a text at a time."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for text in texts:
        _, lengths = encoder.encode([text.text])
        for i, more in enumerate((1, len(text.text.encode()), int(lengths[0]))):
            counts[text.source][i] += more
    return {source: (n, size, tokens) for source, (n, size, tokens) in sorted(counts.items())}


def load(path: str) -> tuple[Any, sentencepiece.SentencePieceProcessor]:
    """The ModelProto and the loaded processor of a model file; raises WinnowError where it is none."""
    data = read_file(path)
    try:
        model = proto.parse_model(data)
        return model, sentencepiece.SentencePieceProcessor(model_proto=data)
    except (ValueError, RuntimeError):
        raise WinnowError(f"{path} is not a SentencePiece model") from None


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Cell(one_line(cell)) for cell in row))
    return table


def _rows(findings: Sequence[Finding]) -> list[list[str]]:
    words = {True: "ok", False: "WRONG", None: "differs"}
    return [[f.subject, f.found, f.wanted, words[f.good]] for f in findings]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 where the model is as LLaMA-1's, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tokenizer.check", description=__doc__)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "--texts",
        nargs="+",
        default=[],
        metavar="[SOURCE=]PATTERN",
        help="texts to measure bytes per token on",
    )
    options = parser.parse_args(arguments)
    console = Console(markup=False, highlight=False)
    try:
        model, processor = load(options.model)
        flags, behaviour = check_flags(model), list(check_behaviour(model, processor))
        heads = ("", "found", "LLaMA-1", "")
        console.print(_table("Flags", heads, _rows(flags)))
        console.print(_table("Behaviour", ("", "found", "wanted", ""), _rows(behaviour)))
        encoder = Encoder(processor)
        how = f"whole, since {encoder.whole_because}" if encoder.whole_because else "word by word"
        console.print(
            f"{processor.vocab_size():,} pieces; documents are encoded {how}; {encoder.dtype} on disk"
        )
        texts = (text for source, path in parse_inputs(options.texts) for text in read_texts(path, source))
        counts = bytes_per_token(encoder, texts)
    except (WinnowError, ValueError) as error:
        print(f"tokenizer.check: {error}", file=sys.stderr)
        return 1
    if counts:
        rows = [[s, f"{n:,}", f"{b:,}", f"{t:,}", f"{b / max(t, 1):.2f}"] for s, (n, b, t) in counts.items()]
        console.print(
            _table("Bytes per token", ("source", "documents", "bytes", "tokens", "bytes/token"), rows)
        )
    wrong = sum(finding.good is False for finding in [*flags, *behaviour])
    console.print(f"{wrong} wrong" if wrong else "all as in LLaMA-1's model, but for what differs above")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
