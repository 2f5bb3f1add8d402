"""Readers, one raw format each: bytes in, records out."""
