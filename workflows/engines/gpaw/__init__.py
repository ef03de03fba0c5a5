"""The engine ``gpaw``: r2SCAN DFT labels with an open code."""

from workflows.engines.gpaw.engine import ENGINE

__all__ = ["ENGINE"]
