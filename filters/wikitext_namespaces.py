"""What wikis call their files, categories, templates and redirects, and which prefixes name other wikis."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# MediaWiki 1.39, languages/messages/Messages*.php: $namespaceNames and $namespaceAliases of NS_FILE and
# NS_MEDIA, NS_CATEGORY, NS_TEMPLATE, and $magicWords['redirect'], with those of the languages it falls back
# to; names of older versions; the Russian К and the Spanish CAT from Wikimedia's wgNamespaceAliases. English
# names are valid on every wiki; a dump's header adds its own. docs/sources/wikipedia.md: what was checked.
_ENGLISH = ("File Image Media", "Category", "Template", "redirect")
_NAMES = {
    "bg": ("Файл Картинка Медия", "Категория", "Шаблон", "пренасочване виж"),
    "ca": ("Fitxer Imatge", "Categoria", "Plantilla", "redirecció redireccio redireccion"),
    "cs": ("Soubor Obrázek Obrázok Média", "Kategorie", "Šablona", "přesměruj presmeruj"),
    "da": ("Fil Billede", "Kategori", "Skabelon", "omdirigering"),
    "de": ("Datei Bild Medium", "Kategorie", "Vorlage", "weiterleitung"),
    "en": _ENGLISH,
    "es": ("Archivo Imagen Medio", "Categoría CAT", "Plantilla", "redirección redireccion"),
    "fr": ("Fichier Média", "Catégorie", "Modèle", "redirection"),
    "hr": ("Datoteka Slika Mediji Medij", "Kategorija", "Predložak", "preusmjeri"),
    "hu": ("Fájl Kép Média", "Kategória", "Sablon", "átirányítás"),
    "it": ("Immagine", "Categoria", "Template", "rinvia rinvio rimando"),
    "nl": ("Bestand Afbeelding", "Categorie", "Sjabloon", "doorverwijzing"),
    "pl": ("Plik Grafika", "Kategoria", "Szablon", "patrz przekieruj tam"),
    "pt": ("Ficheiro Arquivo Imagem Multimédia", "Categoria", "Predefinição", "redirecionamento"),
    "ro": ("Fișier Fişier Imagine", "Categorie", "Format", "redirecteaza"),
    "ru": ("Файл Изображение Медиа", "Категория К", "Шаблон", "перенаправление перенапр"),
    "sl": ("Slika Datoteka", "Kategorija", "Predloga", "preusmeritev"),
    "sr": ("Датотека Слика Медиј Медија Datoteka Slika Medij Medija", "Категорија Kategorija",
           "Шаблон Šablon",           "преусмери преусмјери preusmeri preusmjeri"),
    "sv": ("Fil Bild", "Kategori", "Mall", "omdirigering"),
    # MessagesUk.php falls back to Russian, whose names stay valid there.
    "uk": ("Файл Зображення Изображение Медіа Медиа", "Категорія Категория", "Шаблон",
           "перенаправлення перенаправление перенапр"),
}  # fmt: skip

# Codes of Wikipedia's language editions, closed ones and other names of one too (Wikimedia's interwiki map):
# `[[de:Berlin]]` puts a link beside the article, not into it.
_EDITION_CODES = """
aa ab ace ady af ak als alt am ami an ang ar arc ary arz as ast atj av avk awa ay az azb ba ban bar bat-smg
bcl be be-tarask be-x-old bg bh bi bjn blk bm bn bo bpy br bs bug bxr ca cbk-zam cdo ce ceb ch cho chr chy
ckb co cr crh cs csb cu cv cy da dag de din diq dsb dty dv dz ee egl el eml en eo es et eu ext fa ff fi
fiu-vro fj fo fr frp frr fur fy ga gag gan gcr gd gl glk gn gom gor got gsw gu guc gur guw gv ha hak haw he
hi hif ho hr hsb ht hu hy hyw hz ia id ie ig ii ik ilo inh io is it iu ja jam jbo jv ka kaa kab kbd kbp kcg
kg ki kj kk kl km kn ko koi kr krc ks ksh ku kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lrc lt
ltg lv lzh mad mai map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mr mrj ms mt mus mwl my myv mzn na nah
nan nap nb nds nds-nl ne new ng nia nl nn no nov nqo nrm nso nv ny oc olo om or os pa pag pam pap pcd pcm
pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rm rmy rn ro roa-rup roa-tara ru rue rup rw sa sah sat sc scn sco
sd se sg sgs sh shi shn si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv sw szl szy ta tay tcy te
tet tg th ti tk tl tn to tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls vo vro wa war wo
wuu xal xh xmf yi yo yue za zea zh zh-classical zh-cn zh-min-nan zh-tw zh-yue zu
"""
_EDITIONS = frozenset(_EDITION_CODES.split())


def _normal(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).lower()


class Namespaces(NamedTuple):
    """A wiki's own prefixes, lower case with spaces for underscores."""

    file: frozenset[str]
    category: frozenset[str]
    template: frozenset[str]

    def hides(self, target: str) -> bool:
        """Whether a link to `target` shows nothing where it stands: a file, a category, another language.

        The names of other languages count too, of files where the target ends as one: texts move between
        wikis, and excerpts with a header that is not theirs.
        """
        prefix, colon, name = target.partition(":")
        if not colon or not prefix:
            return False
        prefix = _normal(prefix)
        if prefix in self.file or prefix in self.category or prefix in _EDITIONS:
            return True
        return prefix in _CATEGORIES or (prefix in _FILES and _MEDIA_NAME.search(name) is not None)


@lru_cache(maxsize=512)
def namespaces(language: str, header: tuple[tuple[str, int], ...] = ()) -> Namespaces:
    """The prefixes of a language's wiki: the static table, English, and what the dump's header says.

    `header` holds (name, number) pairs of a dump's `<namespaces>`: 6 and -2 are files, 14 categories, 10
    templates. Tuples, so that the answer can be remembered.
    """
    rows = [_ENGLISH, _NAMES.get(language, _ENGLISH)]
    file, category, template = ({_normal(name) for row in rows for name in row[i].split()} for i in range(3))
    for name, number in header:
        kind = {6: file, -2: file, 14: category, 10: template}.get(number)
        if kind is not None and name:
            kind.add(_normal(name))
    return Namespaces(frozenset(file), frozenset(category), frozenset(template))


_FILES, _CATEGORIES = (
    # A category's short alias, К or CAT, is a title elsewhere.
    frozenset(_normal(name) for row in _NAMES.values() for name in row[i].split() if len(name) > shortest)
    for i, shortest in ((0, 0), (1, 3))
)
# Wikimedia's $wgFileExtensions.
_MEDIA_NAME = re.compile(
    r"\.(?:png|gif|jpe?g|webp|xcf|mid|og[gav]|svg|djvu|stl|tiff?|flac|opus|wav|web[mp]|mp[34]|mpe?g|pdf)\s*$",
    re.IGNORECASE,
)

_REDIRECT_WORDS = sorted({word for row in _NAMES.values() for word in row[3].split()})
_REDIRECT = re.compile(rf"\s*#\s*(?:{'|'.join(_REDIRECT_WORDS)})\s*(?::\s*)?\[\[", re.IGNORECASE)


def is_redirect(wikitext: str) -> bool:
    """Whether a page's text is a redirect in any of the 20 languages, for dumps without `<redirect>`."""
    return _REDIRECT.match(wikitext) is not None
