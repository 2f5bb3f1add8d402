"""Amounts as people write them in a config or on a command line: 1.4T tokens, 16MiB."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "b": 10**9,
    "g": 10**9,
    "t": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
}
_AMOUNT = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE]\+?[0-9]+)?)\s*([A-Za-z]*)\s*")


def parse_amount(value: object) -> object:
    """A whole number from `16MiB`, `1.4T`, `2e6` or a number; anything else is returned for pydantic to
    refuse.

    k, M, B or G, T are powers of 1000, KiB, MiB, GiB of 1024. Raises ValueError for an unknown unit or a
    fraction.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    match = _AMOUNT.fullmatch(value)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(
            f"{value!r} is no amount: write a number, with k, M, B, T or KiB, MiB, GiB behind it"
        )
    amount = Fraction(match[1].replace("_", "")) * _UNITS[match[2].lower()]
    if amount.denominator != 1:
        raise ValueError(f"{value!r} is no whole amount")
    return int(amount)


def format_bytes(size: float) -> str:
    """`size` bytes for people: 4.2 MB."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")
