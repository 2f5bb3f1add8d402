"""Mixture specs, and the exact arithmetic from proportions to training order."""
