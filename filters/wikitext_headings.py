"""Headings of the matter at an article's end that is about the article, not its subject."""

from __future__ import annotations

# The usual names of the sections "References", "Notes", "Bibliography", "External links", "See also" and
# "Further reading" on each of the 20 Wikipedias, lower case; an author's own works go by other names
# ("Works").
_BACK_MATTER = {
    "bg": "библиография|бележки|източници|външни препратки|вижте също|литература|бележки и източници"
    "|източници и бележки",
    "ca": "bibliografia|bibliografia complementària|referències|notes|enllaços externs|vegeu també"
    "|notes i referències|referències i notes|fonts",
    "cs": "bibliografie|použitá literatura|reference|poznámky|externí odkazy|související články"
    "|literatura|odkazy|poznámky a reference|citace",
    "da": "bibliografi|referencer|noter|eksterne henvisninger|se også|kilder|litteratur|eksterne links"
    "|fodnoter|henvisninger"
    "|kilder og henvisninger|kilder/henvisninger|kilder/referencer|referencer og noter|kildehenvisninger",
    "de": "bibliografie|bibliographie|einzelnachweise|weblinks|siehe auch|literatur|anmerkungen"
    "|quellen|belege|fußnoten|nachweise"
    "|anmerkungen und einzelnachweise|einzelnachweise und anmerkungen|externe links",
    "en": "bibliography|additional references|additional sources|general references|references|notes"
    "|external links|see also|further reading|footnotes|sources|citations|notes and references"
    "|references and notes|notes and citations|explanatory notes|external link|endnotes|works cited",
    "es": "bibliografía|bibliografía complementaria|referencias|notas|enlaces externos|véase también"
    "|notas y referencias|referencias y notas"
    "|lecturas adicionales|fuentes|bibliografía adicional|vínculos externos",
    "fr": "bibliographie|bibliographie indicative|notes et références|références|notes|liens externes"
    "|voir aussi|articles connexes|lien externe|annexes"
    "|références et notes|notes, sources et références|sources",
    "hr": "bibliografija|izvori|vanjske poveznice|bilješke|poveznice|literatura|povezani članci"
    "|vidi još|vidi također"
    "|izvori i bilješke|napomene",
    "hu": "irodalom|bibliográfia|jegyzetek|külső hivatkozások|források|további információk"
    "|kapcsolódó szócikkek|lásd még|hivatkozások"
    "|forrás|további irodalom|megjegyzések",
    "it": "bibliografia|note|collegamenti esterni|voci correlate|altri progetti|riferimenti|fonti",
    "nl": "bibliografie|bronnen, noten en/of referenties|externe links|zie ook|externe link"
    "|referenties|noten|bronnen|voetnoten"
    "|literatuur|bronnen en referenties|bron",
    "pl": "bibliografia|przypisy|linki zewnętrzne|zobacz też|uwagi|źródła|uwagi i przypisy|przypisy i uwagi",
    "pt": "bibliografia|referências|ligações externas|ver também|notas|notas e referências"
    "|referências e notas|leitura adicional"
    "|fontes|links externos|leituras adicionais|veja também",
    "ro": "bibliografie|note|referințe|legături externe|vezi și|note și referințe|lectură suplimentară"
    "|surse|referinţe|vezi şi"
    "|legături exterioare|lectură suplimentară și surse",
    "ru": "библиография|примечания|ссылки|литература|см. также|источники|комментарии|сноски|внешние ссылки"
    "|примечания и ссылки|комментарии и примечания",
    "sl": "bibliografija|sklici|zunanje povezave|viri|glej tudi|opombe|sklici in opombe"
    "|opombe in sklici|nadaljnje branje",
    "sr": "библиографија|референце|спољашње везе|види још|извори|литература|напомене|белешке"
    "|спољне везе|види такође"
    "|reference|spoljašnje veze|vidi još|izvori|literatura|napomene",
    "sv": "bibliografi|referenser|externa länkar|se även|källor|noter|fotnoter|vidare läsning|litteratur"
    "|källor och referenser|noter och referenser",
    "uk": "бібліографія|примітки|посилання|література|див. також|джерела|виноски|зовнішні посилання"
    "|коментарі|дивись також"
    "|примітки та джерела|джерела та література|література та джерела",
}
_BY_LANGUAGE = {language: frozenset(names.split("|")) for language, names in _BACK_MATTER.items()}


def is_back_matter(title: str, language: str) -> bool:
    """Whether a heading's text announces references, notes, links or further reading in its language."""
    names = _BY_LANGUAGE.get(language, frozenset())
    normal = " ".join(title.split()).rstrip(":").lower()
    return normal in names or normal in _BY_LANGUAGE["en"]
