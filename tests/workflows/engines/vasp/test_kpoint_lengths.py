"""The length behind a mesh, against the meshes that campaigns are made with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Kpoints

from workflows.engines.vasp.kpoint_lengths import KpointLengths, common_length, kpoint_lengths
from workflows.kpoints import gamma_mesh


@settings(deadline=None)
@given(
    lengths=st.tuples(*[st.floats(2.5, 40)] * 3),
    angle=st.sampled_from([60.0, 90.0, 120.0]),
    length=st.sampled_from([16.0, 24.0, 32.0]),
    vacuum=st.booleans(),
)
def test_admits_the_length_a_mesh_was_made_with(lengths, angle, length, vacuum):
    a, b, c = lengths
    lattice = Lattice.from_parameters(a, b, max(c, 12.0) if vacuum else c, 90, 90, angle)
    structure = Structure(lattice, ["Cu"], [[0, 0, 0]])
    mesh = gamma_mesh(structure, vacuum=vacuum, length=length)
    assert kpoint_lengths(mesh, lattice.matrix, structure.cart_coords).admit(length)


@settings(deadline=None)
@given(lengths=st.tuples(*[st.floats(2.5, 30)] * 3), density=st.sampled_from([64, 100, 200]))
def test_meshes_rounded_down_share_a_length_too(lengths, density):
    lattice = Lattice.orthorhombic(*lengths)
    structure = Structure(lattice, ["Cu"], [[0, 0, 0]])
    mesh = Kpoints.automatic_density_by_vol(structure, density, force_gamma=True).kpts[0]
    interval = kpoint_lengths(tuple(mesh), lattice.matrix, structure.cart_coords)
    assert common_length([interval]) is not None


def test_a_coarse_mesh_does_not_admit_it():
    cell, filled = np.diag([4.0, 4.0, 12.0]), np.linspace(0, 11, 6)[:, None] * [0, 0, 1.0]
    assert kpoint_lengths((8, 8, 3), cell, filled).admit(32.0)
    assert not kpoint_lengths((4, 4, 1), cell, filled).admit(32.0)
    assert not kpoint_lengths((8, 8, 1), cell, filled).admit(32.0), "no vacuum there"
    assert kpoint_lengths((8, 8, 1), cell, filled[:3]).admit(32.0), "vacuum"


def test_common_length():
    fine = [KpointLengths(30, 34), KpointLengths(31, 60), KpointLengths(0, 33)]
    coarse = [KpointLengths(15, 18.2), KpointLengths(14, 17.5)]
    assert common_length([*fine, *coarse]) == 32.0
    assert common_length(coarse) == 17.0
    assert common_length([KpointLengths(16.9, 16.95)]) == pytest.approx(16.95)
    assert common_length([]) is None
