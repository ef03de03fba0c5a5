"""Schedulers: one module for each, with all that its name decides."""
