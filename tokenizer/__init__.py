"""Training, checking and applying the tokenizer, and the formats of token shards."""
