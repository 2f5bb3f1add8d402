"""Bytes of a page to text, by the order the WHATWG prescribes, without losing pages whose label lies."""

from __future__ import annotations

import codecs
import re
import string

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

# HTML standard, "prescan a byte stream": 1024 bytes; browsers and this module look further, since real pages
# put long comments and scripts before their label.
PRESCAN_BYTES = 4096
# Up to this share of the non-ASCII characters may be undecodable before a label is taken for a lie: a page
# cut inside a character, or with one foreign line pasted into it, keeps its charset.
MAX_BAD_SHARE = 0.1
# A page labelled windows-1252 whose letters are mostly above ASCII is not in a western language.
FOREIGN_SHARE = 0.4

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_META = re.compile(rb"""<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:+-]+)""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([\w.:+-]+)""")
_ANY_TAG = re.compile("<[/!?a-zA-Z]")
_TAG = re.compile(rb"<[^<>]*>")
# What a WHATWG encoding contains beyond Python's codec of the same name (encoding.spec.whatwg.org).
_SUPERSETS = {
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
}
_NOT_MAPPED = {
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "x-user-defined": "cp1252",
}
_WESTERN = ("cp1252", "iso8859-15")


def codec_of(label: str | None) -> str | None:
    """Return Python's codec for a charset label as the web means it (latin1 is cp1252), or None if unknown.

    Source: encoding.spec.whatwg.org, section 4.2.
    """
    if not label:
        return None
    label = label.strip(" \t\r\n\f\"'").lower()
    codec = map_encoding_to_html5(label, fallback_utf8=False) or _NOT_MAPPED.get(label)
    return _SUPERSETS.get(codec, codec) if codec else None


def decode(content: bytes, charset: str | None = None) -> tuple[str, str]:
    """Decode a page and return its text and the codec used; undecodable bytes become U+FFFD.

    `charset` is the label of the HTTP header, if any. Order: BOM, HTTP, meta, detection (HTML standard,
    "encoding sniffing algorithm"), but text that is valid UTF-8 is UTF-8 whatever the labels say, and a label
    that leaves more than a tenth of the characters unreadable gives way to the next. Never raises.
    """
    for bom, codec in _BOMS:
        if content.startswith(bom):
            return content[len(bom) :].decode(codec, "replace"), codec
    http = codec_of(charset)
    if (http and http.startswith("utf-16")) or content.count(0, 0, PRESCAN_BYTES) > 0:
        return _decode_utf16(content, http)
    # ISO-2022-JP's bytes are ASCII and escapes, hence always valid UTF-8 too.
    if b"\x1b" not in content or "iso2022_jp" not in (http, _meta_codec(content)):
        try:
            return content.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    meta = _meta_codec(content)
    detected = detect_encoding(content) or "utf-8"
    detected = _SUPERSETS.get(detected, detected)
    best = ("", "utf-8", 2.0)
    for codec in _candidates(content, http, meta, detected):
        text = content.decode(codec, "replace")
        bad = text.count("\ufffd") / max(1, len(text) - len(text.encode("ascii", "ignore")))
        if bad < best[2]:
            best = (text, codec, bad)
        if bad <= MAX_BAD_SHARE:
            break
    return best[0], best[1]


def _candidates(content: bytes, http: str | None, meta: str | None, detected: str) -> list[str]:
    """Codecs to try in order, each once: what the labels say, unless detection has reason to overrule."""
    order = [codec for codec in (http, meta) if codec]
    legacy = [codec for codec in order if codec != "utf-8"]
    disputed = len(set(legacy)) == 2 and detected == meta
    if disputed or (legacy and legacy[0] in _WESTERN and detected not in _WESTERN and _foreign(content)):
        order.insert(0, detected)  # windows-1252 is what servers say when nobody told them
    return list(dict.fromkeys([*order, detected, "utf-8", "cp1252"]))


def _foreign(content: bytes) -> bool:
    """Whether most letters outside tags are above ASCII."""
    visible = _TAG.sub(b" ", content[: 1 << 14])
    above = len(visible.translate(None, bytes(range(128))))
    ascii_letters = len(visible) - len(visible.translate(None, string.ascii_letters.encode()))
    return above > FOREIGN_SHARE * (above + ascii_letters)


def _meta_codec(content: bytes) -> str | None:
    head = _COMMENT.sub(b"", content[:PRESCAN_BYTES])
    found = _META.search(head) or _XML.search(head)
    codec = codec_of(found[1].decode("ascii", "replace")) if found else None
    return "utf-8" if codec and codec.startswith("utf-16") else codec  # HTML standard: it was read as ASCII


def _decode_utf16(content: bytes, http: str | None) -> tuple[str, str]:
    """UTF-16 without a BOM: tags are ASCII, so the side on which their zero bytes are tells the order.

    Without tags in that order the label lies, or the zero bytes are dirt: the page is read without them.
    """
    even, odd = (content[side:PRESCAN_BYTES:2].count(0) for side in (0, 1))
    codec = "utf-16-be" if even > odd else "utf-16-le"
    if even != odd and _ANY_TAG.search(content[:PRESCAN_BYTES].decode(codec, "replace")):
        return content.decode(codec, "replace"), codec
    return decode(content.replace(b"\0", b""), None if http and http.startswith("utf-16") else http)
