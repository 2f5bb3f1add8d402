"""Benchmarks, run by hand; results/ holds what they measured."""
