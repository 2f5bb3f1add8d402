"""Train the models that the pipeline judges with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from pipeline.errors import WinnowError
from pipeline.files import read_file
from pipeline.look.show import printable
from pipeline.train.classifier import REDPAJAMA_PAGES, ClassifierSettings, train_classifier
from pipeline.train.kenlm_tools import BUILDS
from pipeline.train.lm import LmSettings, train_lm
from pipeline.train.references import FORMS, ReferenceSettings, write_references
from pipeline.train.supervised import Settings

_FILES = "files or patterns: Parquet (curated/), JSON lines, WARC, WET or plain text, compressed or not"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 with one sentence on stderr, or 130 where it was interrupted."""
    options = _parser().parse_args(arguments)
    try:
        print(_COMMANDS[options.command](options))
    except WinnowError as error:
        print(printable(f"winnow: {error}"), file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, mostly
        print(
            f"winnow: {error.strerror or error}{f': {error.filename}' * bool(error.filename)}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("winnow: stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    lm = commands.add_parser("lm", help="a language model for perplexity, after CCNet's recipe")
    lm.add_argument("--language", required=True, help="rows that their file marks with another are left out")
    lm.add_argument("--input", nargs="+", required=True, metavar="FILE", help=_FILES)
    lm.add_argument(
        "--cutoffs-from",
        nargs="+",
        default=[],
        metavar="FILE",
        help="texts of the kind that is to be judged: the cutoffs are their percentiles (default: held out)",
    )
    lm.add_argument(
        "--mode", choices=("lines", "ccnet"), default="lines", help="score a line or a document at a time"
    )
    lm.add_argument("--pieces", type=_count, default=65_536, help="at most (CCNet: %(default)s)")
    lm.add_argument("--order", type=_count, default=5, help="longest run of pieces (CCNet: %(default)s)")
    lm.add_argument("--prune", type=int, nargs="+", default=[], help="as lmplz: runs this rare go, by length")
    lm.add_argument("--build", choices=tuple(BUILDS), default="quantized", help="how KenLM stores the model")
    lm.add_argument(
        "--documents", type=_count, default=1_000_000, help="at most, by hash (CCNet: %(default)s)"
    )
    lm.add_argument("--heldout", type=_share, default=0.05, help="share not trained on (default %(default)s)")
    lm.add_argument("--memory", default="1G", help="of lmplz, beyond it on disk (default %(default)s)")
    lm.add_argument("--kenlm-tools", metavar="DIR", help="where lmplz is (default: on the path)")
    classifier = commands.add_parser("classifier", help="cited pages against others, as RedPajama")
    classifier.add_argument("--pages", nargs="+", default=[], metavar="FILE", help=f"crawled pages, {_FILES}")
    classifier.add_argument(
        "--references",
        nargs="+",
        default=[],
        metavar="FILE",
        help="of `references`: pages found in them are positives, the others negatives",
    )
    classifier.add_argument(
        "--match", choices=tuple(FORMS), default="url", help="how a page is found; by host is a weak label"
    )
    classifier.add_argument("--positives", nargs="+", default=[], metavar="FILE", help="more positives")
    classifier.add_argument("--negatives", nargs="+", default=[], metavar="FILE", help="more negatives")
    classifier.add_argument("--name", default="reference.en", help="of the files (default %(default)s)")
    classifier.add_argument(
        "--language", default="", help="rows and pages of another are left out (default: all are taken)"
    )
    classifier.add_argument(
        "--documents",
        type=_count,
        default=REDPAJAMA_PAGES,
        help="at most of each class, by hash (RedPajama: %(default)s)",
    )
    classifier.add_argument("--min-chars", type=int, default=1000, help="of a text (RedPajama: %(default)s)")
    classifier.add_argument("--chunk-chars", type=int, default=0, help="cut texts to such pieces (0: no)")
    classifier.add_argument("--heldout", type=_share, default=0.2, help="share of hosts (%(default)s)")
    classifier.add_argument(
        "--threshold", type=_share, default=0.25, help="reported on (RedPajama: %(default)s)"
    )
    classifier.add_argument("--dimensions", type=_count, default=100, help="(default %(default)s)")
    classifier.add_argument("--epochs", type=_count, default=5, help="(default %(default)s)")
    classifier.add_argument("--rate", type=float, default=0.1, help="of learning (default %(default)s)")
    classifier.add_argument("--min-count", type=_count, default=1, help="of a word (default %(default)s)")
    classifier.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    classifier.add_argument("--no-quantize", action="store_true", help="keep full floats: 20 times the size")
    references = commands.add_parser("references", help="URLs that a Wikipedia dump's articles cite")
    references.add_argument("--input", nargs="+", required=True, metavar="DUMP", help="pages-articles XML")
    references.add_argument("--output", type=Path, required=True, metavar="FILE", help="gzipped JSON lines")
    for command in (lm, classifier):
        command.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the files go")
        command.add_argument("--about", metavar="FILE", help="Markdown to end the card with")
        command.add_argument("--field", default="text", help="column of the text (default %(default)s)")
    return parser


def _count(value: str) -> int:
    count = int(value)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{value} is no number of 1 or more")
    return count


def _share(value: str) -> float:
    share = float(value)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{value} is no share: at least 0 and below 1")
    return share


def _about(path: str | None) -> str:
    return read_file(path).decode("utf-8", "replace") if path else ""


def _lm(options: argparse.Namespace) -> str:
    return train_lm(
        LmSettings(
            language=options.language,
            inputs=tuple(options.input),
            output=options.output,
            cutoffs_from=tuple(options.cutoffs_from),
            field=options.field,
            mode=options.mode,
            pieces=options.pieces,
            order=options.order,
            prune=tuple(options.prune),
            build=options.build,
            documents=options.documents,
            heldout=options.heldout,
            memory=options.memory,
            tools=options.kenlm_tools,
            about=_about(options.about),
        )
    )


def _classifier(options: argparse.Namespace) -> str:
    return train_classifier(
        ClassifierSettings(
            pages=tuple(options.pages),
            references=tuple(options.references),
            match=options.match,
            positives=tuple(options.positives),
            negatives=tuple(options.negatives),
            output=options.output,
            name=options.name,
            field=options.field,
            language=options.language,
            documents=options.documents,
            min_chars=options.min_chars,
            chunk_chars=options.chunk_chars,
            heldout=options.heldout,
            threshold=options.threshold,
            about=_about(options.about),
            training=Settings(
                dimensions=options.dimensions,
                epochs=options.epochs,
                rate=options.rate,
                min_count=options.min_count,
                seed=options.seed,
                quantize=not options.no_quantize,
            ),
        )
    )


def _references(options: argparse.Namespace) -> str:
    return write_references(ReferenceSettings(tuple(options.input), options.output))


_COMMANDS: Final = {"lm": _lm, "classifier": _classifier, "references": _references}


if __name__ == "__main__":
    sys.exit(main())
