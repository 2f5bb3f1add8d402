"""Pages out of the XML of MediaWiki's export format (versions 0.3 to 0.11), as it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat
from xml.parsers.expat import errors


class NotADump(Exception):
    """The bytes are not well-formed XML, or XML that no dump has."""


@dataclass(slots=True)
class Page:
    """One `<page>` as written, its last revision; `at` is its place among the readable bytes.

    `text` is None where the dump leaves it out (deleted, or over the limit: then `too_large` is set).
    """

    at: int
    title: str = ""
    namespace: str = ""
    page_id: str = ""
    revision_id: str = ""
    timestamp: str = ""
    model: str = "wikitext"
    redirect: bool = False
    text: str | None = None
    too_large: bool = False


@dataclass(slots=True)
class Site:
    """A dump's header; `namespaces` holds names by number."""

    language: str = ""
    dbname: str = ""
    base: str = ""
    namespaces: dict[int, str] = field(default_factory=dict)


# Which text goes where, by the depth of the element and its name; a contributor's and a slot's elements lie
# deeper.
_PAGE = {(3, "title"): "title", (3, "ns"): "namespace", (3, "id"): "page_id"}
_REVISION = {
    (4, "id"): "revision_id",
    (4, "timestamp"): "timestamp",
    (4, "model"): "model",
    (4, "text"): "text",
}
_MAX_TAG = 1 << 16  # bytes; real ones have some hundred
_ROOT = b"<mediawiki>"
_SITE = {(3, "dbname"): "dbname", (3, "base"): "base"}


class PageParser:
    """Fed with pieces of a dump, gives the pages that ended in each. Holds one page at a time.

    `current` is the page that has not ended, `closed` tells that the dump has.
    A document type is refused, so that there are no entities to expand; and comments, instructions and CDATA,
    which no dump has, so that damage that opens one hides no pages.
    """

    def __init__(self, max_document_bytes: int) -> None:
        self.site = Site()
        self.closed = False
        self.current: Page | None = None
        self._max = max_document_bytes
        self._done: list[Page] = []
        self._fed = 0
        self._tail = b""  # of what was fed, what may belong to a tag that has not ended
        self._base = 0
        self._error_at = 0
        self._depth = 0
        self._section = ""
        self._wanted = ""
        self._number = 0
        self._chunks: list[str] = []
        self._size = 0
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype
        self._expat.CommentHandler = self._refuse_markup
        self._expat.ProcessingInstructionHandler = self._refuse_markup
        self._expat.StartCdataSectionHandler = self._refuse_markup

    def anew(self, at: int) -> PageParser:
        """A parser of the same dump for what follows damage, fed next with the page that begins at `at`."""
        parser = PageParser(self._max)
        parser.feed(_ROOT)
        parser.site = self.site
        parser._base = at - len(_ROOT)
        return parser

    def feed(self, data: bytes) -> list[Page]:
        """Pages that end in `data`. Raises NotADump; `done` then has the pages before the damage."""
        self._fed += len(data)
        self._tail += data
        try:
            self._expat.Parse(data, False)
        except expat.ExpatError as error:
            self._error_at = self._expat.ErrorByteIndex
            raise NotADump(f"the XML is not well-formed: {errors.messages[error.code]}") from error
        at = max(self._fed - len(self._tail), self._expat.CurrentByteIndex)
        self._tail = self._tail[at - (self._fed - len(self._tail)) :]
        if len(self._tail) > _MAX_TAG + len(data):
            self._error_at = at + 1
            raise NotADump("the XML has a tag as large as no dump has")
        return self.done()

    def unread(self) -> bytes:
        """The end of what was fed, from where NotADump was raised on."""
        return self._tail[max(0, self._error_at - (self._fed - len(self._tail))) :]

    def done(self) -> list[Page]:
        """Pages that have ended and were not given yet."""
        pages, self._done = self._done, []
        return pages

    def _refuse_doctype(self, *_: object) -> None:
        self._refuse("the XML declares a document type, which no dump has")

    def _refuse_markup(self, *_: object) -> None:
        if self._depth:  # before the export begins there is no page that it could hide
            self._refuse("the XML has a comment, an instruction or CDATA, which no dump has")

    def _refuse(self, reason: str, passed: int = 1) -> None:
        """Stop here; what follows is read from `passed` bytes on: none where it is a page itself."""
        # Expat reads on to the end of what it was fed; what is refused may hide what follows it.
        self._error_at = self._expat.CurrentByteIndex + passed
        raise NotADump(reason)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        depth = self._depth
        if name == "page" and depth > 2:
            self._refuse("the XML has a page inside a page", 0)
        if depth == 1:
            if name != "mediawiki":
                self._refuse("the XML is not a MediaWiki export")
            self.site.language = attributes.get("xml:lang", "")
        elif depth == 2:
            self._section = name
            if name == "page":
                self.current = Page(self._base + self._expat.CurrentByteIndex)
        elif self._section == "page" and self.current is not None:
            self._start_in_page(self.current, name, attributes)
        elif self._section == "siteinfo":
            self._wanted = _SITE.get((depth, name), "")
            if depth == 4 and name == "namespace" and attributes.get("key", "").lstrip("-").isdigit():
                self._wanted = "namespace"
                self._number = int(attributes["key"])
            self._listen()

    def _start_in_page(self, page: Page, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 3:
            self._wanted = _PAGE.get((3, name), "")
            if name == "redirect":
                page.redirect = True
            elif name == "revision":  # of several the last one stands
                page.revision_id = page.timestamp = ""
                page.model, page.text, page.too_large = "wikitext", None, False
                return
        elif self._depth == 4:
            self._wanted = _REVISION.get((4, name), "")
            if name == "text" and "deleted" in attributes:
                self._wanted = ""
        self._listen()

    def _listen(self) -> None:
        self._chunks = []
        self._size = 0
        self._expat.CharacterDataHandler = self._characters if self._wanted else None

    def _characters(self, data: str) -> None:
        self._size += len(data)
        if self._size <= self._max:
            self._chunks.append(data)
        else:
            self._chunks.clear()

    def _end(self, name: str) -> None:
        if self._wanted:
            self._store("".join(self._chunks))
            self._wanted = ""
            self._chunks = []
            self._expat.CharacterDataHandler = None
        self._depth -= 1
        if self._depth == 1 and self.current is not None:
            self._done.append(self.current)
            self.current = None
        self.closed = self._depth == 0

    def _store(self, value: str) -> None:
        wanted = self._wanted
        if self.current is not None:
            if self._size > self._max:
                self.current.too_large = True
            else:
                setattr(self.current, wanted, value)
        elif wanted == "namespace":
            self.site.namespaces[self._number] = value
        else:
            setattr(self.site, wanted, value)
