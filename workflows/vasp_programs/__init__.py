"""Programs that can run in place of VASP: one module each, which defines ``PROGRAM``."""
