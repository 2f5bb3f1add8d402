"""Check token shards, plan and training shards of a run: `python -m mixtures.verify OUT`. See --help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from pipeline.look.show import log_to_terminal, printable

log_to_terminal()  # before Beam is imported: it chatters while it is

import orjson  # noqa: E402  # see above
import sentencepiece  # noqa: E402  # see above

from mixtures.check_shards import check_training  # noqa: E402  # see above
from mixtures.check_tokens import check_source, sources_of  # noqa: E402  # see above
from pipeline.errors import WinnowError  # noqa: E402  # see above
from pipeline.files import join, read_file  # noqa: E402  # see above
from pipeline.models import load_sentencepiece, resolve  # noqa: E402  # see above

_EPILOG = """\
One sentence for each fault on standard output; exit status 0: no fault, 1: faults, 2: not checked.

What is checked: every file against its manifest (bytes, sha256, xxh3_128) and no file beside them; Megatron
indices; BOS, EOS and the range of ids; provenance, the order of hashes, no document twice and none both held
out and trained on; the plan's arithmetic; every training row against plan and token shards; and, where the
curated documents are still there, their number and one text of a thousand against its tokens."""


def main(arguments: list[str] | None = None) -> int:
    """Print the faults of a run's shards; returns the exit status: 0 none, 1 some, 2 not checked."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        sources = sources_of(options.out)
        if not sources:
            raise WinnowError(f"{options.out} holds no token shards")
        processor = _processor(options.out, sources, options.tokenizer)
        faults = []
        for fault in _faults(options.out, sources, processor):
            faults.append(fault)
            if not options.json:
                print(printable(fault), flush=True)
    except WinnowError as error:
        print(printable(f"winnow: {error}"), file=sys.stderr)
        return 2
    texts = "" if processor else "; texts were not compared: name the run's tokenizer with --tokenizer"
    if options.json:
        json.dump({"sources": sources, "texts_compared": processor is not None, "faults": faults}, sys.stdout)
        sys.stdout.write("\n")
    elif faults:
        print(f"{len(faults):,} faults{texts}")
    else:
        print(f"no fault in the shards of {', '.join(sources)}{texts}")
    return 1 if faults else 0


def _faults(
    out: str, sources: list[str], processor: sentencepiece.SentencePieceProcessor | None
) -> Iterator[str]:
    for source in sources:
        yield from _said(check_source(out, source, processor))
    yield from _said(check_training(out))


def _said(faults: Iterator[str]) -> Iterator[str]:
    """The faults, and what stops a check as one more."""
    try:
        yield from faults
    except WinnowError as error:
        yield str(error)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield f"a manifest or plan is not as this version writes it: {type(error).__name__} {error}"


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mixtures.verify",
        description="Check every byte of a run's token shards and training shards.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", metavar="OUT", help="the output folder")
    parser.add_argument(
        "--tokenizer",
        metavar="MODEL",
        default="bundled:tokenizer.model",
        help="the run's SentencePiece model, to compare texts (default: the bundled one)",
    )
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    return parser.parse_args(arguments)


def _processor(out: str, sources: list[str], name: str) -> sentencepiece.SentencePieceProcessor | None:
    """The tokenizer, None where the tokens were made by another."""
    model = resolve(name)
    for source in sources:
        try:
            made_by = orjson.loads(read_file(join(out, "tokens", source, "manifest.json")))["tokenizer"]
        except (WinnowError, orjson.JSONDecodeError, KeyError, TypeError):
            continue  # the checks of that source say it
        if made_by != model.digest:
            return None
    processor: sentencepiece.SentencePieceProcessor = load_sentencepiece(model)
    return processor


if __name__ == "__main__":
    sys.exit(main())
