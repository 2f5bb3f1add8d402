"""The URLs that a Wikipedia dump's articles cite, each with its article; and the crawled pages among them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import orjson
import xxhash

from filters.references import citations, same_host, same_page
from pipeline.errors import WinnowError
from pipeline.files import open_file
from pipeline.readers.wikipedia import WikipediaReader
from pipeline.records import DeadLetter, Document
from pipeline.train.corpus import matching_files
from pipeline.train.output import finished

Match = Literal["url", "host"]

FORMS: Final = {"url": same_page, "host": same_host}


@dataclass(frozen=True)
class ReferenceSettings:
    """What `python -m pipeline.train references` can be told."""

    dumps: tuple[str, ...]
    output: Path


def write_references(settings: ReferenceSettings) -> str:
    """Write a row {url, article, archived} for each page that each article cites, in the dumps' order.

    `output` is a gzipped JSON lines file; `article` is the article's own URL. Returns a sentence of counts.
    Raises WinnowError where there is no dump, a file is none, or no article cites anything.
    """
    articles = citing = rows = broken = 0
    with finished(settings.output.parent) as work:
        # Without a time in its header: the same dumps give the same bytes.
        with (
            (work / settings.output.name).open("wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=6) as out,
        ):
            for path in matching_files(settings.dumps):
                with open_file(path) as stream:
                    for event in WikipediaReader().read(stream, Path(path).name):
                        if isinstance(event, DeadLetter):
                            broken += 1
                        elif isinstance(event, Document):
                            articles += 1
                            cited = citations(event.text)
                            citing += bool(cited)
                            rows += len(cited)
                            for url, archived in cited:
                                row = {"url": url, "article": event.url, "archived": archived}
                                out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        if not rows:
            lost = f", and {broken:,} could not be read" if broken else ""
            raise WinnowError(f"no article of {len(settings.dumps)} dumps cites a web page{lost}")
    lost = f"; {broken:,} places of the dumps could not be read" if broken else ""
    return f"{rows:,} references of {citing:,} of {articles:,} articles{lost}"


class CitedPages:
    """Which URLs are cited, in memory as 8 bytes each: by page or, weaker, by host."""

    def __init__(self, files: Iterable[str], match: Match) -> None:
        self._form = FORMS[match]
        hashes: list[npt.NDArray[np.uint64]] = []
        for path in matching_files(files):
            with open_file(path) as stream, gzip.open(stream) as lines:
                try:
                    forms = {self._form(orjson.loads(line)["url"]) for line in lines}
                except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
                    raise WinnowError(
                        f"{path} is no file of `python -m pipeline.train references`: "
                        f"{str(error).splitlines()[0]}"
                    ) from error
            hashes.append(np.array([_hash(form) for form in forms - {""}], np.uint64))
        self._hashes = np.unique(np.concatenate(hashes)) if hashes else np.empty(0, np.uint64)

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, url: str) -> bool:
        form = self._form(url)
        if not form:
            return False
        number = np.uint64(_hash(form))
        place = int(np.searchsorted(self._hashes, number))
        return place < len(self._hashes) and bool(self._hashes[place] == number)


def _hash(form: str) -> int:
    return xxhash.xxh3_64_intdigest(form.encode("utf-8", "surrogatepass"))
