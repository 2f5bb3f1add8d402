"""Common templates as a reader sees them: one table for all wikis, one for each language that differs.

A template that stands in neither table shows nothing: infoboxes, navigation, citations and maintenance notes
are not the article's text. Sources: the templates' own documentation pages on each Wikipedia.
"""

from __future__ import annotations

import re
from functools import lru_cache

from filters.wikitext_marks import BREAK, SUB_CLOSE, SUB_OPEN, SUP_CLOSE, SUP_OPEN
from filters.wikitext_renderers import (
    FIRST,
    SECOND,
    Renderer,
    argument,
    as_of,
    case,
    chemical,
    chinese,
    constant,
    convert,
    english_date,
    fraction,
    french_century_by_name,
    ipa,
    ipa_english,
    joined,
    last,
    lines,
    nihongo,
    power_of_ten,
    prefixed,
    quotation,
    value,
)
from filters.wikitext_templates_by_language import LANGUAGE_TABLES

_COMMON_TABLE: list[tuple[str, Renderer]] = [
    (
        "nowrap|nobr|nobreak|nobold|small|smaller|smalldiv|big|larger|normal|noitalic|em|strong|italic"
        "|bold|bolditalic"
        "|underline|strike|pre|plainlist|flatlist|vanchor|visible anchor|proper name|as written|math"
        "|mathcal|bigmath"
        "|script|unicode|polytonic|hebrew|arabic|cuneiform|center|box|okina text|color|colored text"
        "|font color|sort"
        "|align|resize|fontcolor|transl|transliteration|code2",
        last,
    ),
    (
        "abbr|abbrlink|tooltip|mono|monospace|code|tt|kbd|samp|var|key|keypress|mvar|not a typo|sic"
        "|linktext|flag"
        "|flagcountry|ship",
        FIRST,
    ),
    ("lang|langx", SECOND),
    ("angbr", lambda call: f"⟨{call.get('1')}⟩"),
    ("key press", joined("+")),
    ("sortname", joined(" ")),
    ("ill|interlanguage link|interlanguage link multi|illm|link-interwiki|red-link", argument("lt", "1")),
    ("convert|cvt|conv", convert),
    ("val", value),
    ("e|esp|10^", power_of_ten),
    ("frac|fraction|sfrac|tfrac", fraction),
    ("gaps", joined(" ")),
    ("num|formatnum|fmtn", FIRST),
    ("sqrt|radic|radical", lambda call: "√" + call.get("1")),
    ("sup", lambda call: f"{SUP_OPEN}{call.get('1')}{SUP_CLOSE}"),
    ("sub", lambda call: f"{SUB_OPEN}{call.get('1')}{SUB_CLOSE}"),
    ("su", lambda call: SUP_OPEN + call.get("p") + SUP_CLOSE + SUB_OPEN + call.get("b") + SUB_CLOSE),
    ("chem|chem2|chemical formula", chemical),
    ("abs", lambda call: f"|{call.get('1')}|"),
    (
        "birth date|birth date and age|birth-date|birth-date and age|death date|death date and age|death-date"
        "|death-date and age|dob|bda|start date|start date and age|end date|film date|launch date|dts|date"
        "|birth date and age2|birthdate|start-date|end-date",
        english_date,
    ),
    ("birth year and age|birth year|death year and age|start year", FIRST),
    ("as of|asof", as_of),
    ("circa|c.|ca.", lambda call: f"c. {call.get('1')}".rstrip()),
    ("floruit|fl.", lambda call: f"fl. {call.get('1')}".rstrip()),
    ("reign|r.", lambda call: "r. " + "–".join(part for part in call.positional() if part)),
    (
        "quote|blockquote|cquote|quotation|bquote|rquote|quote text|centered quote|block quote|citat",
        quotation,
    ),
    ("nihongo|nihongo2|nihongo krt|japanese", nihongo),
    ("zh|zh-full|lang-zh|chinese", chinese),
    ("ipac-en", ipa_english),
    ("ipa|ipa-all|ipa link|ipalink|ipa2|ipaslink|ipablink|pron|phon", ipa),
    ("respell|pronunciation respelling", joined("-")),
    ("hlist|flat list items", joined(" · ")),
    ("ubl|unbulleted list|bulleted list|plain list items", lines),
    ("columns-list|columnslist|column list|col-list|multicol list|div col small", last),
    ("=", constant("=")),
    ("!", constant("|")),
    ("'", constant("'")),
    ("'s", constant("'s")),
    ("ndash|en dash|nsndns", constant("–")),
    ("mdash|em dash|—", constant("—")),
    ("ellipsis|...", constant("…")),
    ("snd|spnd|spaced ndash|spaced en dash|dash|sndash|–", constant(" – ")),
    ("spaced mdash", constant(" — ")),
    ("·|dot|middot|bullet|•", constant(" · ")),
    ("\\|/", constant(" / ")),
    ("nbsp|space|spaces|,", constant(" ")),
    ("lsqb|(", constant("[")),
    ("rsqb|)", constant("]")),
    ("okina|ʻ|hamza", constant("ʻ")),
    ("zwj|zwnj|shy|-|wbr|zero width joiner em dash zero width non joiner", constant("")),
    ("times", constant("×")),
    ("minus|−", constant("−")),
    ("pm|±", constant("±")),
    ("degree|deg", constant("°")),
    ("br|break", constant(BREAK)),
    ("music", lambda call: {"flat": "♭", "sharp": "♯", "natural": "♮"}.get(call.get("1"), call.get("1"))),
    ("lc", case(str.lower)),
    ("uc", case(str.upper)),
    ("lcfirst", case(lambda s: s[:1].lower() + s[1:])),
    ("ucfirst", case(lambda s: s[:1].upper() + s[1:])),
    ("formatnum", FIRST),
    ("us$|usd", prefixed("US$", "1")),
    ("a$|aud", prefixed("A$", "1")),
    ("gbp|pound sterling", prefixed("£", "1")),
    ("eur|euro|€", prefixed("€", "1")),
    ("inr|indian rupee", prefixed("₹", "1")),
    ("jpy|yen|¥", prefixed("¥", "1")),
    ("no.|number sign|numero", prefixed("No. ", "1")),
    ("isbn", prefixed("ISBN ", "1")),
    ("eqm", constant("=")),
    ("mdashb", constant("—")),
    ("endash", constant("–")),
    ("rtl-lang", SECOND),
    ("vr|railgauge|track gauge|nuclide", FIRST),
    ("currency", FIRST),
    ("née|nee", prefixed("née ", "1")),
    ("bibleverse|bibleref|bibleref2", joined(" ")),
    (
        "uss|hms|rms|ss|sms|hmcs|hmas|mv|usns|uscgc|css|sv|ms",
        lambda call: f"{call.name.upper()} {call.get('1')}".rstrip(),
    ),
    ("bce|bc", lambda call: f"{call.get('1')} BC".lstrip()),
]

# `{{lang-fr|...}}` shows a language's name on most wikis; the text itself is what counts. `{{enS|...}}` is
# German.
_LANG_CODE = re.compile(r"lang-[a-z-]{2,12}[0-9]?")
_GERMAN_LANG = re.compile(r"[a-z]{2,3}s")
_IPA_CODE = re.compile(r"ipa-[a-z-]{2,8}")
_FRENCH_CENTURY = re.compile(r"([ivxlc]+)(er?) (siècle|millénaire)")
_FUNCTION = re.compile(r"(formatnum|lcfirst|ucfirst|lc|uc)\s*:", re.IGNORECASE)


@lru_cache(maxsize=256)
def _table(language: str) -> dict[str, Renderer]:
    rows = [*_COMMON_TABLE, *LANGUAGE_TABLES.get(language, [])]
    return {name: renderer for names, renderer in rows for name in names.split("|") if name}


def template_name(written: str, prefixes: frozenset[str]) -> tuple[str, str | None]:
    """A template's name in lower case with single spaces, and the first argument of a parser function.

    `prefixes` are the wiki's names for the template namespace: `{{Template:Nowrap|x}}` is `{{nowrap|x}}`.
    """
    function = _FUNCTION.match(written.strip())
    if function is not None:
        return function[1].lower(), written.strip()[function.end() :]
    name = " ".join(written.replace("_", " ").split()).lower()
    prefix, colon, rest = name.partition(":")
    if colon and prefix.strip() in prefixes:
        name = rest.strip()
    return name, None


def renderer_of(name: str, language: str) -> Renderer | None:
    """What renders a template of this (normalised) name on a language's wiki; None where nothing shows."""
    if (renderer := _table(language).get(name)) is not None:
        return renderer
    if _LANG_CODE.fullmatch(name):
        return FIRST
    if _IPA_CODE.fullmatch(name):
        return ipa
    if language == "de" and _GERMAN_LANG.fullmatch(name):
        return FIRST
    if language == "fr" and _FRENCH_CENTURY.fullmatch(name):
        return french_century_by_name
    return None
