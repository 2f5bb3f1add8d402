"""Stages that cost the most, each beside the native calls behind it, on the same samples: pairs to be timed.

A floor is what a plain script would call: libraries alone, no batches, books or rules of ours.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import sentencepiece
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from rich.console import Console

from benchmarks.judges import plain_identify, plain_lines
from benchmarks.minhash import plain_datasketch
from benchmarks.plain import Clock, again, plain_loop
from benchmarks.rules import ours as page_rules
from benchmarks.rules import read
from filters.html import extract
from filters.html_winnow import _is_suspect
from filters.language import identify
from filters.lines import line_hashes
from filters.minhash import PRESETS, signatures
from filters.perplexity import LanguageModel
from filters.shingles import shingles
from pipeline.models import load_fasttext, load_language_model, resolve
from pipeline.options import parse_options
from pipeline.parquet import to_parquet
from pipeline.phases import PHASES
from pipeline.progress import Progress
from pipeline.records import Document
from pipeline.run import make_run
from pipeline.schema import documents_table
from pipeline.sources import SAMPLES
from pipeline.transforms.read import WarcOrWet
from tokenizer.encode import Encoder

ROOT = Path(__file__).resolve().parent.parent
WET = SAMPLES / "commoncrawl" / "texts-00000.warc.wet.gz"
WARC = SAMPLES / "commoncrawl" / "web-00000.warc.gz"
C4 = SAMPLES / "c4" / "c4-train.00000-of-00002.json.gz"
_WORD = re.compile(r"\w+")


class Pair(NamedTuple):
    """A stage and its floor, to be called in turn, and what the floor is."""

    stage: Callable[[], object]
    floor: Callable[[], object]
    floor_name: str


Make = Callable[[], AbstractContextManager[Pair]]


def pairs() -> dict[str, Make]:
    """What makes each pair ready, by the name of its stage."""
    return {
        "read": _read,
        "extract": _extract,
        "line hashes": _line_hashes,
        "language": _language,
        "perplexity": _perplexity,
        "gopher": lambda: _rules("gopher quality", "gopher repetition"),
        "c4": lambda: _rules("c4, sentences counted"),
        "minhash": _minhash,
        "tokens": _tokens,
        "write": _write,
        "phases": _phases,
    }


@cache
def _documents(path: Path) -> tuple[Document, ...]:
    with path.open("rb") as stream:
        events = WarcOrWet().reader().read(stream, path.name)
        return tuple(event for event in events if isinstance(event, Document))


def _texts(path: Path = WET) -> list[str]:
    return [document.text for document in _documents(path)]


@contextmanager
def _read() -> Iterator[Pair]:
    stored = WET.read_bytes()

    def ours() -> None:
        for _ in WarcOrWet().reader().read(io.BytesIO(stored), WET.name):
            pass

    def native() -> None:
        for record in ArchiveIterator(io.BytesIO(stored), record_types=WarcRecordType.conversion):
            record.reader.read()

    yield Pair(ours, native, "fastwarc's iteration")


@contextmanager
def _extract() -> Iterator[Pair]:
    pages = [document.content for document in _documents(WARC) if document.content]

    def ours() -> None:
        _is_suspect.cache_clear()  # pages of a crawl come once
        for page in pages:
            extract(page)

    def native() -> None:
        for page in pages:
            extract_plain_text(page.decode("utf-8", "replace"), main_content=True)

    yield Pair(ours, native, "resiliparse's main content")


@contextmanager
def _line_hashes() -> Iterator[Pair]:
    texts = _texts()

    def native() -> None:
        for text in texts:
            for line in text.lower().encode().split(b"\n"):
                hashlib.sha1(line).digest()

    yield Pair(lambda: line_hashes(texts), native, "SHA-1 of each line")


@contextmanager
def _language() -> Iterator[Pair]:
    model, texts = load_fasttext(resolve("bundled:lid.176.ftz")), _texts()
    yield Pair(lambda: identify(model, texts), lambda: plain_identify(model, texts), "fastText's call")


@contextmanager
def _perplexity() -> Iterator[Pair]:
    files = [resolve(f"bundled:en.{kind}") for kind in ("lm.bin", "sp.model", "cutoffs.json")]
    loaded = load_language_model(files[0], files[1], files[2], "en", "lines")
    texts = _texts()

    def ours() -> None:
        model = LanguageModel(loaded.processor, loaded.kenlm)  # remembers no word yet
        for text in texts:
            model.lines(text)

    yield Pair(ours, lambda: plain_lines(loaded, texts), "SentencePiece and KenLM line by line")


@contextmanager
def _rules(*names: str) -> Iterator[Pair]:
    rules = [page_rules()[name] for name in names]
    texts = read(str(C4))

    def ours() -> None:
        for rule in rules:
            for text in texts:
                rule(text)

    yield Pair(ours, lambda: [_WORD.findall(text.lower()) for text in texts], "finding the words")


@contextmanager
def _minhash() -> Iterator[Pair]:
    preset, texts = PRESETS["web"], read(str(C4))

    def ours() -> None:
        signatures(shingles(texts, preset.shingling), preset.permutations, preset.seed)

    few = texts[::8]
    yield Pair(ours, lambda: plain_datasketch(few, preset), "datasketch on an eighth of the texts")


@contextmanager
def _tokens() -> Iterator[Pair]:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(ROOT / "models" / "tokenizer.model"))
    texts = read(str(C4))

    def ours() -> None:
        Encoder(processor).encode(texts)  # knows no word yet

    def native() -> None:
        processor.encode(texts, num_threads=1, return_type="numpy")

    yield Pair(ours, native, "SentencePiece's call")


@contextmanager
def _write() -> Iterator[Pair]:
    documents = list(enumerate(_documents(WET)))
    ready = documents_table("commoncrawl", "", documents)

    def native() -> None:
        pq.write_table(ready, pa.BufferOutputStream(), compression="zstd", compression_level=3)

    yield Pair(lambda: to_parquet(documents_table("commoncrawl", "", documents)), native, "pyarrow's writing")


@contextmanager
def _phases() -> Iterator[Pair]:
    """Phases `prepare`, `judge` and `curate` of a small run beside their own functions in a loop."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        config.write_text("sources:\n  commoncrawl:\n    proportion: 100\n")
        options = ["--config", str(config), "--output", f"{folder}/out", "--workers", "1"]
        options += ["--input", f"commoncrawl={SAMPLES}/commoncrawl/texts-*.wet.gz"]
        run = make_run(parse_options(options), Progress(Console(file=io.StringIO())))
        for name in ("prepare", "lines", "judge", "duplicates", "curate"):
            PHASES[name](run)
        clock = Clock(count=False)
        yield Pair(
            lambda: again(run, "commoncrawl"),
            lambda: plain_loop(run, "commoncrawl", f"{folder}/plain", clock),
            "the flow's own functions in a loop",
        )
