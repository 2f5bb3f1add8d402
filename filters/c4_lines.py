"""What C4 compares lines by, and which page keeps a line that several have.

Source: c4_utils.py of tensorflow-datasets, `remove_duplicate_text`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

from filters.lines import BLANK_LINE, ONE_PAST_BLANK


def c4_line_hashes(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash each line of each text, trimmed and in lower case, nothing else normalised.

    Returns what `filters.lines.line_hashes` does: uint64 for every line of `split("\\n")`, `BLANK_LINE` for
    blank ones, and the number of lines of each text (int64). Hashes are xxh3_64 where the original has MD5.
    Raises UnicodeEncodeError for lone surrogates.
    """
    lines = [line.strip() for text in texts for line in text.lower().split("\n")]
    digest = xxhash.xxh3_64_intdigest
    hashes = np.fromiter((digest(line.encode()) for line in lines), np.uint64, len(lines))
    hashes[hashes == BLANK_LINE] = ONE_PAST_BLANK
    hashes[~np.fromiter(map(bool, lines), np.bool_, len(lines))] = BLANK_LINE
    counts = np.fromiter((text.count("\n") + 1 for text in texts), np.int64, len(texts))
    return hashes, counts


def owner_order(urls: Sequence[str]) -> NDArray[np.uint64]:
    """For each URL the first 64 bits of its MD5: the smallest of those that have a line keeps it."""
    digests = b"".join(hashlib.md5(url.encode(), usedforsecurity=False).digest()[:8] for url in urls)
    return np.frombuffer(digests, ">u8").astype(np.uint64)
