"""Training, checking and applying the tokenizer, and the formats of token shards."""

import pipeline  # noqa: F401  Its filter keeps Beam's warnings off the screen, whichever module comes first.
