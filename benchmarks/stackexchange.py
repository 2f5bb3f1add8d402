"""Speed of reading Stack Exchange dumps: python -m benchmarks.stackexchange [FOLDER/Posts.xml ...]

Sets three steps of ours (the rows with all their attributes; threads brought together on disk; threads as
cleaned text) beside the bare parse of the same bytes by two XML parsers that give each row's attributes and
forget it, and beside RedPajama-v1's way of taking tags out (lxml's text of each body, after that parse).
In MB of Posts.xml per CPU second; all take turns and the best of a few rounds counts.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import lxml.etree
import lxml.html

from pipeline.flows.stackexchange import JoinThread
from pipeline.readers.stackexchange import rows
from pipeline.readers.stackexchange_dump import StackExchangeReader
from pipeline.records import Document

SAMPLES = Path(__file__).parents[1] / "samples" / "stackexchange"
RESULTS = Path(__file__).parent / "results" / "stackexchange.json"


def lxml_parse(data: bytes) -> int:
    """Attributes of every row, by lxml."""
    count = 0
    for _, element in lxml.etree.iterparse(io.BytesIO(data), tag="row", huge_tree=True):
        count += dict(element.attrib) != {}
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def elementtree_parse(data: bytes) -> int:
    """Attributes of every row, by the standard library."""
    count = 0
    parser = ElementTree.iterparse(io.BytesIO(data), events=("start", "end"))
    _, root = next(iter(parser))
    for event, element in parser:
        if event == "end" and element.tag == "row":
            count += dict(element.attrib) != {}
            root.clear()
    return count


def lxml_text(data: bytes) -> int:
    """Attributes of every row and the text of its body, by lxml."""
    count = 0
    for _, element in lxml.etree.iterparse(io.BytesIO(data), tag="row", huge_tree=True):
        body = element.get("Body")
        count += 1
        if body and body.strip():
            lxml.html.fromstring(body).text_content()
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return count


def our_rows(data: bytes) -> int:
    """Attributes of every row, by ours."""
    return sum(1 for _ in rows(io.BytesIO(data)))


def our_threads(data: bytes) -> int:
    """Every row brought to its thread."""
    return sum(1 for _ in StackExchangeReader("a.example").read(io.BytesIO(data), "Posts.xml"))


def our_documents(data: bytes) -> int:
    """Every thread as cleaned text."""
    count = 0
    stage = JoinThread()
    for event in StackExchangeReader("a.example").read(io.BytesIO(data), "Posts.xml"):
        count += 1
        if isinstance(event, Document):
            stage.clean(event)
    return count


METHODS: dict[str, Callable[[bytes], int]] = {
    "lxml, attributes": lxml_parse,
    "ElementTree, attributes": elementtree_parse,
    "lxml, attributes and text": lxml_text,
    "ours, rows": our_rows,
    "ours, threads": our_threads,
    "ours, documents": our_documents,
}


def measure(dumps: list[bytes], rounds: int) -> dict[str, dict[str, float]]:
    """MB per CPU second of each method over all dumps, and its time to lxml's bare parse."""
    seconds = dict.fromkeys(METHODS, float("inf"))
    for _ in range(rounds):
        for name, method in METHODS.items():
            start = time.process_time()
            for data in dumps:
                method(data)
            seconds[name] = min(seconds[name], time.process_time() - start)
    size = sum(map(len, dumps)) / 1e6
    bare = seconds["lxml, attributes"]
    return {
        name: {"mb_per_second": round(size / spent, 1), "time_to_bare_parse": round(spent / bare, 2)}
        for name, spent in seconds.items()
    }


def main() -> None:
    """Measure, print, and write benchmarks/results/stackexchange.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dumps", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    dumps = [path.read_bytes() for path in options.dumps or sorted(SAMPLES.glob("*/Posts.xml"))]
    result = {
        "megabytes": round(sum(map(len, dumps)) / 1e6, 2),
        "rows": sum(map(our_rows, dumps)),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "lxml": version("lxml"),
        "methods": measure(dumps, options.rounds),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if not options.dumps:
        RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
