"""Sorts of secrets, personal data and look-alikes, drawn by a seed.

None is committed: a value's form is that which its issuer documents, its characters are drawn.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable

from filters.code_secrets import Kind

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_URL_SAFE = _ALNUM + "_-"
_HEX = "0123456789abcdef"
_NAMES = (
    "maria",
    "j.smith",
    "kofi_m",
    "li.wei",
    "anna-b",
    "r2davies",
    "tom+lists",
    "xav",
    "ines.p",
    "o.haraldsen",
)
_HOSTS = (
    "posteo.de",
    "cs.uni-bonn.de",
    "gmail.com",
    "mail.ru",
    "kth.se",
    "team.acme-corp.io",
    "outlook.com",
    "qq.com",
)


def drawn(rng: random.Random, alphabet: str, count: int) -> str:
    """`count` characters; a digit is among any ten, as in what computers draw."""
    return "".join(rng.choice(alphabet if place % 10 else string.digits) for place in range(1, count + 1))


def _number(rng: random.Random) -> int:
    return rng.randint(11, 250)


def _public(rng: random.Random) -> str:
    return f"{rng.choice((5, 18, 46, 52, 93, 151, 203))}.{_number(rng)}.{_number(rng)}.{_number(rng)}"


def _jwt(rng: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    body = (
        base64.urlsafe_b64encode(f'{{"sub":"{drawn(rng, string.digits, 8)}"}}'.encode()).decode().rstrip("=")
    )
    return f"{head}.{body}.{drawn(rng, _URL_SAFE[:-1], 43)}"


def _word(rng: random.Random) -> str:
    return rng.choice(("horse", "Tango", "river", "Kilo", "zebra")) + drawn(rng, _ALNUM, 7)


# Sort, kind, name in front of it, and the value; a tuple is what stands before, the secret, what stands behind.  # noqa: E501
Draw = Callable[[random.Random], str | tuple[str, str, str]]
SECRETS: list[tuple[str, Kind, str, Draw]] = [
    ("e-mail address", "email", "author", lambda r: f"{r.choice(_NAMES)}@{r.choice(_HOSTS)}"),
    (
        "e-mail behind a name",
        "email",
        "Signed-off-by",
        lambda r: ("Ann Roe <", f"{drawn(r, _ALNUM, 6)}@{r.choice(_HOSTS)}", ">"),
    ),
    ("IPv4 address", "ip_address", "server_host", _public),
    (
        "IPv4 address with port",
        "ip_address",
        "upstream",
        lambda r: ("", _public(r), f":{r.randint(1024, 65000)}"),
    ),
    (
        "IPv6 address",
        "ip_address",
        "listen",
        lambda r: "2a01:" + ":".join(drawn(r, _HEX, 4) for _ in range(7)),
    ),
    ("AWS key id", "key", "access_key", lambda r: "AKIA" + drawn(r, _UPPER, 16)),
    ("AWS secret", "key", "aws_secret_access_key", lambda r: drawn(r, _ALNUM + "/+", 40)),
    ("GitHub token", "key", "token", lambda r: f"gh{r.choice('pous')}_{drawn(r, _ALNUM, 36)}"),
    (
        "GitHub fine-grained token",
        "key",
        "token",
        lambda r: f"github_pat_{drawn(r, _ALNUM, 22)}_{drawn(r, _ALNUM, 59)}",
    ),
    ("GitLab token", "key", "ci_token", lambda r: "glpat-" + drawn(r, _ALNUM, 20)),
    (
        "Slack token",
        "key",
        "slack",
        lambda r: f"xoxb-{drawn(r, string.digits, 12)}-{drawn(r, string.digits, 12)}-{drawn(r, _ALNUM, 24)}",
    ),
    (
        "Slack webhook",
        "key",
        "hook",
        lambda r: (
            f"https://hooks.slack.com/services/T{drawn(r, _UPPER, 8)}/B{drawn(r, _UPPER, 8)}/{drawn(r, _ALNUM, 24)}"  # noqa: E501
        ),
    ),
    ("Stripe key", "key", "stripe", lambda r: f"{r.choice('sr')}k_live_{drawn(r, _ALNUM, 24)}"),
    ("SendGrid key", "key", "mailer", lambda r: f"SG.{drawn(r, _ALNUM, 22)}.{drawn(r, _ALNUM, 43)}"),
    ("JSON web token", "key", "bearer", _jwt),
    (
        "npm token",
        "key",
        "npm",
        lambda r: ("//registry.npmjs.org/:_authToken=", "npm_" + drawn(r, _ALNUM, 36), ""),
    ),
    ("PyPI token", "key", "password", lambda r: "pypi-AgEIcHlwaS5vcmc" + drawn(r, _ALNUM, 80)),
    ("OpenAI key", "key", "openai", lambda r: f"sk-{drawn(r, _ALNUM, 20)}T3BlbkFJ{drawn(r, _ALNUM, 20)}"),
    ("Telegram bot", "key", "bot", lambda r: f"{r.randint(10**9, 10**10 - 1)}:AA{drawn(r, _URL_SAFE, 33)}"),
    ("Mailchimp key", "key", "chimp", lambda r: f"{drawn(r, _HEX, 32)}-us{r.randint(1, 20)}"),
    ("Google API key", "key", "maps", lambda r: "AIza" + drawn(r, _ALNUM, 35)),
    (
        "private key",
        "key",
        "pem",
        lambda r: (
            "-----BEGIN EC PRIVATE KEY-----",
            "\n" + "\n".join(drawn(r, _ALNUM + "+/", 64) for _ in range(3)) + "\n",
            "-----END EC PRIVATE KEY-----",
        ),
    ),
    (
        "password in an address",
        "password",
        "database_url",
        lambda r: (f"postgres://{r.choice(('app', 'root', 'svc'))}:", _word(r), "@db.internal:5432/x"),
    ),
    (
        "password without a user",
        "password",
        "cache_url",
        lambda r: ("redis://:", _word(r), "@cache.internal:6379/0"),
    ),
    ("password of no form", "password", "db_pass", _word),
]
LOOKALIKES: list[tuple[str, str, Draw]] = [
    (
        "example address",
        "author",
        lambda r: (
            f"{r.choice(_NAMES)}@{r.choice(('example.com', 'mail.example.org', 'host.invalid', 'x.test'))}"
        ),
    ),
    (
        "git remote",
        "origin",
        lambda r: f"git@{r.choice(('github.com', 'gitlab.com'))}:acme/{drawn(r, _HEX, 6)}.git",
    ),
    (
        "decorator",
        "note",
        lambda r: f"@{r.choice(('app', 'pytest', 'bp'))}.{r.choice(('route', 'fixture', 'get'))}",
    ),
    (
        "package and version",
        "needs",
        lambda r: f"lodash{drawn(r, _HEX, 3)}@{r.randint(1, 20)}.{r.randint(0, 30)}.{r.randint(0, 9)}",
    ),
    ("image for dense screens", "icon", lambda r: f"logo{drawn(r, _HEX, 4)}@{r.randint(2, 3)}x.png"),
    (
        "private IPv4 address",
        "gateway",
        lambda r: f"{r.choice(('192.168', '10.7', '172.20', '127.0'))}.{_number(r)}.{_number(r)}",
    ),
    ("name server", "resolver", lambda r: r.choice(("8.8.8.8", "1.1.1.1", "9.9.9.9", "208.67.222.222"))),
    (
        "version of four parts",
        "version",
        lambda r: f"{r.randint(11, 99)}.{_number(r)}.{_number(r)}.{_number(r)}",
    ),
    ("object identifier", "oid", lambda r: f"1.3.6.1.4.1.{r.randint(100, 9999)}.{r.randint(1, 99)}"),
    ("documentation IPv6", "peer", lambda r: "2001:db8::" + drawn(r, _HEX, 4)),
    ("time of day", "at", lambda r: f"{r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)}"),
    ("SHA-256", "digest", lambda r: drawn(r, _HEX, 64)),
    ("commit", "rev", lambda r: drawn(r, _HEX, 40)),
    ("UUID", "id", lambda r: "-".join(drawn(r, _HEX, n) for n in (8, 4, 4, 4, 12))),
    ("integrity hash", "integrity", lambda r: "sha512-" + drawn(r, _ALNUM + "+/", 86) + "=="),
    ("data address", "image", lambda r: "data:image/png;base64,iVBORw0KGgo" + drawn(r, _ALNUM + "+/", 120)),
    ("key from the environment", "api_key", lambda r: f"os.environ[KEY_{drawn(r, _UPPER, 5)}]"),
    (
        "placeholder",
        "token",
        lambda r: r.choice(
            (
                "<your-token-here>",
                "ghp_xxxxxxxxxxxx",
                "sk_test_...",
                "${SECRET_KEY}",
                "AKIA...",
                "xoxb-your-token",
            )
        ),
    ),
    (
        "placeholder in an address",
        "url",
        lambda r: (
            f"https://{r.choice(('user', 'me', 'admin'))}:{r.choice(('password', '<secret>', '${PASS}', '****', 'pwd'))}@host/x"  # noqa: E501
        ),
    ),
    (
        "public key",
        "pem",
        lambda r: "-----BEGIN PUBLIC KEY-----" + drawn(r, _ALNUM, 64) + "-----END PUBLIC KEY-----",
    ),
    (
        "short of a key",
        "prefix",
        lambda r: r.choice(("AKIA", "ghp_", "glpat-", "SG.", "npm_", "AIza")) + drawn(r, _HEX, 6),
    ),
    (
        "name with a prefix",
        "call",
        lambda r: (
            r.choice(("risk_live_", "task-", "mask-", "disk_live_")) + drawn(r, string.ascii_lowercase, 9)
        ),
    ),
]
