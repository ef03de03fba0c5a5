"""Labelled frames as a dataset: extended XYZ, quarantine, thinning, splits."""
