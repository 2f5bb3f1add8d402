"""An article's wikitext to the text that a reader sees (LLaMA, arXiv:2302.13971, section 2.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from mwparserfromhell.nodes import (
    ExternalLink,
    Heading,
    HTMLEntity,
    Node,
    Template,
    Text,
    Wikilink,
)
from mwparserfromhell.parser import Parser
from mwparserfromhell.wikicode import Wikicode

from filters import wikitext_blocks as blocks
from filters.wikitext_marks import BREAK, CUT, LESS, NO_MARKS, VERBATIM_CLOSE, VERBATIM_OPEN
from filters.wikitext_namespaces import Namespaces, namespaces
from filters.wikitext_quotes import without_quotes
from filters.wikitext_renderers import Call
from filters.wikitext_scan import scan
from filters.wikitext_scripts import raised_and_lowered
from filters.wikitext_templates import renderer_of, template_name


class Cleaned(NamedTuple):
    """The text of an article, and how many of its nested parts were left out for lying too deep."""

    text: str
    too_deep: int = 0


def clean(wikitext: str, language: str, spaces: Namespaces | None = None) -> Cleaned:
    """What a reader sees of an article: headings, paragraphs, lists, formulas, code.

    Links become their text. Comments, references, tables, files, categories, links to other languages,
    galleries, magic words, templates without a place in the text, sections with nothing in them and the
    closing sections that only list references or links are left out. `language` is the wiki's (`en`, `sr`),
    `spaces` its namespaces where a dump's header names them. The result depends on the arguments alone; time
    is linear in their size. Raises WikitextLimit for a page that is too large or has too many brackets.
    """
    spaces = spaces or namespaces(language)

    def keep_template(written: str) -> bool:
        name, _ = template_name(written, spaces.template)
        return renderer_of(name, language) is not None

    scanned = scan(wikitext, keep_template, spaces.hides)
    text = _MAGIC_WORD.sub(CUT, scanned.text)
    text = _LIST_MARKS.sub(blocks.ITEM, without_quotes(_VARIANT.sub(r"\1", text)))
    text = _Renderer(language, spaces).render(Parser().parse(text, skip_style_tags=True))
    found = blocks.without_back_matter(blocks.without_empty_sections(blocks.blocks_of(text)), language)
    text = _tidy(raised_and_lowered(blocks.joined(blocks.without_empty_sections(found))))
    text = _VERBATIM.sub(lambda match: scanned.verbatim[int(match[1])], text)
    return Cleaned(text, scanned.too_deep)


# Behaviour switches (MediaWiki, Help:Magic words); localised ones stand alone on their line.
_MAGIC_WORD = re.compile(
    r"__(?:NOTOC|FORCETOC|TOC|NOEDITSECTION|NEWSECTIONLINK|NONEWSECTIONLINK|NOGALLERY|HIDDENCAT|EXPECTUNUSEDCATEGORY"
    r"|NOCONTENTCONVERT|NOCC|NOTITLECONVERT|NOTC|INDEX|NOINDEX|STATICREDIRECT|DISAMBIG|NOGLOBAL)__"
    r"|^[ \t]*__[^\W\d_a-zа-я](?:[^\W_]|_(?!_)){1,60}__[ \t]*$",
    re.MULTILINE,
)
# Script variants (LanguageConverter, used in Serbian and Chinese): `-{текст}-` shows its text, flags aside.
_VARIANT = re.compile(r"-\{(?:[A-Za-z;-]{1,20}\|)?([^{}|]*+)\}-")


_VERBATIM = re.compile(f"{VERBATIM_OPEN}([0-9]+){VERBATIM_CLOSE}")
_LIST_MARKS = re.compile(r"^(?=[*#:;])", re.MULTILINE)


class _Renderer:
    """Parsed wikitext to text with marks; the parser meets links, templates, headings and entities here."""

    def __init__(self, language: str, spaces: Namespaces) -> None:
        self.language = language
        self.spaces = spaces

    def render(self, code: Wikicode) -> str:
        return "".join([self._node(node) for node in code.nodes])

    def _node(self, node: Node) -> str:
        if isinstance(node, Text):
            return str(node.value)
        if isinstance(node, Wikilink):
            return self._link(node)
        if isinstance(node, Template):
            return self._template(node)
        if isinstance(node, Heading):
            title = " ".join(self.render(node.title).split())
            return f"{blocks.HEADING}{node.level}{title}"
        if isinstance(node, HTMLEntity):
            return _entity(node)
        # What else is left: a bare address, and a rule (`----`), which shows nothing.
        return self.render(node.url) if isinstance(node, ExternalLink) else ""

    def _link(self, node: Wikilink) -> str:
        if node.text is not None and (text := self.render(node.text).strip("\n")):
            return text
        title = self.render(node.title).strip().removeprefix(":")
        if node.text is not None:  # `[[Mercury (planet)|]]` shows "Mercury"
            title = re.sub(r"\s*\([^()]*\)$", "", title.partition(":")[2] or title)
        return title.replace("_", " ")

    def _template(self, node: Template) -> str:
        name, argument = template_name(str(node.name).translate(NO_MARKS), self.spaces.template)
        renderer = renderer_of(name, self.language)
        if renderer is None:
            return CUT
        arguments = {} if argument is None else {"1": argument.strip()}
        for parameter in node.params:
            key = str(parameter.name).strip()
            arguments[key] = self.render(parameter.value).strip()
        return renderer(Call(name, arguments, self.language)) or CUT


def _entity(node: HTMLEntity) -> str:
    try:
        character = node.normalize()
    except ValueError:
        return ""
    return str({"\xa0": " ", "\xad": "", "<": LESS}.get(character, character.translate(NO_MARKS)))


# Every run of spaces is looked at from its start alone, or long ones would take quadratic time.
_SPACE = r"(?<![ \t\xa0])[ \t\xa0]*"
_CUT_PARENTHESES = re.compile(rf"{_SPACE}[(\[（][ \t,;:/–—]*+{CUT}[ \t,;:/–—{CUT}]*[)\]）]")
_CUT_OPENING = re.compile(rf"(?<=[(（])[ \t,;:/]*+{CUT}[ \t,;:/{CUT}]*")
_CUT_CLOSING = re.compile(rf"(?<![ \t,;:/{CUT}])[ \t,;:/]*{CUT}[ \t,;:/{CUT}]*+(?=[)）])")
_CUT_FIRST = re.compile(rf"^((?: *(?:-|[0-9]+\.) )?)(?= *{CUT})[ {CUT}]*+[,.;:]+ *", re.MULTILINE)
_CUT_BEFORE_MARK = re.compile(rf"{_SPACE}{CUT}[ {CUT}]*+(?=[.,;:!?)\]\n]|$)")
_TIDY_SPACES = re.compile(r"(?<=\S)[ \t\xa0]{2,}")
_SPACE_AT_END = re.compile(r"(?<![ \t\xa0])[ \t\xa0]+$", re.MULTILINE)
_LEFT_OVER = str.maketrans("", "", blocks.ITEM + blocks.HEADING)
_BLANK_LINES = re.compile(r"\n{3,}")


def _tidy(text: str) -> str:
    """The marks turned into what they stand for; brackets and spaces left empty by a cut go too."""
    if CUT in text:
        text = _CUT_PARENTHESES.sub("", text)
        text = _CUT_CLOSING.sub("", _CUT_OPENING.sub("", text))
        text = _CUT_FIRST.sub(r"\1", text)
        text = _CUT_BEFORE_MARK.sub("", text).replace(CUT, "")
    text = re.sub(f"(?<! ) *{BREAK} *", "\n", text).translate(_LEFT_OVER).replace("[[", "").replace("]]", "")
    text = _SPACE_AT_END.sub("", _TIDY_SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n\n", text).replace(LESS, "<").strip()
