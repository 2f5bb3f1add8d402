"""What a training step read, and when a document was read: `python -m mixtures.locate`. See --help."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Any

from pipeline.look.show import log_to_terminal, print_json, printable

log_to_terminal()  # before Beam is imported: it chatters while it is

from mixtures.places import Document, Piece, Places  # noqa: E402  # see above
from pipeline.errors import WinnowError  # noqa: E402  # see above
from pipeline.models import load_sentencepiece, resolve  # noqa: E402  # see above

_EPILOG = """\
Steps and rows are counted from 0: step S reads rows S*B to (S+1)*B.

examples:
  python -m mixtures.locate --step 118200 --batch-rows 512
  python -m mixtures.locate --row 17 --text
  python -m mixtures.locate --document https://example.org/page --batch-rows 512 --json"""


def main(arguments: list[str] | None = None) -> int:
    """Print what was asked; returns the exit status: 0 found, 1 stopped with one sentence."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        places = Places(options.run)
        decode = _decoder(places, options.tokenizer) if options.text else None
        if options.document is not None:
            found = _of_document(places, options.document, options.batch_rows, decode)
            say = _say_document
        else:
            first, stop = _rows_asked(places, options)
            found = _of_rows(places, first, stop, decode)
            say = _say_rows
        if options.json:
            print_json(found)
        else:
            say(found)
    except WinnowError as error:
        print(printable(f"winnow: {error}"), file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of a long listing has seen enough
        sys.stderr.close()
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mixtures.locate",
        description="Say which documents, of which sources, urls and raw files, the rows of a training step "
        "hold; or which rows and steps hold a document.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--step", metavar="S", type=int, help="the batch of this step (with --batch-rows)")
    what.add_argument("--row", metavar="N", type=int, help="this row of the training order")
    what.add_argument("--document", metavar="ID-OR-URL", help="every row that holds this document")
    parser.add_argument("--batch-rows", metavar="B", type=int, help="rows of one step, all ranks together")
    parser.add_argument("--run", metavar="OUT", default="out", help="the output folder (default: out)")
    parser.add_argument("--text", action="store_true", help="also the text, decoded from the tokens")
    parser.add_argument(
        "--tokenizer",
        metavar="MODEL",
        default="bundled:tokenizer.model",
        help="the run's SentencePiece model, for --text (default: the bundled one)",
    )
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    options = parser.parse_args(arguments)
    if options.batch_rows is not None and options.batch_rows < 1:
        parser.error("--batch-rows is at least 1")
    if options.step is not None and options.batch_rows is None:
        parser.error("--step needs --batch-rows, the rows of one step")
    return options


def _rows_asked(places: Places, options: argparse.Namespace) -> tuple[int, int]:
    rows = places.shards.rows
    if options.row is not None:
        if not 0 <= options.row < rows:
            raise WinnowError(f"there is no row {options.row:,}: the order has {rows:,} rows, from 0 on")
        return options.row, options.row + 1
    first = options.step * options.batch_rows
    if not 0 <= first < rows:
        raise WinnowError(
            f"there is no step {options.step:,}: {rows:,} rows are {-(-rows // options.batch_rows):,} steps "
            f"of {options.batch_rows:,}, from 0 on"
        )
    return first, min(first + options.batch_rows, rows)


def _decoder(places: Places, tokenizer: str) -> Any:
    model = resolve(tokenizer)
    if model.digest != places.plan["tokenizer"]:
        raise WinnowError(
            f"the tokens were not made by {tokenizer}: name the run's tokenizer with --tokenizer"
        )
    processor = load_sentencepiece(model)
    return lambda piece: processor.decode(places.tokens(piece))


def _of_rows(places: Places, first: int, stop: int, decode: Any) -> dict[str, Any]:
    rows: dict[int, dict[str, Any]] = {}
    for piece in places.pieces(first, stop):
        row = rows.setdefault(piece.row, {"row": piece.row, "source": piece.source, "pieces": []})
        row["pieces"].append(_piece(piece, decode))
    return {
        "first_row": first,
        "stop_row": stop,
        "tokens": (stop - first) * places.shards.sequence_length,
        "rows": list(rows.values()),
    }


def _piece(piece: Piece, decode: Any) -> dict[str, Any]:
    fields = {name: value for name, value in piece._asdict().items() if name not in ("row", "source")}
    return fields | ({"text": decode(piece)} if decode else {})


def _of_document(places: Places, name: str, batch_rows: int | None, decode: Any) -> dict[str, Any]:
    document: Document | None = places.find(name)
    if document is None:
        raise WinnowError(f"no document of the token shards has the id or url {name}")
    places_in_order = []
    for piece in places.occurrences(document):
        step = {"step": piece.row // batch_rows} if batch_rows else {}
        fields = {key: getattr(piece, key) for key in ("row", "offset", "epoch", "start", "stop")}
        places_in_order.append(step | fields | ({"text": decode(piece)} if decode else {}))
    known = {key: value for key, value in document._asdict().items() if key not in ("shard", "ordinal")}
    return known | {"places": places_in_order}


def _say_rows(found: dict[str, Any]) -> None:
    rows = found["rows"]
    sources = Counter(row["source"] for row in rows)
    pieces = [piece for row in rows for piece in row["pieces"]]
    _print(
        f"rows {found['first_row']:,} to {found['stop_row'] - 1:,}: {found['tokens']:,} tokens of "
        f"{len({piece['id'] for piece in pieces}):,} documents from "
        f"{len({piece['input'] for piece in pieces}):,} raw files"
    )
    _print("rows by source: " + ", ".join(f"{source} {count:,}" for source, count in sources.most_common()))
    for row in rows:
        _print(f"\nrow {row['row']:,}  {row['source']}")
        for piece in row["pieces"]:
            _print(
                f"  at {piece['offset']:,}: tokens {piece['start']:,} to {piece['stop']:,} of "
                f"{piece['document_tokens']:,}, epoch {piece['epoch'] + 1}, {piece['id']}, "
                f"{piece['url'] or 'no url'}, {piece['input']}"
            )
            _say_text(piece)


def _say_document(found: dict[str, Any]) -> None:
    _print(f"{found['id']}, {found['url'] or 'no url'}")
    _print(f"{found['tokens']:,} tokens of {found['source']}, from {found['input']}")
    if found["held_out"]:
        _print("held out for validation: in no training row")
    elif not found["places"]:
        _print("in no row of this budget")
    for place in found["places"]:
        step = f"step {place['step']:,}, " if "step" in place else ""
        _print(
            f"  {step}row {place['row']:,} at {place['offset']:,}: tokens {place['start']:,} to "
            f"{place['stop']:,}, epoch {place['epoch'] + 1}"
        )
        _say_text(place)


def _say_text(piece: dict[str, Any]) -> None:
    if "text" in piece:
        _print("\n".join(f"    | {line}" for line in piece["text"].split("\n")))


def _print(text: str) -> None:
    print(printable(text))


if __name__ == "__main__":
    sys.exit(main())
