"""Wikipedia's pages-articles XML dumps: one document for each article, its text the wikitext."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from filters.wikitext_namespaces import is_redirect
from pipeline.readers.wikipedia_streams import Part, Piece, is_index, pieces, stream_pieces
from pipeline.readers.wikipedia_xml import NotADump, Page, PageParser, Site
from pipeline.records import DeadLetter, Document, Event, PassedOver

_DUMP_DATE = re.compile(r"-(20[0-9]{6})-")
# MediaWiki, wfUrlencode(): what a title's link leaves as it is.
_URL_SAFE = ";@$!*(),/~:"
_PAGE = b"<page>"
_FED = 1 << 14  # bytes parsed at once, which each error may have read again
# Header names that cleaning needs: media, files, templates, categories.
_NAMESPACES = (-2, 6, 10, 14)


class WikipediaReader:
    """Reads a dump of any language: bzip2 (multistream or not), gzip or plain XML.

    A document is a page of namespace 0 that is not a redirect and not empty; its key is wiki, page id and
    revision id. `metadata` holds title, page_id, revision_id, wiki and, for the cleaning that takes it out
    again, the header's `namespaces` as (name, number) pairs. Wiki, language and address come from the dump's
    header; `wiki` ("dewiki") overrides a header that is missing or wrong. Pages passed over are counted as
    "namespace <number>", "redirect", "empty", "deleted" or "model <name>".
    """

    def __init__(self, *, wiki: str = "", max_document_bytes: int = 64 << 20) -> None:
        self._wiki = wiki
        self._max = max_document_bytes

    def read(self, stream: BinaryIO, name: str) -> Iterator[Event]:
        """Yield one event for each page of a whole dump, one for the index of a multistream dump."""
        if is_index(name):
            yield PassedOver("multistream index")
            return
        yield from self._events(pieces(stream), name, whole=True)

    def read_part(self, stream: BinaryIO, name: str, part: Part) -> Iterator[Event]:
        """Yield one event for each page of one range of a multistream dump; `stream` must be seekable.

        `part` is one of `wikipedia_streams.parts`; all parts together yield what `read` does.
        """
        header = stream_pieces(stream, 0, part.header)
        pages = stream_pieces(stream, part.start, part.end)
        yield from self._events(itertools.chain(header, pages), name, whole=False)

    def _events(self, given: Iterator[Piece], name: str, whole: bool) -> Iterator[Event]:
        """Pages in their order; damage is one dead letter, and what follows it is read."""
        dump = _Dump(self._max)
        date = _DUMP_DATE.search(name)
        snapshot = date[1] if date else ""
        site: _Wiki | None = None
        for piece in given:
            for met in dump.feed(piece):
                if isinstance(met, DeadLetter):
                    yield met
                    continue
                site = site or _Wiki(dump.parser.site, self._wiki)
                yield self._event(met, site, dump.places.offset_of(met.at), snapshot)
        if letter := dump.end(whole):
            yield letter

    def _event(self, page: Page, wiki: _Wiki, offset: int, snapshot: str) -> Event:
        if kind := _passed_over(page, wiki):
            return PassedOver(kind)
        text = page.text or ""
        head = page.title.encode()[:64]
        if page.too_large or len(text.encode()) > self._max:
            return DeadLetter(offset, f"the page is larger than {self._max} bytes", head)
        if not wiki.name:
            return DeadLetter(offset, "the dump's header names no wiki, and the config none", head)
        if not (page.title and page.page_id.isdecimal() and page.revision_id.isdecimal()):
            return DeadLetter(offset, "the page has no title, page id or revision id", head)
        return Document(
            key=f"{wiki.name} {page.page_id} {page.revision_id}",
            text=text,
            url=wiki.address + quote(page.title.replace(" ", "_"), safe=_URL_SAFE),
            timestamp=page.timestamp,
            language=wiki.language,
            snapshot=snapshot,
            metadata={
                "title": page.title,
                "page_id": int(page.page_id),
                "revision_id": int(page.revision_id),
                "wiki": wiki.name,
                "namespaces": wiki.namespaces,
            },
        )


def _passed_over(page: Page, wiki: _Wiki) -> str:
    """The kind of a page that is no article; "" for an article."""
    namespace = page.namespace or str(wiki.namespace_of(page.title))
    text = page.text or ""
    if namespace != "0":
        return f"namespace {namespace}"
    if page.redirect or is_redirect(text):  # exports before 0.4 have no <redirect>
        return "redirect"
    if page.model != "wikitext":
        return f"model {page.model}"
    if page.too_large:
        return ""
    if page.text is None:
        return "deleted"
    return "" if text.strip() else "empty"


class _Wiki:
    """Which wiki a dump is of: name, language, the address that titles go behind, namespace names."""

    def __init__(self, site: Site, override: str) -> None:
        host = urlsplit(site.base).hostname or ""
        edition = host.split(".")[0] if host.endswith(".wikipedia.org") else ""
        self.name = override or site.dbname or (edition.replace("-", "_") + "wiki" if edition else "")
        of_name = self.name.removesuffix("wiki").replace("_", "-")
        if override and override != site.dbname:
            self.language = of_name
            self.address = f"https://{of_name}.wikipedia.org/wiki/"
        else:
            self.language = site.language or of_name
            folder = site.base.rpartition("/")[0] if urlsplit(site.base).path.strip("/") else ""
            self.address = (folder or f"https://{edition or of_name}.wikipedia.org/wiki") + "/"
        self.language = {"simple": "en"}.get(self.language, self.language)
        self.namespaces = tuple(
            (name, number)
            for number, name in sorted(site.namespaces.items())
            if number in _NAMESPACES and name
        )
        self._numbers = {name: number for number, name in site.namespaces.items() if name}

    def namespace_of(self, title: str) -> int:
        """The namespace by the title's prefix, for exports before 0.6, which have no `<ns>`."""
        prefix, colon, _ = title.partition(":")
        return self._numbers.get(prefix, 0) if colon else 0


class _Dump:
    """The pages of a dump's pieces; behind damage it goes on at the next `<page>`, which no text can hold."""

    def __init__(self, max_document_bytes: int) -> None:
        self.parser = PageParser(max_document_bytes)
        self.places = _Places()
        self._lost = False
        self._tail = b""  # while lost, what may be the start of a `<page>`
        self._offset = 0

    def feed(self, piece: Piece) -> Iterator[Page | DeadLetter]:
        """Yield the pages that end in `piece`, and a dead letter for each damage."""
        self._offset = piece.offset
        end = self.places.add(piece)
        if piece.error:
            if not self._lost:
                yield self._letter(piece.error)
            self._lost, self._tail = True, b""
            return
        for start in range(0, len(piece.data), _FED):
            data = piece.data[start : start + _FED]
            yield from self._pages(data, end - len(piece.data) + start + len(data))
        current = self.parser.current
        self.places.forget(current.at if current else None)

    def _pages(self, data: bytes, end: int) -> Iterator[Page | DeadLetter]:
        """Yield what is in `data`, the readable bytes before `end`."""
        while data:
            if self._lost:
                data = self._found(self._tail + data)
                if not data:
                    return
                self.parser = self.parser.anew(end - len(data))
                self._lost = False
            try:
                yield from self.parser.feed(data)
                return
            except NotADump as broken:
                yield from self.parser.done()
                yield self._letter(str(broken))
                self._lost, self._tail = True, b""
                data = self.parser.unread()

    def _found(self, data: bytes) -> bytes:
        at = data.find(_PAGE)
        self._tail = data[1 - len(_PAGE) :] if at < 0 else b""
        return data[at:] if at >= 0 else b""

    def end(self, whole: bool) -> DeadLetter | None:
        """The dead letter of a dump, or (not `whole`) a range of one, that ends where it should not."""
        if self._lost:
            return None
        if self.parser.current is not None:
            return self._letter("the dump ends inside a page")
        return (
            self._letter("the dump ends before its last page") if whole and not self.parser.closed else None
        )

    def _letter(self, error: str) -> DeadLetter:
        """The dead letter of an error here, or in the page that it broke off."""
        page = self.parser.current
        if page is None:
            return DeadLetter(self._offset, error)
        return DeadLetter(self.places.offset_of(page.at), error, page.title.encode()[:64])


class _Places:
    """Where in the stored bytes a readable position can be found again."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, Piece]] = []
        self._readable = 0

    def add(self, piece: Piece) -> int:
        """Take the next piece; returns how many readable bytes there were with it."""
        self._pieces.append((self._readable, Piece(piece.offset, b"", piece.plain)))
        self._readable += len(piece.data)
        return self._readable

    def forget(self, from_here: int | None) -> None:
        """Drop what lies before the readable position `from_here`; None keeps the last piece alone."""
        while len(self._pieces) > 1 and (from_here is None or self._pieces[1][0] <= from_here):
            del self._pieces[0]

    def offset_of(self, readable: int) -> int:
        """The stored offset of the stream that holds a readable position, or of itself in plain XML."""
        for start, piece in reversed(self._pieces):
            if start <= readable:
                return piece.offset + (readable - start if piece.plain else 0)
        return 0
