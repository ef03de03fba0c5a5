"""Frames to learn from: Cuprolith datasets, your own files, and public datasets."""
