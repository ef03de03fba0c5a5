"""The families of structures: each module or package here defines one as ``FAMILY``."""
