"""A corpus of any size made of the bundled samples: `python -m benchmarks.scale_corpus FOLDER --mb 64`.

Every sample is written again and again in the raw form of its source, each copy with other words: in four of
five lines (by the line's hash, so that the others are what pages have in common) one word is another word of
the same language, or a new one made of halves of two, and a tenth of the others are exchanged too. Of the
odd copies 5% of the documents are the copy before again, and 2% are nearly so. The same size is the same
bytes; a larger corpus begins with the smaller one's documents.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import itertools
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from benchmarks.scale_lines import wet_record
from filters.language import identify
from pipeline.files import list_folder
from pipeline.models import load_fasttext, resolve
from pipeline.parquet import read_parquet
from pipeline.transforms.judges import Language

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
# The mixture's proportions, taken as shares of the raw text here.
SHARES = {
    "commoncrawl": 0.67,
    "c4": 0.15,
    "github": 0.045,
    "wikipedia": 0.045,
    "books": 0.045,
    "arxiv": 0.025,
    "stackexchange": 0.02,
}
FILE_BYTES = 8 << 20  # of raw text in an input file

COMMON, EXCHANGED, NEW = 5, 10, 50  # one line, word, exchanged word of so many
EXACT, NEAR = 5, 7  # documents per cent of the odd copies: repeated below the first, nearly below the second
NEARLY = 100  # one word of so many differs then
# A word between spaces: no markup, macro, attribute or name touches it in any raw form.
_WORD = re.compile(r"(?<= )[^\W\d_]{4,}(?=[ ,.;:?!\n])")
_LINE = re.compile(r"(?<=\n)|(?<=&#xA;)")

Numbers = npt.NDArray[np.uint64]


class Words:
    """The words of one language or source: as often as they occur, and each once."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.all: list[str] = [word for text in texts for word in _WORD.findall(text)] or ["word"]
        self.distinct: list[str] = sorted(set(self.all))

    def made(self, number: int) -> str:
        """A word by number, one of NEW being of two halves."""
        number, kind = divmod(number, NEW)
        first = self.distinct[number % len(self.distinct)]
        if kind:
            return first
        second = self.distinct[number // len(self.distinct) % len(self.distinct)]
        return first[: (len(first) + 1) // 2] + second[len(second) // 2 :]


@dataclass
class Varied:
    """A text that can be written with other words; `key` is its name among the samples."""

    key: str
    text: str
    words: Words

    @cached_property
    def _cut(self) -> tuple[list[str], Numbers, Numbers]:
        """The text cut before and behind each word that may change (those at odd places), and for each line
        that has such words the first of them and how many they are."""
        pieces: list[str] = []
        first, count, rest = [], [], ""
        for line in _LINE.split(self.text):
            if xxhash.xxh3_64_intdigest(line.encode()) % COMMON == 0:
                rest += line
                continue
            end, found = 0, len(pieces) // 2
            for match in _WORD.finditer(line):
                pieces += [rest + line[end : match.start()], match.group()]
                rest, end = "", match.end()
            rest += line[end:]
            if len(pieces) // 2 > found:
                first.append(found)
                count.append(len(pieces) // 2 - found)
        return [*pieces, rest], np.array(first, np.uint64), np.array(count, np.uint64)

    def copy(self, number: int) -> str:
        """Copy `number` of the text."""
        fate = xxhash.xxh3_64_intdigest(f"{self.key}\0{number // 2}".encode()) % 100
        repeated = number % 2 and fate < NEAR
        pieces = list(self._cut[0])
        self._exchange(pieces, number - 1 if repeated else number)
        if repeated and fate >= EXACT:
            self._some(pieces, NEARLY, self._numbers(number, len(pieces) // 2 // NEARLY + 1))
        return "".join(pieces)

    def _exchange(self, pieces: list[str], seed: int) -> None:
        _, first, count = self._cut
        total = len(pieces) // 2
        drawn = self._numbers(seed, 2 * len(first) + total // EXCHANGED)
        places = first + drawn[: len(first)] % count if len(first) else first
        self._some(pieces, EXCHANGED, drawn[2 * len(first) :])
        for place, chosen in zip(places.tolist(), drawn[len(first) : 2 * len(first)].tolist(), strict=True):
            pieces[2 * place + 1] = self.words.made(chosen)

    def _some(self, pieces: list[str], one_of: int, drawn: Numbers) -> None:
        """Exchange a word in each stretch of `one_of` words."""
        total, words = len(pieces) // 2, self.words.all
        for stretch, number in enumerate(drawn.tolist()):
            place = stretch * one_of + number % one_of
            if place < total:
                pieces[2 * place + 1] = words[(number >> 8) % len(words)]

    def _numbers(self, seed: int, count: int) -> Numbers:
        """Random numbers; numpy keeps those of a bit generator the same from version to version."""
        start = xxhash.xxh3_64_intdigest(f"{self.key}\0{seed}".encode())
        numbers: Numbers = np.random.PCG64(start).random_raw(count)
        return numbers


@dataclass(frozen=True)
class Template:
    """A record of the samples: its texts, and what makes the stored bytes of a copy of their copies."""

    texts: list[Varied]
    record: Callable[[int, list[str]], bytes]

    def copy(self, number: int) -> tuple[bytes, int]:
        """The stored bytes of copy `number`, and the bytes of text in it."""
        texts = [text.copy(number) for text in self.texts]
        return self.record(number, texts), sum(len(text.encode()) for text in texts)


@dataclass(frozen=True)
class Series:
    """Files of one kind: their names (with a number in it), what their records are copies of, and how a file
    is made of records."""

    name: str
    templates: list[Template]
    file: Callable[[list[bytes]], bytes]
    file_bytes: int = FILE_BYTES

    def files(self, size: int) -> Iterator[tuple[str, bytes]]:
        """Name and content of files with `size` bytes of text in all."""
        records: list[bytes] = []
        written, number, here = 0, 0, 0
        for copy in itertools.count():
            for template in self.templates:
                record, length = template.copy(copy)
                records.append(record)
                written, here = written + length, here + length
                if here >= self.file_bytes or written >= size:
                    yield self.name.format(number), self.file(records)
                    records, here, number = [], 0, number + 1
                if written >= size:
                    return


def write_corpus(folder: Path, samples: Path, size: int) -> dict[str, int]:
    """Write a corpus of `size` bytes of text below `folder`/in, one folder a source; `samples` is the output
    folder of a run that prepared the bundled samples. Returns the stored bytes by source."""
    stored: dict[str, int] = {}
    for source, all_series in series(samples).items():
        weights = [sum(len(t.text) for template in s.templates for t in template.texts) for s in all_series]
        for one, weight in zip(all_series, weights, strict=True):
            for name, data in one.files(round(size * SHARES[source] * weight / sum(weights))):
                path = folder / "in" / source / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                stored[source] = stored.get(source, 0) + len(data)
    return stored


def series(samples: Path) -> dict[str, list[Series]]:
    """For each source what its input is made of. CommonCrawl (as WET), C4 and books are made of the
    documents that `prepare` made of the samples, the others of the samples' raw records."""
    return {
        "commoncrawl": [Series("varied-{:04d}.warc.wet.gz", commoncrawl(samples), _members)],
        "c4": [Series("c4-train.{:05d}.json.gz", c4(samples), _members)],
        "github": [Series("github-{:05d}.jsonl.gz", github(), _members)],
        "wikipedia": [wikipedia(path) for path in sorted((SAMPLES / "wikipedia").glob("*articles*.xml.bz2"))],
        "books": [Series("books-{:04d}.jsonl.gz", books(samples), _members)],
        "arxiv": [Series("arXiv_src_{:04d}.tar", arxiv(), _tar)],
        "stackexchange": [
            stackexchange(path) for path in sorted((SAMPLES / "stackexchange").glob("*/Posts.xml"))
        ],
    }


def documents(samples: Path, source: str) -> list[tuple[str, str, str]]:
    """Id, URL and text of the prepared documents of a source."""
    folder = samples / "documents" / source
    tables = [
        read_parquet(str(folder / name), ["id", "url", "text"]) for name in sorted(list_folder(str(folder)))
    ]
    return [(row["id"], row["url"], row["text"]) for table in tables for row in table.to_pylist()]


def by_language(texts: list[tuple[str, str]]) -> list[Varied]:
    """Texts (key, text) that change within the words of their language."""
    labels, _ = identify(load_fasttext(resolve(Language().model)), [text for _, text in texts])
    words = {
        label: Words(text for (_, text), of in zip(texts, labels, strict=True) if of == label)
        for label in set(labels)
    }
    return [Varied(key, text, words[label]) for (key, text), label in zip(texts, labels, strict=True)]


def commoncrawl(samples: Path) -> list[Template]:
    """WET records of the prepared pages."""
    found = documents(samples, "commoncrawl")
    varied = by_language([(key, text) for key, _, text in found])

    def template(url: str, text: Varied) -> Template:
        return Template(
            [text], lambda copy, texts: gzip.compress(wet_record(f"{url}?{copy}", copy, texts[0]), 1, mtime=0)
        )

    return [template(url or key, text) for (key, url, _), text in zip(found, varied, strict=True)]


def c4(samples: Path) -> list[Template]:
    """C4's lines of JSON."""
    found = documents(samples, "c4")

    def record(key: str) -> Callable[[int, list[str]], bytes]:
        return lambda copy, texts: _line(
            text=texts[0], timestamp="2019-04-25T12:57:54Z", url=f"https://{key}.invalid/{copy}"
        )

    varied = by_language([(key, text) for key, _, text in found])
    return [Template([text], record(text.key)) for text in varied]


def books(samples: Path) -> list[Template]:
    """Books as lines of JSON."""
    varied = by_language([(key, text) for key, _, text in documents(samples, "books")])
    return [Template([text], lambda _, texts: _line(text=texts[0])) for text in varied]


def github() -> list[Template]:
    """Rows in the shape of BigQuery's dump; each copy is another repository."""
    paths = sorted((SAMPLES / "github").glob("*.jsonl.gz"))
    lines = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    rows = [json.loads(line) for line in lines]
    words = Words(row["content"] for row in rows if row.get("content"))

    def record(row: dict[str, object]) -> Callable[[int, list[str]], bytes]:
        return lambda copy, texts: _line(
            **row
            | {"repo_name": f"{row['repo_name']}-{copy}", "content": texts[0], "size": len(texts[0].encode())}
            | {"id": f"{xxhash.xxh3_128_hexdigest(texts[0].encode())}00000000"}
        )

    return [
        Template([Varied(f"{row['repo_name']}/{row['path']}", row["content"], words)], record(row))
        for row in rows
        if row.get("content")
    ]


def wikipedia(path: Path) -> Series:
    """Pages of a dump, under the dump's own header; each copy has page and revision ids of its own."""
    dump = bz2.decompress(path.read_bytes()).decode()
    head = dump.split("<page>", 1)[0]
    pages = [f"  {page}\n" for page in re.findall(r"<page>.*?</page>", dump, re.DOTALL)]
    words = Words(pages)

    def record(copy: int, texts: list[str]) -> bytes:
        return re.sub(r"<id>(\d+)</id>", lambda m: f"<id>{int(m[1]) + copy * 10**9}</id>", texts[0]).encode()

    templates = [Template([Varied(f"{path.name}{n}", page, words)], record) for n, page in enumerate(pages)]
    name = path.name.replace("-excerpt", "-{:04d}").replace("-multistream", "")
    return Series(
        name,
        templates,
        lambda records: bz2.compress(f"{head}{''.join(r.decode() for r in records)}</mediawiki>\n".encode()),
    )


def arxiv() -> list[Template]:
    """Papers of arXiv's bulk archives, gzipped as they lie there; each copy has a number of its own."""
    papers = []
    for archive in sorted((SAMPLES / "arxiv").glob("*.tar")):
        with tarfile.open(archive) as outer:
            for member in outer:
                stream = outer.extractfile(member)
                if stream is not None and member.name.endswith(".gz"):
                    papers.append(gzip.decompress(stream.read()))
    sources = [_members_of(paper) for paper in papers]
    words = Words(
        data.decode("latin-1") for files in sources for name, data in files if name.endswith(".tex")
    )
    return [_paper(number, files, words) for number, files in enumerate(sources)]


def _paper(number: int, files: list[tuple[str, bytes]], words: Words) -> Template:
    # Latin-1 gives every byte back as it was, whatever the encoding.
    texts = [(name, data.decode("latin-1")) for name, data in files if name.endswith(".tex")]
    others = [(name, data) for name, data in files if not name.endswith(".tex")]

    def record(copy: int, varied: list[str]) -> bytes:
        named = [
            (name, text.encode("latin-1", "replace")) for (name, _), text in zip(texts, varied, strict=True)
        ]
        inner = gzip.compress(_tar_of([*named, *others]), 1, mtime=0)
        return _tar_of([(f"2001/2001.{copy * 100 + number:05d}.gz", inner)], end=False)

    return Template([Varied(f"{number}/{name}", text, words) for name, text in texts], record)


def stackexchange(path: Path) -> Series:
    """Rows of a site's Posts.xml, in one file; each copy has ids of its own."""
    rows = [line for line in path.read_text("utf-8-sig").splitlines() if line.lstrip().startswith("<row ")]
    words = Words(rows)

    def record(copy: int, texts: list[str]) -> bytes:
        ids = re.compile(r' (Id|ParentId|AcceptedAnswerId)="(\d+)"')
        return ids.sub(lambda m: f' {m[1]}="{int(m[2]) + copy * 10**6}"', texts[0]).encode() + b"\n"

    return Series(
        f"{path.parent.name}/Posts.xml",
        [Template([Varied(f"{path.parent.name}{n}", row, words)], record) for n, row in enumerate(rows)],
        lambda records: (
            b'<?xml version="1.0" encoding="utf-8"?>\n<posts>\n' + b"".join(records) + b"</posts>\n"
        ),
        file_bytes=1 << 60,
    )


def _line(**values: object) -> bytes:
    return gzip.compress(json.dumps(values, ensure_ascii=False).encode() + b"\n", 1, mtime=0)


def _members(records: list[bytes]) -> bytes:
    """A gzip file with a member for each record."""
    return b"".join(records)


def _tar(records: list[bytes]) -> bytes:
    return b"".join(records) + bytes(2 * tarfile.BLOCKSIZE)


def _tar_of(files: list[tuple[str, bytes]], *, end: bool = True) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        length = archive.offset
    return sink.getvalue() if end else sink.getvalue()[:length]


def _members_of(paper: bytes) -> list[tuple[str, bytes]]:
    """The files of a paper, which is a tar or one TeX file."""
    try:
        with tarfile.open(fileobj=io.BytesIO(paper)) as archive:
            return [(m.name, f.read()) for m in archive if (f := archive.extractfile(m)) is not None]
    except tarfile.ReadError:
        return [("main.tex", paper)]


def main() -> None:
    """Write a corpus; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mb", type=int, default=64, help="10^6 bytes of raw text")
    parser.add_argument("--samples", type=Path, required=True, help="output of a run of the samples")
    chosen = parser.parse_args()
    print(json.dumps(write_corpus(chosen.folder, chosen.samples, chosen.mb * 10**6)))


if __name__ == "__main__":
    main()
