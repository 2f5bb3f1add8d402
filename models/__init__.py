"""Small bundled models, each beside its card."""
