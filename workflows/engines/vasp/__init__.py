"""The engine ``vasp``: input files, runs, and reading of output files."""

from workflows.engines.vasp.engine import ENGINE

__all__ = ["ENGINE"]
