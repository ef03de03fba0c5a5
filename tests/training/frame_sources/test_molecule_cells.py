import torch
from ase import Atoms
from ase.build import bulk
from nequip.data import from_ase

from training.frame_sources.molecule_cells import CellAroundMolecules


def test_only_what_has_no_cell_gets_one():
    """It contains the molecule, and nothing becomes periodic."""
    transform = CellAroundMolecules()
    molecule = from_ase(Atoms("H2", [[0, 0, 0], [0, 0, 70]]))
    boxed = transform(molecule)
    assert torch.linalg.det(boxed["cell"].reshape(3, 3)) > 70**3
    assert not boxed["pbc"].any()
    crystal = from_ase(bulk("Cu"))
    assert transform(crystal) is crystal
