"""How single templates are shown as text: quantities, dates, quotations, pronunciations, other scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from filters.wikitext_dates import date, month
from filters.wikitext_marks import BREAK, SUB_CLOSE, SUB_OPEN, SUP_CLOSE, SUP_OPEN


class Call(NamedTuple):
    """A template's use: its name (lower case), its arguments as text by name or place ("1"), the language."""

    name: str
    arguments: Mapping[str, str]
    language: str

    def get(self, *names: str) -> str:
        """The first of the named arguments that is not empty."""
        return next((value for name in names if (value := self.arguments.get(name, ""))), "")

    def positional(self, start: int = 1) -> list[str]:
        """Arguments by position from `start` on, up to the first that is missing."""
        values: list[str] = []
        while (value := self.arguments.get(str(start + len(values)))) is not None:
            values.append(value)
        return values


Renderer = Callable[[Call], str]


def argument(*names: str) -> Renderer:
    return lambda call: call.get(*names)


def constant(text: str) -> Renderer:
    return lambda call: text


def joined(separator: str) -> Renderer:
    return lambda call: separator.join(filter(None, call.positional()))


def prefixed(prefix: str, *names: str) -> Renderer:
    def render(call: Call) -> str:
        text = call.get(*names)
        return prefix + text if text else ""

    return render


def last(call: Call) -> str:
    return next((value for value in reversed(call.positional()) if value), "")


def quotation(call: Call) -> str:
    text = call.get("1", "text", "quote", "texte", "texto", "цитата")
    author = call.get("2", "author", "by", "sign", "auteur", "autor", "автор")
    return f"\n\n{text}{BREAK + '— ' + author if author else ''}\n\n" if text else ""


def fraction(call: Call) -> str:
    parts = [part for part in call.positional() if part]
    if len(parts) == 3:
        return f"{parts[0]} {parts[1]}/{parts[2]}"
    return "/".join(["1", *parts] if len(parts) == 1 else parts)


def power_of_ten(call: Call) -> str:
    return f"×10{SUP_OPEN}{call.get('1')}{SUP_CLOSE}"


def value(call: Call) -> str:
    """`{{val}}`: value, uncertainty, power of ten, unit."""
    parts = call.positional()
    text = "±".join(part for part in parts[:2] if part)
    if exponent := call.get("e"):
        text += f"×10{SUP_OPEN}{exponent}{SUP_CLOSE}"
    if unit := call.get("u", "ul"):
        text += f" {unit}"
    return text


# Module:Convert: what stands between two values, and the symbols of units whose code is not their symbol.
_RANGES = {
    "-": "–",
    "–": "–",
    "to": " to ",
    "and": " and ",
    "or": " or ",
    "x": " × ",
    "×": " × ",
    "by": " by ",
    "to(-)": " to ",
    "+/-": " ± ",
    "±": " ± ",
    "and(-)": " and ",
    ",": ", ",
}
_UNITS = {
    "km2": "km²",
    "m2": "m²",
    "cm2": "cm²",
    "mm2": "mm²",
    "sqmi": "sq mi",
    "sqft": "sq ft",
    "sqyd": "sq yd",
    "m3": "m³",
    "km3": "km³",
    "cm3": "cm³",
    "cuft": "cu ft",
    "cumi": "cu mi",
    "C": "°C",
    "F": "°F",
    "impgal": "imp gal",
    "usgal": "US gal",
    "USgal": "US gal",
    "nmi": "nautical miles",
    "kn": "knots",
    "km/h": "km/h",
    "m3/s": "m³/s",
    "cuft/s": "cu ft/s",
    "/km2": "/km²",
    "/sqmi": "/sq mi",
    "ST": "short tons",
    "LT": "long tons",
    "t": "t",
    "lbf": "lbf",
    "C-change": "°C",
    "F-change": "°F",
    "K-change": "K",
}


def convert(call: Call) -> str:
    """`{{convert|5|to|10|km|mi}}`: the values and unit given; what a wiki computes from them is left out."""
    parts = call.positional()
    text = ""
    while parts:
        value = parts.pop(0)
        text += value.replace("-", "−") if value.startswith("-") else value
        if parts and parts[0] in _RANGES:
            text += _RANGES[parts.pop(0)]
            continue
        if parts:
            unit = parts.pop(0)
            text += f" {_UNITS.get(unit, unit)}"
        if len(parts) >= 2 and parts[0].replace(".", "", 1).isdecimal() and not parts[1].isdecimal():
            text += " "  # {{convert|5|ft|10|in}}
            continue
        break
    return text


def english_date(call: Call) -> str:
    """`{{birth date|1990|5|1|df=y}}` and its family: the date alone, since an age depends on today."""
    day_first = call.get("df").lower() in ("y", "yes", "1", "true")
    parts = [*call.positional(), "", "", ""]
    if len(parts[0]) > 4 or not parts[0].isdecimal():
        return parts[0]
    return date(parts[0], parts[1], parts[2], call.language, day_first)


def as_of(call: Call) -> str:
    parts = [*call.positional(), "", "", ""]
    lead = "as of" if call.get("lc") else "As of"
    return f"{lead} {date(parts[0], parts[1], parts[2], 'en')}"


def day_first_date(call: Call) -> str:
    parts = [*call.positional(), "", "", ""]
    return date(parts[2], parts[1], parts[0], call.language)


def french_date(call: Call) -> str:
    parts = call.positional()
    if len(parts) == 1:
        return parts[0]
    parts = [*parts, "", ""]
    day = parts[0] if parts[0] != "1" else "1er"
    return " ".join(part for part in (day, month(parts[1], "fr"), parts[2]) if part)


def french_century(call: Call) -> str:
    numeral = call.get("1")
    word = "" if call.name.endswith("mini") else " siècle"
    return f"{numeral}{'er' if numeral == 'I' else 'e'}{word}" if numeral else ""


def french_century_by_name(call: Call) -> str:
    """`{{XXe siècle}}`, whose name is its text."""
    ordinal, _, word = call.name.partition(" ")
    numeral = ordinal.rstrip("er")
    return f"{numeral.upper()}{ordinal[len(numeral) :]} {word}"


def french_quantity(call: Call) -> str:
    """`{{unité|5|km|2}}`: unit and exponent take turns after the number."""
    parts = call.positional()
    text = parts[0] if parts else ""
    for i, part in enumerate(parts[1:]):
        if not part or part == "1":
            continue
        text += f"{SUP_OPEN}{part}{SUP_CLOSE}" if i % 2 else f" {part}"
    return text


def nihongo(call: Call) -> str:
    english, *others = [*call.positional(), ""]
    inside = ", ".join(part for part in others if part)
    if not english:
        return inside
    return f"{english} ({inside})" if inside else english


def chinese(call: Call) -> str:
    labels = {"c": "Chinese", "s": "simplified Chinese", "t": "traditional Chinese", "p": "pinyin",
              "w": "Wade–Giles", "j": "Jyutping", "l": "lit."}  # fmt: skip
    return "; ".join(f"{label}: {text}" for key, label in labels.items() if (text := call.get(key)))


_STRESS = {"'": "ˈ", ",": "ˌ", "-": "", "_": " "}


def ipa_english(call: Call) -> str:
    sounds = "".join(_STRESS.get(part, part) for part in call.positional())
    return f"/{sounds}/" if sounds else ""


def ipa(call: Call) -> str:
    parts = call.positional()
    # {{IPA|fr|paʁi}} names the language first; {{IPA|/paʁi/}} and {{IPA-fr|paʁi}} do not.
    text = parts[1] if call.name == "ipa" and len(parts) > 1 else (parts[0] if parts else "")
    if text and text[0] not in "[/⫽⟨":
        text = f"[{text}]"
    return text


def lines(call: Call) -> str:
    return "\n" + "\n".join(f"* {item}" for item in call.positional() if item) + "\n"


def chemical(call: Call) -> str:
    return "".join(
        f"{SUB_OPEN}{part}{SUB_CLOSE}" if part.isdecimal() and i else part
        for i, part in enumerate(call.positional())
    )


def case(change: Callable[[str], str]) -> Renderer:
    return lambda call: change(call.get("1"))


def old_style_date(call: Call) -> str:
    new, year, old = [*call.positional(), "", "", ""][:3]
    return " ".join(part for part in (new, f"({old})" if old else "", year) if part)


FIRST = argument("1")
SECOND = argument("2", "1")
