"""Validation of a potential against the labels and the engine of a campaign."""
