"""Kinds of files that hold a trained model."""

from typing import Literal

CHECKPOINT_SUFFIX = ".ckpt"
PACKAGE_SUFFIX = ".nequip.zip"
COMPILED_SUFFIX = ".nequip.pt2"

MODEL_SUFFIXES = (CHECKPOINT_SUFFIX, PACKAGE_SUFFIX, COMPILED_SUFFIX)

# What a model can be compiled for: ASE, torch-sim, and the pair styles of LAMMPS.
Target = Literal["ase", "batch", "pair_allegro", "pair_nequip"]
