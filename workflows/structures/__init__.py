"""Structures of a campaign on disk, and the mask of atoms that may move."""
