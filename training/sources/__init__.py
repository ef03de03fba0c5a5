"""Frames to learn from: Cuprolith datasets, one's own files, and public datasets."""
