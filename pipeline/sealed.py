"""JSON that vouches for itself: what a run writes for later runs to trust, which notice when it changed."""

from __future__ import annotations

from typing import Any

import orjson
import xxhash

SEAL = "seal"


def sealed(fields: dict[str, Any]) -> bytes:
    """`fields` as JSON, keys sorted, with the xxh3_128 of it all beside them."""
    data = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    # Of what JSON makes of the values, so that reading and writing them again changes nothing.
    content = orjson.loads(data)
    return orjson.dumps(
        {**content, SEAL: xxhash.xxh3_128_hexdigest(data)},
        option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2,
    )


def unsealed(data: bytes) -> dict[str, Any] | None:
    """The fields that `sealed` wrote, None where the bytes are cut, edited, or not its own."""
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    seal = fields.pop(SEAL, None)
    written = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return fields if seal == xxhash.xxh3_128_hexdigest(written) else None
