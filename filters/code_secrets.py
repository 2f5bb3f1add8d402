"""Secrets and personal data in source files: where they stand, and what stands for them afterwards.

Secrets are found by the expressions of detect-secrets, of the kinds whose form tells them from other text
(entropy and keyword detectors, which need a second look at what they find, are left out). Addresses are
found by expressions of our own, with the exceptions that BigCode's code makes (pii/ of its bigcode-dataset);
so are the keys that detect-secrets does not know by their form.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Final, Literal, NamedTuple

import xxhash

Kind = Literal["email", "ip_address", "key", "password"]
KINDS: Final[tuple[Kind, ...]] = ("email", "ip_address", "key", "password")


class Finding(NamedTuple):
    """Something to mask: its place in characters, and what it is."""

    start: int
    end: int
    kind: Kind


class Masked(NamedTuple):
    """A masked text, what was masked by kind, and bytes of UTF-8 that went and that came."""

    text: str
    counts: dict[Kind, int]
    removed: int
    added: int


# Modules and classes of detect_secrets.plugins, imported when first asked: that takes half a second.
_KEY_DETECTORS: Final = (
    *(("aws", "AWSKeyDetector"), ("azure_storage_key", "AzureStorageKeyDetector")),
    *(("discord", "DiscordBotTokenDetector"), ("github_token", "GitHubTokenDetector")),
    *(
        ("gitlab_token", "GitLabTokenDetector"),
        ("jwt", "JwtTokenDetector"),
        ("mailchimp", "MailchimpDetector"),
    ),
    *(("npm", "NpmDetector"), ("openai", "OpenAIDetector"), ("pypi_token", "PypiTokenDetector")),
    *(("sendgrid", "SendGridDetector"), ("slack", "SlackDetector"), ("square_oauth", "SquareOAuthDetector")),
    *(("stripe", "StripeDetector"), ("telegram_token", "TelegramBotTokenDetector")),
)
_PASSWORD_DETECTORS: Final = (("basic_auth", "BasicAuthDetector"),)
# A character of each kind of key's own mark, without which none of its expressions can match.
_KEY_MARK: Final = re.compile(
    r"A3T|A[BCKS][ICA]A|aws|AccountKey=|[MNO][\w-]{23,25}\.|gh[pousr]_|gl[a-z]{2,6}-|GR1348941|eyJ|-us\d"
    r"|_authToken|sk-|pypi-|SG\.|xox|hooks\.slack|sq0csp|k_live_|\d{8}:|github_pat_|AIza",
    re.IGNORECASE,
)
# GitHub's fine-grained tokens and Google's API keys.
_OTHER_KEYS: Final = re.compile(r"\b(?:github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|AIza[\w-]{35})(?![\w-])")
# detect-secrets wants quotes around it.
_AWS_SECRET: Final = re.compile(r"aws_secret_access_key\s*[=:]\s*([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])", re.I)
_NPM: Final = re.compile(r"npm_\w*")  # detect-secrets' expression takes the line's rest too
_LONE_PASSWORD: Final = re.compile(r"://:([^\s:/?#@\[\]'\"]{3,100})@")  # `redis://:…@`, without a user
# detect-secrets knows a private key by its first line; the whole block goes (RFC 7468).
_PRIVATE_KEY: Final = re.compile(
    r"(-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----)"
    r"((?:(?!-----BEGIN ).){16,20000}?)(?=-----END )",
    re.DOTALL,
)
_JWT_REST: Final = re.compile(r"[\w.=-]*")  # detect-secrets' expression stops before the signature
_KEY_LENGTH: Final = 16  # an expression's group that is shorter is a prefix, not the key
_PLACEHOLDER: Final = re.compile(
    r"[<{$%*]|\b(?:pass(?:word|wd)?|pwd|secret|token|x+|y+|user|changeme)\b", re.I
)

_EMAIL: Final = re.compile(
    r"(?<![\w.+%/@${}-])(?!git@)[A-Za-z0-9_][\w.+%-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
    r"([A-Za-z]{2,24})(?![\w@-]|\.\w|:[\w~/])"
)
_USER: Final = re.compile(r"://[^\s/@]*:$")  # a password comes, and a host behind it
# Names reserved for examples (RFC 2606), and endings of files such as icon@2x.png.
_EXAMPLE: Final = re.compile(
    r"[@.](?:example\.(?:com|org|net)|example|test|invalid|localhost)$", re.IGNORECASE
)
_FILE_ENDINGS: Final = frozenset(
    {
        *("png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "json", "html", "rb"),
        *("go", "java", "txt", "xml", "yml", "yaml", "tgz", "gz", "zip"),
    }
)

# Numbers beside it, as in the paths of drawings, make it one of them.
_IPV4: Final = re.compile(r"(?<![\w.-])(?<![\d.] )\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d| [-.\d])")
_IPV6: Final = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{4,34}(?![\w:.])")  # RFC 4291: 2000::/3
# Public name servers, which programs name as they name hosts (BigCode, pii_redaction.py).
_NAME_SERVERS: Final = frozenset(
    {
        *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "76.76.19.19", "76.223.122.150", "9.9.9.9"),
        *("149.112.112.112", "208.67.222.222", "208.67.220.220", "8.26.56.26", "8.20.247.20"),
        *("94.140.14.14", "94.140.15.15"),
    }
)
_SHORT_IP: Final = 7  # BigCode: four single digits are a version, unless a server is spoken of near by
_NEAR: Final = 100
_VERSION: Final = re.compile(r"(?:version|release|\bv|==|>=|<=|~=|\^)(?:\s+is\b)?[\s\"'=:>]*$", re.IGNORECASE)
# What stands for addresses in StarCoder's data: private ones (BigCode, pii_redaction.py).
_PRIVATE_IPV4: Final = ("172.16.31.10", "172.16.58.3", "172.16.17.32", "192.168.127.12", "192.168.3.11")
_PRIVATE_IPV6: Final = (
    *("fd00:c2b6:b24b:be67:2827:688d:e6a1:6a3b", "fd00:a516:7c1b:17cd:6d81:2137:bd2a:2c5b"),
    *("fc00:e968:6179::de52:7100", "fc00:db20:35b:7399::5", "fdf8:f53e:61e4::18"),
)
# What stands for the rest (StarCoder, arXiv:2305.06161, section 4).
_MASKS: Final[dict[Kind, str]] = {"email": "<EMAIL>", "key": "<KEY>", "password": "<PASSWORD>"}


def findings(text: str, kinds: Collection[Kind] = KINDS) -> list[Finding]:
    """What of `kinds` is in `text`, in order; of two that overlap the first, else the longer."""
    found: list[Finding] = []
    if "key" in kinds:
        found += _keys(text)
    if "password" in kinds:
        found += _passwords(text)
    if "email" in kinds:
        found += _emails(text)
    if "ip_address" in kinds:
        found += _ip_addresses(text)
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda finding: (finding.start, -finding.end)):
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
    return kept


def mask(text: str, kinds: Collection[Kind] = KINDS) -> Masked:
    """`text` with each finding replaced: a name for its kind, a private address for an IP address.

    Which of the private addresses depends on the address alone, so that equal ones stay equal.
    """
    parts: list[str] = []
    counts: dict[Kind, int] = {}
    last = removed = added = 0
    for start, end, kind in findings(text, kinds):
        value = text[start:end]
        replacement = _replacement(value, kind)
        parts += (text[last:start], replacement)
        last = end
        counts[kind] = counts.get(kind, 0) + 1
        removed, added = removed + len(value.encode()), added + len(replacement.encode())
    return Masked("".join([*parts, text[last:]]), counts, removed, added)


def _replacement(value: str, kind: Kind) -> str:
    if kind != "ip_address":
        return _MASKS[kind]
    choices: Sequence[str] = _PRIVATE_IPV6 if ":" in value else _PRIVATE_IPV4
    return choices[xxhash.xxh3_64_intdigest(value.encode()) % len(choices)]


@lru_cache(maxsize=2)
def _patterns(detectors: tuple[tuple[str, str], ...]) -> list[re.Pattern[str]]:
    found: list[re.Pattern[str]] = []
    for module, name in detectors:
        found += getattr(import_module(f"detect_secrets.plugins.{module}"), name)().denylist
    return found


def _keys(text: str) -> Iterator[Finding]:
    for match in _PRIVATE_KEY.finditer(text):
        yield Finding(match.start(2), match.end(2), "key")
    if not _KEY_MARK.search(text):
        return
    for match in _OTHER_KEYS.finditer(text):
        yield Finding(match.start(), match.end(), "key")
    for match in _AWS_SECRET.finditer(text):
        yield Finding(match.start(1), match.end(1), "key")
    for pattern in _patterns(_KEY_DETECTORS):
        for match in pattern.finditer(text):
            named = [
                group for group in range(1, match.re.groups + 1) if len(match[group] or "") >= _KEY_LENGTH
            ]
            start, end = match.span(named[0] if named else 0)
            if text.startswith("eyJ", start):
                end = _JWT_REST.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing too
            elif text.startswith("npm_", start):
                end = _NPM.match(text, start).end()  # type: ignore[union-attr]  # it matches the prefix too
            if any(map(str.isdigit, text[start:end].rsplit(":", 1)[-1])):
                yield Finding(start, end, "key")


def _passwords(text: str) -> Iterator[Finding]:
    if "://" not in text:
        return
    for pattern in (*_patterns(_PASSWORD_DETECTORS), _LONE_PASSWORD):
        for match in pattern.finditer(text):
            if not _PLACEHOLDER.search(match[1]):
                yield Finding(match.start(1), match.end(1), "password")


def _emails(text: str) -> Iterator[Finding]:
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        in_url = _USER.search(text, max(0, match.start() - _NEAR), match.start())
        if not in_url and match[1].lower() not in _FILE_ENDINGS and not _EXAMPLE.search(match[0]):
            yield Finding(match.start(), match.end(), "email")


def _ip_addresses(text: str) -> Iterator[Finding]:
    for match in [*_IPV4.finditer(text), *_IPV6.finditer(text)]:
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        if address.is_global and match[0] not in _NAME_SERVERS and not _is_version(text, match):
            yield Finding(match.start(), match.end(), "ip_address")


def _is_version(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - _NEAR) : match.start()]
    if _VERSION.search(before):
        return True
    near = (before + text[match.end() : match.end() + _NEAR]).lower()
    return len(match[0]) == _SHORT_IP and "dns" not in near and "server" not in near
