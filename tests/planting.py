"""Secrets, personal data and their look-alikes planted into the real code of the samples.

Hosts are rows of samples/github in which nothing is found before, cut at line ends; each planted line is
assigned, commented or called as code does. What a host has of its own and the detector misses is not counted.
"""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import NamedTuple

import orjson
from planting_sorts import LOOKALIKES, SECRETS, Draw

from filters.code_secrets import Kind, findings

SAMPLES = Path(__file__).parents[1] / "samples" / "github"
OF_EACH = 18
_LINES = (
    '{} = "{}"',
    "{}: {}",
    "# {} {}",
    "// {} is {} here",
    "    set_{}('{}')",
    "export {}={}",
    '  "{}": "{}",',
)


class Planted(NamedTuple):
    """A host with what was put into it: place, kind (None for a look-alike) and sort of each."""

    text: str
    truth: dict[tuple[int, int], tuple[Kind | None, str]]


def hosts(count: int) -> list[list[str]]:
    """Lines of as many real files in which nothing is found, in the order of the samples."""
    found: list[list[str]] = []
    for path in sorted(SAMPLES.glob("*.jsonl.gz")):
        for row in gzip.decompress(path.read_bytes()).splitlines():
            text = orjson.loads(row).get("content") or ""
            lines = text.split("\n")
            if 20 <= len(lines) <= 400 and len(text) < 20_000 and not findings(text):
                found.append(lines)
                if len(found) == count:
                    return found
    raise ValueError(f"only {len(found)} files of the samples can be hosts")


def planted(seed: int = 20_261_129) -> list[Planted]:
    """The whole truth: `OF_EACH` of each sort, one a line, some lines apart."""
    rng = random.Random(seed)
    things: list[tuple[Kind | None, str, str, Draw]] = [
        (kind, sort, name, draw) for sort, kind, name, draw in SECRETS
    ]
    things += [(None, sort, name, draw) for sort, name, draw in LOOKALIKES]
    things = [thing for thing in things for _ in range(OF_EACH)]
    rng.shuffle(things)
    files = hosts(60)
    found = []
    for number, lines in enumerate(files):
        mine = things[number :: len(files)]
        places = sorted(rng.sample(range(2, len(lines)), len(mine)))
        text, truth, last = "", {}, 0
        for place, (kind, sort, name, draw) in zip(places, mine, strict=True):
            text += "\n".join([*lines[last:place], ""])
            value = draw(rng)
            before, secret, behind = value if isinstance(value, tuple) else ("", value, "")
            front, back = rng.choice(_LINES).replace("{}", name, 1).split("{}")
            text += front + before
            truth[len(text), len(text) + len(secret)] = (kind, sort)
            text += f"{secret}{behind}{back}\n"
            last = place
        found.append(Planted(text + "\n".join(lines[last:]), truth))
    return found
