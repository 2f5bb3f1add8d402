"""Pages that are not prose: disambiguation pages and lists, by each language's templates and titles."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

PageKind = Literal["disambiguation", "list_page"]

# Templates of MediaWiki:Disambiguationspage on each wiki, with their usual redirects; lower case.
_TEMPLATES = {
    "bg": "пояснение|disambig",
    "ca": "desambiguació|desambigua|acrònim|biografies",
    "cs": "rozcestník|rozcestník - příjmení|rozcestník - jméno|rozcestník - sídlo|rozcestník - kostel",
    "da": "flertydig|flertydig2",
    "de": "begriffsklärung|bkl",
    "en": "disambiguation|disambig|dab|hndis|geodis|human name disambiguation"
    "|place name disambiguation|numberdis"
    "|letter disambiguation|letterdis|schooldis|school disambiguation|hospitaldis|roaddis|road disambiguation"
    "|mil-unit-dis|military unit disambiguation|disambiguation cleanup|disamb|dismb|dmbox"
    "|airport disambiguation"
    "|station disambiguation|biology disambiguation|species latin name disambiguation|callsigndis"
    "|hndis-cleanup"
    "|mathematical disambiguation|mathdab|chinese title disambiguation|wp disambig|geo-dis",
    "es": "desambiguación|desambig|des|desamb|disambig",
    "fr": "homonymie|homonymie de personnes|homonymie de clubs sportifs|patronyme|paronymie|sigle|toponymie"
    "|homonymie de saint|homonymie édifice religieux|disambig|internationalisation",
    "hr": "razdvojba|preusmjerenje u razdvojbu|disambig",
    "hu": "egyért|egyértelműsítő lap|egyert|disambig|egyért-redir",
    "it": "disambigua",
    "nl": "dp|doorverwijspagina|dpintro|disambig",
    "pl": "ujednoznacznienie|disambig|strona ujednoznaczniająca",
    "pt": "desambiguação|desambig|desambiguação-ini|disambig|des",
    "ro": "dezambiguizare|dezamb|disambig",
    "ru": "неоднозначность|многозначность|disambig|список однофамильцев|фамилия-тёзка|однофамильцы",
    "sl": "razločitev|disambig",
    "sr": "вишезначна одредница|višeznačna odrednica|вишезначност|disambig|вишезначник",
    "sv": "förgrening|gren|betydelselista|grensida|disambig",
    "uk": "неоднозначність|багатозначність|disambig|disambiggeo|геоdisambig|список однофамільців"
    "|прізвище|disambigg",
}
# The word in brackets behind a title.
_TITLES = {
    "bg": "пояснение",
    "ca": "desambiguació",
    "cs": "rozcestník",
    "da": "flertydig",
    "de": "begriffsklärung",
    "en": "disambiguation",
    "es": "desambiguación",
    "fr": "homonymie",
    "hr": "razdvojba",
    "hu": "egyértelműsítő lap",
    "it": "disambigua",
    "nl": "doorverwijspagina",
    "pl": "ujednoznacznienie",
    "pt": "desambiguação",
    "ro": "dezambiguizare",
    "ru": "значения",
    "sl": "razločitev",
    "sr": "вишезначна одредница",
    "sv": "olika betydelser",
    "uk": "значення",
}
# How titles of lists begin, or end in Hungarian; lower case regular expressions.
_LISTS = {
    "bg": "списъ(?:к|ци) (?:на|с|от) ",
    "ca": "llist(?:a|es) (?:de |d['’])",
    "cs": "seznam[y]? ",
    "da": "lister? over ",
    "de": "listen? (?:der|des|von|deutscher|aller|bekannter) ",
    "en": "(?:lists? of|index of|outline of|timeline of) ",
    "es": "(?:anexo:|listas? de )",
    "fr": "listes? (?:de |des |du |d['’])",
    "hr": "popis[i]? ",
    "hu": r".*\blistája$",
    "it": "(?:lista|liste|elenco) (?:di |dei |delle |degli |del |della |dell['’])",
    "nl": "lijst(?:en)? van ",
    "pl": "(?:lista|listy) ",
    "pt": "(?:anexo:|listas? (?:de|do|da|dos|das) )",
    "ro": "list(?:a|ă|e) (?:de|cu|a|al|ale|oraș|comun)",
    "ru": "(?:список|списки) ",
    "sl": "seznam[i]? ",
    "sr": "(?:списак|spisak|листа|lista) ",
    "sv": "list(?:a|or) över ",
    "uk": "(?:список|списки|перелік) ",
}
_SWITCH = "__DISAMBIG__"


def page_kind(
    title: str,
    wikitext: str,
    language: str,
    more_templates: tuple[str, ...] = (),
    more_list_titles: tuple[str, ...] = (),
) -> PageKind | None:
    """Whether a page is a disambiguation page or a list, by its language's templates and titles; else None.

    `more_templates` are further names of templates of disambiguation pages, `more_list_titles` further
    beginnings of titles of lists; case does not count in either. Time is linear in the text's length. The
    page's own templates count, wherever they stand.
    """
    templates, bracket, list_title = _markers(language, more_templates, more_list_titles)
    lower = title.lower()
    if _SWITCH in wikitext or bracket.search(lower) or templates.search(wikitext):
        return "disambiguation"
    return "list_page" if list_title.match(lower) else None


# An item longer than 200 characters is prose with a bullet before it: a person or a character described.
_ITEM = re.compile(r"^ *(?:-|[0-9]+\.) .{1,200}$", re.MULTILINE)


def list_share(text: str) -> float:
    """The share of a cleaned page's characters in short list items, 0 to 1; 1 for an empty page."""
    return sum(len(item) for item in _ITEM.findall(text)) / len(text) if text else 1.0


@lru_cache(maxsize=64)
def _markers(
    language: str, more_templates: tuple[str, ...], more_list_titles: tuple[str, ...]
) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    known = {*_TEMPLATES.get(language, "").split("|"), *_TEMPLATES["en"].split("|"), *more_templates}
    names = sorted(known - {""}, key=len)
    either = "|".join(re.escape(name).replace(r"\ ", "[ _]") for name in reversed(names))
    brackets = "|".join({_TITLES.get(language, _TITLES["en"]), _TITLES["en"]})
    beginnings = (re.escape(title.lower()) for title in more_list_titles if title)
    lists = "|".join(dict.fromkeys((_LISTS.get(language, _LISTS["en"]), _LISTS["en"], *beginnings)))
    return (
        re.compile(rf"\{{\{{[ \t\n]*+(?:{either})[ \t\n]*+[|}}]", re.IGNORECASE),
        re.compile(rf"\((?:{brackets})\)$"),
        re.compile(f"(?:{lists})"),
    )
