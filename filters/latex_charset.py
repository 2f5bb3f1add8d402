"""The characters of TeX source: UTF-8 where it is, else what the paper declares, else Latin-1."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

_DECLARED = re.compile(rb"\\(?:usepackage\s*\[\s*([\w-]+)\s*\]\s*\{inputenc\}|inputencoding\s*\{([\w-]+)\})")
# Options of the package inputenc by Python's names of the same charsets.
_INPUTENC = {
    **{f"latin{n}": f"iso8859-{part}" for n, part in zip(range(1, 5), range(1, 5), strict=True)},
    **{"latin5": "iso8859-9", "latin9": "iso8859-15", "latin10": "iso8859-16"},
    **{"ansinew": "cp1252", "cp1252": "cp1252", "cp1250": "cp1250", "cp1251": "cp1251", "cp1257": "cp1257"},
    **{
        "cp437": "cp437",
        "cp850": "cp850",
        "cp852": "cp852",
        "cp858": "cp858",
        "cp865": "cp865",
        "cp866": "cp866",
    },
    **{"koi8-r": "koi8-r", "koi8-u": "koi8-u", "applemac": "mac-roman", "macce": "mac-latin2"},
}


def decoded(files: Mapping[str, bytes]) -> dict[str, str]:
    """The text of a paper's files, with LF line ends.

    A file that is no UTF-8 is read in the charset that any file of the paper declares (package inputenc;
    the first declaration by path), else in Latin-1, in which every byte is a character.
    """
    texts = {path: _unicode(data) for path, data in files.items()}
    if None in texts.values():
        declared = _declared(files)
        texts = {path: _text(files[path], declared) if text is None else text for path, text in texts.items()}
    return {path: _with_line_feeds(text or "") for path, text in texts.items()}


def _declared(files: Mapping[str, bytes]) -> str:
    for _, data in sorted(files.items()):
        for found in _DECLARED.finditer(data):
            charset = _INPUTENC.get((found[1] or found[2]).decode().lower())
            if charset:
                return charset
    return "latin-1"


def _unicode(data: bytes) -> str | None:
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def _text(data: bytes, declared: str) -> str:
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("latin-1" if is_utf_16 else declared)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
