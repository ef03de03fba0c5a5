"""VASP: what its runs are given, and what they leave behind."""

from workflows.engines.vasp.engine import ENGINE

__all__ = ["ENGINE"]
