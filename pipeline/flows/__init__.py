"""One recipe for each source, read from top to bottom."""
