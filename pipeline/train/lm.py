"""CCNet's recipe for a language model: SentencePiece unigram, KenLM of five words, cutoffs as percentiles.

cc_net `Makefile` (targets `%.sp.model`, `%.arpa`, `%.arpa.bin`) and `data/cutoff.csv`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import kenlm
import sentencepiece

from filters.ccnet_text import normalize_for_language_model
from filters.perplexity import (
    HEAD_PERCENTILE,
    TAIL_PERCENTILE,
    LanguageModel,
    Mode,
    WordPieces,
    percentiles,
)
from pipeline.errors import WinnowError
from pipeline.train.corpus import Counts, Spool, read_texts
from pipeline.train.kenlm_tools import Build, find_tools
from pipeline.train.output import finished, table, write_card

LEAST_DOCUMENTS: Final = 50
"""Percentiles of fewer say nothing, and SentencePiece fails on much less."""

LEAST_FOR_CUTOFFS: Final = 100
"""Documents in a sample of which each percentile is one; the card says where there are fewer."""

LONGEST_SENTENCE: Final = 4192
"""SentencePiece leaves longer lines out without a word (`max_sentence_length`, bytes): they are cut."""


@dataclass(frozen=True)
class LmSettings:
    """What `python -m pipeline.train lm` can be told; defaults are CCNet's."""

    language: str
    inputs: tuple[str, ...]
    output: Path
    cutoffs_from: tuple[str, ...] = ()
    field: str = "text"
    mode: Mode = "lines"
    pieces: int = 65_536
    order: int = 5
    prune: tuple[int, ...] = ()
    build: Build = "quantized"
    documents: int = 1_000_000
    heldout: float = 0.05
    memory: str = "1G"
    tools: str | None = None
    about: str = ""


def train_lm(settings: LmSettings) -> str:
    """Write `<language>.lm.bin`, `.sp.model`, `.cutoffs.json` and `.lm.md` into the output folder.

    Returns the card. Raises WinnowError, one sentence, where there is too little text, or KenLM's tools are
    missing or fail; nothing is then left under a final name.
    """
    tools = find_tools(settings.tools)
    name = settings.language
    with Spool() as spool, Spool() as judged, finished(settings.output) as work:
        counts = _fill(spool, settings.inputs, settings)
        training, heldout = spool.split(settings.heldout, settings.documents)
        if len(training) < LEAST_DOCUMENTS:
            raise WinnowError(
                f"{len(spool):,} distinct documents of language {name} are too few to train on: "
                f"{LEAST_DOCUMENTS} are needed beside the {settings.heldout:.0%} held out"
            )
        sample = _fill(judged, settings.cutoffs_from, settings)
        processor = _train_pieces(_sentences(spool.texts(training), settings.mode), work, settings)
        lines = _encoded(processor, spool.texts(training), settings.mode)
        options = ["-o", str(settings.order), "-S", settings.memory]
        options += ["--vocab_estimate", str(settings.pieces), *_prune(settings.prune)]
        tools.build(lines, options, settings.build, work / f"{name}.lm.bin")
        model = LanguageModel(processor, kenlm.Model(str(work / f"{name}.lm.bin")))
        own = _percentiles(model, spool.texts(heldout))
        chosen = judged.split(0.0, settings.documents)[0]
        cutoffs = _percentiles(model, judged.texts(chosen)) if chosen else own
        judged_by = len(chosen) or len(heldout)
        document = {"language": name, "documents": judged_by, "percentiles": cutoffs}
        (work / f"{name}.cutoffs.json").write_text(json.dumps(document) + "\n")
        pieces = processor.get_piece_size()
        facts = Facts(counts, sample, len(training), len(heldout), pieces, judged_by, own, cutoffs)
        return write_card(work, f"{name}.lm.md", card(settings, facts), settings.about)


def _prune(counts: tuple[int, ...]) -> list[str]:
    return ["--prune", *map(str, counts)] if counts else []


def _fill(spool: Spool, patterns: Iterable[str], settings: LmSettings) -> Counts:
    counts = Counts()
    for text in read_texts(patterns, settings.field, counts):
        if text.language not in ("", settings.language):
            counts.left_out["of another language"] += 1
        elif not text.text.strip():
            counts.left_out["blank"] += 1
        elif spool.add(text.text):
            counts.taken += 1
        else:
            counts.left_out["copies"] += 1
    return counts


def _units(text: str, mode: Mode) -> Iterator[str]:
    """What the model sees as one sentence: a line, or in mode `ccnet` the whole document; normalised."""
    if mode == "ccnet":
        units = [normalize_for_language_model(text)]
    else:
        # Word by word, as scoring does: normalising a line would glue words at tabs.
        units = [" ".join(map(normalize_for_language_model, line.split())) for line in text.split("\n")]
    yield from filter(str.strip, units)


def _sentences(texts: Iterable[str], mode: Mode) -> Iterator[str]:
    for text in texts:
        for unit in _units(text, mode):
            yield from cut(unit, LONGEST_SENTENCE)


def cut(line: str, most: int) -> list[str]:
    """`line` in parts of at most `most` bytes of UTF-8, cut at white space wherever there is some."""
    if len(line) * 4 <= most or len(line.encode()) <= most:
        return [line]
    # A word that is too long by itself is cut into quarters of the length: 4 bytes are the longest character.
    step = most // 4
    words: list[str] = []
    for word in line.split():
        short = len(word.encode()) <= most
        words += [word] if short else [word[at : at + step] for at in range(0, len(word), step)]
    parts: list[list[str]] = []
    room = 0
    for word in words:
        length = len(word.encode())
        if length + 1 > room:
            parts.append([])
            room = most + 1
        parts[-1].append(word)
        room -= length + 1
    return [" ".join(part) for part in parts]


def _train_pieces(sentences: Iterator[str], work: Path, settings: LmSettings) -> Any:
    path = work / f"{settings.language}.sp.model"
    try:
        with path.open("wb") as out:
            # From memory to memory: a model trained from files holds their paths.
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=sentences,
                model_writer=out,
                model_type="unigram",
                vocab_size=settings.pieces,
                hard_vocab_limit=False,  # as many as the text supports, where it does not support all
                character_coverage=0.9995,
                max_sentence_length=LONGEST_SENTENCE,
                num_threads=1,
                minloglevel=2,
            )
    except (OSError, RuntimeError) as error:
        raise WinnowError(f"SentencePiece could not train: {str(error).splitlines()[-1]}") from error
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def _encoded(processor: Any, texts: Iterable[str], mode: Mode) -> Iterator[bytes]:
    """Lines of pieces for KenLM, cut as the model will be asked."""
    words = WordPieces(processor)
    for text in texts:
        for unit in _units(text, mode):
            if mode == "lines":
                pieces = words.of_line(unit).removeprefix(b" ")
            else:
                pieces = " ".join(processor.encode(unit, out_type=str)).encode()
            if pieces:
                yield pieces + b"\n"


def _percentiles(model: LanguageModel, texts: Iterable[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"lines": [], "ccnet": []}
    for text in texts:
        for mode, likelihood in (("lines", model.lines(text)), ("ccnet", model.ccnet(text))):
            if likelihood.perplexity is not None:
                found[mode].append(likelihood.perplexity)
    if not found["lines"]:
        raise WinnowError("no document is left to take cutoffs from; hold more out with --heldout")
    return {mode: [round(value, 1) for value in percentiles(values)] for mode, values in found.items()}


class Facts(NamedTuple):
    """What a training run found, for its card; `judged` documents gave `cutoffs`, percentiles by mode."""

    read: Counts
    sample: Counts
    training: int
    heldout: int
    pieces: int
    judged: int
    own: dict[str, list[float]]
    cutoffs: dict[str, list[float]]


def card(settings: LmSettings, facts: Facts) -> str:
    """The model's card in Markdown."""
    pieces = f"{facts.pieces:,} SentencePiece unigram pieces"
    if facts.pieces != settings.pieces:
        pieces += f" ({settings.pieces:,} asked for; the text supports no more)"
    source = (
        f"texts of the kind that is to be judged: {facts.sample}"
        if settings.cutoffs_from
        else f"the {facts.heldout:,} documents held out; name texts of the kind that is to be judged with\n"
        "  --cutoffs-from, or most of a crawl will be tail"
    )
    if facts.judged < LEAST_FOR_CUTOFFS:
        source += (
            f".\n  {facts.judged:,} are too few to tell percentiles: name more, or hold more out (--heldout)"
        )
    marks = (HEAD_PERCENTILE, 50, TAIL_PERCENTILE)
    rows = [
        [mode, *(values[mode][p] for values in (facts.own, facts.cutoffs) for p in marks)]
        for mode in ("lines", "ccnet")
    ]
    head = ["mode", *(f"{of}, P{p}" for of in ("held out", "cutoffs") for p in marks)]
    pruned = f", pruned {' '.join(map(str, settings.prune))}" if settings.prune else ""
    return f"""# Language model `{settings.language}`

KenLM of order {settings.order}{pruned} ({settings.build}) over {pieces},
after CCNet's recipe; trained for mode `{settings.mode}`.

- Text: {facts.read}; {facts.training:,} trained on, {facts.heldout:,} held out, drawn by hash.
- Cutoffs: percentiles of {source}.

Perplexities:

{table(head, rows)}
"""
