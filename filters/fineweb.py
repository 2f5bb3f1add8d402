"""FineWeb's own rules: Penedo et al. 2024, arXiv 2406.17557, section 3.6, and the code that was used."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from filters import gopher_values as v
from filters.textview import TextView
from filters.thresholds import Measure, Preset, Rule

_CODE = "datatrove 0.10, FineWebQualityFilter"
_SHORT_LINE = 30  # characters; section 3.6

# What ends a sentence in any script: Unicode's Sentence_Terminal, and three Khmer marks (datatrove 0.10,
# utils/text.py, TERMINAL_PUNCTUATION).
_TERMINAL_RANGES = """
21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736
17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F
203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9
AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048
110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3
115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44
16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88
"""
TERMINAL_MARKS = frozenset(
    chr(code)
    for first, _, last in (part.partition("-") for part in _TERMINAL_RANGES.split())
    for code in range(int(first, 16), int(last or first, 16) + 1)
)


def ended_lines(view: TextView) -> float:
    """The share of lines, blank ones aside, whose last character ends a sentence."""
    lines = view.full_lines
    return v.share(sum(line[-1] in TERMINAL_MARKS for line in lines), len(lines))


def short_lines(view: TextView) -> float:
    """The share of lines, blank ones aside, of at most 30 characters."""
    lines = view.full_lines
    return v.share(sum(len(line) <= _SHORT_LINE for line in lines), len(lines))


def duplicate_line_characters(view: TextView) -> float:
    """The characters of lines that have stood before, as a share of all but line feeds."""
    return v.share(v.repeated_characters(view.full_lines), len(view.text) - view.text.count("\n"))


def line_feeds_per_word(view: TextView) -> float:
    """The number of line feeds for each word; as many as there are where there is no word."""
    return view.text.count("\n") / max(len(view.words), 1)


FINEWEB_RULES = (
    Rule("fineweb.ended_lines", "ended_lines", minimum=0.12, origin="Penedo et al. 2024, section 3.6"),
    Rule("fineweb.short_lines", "short_lines", maximum=0.67, origin="Penedo et al. 2024, section 3.6"),
    Rule(
        "fineweb.duplicate_line_characters",
        "duplicate_line_characters",
        maximum=0.01,
        origin=f"{_CODE}; 0.1 in the paper",
    ),
    Rule("fineweb.line_feeds", "line_feeds_per_word", maximum=0.3, origin=_CODE),
)
_MEASURES: dict[str, Measure] = {
    "ended_lines": ended_lines,
    "short_lines": short_lines,
    "duplicate_line_characters": duplicate_line_characters,
    "line_feeds_per_word": line_feeds_per_word,
}
FINEWEB = Preset(_MEASURES, FINEWEB_RULES)
FINEWEB_PRESETS: Mapping[str, Preset] = MappingProxyType({"fineweb@1": FINEWEB})
