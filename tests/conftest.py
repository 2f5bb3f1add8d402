"""What several tests need: small corpora, runs without a terminal, and digests of whole output folders."""

from __future__ import annotations

import gzip
import io
import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import xxhash
from hypothesis import settings
from rich.console import Console

from pipeline.options import parse_options
from pipeline.phases import run_phases
from pipeline.phases.phase import Outcome, Run
from pipeline.progress import Progress
from pipeline.run import make_run

# The same examples on every machine, and no verdict on a slow one: first calls build tables.
settings.register_profile("same-everywhere", derandomize=True, deadline=None)
settings.load_profile("same-everywhere")

# Receipts and unit lists say how a run was cut into work, which may differ; everything else must not.
WORK = "work/"
# What the command leaves beside the phases' outputs: how long it took, and the report (tests/test_report.py).
BESIDE = ("work/timings.json", "report/")


def wet_bytes(pages: Iterable[tuple[str, str]], snapshot: str = "") -> bytes:
    """A gzipped WET file of (url, text) pages, with a warcinfo record where `snapshot` is given."""
    members = []
    if snapshot:
        info = f"isPartOf: {snapshot}\r\n".encode()
        members.append(_record("warcinfo", "", info, "urn:uuid:info", "application/warc-fields"))
    for url, text in pages:
        members.append(_record("conversion", url, text.encode(), f"urn:uuid:{url}", "text/plain"))
    return b"".join(gzip.compress(member, mtime=0) for member in members)


def _record(kind: str, url: str, block: bytes, record_id: str, content_type: str) -> bytes:
    head = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <{record_id}>",
        "WARC-Date: 2020-01-01T00:00:00Z",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
    ]
    if url:
        head += [f"WARC-Target-URI: {url}", f"WARC-Refers-To: <{record_id}-response>"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def folder_digests(folder: Path, leave_out: str = WORK) -> dict[str, str]:
    """The xxh3 of every file below `folder` by its relative name, but for names starting with `leave_out`."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {
        name: xxhash.xxh3_128_hexdigest((folder / name).read_bytes())
        for name in names
        if not name.startswith((leave_out, *BESIDE))
    }


RunJob = Callable[..., tuple[Run, list[Outcome]]]


def run_quietly(*arguments: str) -> tuple[Run, list[Outcome]]:
    """Run the main job with command-line arguments, without a terminal."""
    options = parse_options(list(arguments))
    with ExitStack() as held:
        job = make_run(options, Progress(Console(file=io.StringIO())), held)
        return job, list(run_phases(job, options.phases))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is not ignored, as it is where the tests run in the background, by what a test starts either."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def speak_again() -> Iterator[None]:
    """A run that was interrupted leaves its process silent (pipeline/engine.py); the next test is not."""
    hook = threading.excepthook
    yield
    threading.excepthook = hook
    logging.disable(logging.NOTSET)


@pytest.fixture
def run_job() -> RunJob:
    """Runs the main job; returns the run and its outcomes."""
    return run_quietly


SENTENCES = [
    "The river rose in the night and took the lower bridge with it before anyone in the village had woken.",
    "A committee was formed in the spring to decide what should be done about the old mill and its pond.",
    "Nobody had expected the harvest to be so large, and the barns were too small to hold all of it.",
    "She wrote to her brother every week and told him about the garden, the neighbours and the weather.",
    "The engine was designed to run on coal, but the company soon found that wood was a good deal cheaper.",
    "Scientists measured the depth of the lake at forty places and drew a map of its bottom from that.",
    "When the train arrived the platform was empty except for a porter and a dog asleep beside a trunk.",
    "His first book was about the history of the town; his second was about the birds that lived around it.",
]


def english_page(number: int, lines: int = 5) -> str:
    """A page of distinct English lines, over 300 characters long, the same for the same number.

    Numbers are written in letters: line hashes take all digits for one.
    """
    chosen = [
        f"{SENTENCES[(number * 3 + line) % len(SENTENCES)]} (entry {letters(number)}, part {letters(line)})"
        for line in range(lines)
    ]
    return "\n".join([f"Notes of day {letters(number)}", *chosen])


def letters(number: int) -> str:
    """A number in letters instead of digits."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def write_corpus(folder: Path, files: int = 3, pages: int = 12) -> str:
    """Write `files` WET files of `pages` pages, some lines and pages shared; returns the pattern of all."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        listed = []
        for page in range(pages):
            text = english_page(number * pages + page)
            if page % 4 == 0:
                text += "\nSubscribe to our newsletter for more stories like this one."
            listed.append((f"https://example.org/{number}/{page}", text))
        listed.append((f"https://example.org/{number}/copy", english_page(1)))
        (folder / f"part-{number}.warc.wet.gz").write_bytes(wet_bytes(listed, "CC-MAIN-2020-05"))
    return f"{folder}/*.wet.gz"
