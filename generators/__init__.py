"""Structures to compute: pure functions from crystals to candidates; no I/O, no jobs."""
