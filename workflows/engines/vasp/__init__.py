"""VASP: what its runs are given, and what they leave behind."""
