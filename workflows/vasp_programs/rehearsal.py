"""The rehearsal, which computes with an interatomic potential."""

from workflows.vasp_rehearsal.program import PROGRAM

__all__ = ["PROGRAM"]
