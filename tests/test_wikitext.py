"""Cleaning of wikitext: the defects that other tools have, each rule, and what must hold for any input."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import wikitext_scan
from filters.wikitext import clean
from filters.wikitext_kinds import list_share, page_kind
from filters.wikitext_marks import NO_MARKS
from filters.wikitext_namespaces import is_redirect, namespaces
from filters.wikitext_quotes import without_quotes
from filters.wikitext_scan import WikitextLimit

DATA = Path(__file__).parent / "data" / "wikipedia"


def text_of(wikitext: str, language: str = "en") -> str:
    return clean(wikitext, language).text


@pytest.mark.parametrize(
    ("language", "wikitext"),
    [
        ("de", "#WEITERLEITUNG [[Berlin]]"),
        ("en", "#redirect[[Berlin]]"),
        ("fr", "# REDIRECTION : [[Berlin]]"),
        ("ru", "#ПЕРЕНАПРАВЛЕНИЕ [[Берлин]]"),
        ("hu", "#ÁTIRÁNYÍTÁS [[Berlin]]"),
        # Words of the language that MediaWiki falls back to.
        ("ca", "#REDIRECCIO [[Berlin]]"),
        ("cs", "#presmeruj [[Berlín]]"),
        ("uk", "#ПЕРЕНАПР [[Берлін]]"),
        ("sr", "#Преусмери [[Берлин]]"),
    ],
)
def test_redirects_of_every_language_are_known(language: str, wikitext: str) -> None:
    assert is_redirect(wikitext)


def test_a_numbered_list_is_no_redirect() -> None:
    assert not is_redirect("#Berlin [[Stadt]]")


# The recipe's defects: media links of other languages, trailing headings, formulas.

FILES = {
    "bg": "Файл Картинка",
    "ca": "Fitxer Imatge",
    "cs": "Soubor",
    "da": "Fil Billede",
    "de": "Datei Bild",
    "en": "File Image",
    "es": "Archivo Imagen",
    "fr": "Fichier Image",
    "hr": "Datoteka Slika",
    "hu": "Fájl Kép",
    "it": "File Immagine",
    "nl": "Bestand Afbeelding",
    "pl": "Plik Grafika",
    "pt": "Ficheiro Imagem Arquivo",
    "ro": "Fișier Imagine",
    "ru": "Файл Изображение",
    "sl": "Slika",
    "sr": "Датотека Слика Slika",
    "sv": "Fil Bild",
    "uk": "Файл Зображення",
}
CATEGORIES = {
    "bg": "Категория",
    "ca": "Categoria",
    "cs": "Kategorie",
    "da": "Kategori",
    "de": "Kategorie",
    "en": "Category",
    "es": "Categoría",
    "fr": "Catégorie",
    "hr": "Kategorija",
    "hu": "Kategória",
    "it": "Categoria",
    "nl": "Categorie",
    "pl": "Kategoria",
    "pt": "Categoria",
    "ro": "Categorie",
    "ru": "Категория",
    "sl": "Kategorija",
    "sr": "Категорија",
    "sv": "Kategori",
    "uk": "Категорія",
}
REFERENCES = {
    "bg": "Източници",
    "ca": "Referències",
    "cs": "Reference",
    "da": "Referencer",
    "de": "Einzelnachweise",
    "en": "References",
    "es": "Referencias",
    "fr": "Notes et références",
    "hr": "Izvori",
    "hu": "Jegyzetek",
    "it": "Note",
    "nl": "Externe links",
    "pl": "Przypisy",
    "pt": "Referências",
    "ro": "Note",
    "ru": "Примечания",
    "sl": "Sklici",
    "sr": "Референце",
    "sv": "Referenser",
    "uk": "Примітки",
}


@pytest.mark.parametrize("language", sorted(FILES))
def test_files_categories_and_closing_references_go_in_each_language(language: str) -> None:
    for prefix in [*FILES[language].split(), "File", "image", "Media"]:
        link = f"A [[{prefix}:x.jpg|thumb|A [[caption]] with a [http://a.example link]]] b"
        assert text_of(link, language) == "A b", prefix
    for prefix in (CATEGORIES[language], "Category", CATEGORIES[language].lower()):
        assert text_of(f"A\n[[{prefix}:X|sort]]\n[[ {prefix} :Y]]", language) == "A", prefix
    heading = REFERENCES[language]
    assert text_of(f"A.\n\n== {heading} ==\n<references />\n", language) == "A."
    assert text_of(f"A.\n\n=={heading}==\n* Smith, ''Book''.\n* Jones\n", language) == "A."
    assert text_of(f"A.\n\n== {heading} ==\nProse stays, since it is prose.\n", language).endswith(
        "it is prose."
    )


# Where we differ from CLDR, as the articles of these wikis do: the word for year is left to them, and Catalan
# has "de" before it more often than "del".
AS_ARTICLES_HAVE_IT = {"bg": (" г.", ""), "ru": (" г.", ""), "uk": (" р.", ""), "ca": (" del ", " de ")}
LANGUAGES = "bg ca cs da de en es fr hr hu it nl pl pt ro ru sl sr sv uk".split()  # noqa: SIM905


def by_cldr(pattern: str, names: Mapping[int, str], month: int) -> str:
    """The third of a month of 1990 in a pattern of CLDR's: `d`, `MMMM` or `LLLL`, `y`, quoted text."""
    values = {"d": "3", "y": "1990", "MMMM": names[month], "LLLL": names[month]}
    parts = re.findall(r"'[^']*'|d|y|MMMM|LLLL|[^a-zA-Z']+", pattern)
    assert "".join(parts) == pattern
    return "".join(values.get(part, part.strip("'")) for part in parts).replace("\u202f", " ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_dates_are_written_as_in_each_language(language: str) -> None:
    """Names, order, marks and words between as CLDR has them (babel), with a day and without one."""
    locale = Locale.parse("sr_Cyrl" if language == "sr" else language)
    with_day, without = locale.date_formats["long"].pattern, locale.datetime_skeletons["yMMMM"].pattern
    kinds = {"MMMM": "format", "LLLL": "stand-alone"}
    for month in range(1, 13):
        for pattern, digits in ((with_day, f"1990|{month}|3"), (without, f"1990|{month}")):
            kind = kinds[re.search("MMMM|LLLL", pattern)[0]]
            expected = by_cldr(pattern, locale.months[kind]["wide"], month)
            expected = expected.replace(*AS_ARTICLES_HAVE_IT.get(language, ("", "")))
            assert text_of(f"A {{{{birth date|{digits}}}}} b", language) == f"A {expected} b"


def test_a_date_in_each_order() -> None:
    dates = {
        "bg": "3 април 1990",
        "ca": "3 d’abril de 1990",
        "cs": "3. dubna 1990",
        "en": "April 3, 1990",
        "es": "3 de abril de 1990",
        "hr": "3. travnja 1990.",
        "hu": "1990. április 3.",
        "sr": "3. април 1990.",
    }
    for language, text in dates.items():
        assert text_of("A {{birth date|1990|4|3}} b", language) == f"A {text} b"


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("[[Datei:Berlin 1.JPG|mini|Der [[Reichstag]]]]", ""),
        ("[[Plik:Mapa.svg]]", ""),
        ("[[Kategorie:Hauptstadt]]", ""),
        ("[[:Kategorie:Hauptstadt]]", "Kategorie:Hauptstadt"),
        ("[[Bild: A History]]", "Bild: A History"),
        ("[[К: An Album]]", "К: An Album"),
        ("[[CAT: A Play]]", "CAT: A Play"),
        ("[[nan:Berlin]][[mo:Берлин]]", ""),
    ],
)
def test_names_of_other_languages_hide_what_can_be_nothing_else(link: str, text: str) -> None:
    """As in excerpts whose header is another wiki's."""
    assert text_of(f"Berlin {link} is a city.") == " ".join(f"Berlin {text} is a city.".split())


def test_short_names_of_categories_hide_on_their_own_wiki() -> None:
    assert text_of("A [[CAT:Ríos]]b", "es") == text_of("A [[К:Реки]]b", "ru") == "A b"


def test_names_from_the_dumps_header_are_used() -> None:
    spaces = namespaces("xx", (("Fails", 6), ("Kategoreja", 14), ("Taiss", 10)))
    assert clean("A [[Fails:x.jpg|b]][[Kategoreja:c]]{{Taiss:nowrap|d}}", "xx", spaces).text == "A d"
    assert text_of("A [[Fails:x.jpg|b]]", "xx") == "A b"


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("the value {{math|''x''<sup>2</sup>}} is", "the value x² is"),
        ("so <math>x_{1} <\n 2</math> holds", "so $x_{1} < 2$ holds"),
        (":<math display=\"block\">a</math>", "$$a$$"),
        ("H<sub>2</sub>O, 10<sup>−3</sup>, 1<sup>st</sup>, x<sub>max</sub>", "H₂O, 10⁻³, 1st, xmax"),
        ("{{val|5.2|0.1|e=3|u=kg}}", "5.2±0.1×10³ kg"),
        ("{{convert|5|to|10|km|mi}} or {{cvt|3|sqmi|km2}} or {{convert|5|ft|10|in|m}}",
         "5 to 10 km or 3 sq mi or 5 ft 10 in"),
        ("{{frac|1|2}} and {{frac|2|1|2}} and {{sfrac|3|4}}", "1/2 and 2 1/2 and 3/4"),
        ("born {{birth date|1990|5|1}}, {{birth date and age|1990|5|1|df=yes}}",
         "born May 1, 1990, 1 May 1990"),
        ("{{as of|2010|1}} it {{lang|fr|est}} {{nowrap|so big}}", "As of January 2010 it est so big"),
        ("{{lang-fr|Paris}}, {{IPAc-en|ˈ|p|ær|ᵻ|s}}, {{IPA-fr|paʁi}}", "Paris, /ˈpærᵻs/, [paʁi]"),
        ("{{nihongo|Tea|茶|cha}}", "Tea (茶, cha)"),
        ("{{ill|Foo|de|Bar|lt=foo}}", "foo"),
        ("1{{ndash}}2{{snd}}3{{nbsp}}m{{=}}{{!}}", "1–2 – 3 m=|"),
        ("{{formatnum:12345}} {{lc:ABC}}", "12345 abc"),
        ("{{quote|To be.|Hamlet}}", "To be.\n— Hamlet"),
        ("{{code|a[1]}} <code>b &lt; c</code> <nowiki>[[d]] &amp; ''e''</nowiki>",
         "a[1] b < c [[d]] & ''e''"),
        ("x\n<syntaxhighlight lang=\"c\">\nif (a<b) {\n    c();\n}\n</syntaxhighlight>\ny",
         "x\n\nif (a<b) {\n    c();\n}\n\ny"),
    ],
)  # fmt: skip
def test_formulas_code_and_common_templates_read_as_on_the_page(wikitext: str, expected: str) -> None:
    assert text_of(wikitext) == expected


@pytest.mark.parametrize(
    ("language", "wikitext", "expected"),
    [
        ("fr", "{{date|1|janvier|1900}}, {{XXe siècle}}, {{s-|XIX}}, {{unité|5|km}}, {{citation|oui}}",
         "1er janvier 1900, XXe siècle, XIXe siècle, 5 km, « oui »"),
        ("de", "{{enS|house}} {{lang|en|cat}}", "house cat"),
        ("es", "{{fecha|1|2|1999}}", "1 de febrero de 1999"),
        ("ru", "{{lang-en|cat}}, {{нп5|Кот||en|Cat}}, {{нп5|Кот|кота|en|Cat}}", "cat, Кот, кота"),
        ("uk", "{{нп|Кіт|кота|en|Cat}}", "кота"),
        ("it", "{{M|5||km}}", "5 km"),
        ("sr", "-{Београд}- и -{sr-ec|Нови}-", "Београд и Нови"),
        ("en", "{{citation|Smith}}x", "x"),
    ],
)  # fmt: skip
def test_templates_of_one_language(language: str, wikitext: str, expected: str) -> None:
    assert text_of(wikitext, language) == expected


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("[[a]]s, [[a|b]], [[:Category:c|d]], [[Mercury (planet)|]], [[e#f|]]x", "as, b, d, Mercury, e#fx"),
        ("[http://a.example label [[b]]] [http://a.example] http://c.example", "label b http://c.example"),
        ("[[a|[http://b.example c]]] d", "c d"),
        ("A\n[[de:Berlin]]\n[[zh-min-nan:Berlin]]\n[[:de:Berlin|there]]", "A\n\nthere"),
        ("a<ref>b</ref> c<ref name=\"x\" />. d<ref name=y>{{cite|[[e]]}}</REF>", "a c. d"),
        ("a<!-- b -->c<!-- unclosed", "ac"),
        ("a\n<!-- alone -->\nb", "a b"),
        ("a\n{| class=x\n|-\n! b\n| c {{d|}}\n{|\n| e\n|}\n|}\nf", "a\n\nf"),
        ("a <table><tr><td>b</td></tr></table> c", "a c"),
        ("<gallery>\nFile:a.jpg|b\n</gallery>\n__NOTOC__ a __FILE__ __init__", "a __FILE__ __init__"),
        ("'''a''' ''b'' '''''c''''' l'''amour'' d", "a b c l'amour d"),
        ("a {{cite}}. b ({{lang-xx}}; c) ({{cite}}) d ({{x}}, e)", "a. b (c) d (e)"),
        ("<span style=\"display:none\">a</span>b <s>c</s> <small>d</small>", "b c d"),
        ("a<br>b<br />c &nbsp; &amp;lt; &lt;d&gt; &shy;e", "a\nb\nc &lt; <d> e"),
        ("<poem>\na\nb\n</poem>", "a\nb"),
        ("{{Infobox\n| a = {{b|c}}\n| d = [[File:e.jpg]]\n}}\n'''f''' g", "f g"),
        ("a {{unclosed|b [[c]] d\n\n| x = y\ne", "a unclosed|b c d\n\ne"),
        ("a ]] b }} c </ref></div> d [[e", "a b c d e"),
        ("[[a {{x|b]] c}} d]] e", "a d e"),
        ("a\n* {{cite}}\n* {{cite}}, b\n* {{cite}}.\n*\nc\n* ...", "a\n\n- b\n\nc\n\n- ..."),
    ],
)  # fmt: skip
def test_markup_goes_and_text_stays(wikitext: str, expected: str) -> None:
    assert text_of(wikitext) == expected


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("a\nb\n\nc", "a b\n\nc"),
        ("== A ==\na\n=== B ===\n=== C ===\nc\n== D ==\n== E ==\n", "A\n\na\n\nC\n\nc"),
        ("* a\n** b\n* c\n# d\n# e\n## f\n# g", "- a\n  - b\n- c\n1. d\n2. e\n  1. f\n3. g"),
        (";term : what\n:: it is", "term: what\nit is"),
        ("== A ==\n{{navbox}}\n[[File:x.jpg]]\n", ""),
        ("A.\n== See also ==\n* b\n== References ==\n=== Books ===\n* c\n'''Films'''\n* d", "A."),
        ("A.\n== References ==\n* c\n== Life ==\nB.", "A.\n\nReferences\n\n- c\n\nLife\n\nB."),
        (" typed\n   as it is\nand prose", "typed\n  as it is\n\nand prose"),
    ],
)
def test_headings_paragraphs_and_lists(wikitext: str, expected: str) -> None:
    assert text_of(wikitext) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("''a'' '''b''' '''''c'''''", "a b c"),
        ("l'''Internet''' et l''eau''", "lInternet et leau"),
        ("''''a''''", "'a'"),
        ("don't ''''''x''''''", "don't 'x'"),
        ("l''''Autriche'''", "l'Autriche"),
        ("l'''Etat'' c", "l'Etat c"),
    ],
)
def test_apostrophes_are_told_from_marks(line: str, expected: str) -> None:
    assert without_quotes(line) == expected


@pytest.mark.parametrize(
    ("language", "title", "wikitext", "kind"),
    [
        ("en", "Ada", "'''Ada''' may refer to:\n* [[x]]\n{{disambiguation|surname}}", "disambiguation"),
        ("en", "Ada (disambiguation)", "x", "disambiguation"),
        ("en", "Ada", "{{about|x||Ada (disambiguation)}}\nAda is {{dabble}}", None),
        ("de", "Bank", "{{Begriffsklärung}}", "disambiguation"),
        ("nl", "Bank", "{{ dp }}", "disambiguation"),
        ("en", "Bank", "{{dp}}", None),
        ("ru", "Лук (значения)", "x", "disambiguation"),
        ("xx", "Bank", "x __DISAMBIG__", "disambiguation"),
        ("en", "List of rivers", "x", "list_page"),
        ("en", "Listing", "x", None),
        ("hu", "Folyók listája", "x", "list_page"),
        ("uk", "Список професій", "x", "list_page"),
        ("sv", "Lista över floder", "x", "list_page"),
    ],
)
def test_disambiguation_and_list_pages(language: str, title: str, wikitext: str, kind: str | None) -> None:
    assert page_kind(title, wikitext, language) == kind


def test_other_wikis_templates_and_titles_can_be_added() -> None:
    norwegian = (("peker",), ("Liste over ",))
    for title, wikitext, kind in (
        ("Bank", "Bank kan være:\n{{Peker|etternavn}}", "disambiguation"),
        ("Bank (disambiguation)", "x", "disambiguation"),
        ("Liste over elver", "x", "list_page"),
        ("List of rivers", "x", "list_page"),
        ("Lister", "{{pekere}}", None),
    ):
        assert page_kind(title, wikitext, "no", *norwegian) == kind
    assert page_kind("Liste over elver", "{{peker}}", "no") is None


def test_the_share_of_list_items() -> None:
    assert list_share("abcd\n\n- efgh\n  - ij") == 12 / 19
    assert list_share("- a\nb - c") == 3 / 9
    assert list_share("- a\n- " + "b" * 201) == 3 / 207
    assert list_share("") == 1.0


@pytest.mark.parametrize("name", sorted(path.stem for path in DATA.glob("*.wiki")))
def test_real_pages_read_as_before(name: str) -> None:
    language = name.partition("-")[0]
    wikitext = (DATA / f"{name}.wiki").read_text(encoding="utf-8")
    assert text_of(wikitext, language) + "\n" == (DATA / f"{name}.txt").read_text(encoding="utf-8")


def test_a_page_over_the_limits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WikitextLimit, match="over 2097152 bytes"):
        clean("ж" * (1 << 20) + "x", "ru")
    monkeypatch.setattr(wikitext_scan, "MAX_TOKENS", 10)
    assert text_of("[[a]]" * 5) == "aaaaa"
    with pytest.raises(WikitextLimit, match="over 10 brackets"):
        clean("[[a]]" * 6, "en")


def test_what_nests_too_deep_is_left_out_and_counted() -> None:
    deep = clean("{{nowrap|" * 40 + "x" + "}}" * 40, "en")
    assert deep.text == "" and deep.too_deep == 8
    assert clean("{{nowrap|" * 30 + "x" + "}}" * 30, "en") == ("x", 0)


OPENINGS = [
    "{{",
    "{{a|",
    "{{nowrap|",
    "{{{",
    "[[",
    "[[a|",
    "[[File:a|",
    "{|\n|\n",
    "<div>",
    "<div ",
    "<ref>",
    "<b a='",
    "[http://a ",
    "''a",
    "'''a ''b",
    "<!--",
    "<nowiki>",
    "<sup>",
    "{{nowrap|[[b|<i>",
    "-{a|",
    "== a\n",
    "* a\n",
    "({{x}} ,;",
    "    ",
    "</div>",
    "{{x}};",
    "[[a|[http://x y]]]",
    "<poem>\n",
    "<math>",
    "{{nowrap|a|b=",
]


# Where one step is cheap, more of them show what it grows like.
TIMES = {"<ref>": 4000, "<nowiki>": 4000, "<math>": 4000}


@pytest.mark.parametrize("opening", OPENINGS)
def test_time_is_linear_in_what_never_closes(opening: str) -> None:
    times = TIMES.get(opening, 500)

    def seconds(number: int) -> float:
        best = 1e9
        for _ in range(2):
            start = time.process_time()
            clean(opening * number + "x", "en")
            best = min(best, time.process_time() - start)
        return best

    small, large = seconds(times), seconds(8 * times)
    # Quadratic time would be 64 times as much, linear is 8; below a tenth of a second nothing can be told.
    assert large < 0.1 or large < 28 * small


MARKUP = st.lists(
    st.sampled_from(
        [
            *OPENINGS,
            "}}",
            "]]",
            "|}",
            "</div>",
            "</ref>",
            "</sup>",
            "-->",
            "\n",
            "|",
            "a",
            "b c",
            "=",
            "== h ==\n",
            "&amp;",
            "&#x3;",
            "</nowiki>",
            "[[Category:x]]",
            "{{lang|fr|x}}",
            ":",
            "<br>",
            "\x01" + "0\x02",
        ]
    )
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(MARKUP, st.text()))
def test_any_text_gives_text_without_marks(wikitext: str) -> None:
    first = clean(wikitext, "en")
    assert clean(wikitext, "en") == first
    assert first.text.translate(NO_MARKS) == first.text.replace("\r", "")


@given(st.lists(st.text(alphabet="abc é.", min_size=1).filter(str.strip), min_size=1))
def test_plain_paragraphs_are_kept(paragraphs: list[str]) -> None:
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    assert text_of(text) == text
