"""The engine ``gpaw``: r2SCAN DFT labels with an open code."""
