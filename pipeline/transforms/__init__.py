"""Thin composite PTransforms over batches."""
