"""Dates as the templates of several Wikipedias write them out."""

from __future__ import annotations

# CLDR 47's names as they stand in a date with a day (months, format, wide), which are genitives in some
# languages; a test compares them. Catalan's without "de", which CLDR counts to the name.
_MONTHS = {
    "bg": "януари февруари март април май юни юли август септември октомври ноември декември",
    "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    "cs": "ledna února března dubna května června července srpna září října listopadu prosince",
    "da": "januar februar marts april maj juni juli august september oktober november december",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "hr": "siječnja veljače ožujka travnja svibnja lipnja srpnja kolovoza rujna listopada studenoga prosinca",
    "hu": "január február március április május június július augusztus szeptember október november december",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": (
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia"
    ),
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "ro": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "sl": "januar februar marec april maj junij julij avgust september oktober november december",
    "sr": "јануар фебруар март април мај јун јул август септембар октобар новембар децембар",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
}
# Without a day (months, stand-alone, wide), where that is another word.
_ALONE = {
    "cs": "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    "hr": "siječanj veljača ožujak travanj svibanj lipanj srpanj kolovoz rujan listopad studeni prosinac",
    "pl": "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
    "ru": "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
    "uk": "січень лютий березень квітень травень червень липень серпень вересень жовтень листопад грудень",
}
_DOT_AFTER_DAY = ("cs", "da", "de", "hr", "sl", "sr")
_DOT_AFTER_YEAR = ("hr", "sr")
_DE_BETWEEN = ("ca", "es", "pt")
_WITH_DAY = {language: names.split() for language, names in _MONTHS.items()}
_WITHOUT_DAY = _WITH_DAY | {language: names.split() for language, names in _ALONE.items()}


def month(value: str, language: str, with_day: bool = True) -> str:
    """A month's name from its number, as it stands behind a day or without one.

    Anything else comes back as it is.
    """
    names = (_WITH_DAY if with_day else _WITHOUT_DAY).get(language)
    if names is not None and value.isdecimal() and 1 <= int(value) <= 12:
        return names[int(value) - 1]
    return value


def date(year: str, month_number: str, day: str, language: str, day_first: bool = True) -> str:
    """Year, month and day, as far as they are given, in the language's order.

    `day_first` False is the American order, "May 1, 1990"; Catalan, Spanish and Portuguese put "de" between
    the parts, Hungarian the year first. The word for year that CLDR has behind it in Bulgarian, Russian and
    Ukrainian is left to the article, which may have it there.
    """
    named = month(month_number, language, with_day=bool(day))
    day = day.lstrip("0") or day
    if language == "en" and not day_first and named and day:
        return f"{named} {day}, {year}" if year else f"{named} {day}"
    if language == "hu":
        return " ".join([f"{year}." if year else "", named, f"{day}." if day else ""]).strip()
    between = " de " if language in _DE_BETWEEN else " "
    if language in _DOT_AFTER_DAY and day:
        day += "."
    if language in _DOT_AFTER_YEAR and year and named:
        year += "."
    written = between.join(part for part in (day, named, year) if part)
    return written.replace(" de a", " d’a").replace(" de o", " d’o") if language == "ca" else written
