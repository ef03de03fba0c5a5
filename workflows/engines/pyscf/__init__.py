"""The engine ``pyscf``: quantum chemistry of molecules."""

from workflows.engines.pyscf.engine import ENGINE

__all__ = ["ENGINE"]
