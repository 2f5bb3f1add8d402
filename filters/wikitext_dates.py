"""Dates as the templates of several Wikipedias write them out."""

from __future__ import annotations

# Names as they stand in a date (the genitive, where a language has one).
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "uk": "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
}
_BY_LANGUAGE = {language: names.split() for language, names in _MONTHS.items()}


def month(value: str, language: str) -> str:
    """A month's name from its number; anything else comes back as it is."""
    names = _BY_LANGUAGE.get(language)
    if names is not None and value.isdecimal() and 1 <= int(value) <= 12:
        return names[int(value) - 1]
    return value


def date(year: str, month_number: str, day: str, language: str, day_first: bool = True) -> str:
    """Year, month and day, as far as they are given, in the language's order.

    `day_first` False is the American order, "May 1, 1990"; Spanish and Portuguese put "de" between the parts.
    """
    named = month(month_number, language)
    day = day.lstrip("0") or day
    if language == "en" and not day_first and named and day:
        return f"{named} {day}, {year}" if year else f"{named} {day}"
    between = " de " if language in ("es", "pt") else " "
    if language == "de" and day:
        day += "."
    return between.join(part for part in (day, named, year) if part)
