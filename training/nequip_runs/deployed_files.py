"""Kinds of files that a trained model is deployed as."""

from typing import Literal

PACKAGE_SUFFIX = ".nequip.zip"
COMPILED_SUFFIX = ".nequip.pt2"

# What a model can be compiled for: ASE, torch-sim, and the pair styles of LAMMPS.
Target = Literal["ase", "batch", "pair_allegro", "pair_nequip"]
