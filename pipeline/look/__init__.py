"""Looking at a finished run: what became of documents, and why. Reads manifests and what they name."""
