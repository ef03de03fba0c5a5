"""The interfaces of Laskaris 2026, section III.B, measured on the finished structures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from generators.candidate import Candidate
from generators.crystals import prototype_structure, standard_crystal
from generators.families.interfaces.lattice_match import MatchLimits
from generators.settings import CrystalSettings, MillerIndex
from tests.candidates import cut_slab, interface_candidates

A_LI, A_CU = 3.48, 3.58
GAP = 3.0
# Atoms at 20 Å of lithium and 30 Å of copper.
ATOMS = {
    (1, 0, 0): 49, (1, 1, 0): 70, (1, 1, 1): 85, (2, 1, 0): 105, (2, 1, 1): 118, (2, 2, 1): 140,
    (3, 1, 0): 148, (3, 2, 0): 167, (3, 1, 1): 156, (3, 2, 1): 174, (3, 3, 1): 204, (3, 2, 2): 191,
    (3, 3, 2): 216,
}  # fmt: skip


@pytest.fixture(scope="module", params=ATOMS, ids="{0[0]}{0[1]}{0[2]}".format)
def interface(request) -> tuple[MillerIndex, Candidate]:
    slabs = [
        cut_slab(
            standard_crystal(
                name, prototype_structure(name, CrystalSettings(prototype=kind, a=constant))
            ),
            request.param,
            min_thickness=thickness,
            vacuum=15,
        )
        for name, kind, constant, thickness in (
            ("Cu", "fcc", A_CU, 30.0),
            ("Li", "bcc", A_LI, 20.0),
        )
    ]
    limits = MatchLimits(area_tolerance=0.09, max_strain=0.09, max_atoms=220)
    [candidate] = interface_candidates(*slabs, limits, gaps=(GAP,))
    return request.param, candidate


def plane_area_and_spacing(constant: float, centred: str, hkl: MillerIndex) -> tuple[float, float]:
    """Area of the smallest plane cell and spacing of lattice planes, by selection rules."""
    length = math.sqrt(sum(index**2 for index in hkl))
    if centred == "F":
        present = all(index % 2 for index in hkl)
        volume = constant**3 / 4
    else:
        present = sum(hkl) % 2 == 0
        volume = constant**3 / 2
    spacing = constant / length / (1 if present else 2)
    return volume / spacing, spacing


def planes_for(thickness: float, spacing: float) -> int:
    """Planes of the thinnest slab that is no thinner."""
    return math.ceil(thickness / spacing - 1e-9) + 1


def test_atoms_and_area(interface):
    hkl, candidate = interface
    copper_area, copper_spacing = plane_area_and_spacing(A_CU, "F", hkl)
    lithium_area, lithium_spacing = plane_area_and_spacing(A_LI, "I", hkl)
    a, b, _ = candidate.structure.lattice.matrix
    area = np.linalg.norm(np.cross(a, b))
    # What fcc and bcc share is the simple cubic lattice's plane cell.
    assert area == pytest.approx(A_CU**2 * math.hypot(*hkl))
    copper_cells = round(area / copper_area)
    lithium_cells = round(area * (A_LI / A_CU) ** 2 / lithium_area)
    assert area == pytest.approx(copper_cells * copper_area)
    assert area == pytest.approx(lithium_cells * lithium_area * (A_CU / A_LI) ** 2)
    symbols = [site.specie.symbol for site in candidate.structure]
    assert symbols.count("Cu") == copper_cells * planes_for(30, copper_spacing)
    assert symbols.count("Li") == lithium_cells * planes_for(20, lithium_spacing)
    assert len(symbols) == candidate.parameters["n_atoms"] == ATOMS[hkl]


def test_mismatch_and_strain(interface):
    _, candidate = interface
    parameters = candidate.parameters
    assert parameters["area_mismatch"] == pytest.approx(1 - (A_LI / A_CU) ** 2, abs=1e-6)
    assert parameters["area_mismatch"] <= 0.09
    strain = A_CU / A_LI - 1  # lithium's lattice, stretched the same along every direction
    film = parameters["film"]
    assert film["principal_strains"] == pytest.approx([strain, strain], abs=1e-6)
    assert film["von_mises_strain"] == pytest.approx(2 / 3 * strain, abs=1e-6)
    assert parameters["substrate"]["principal_strains"] == [0, 0]
    assert parameters["substrate"]["von_mises_strain"] == 0
    assert parameters["strained"] == "film"


def test_gaps_at_both_faces(interface):
    hkl, candidate = interface
    structure = candidate.structure
    z = structure.cart_coords[:, 2]
    copper = np.array([site.specie.symbol == "Cu" for site in structure])
    assert z[~copper].min() - z[copper].max() == pytest.approx(GAP)
    assert z[copper].min() + structure.lattice.c - z[~copper].max() == pytest.approx(GAP)
    _, copper_spacing = plane_area_and_spacing(A_CU, "F", hkl)
    _, lithium_spacing = plane_area_and_spacing(A_LI, "I", hkl)
    assert 30 <= np.ptp(z[copper]) + 1e-6 < 30 + copper_spacing
    assert 20 <= np.ptp(z[~copper]) + 1e-6 < 20 + lithium_spacing


def test_no_atoms_on_one_another(interface):
    _, candidate = interface
    structure = candidate.structure
    bonds = {"Cu": A_CU / math.sqrt(2), "Li": A_LI * math.sqrt(3) / 2}
    radii = np.array([bonds[site.specie.symbol] / 2 for site in structure])
    distances = structure.distance_matrix + 1e3 * np.eye(len(structure))
    assert (distances > 0.7 * (radii[:, None] + radii)).all()
