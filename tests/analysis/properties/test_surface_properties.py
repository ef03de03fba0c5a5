"""With a potential that counts bonds, energies are known without computing."""

import pytest
from ase.units import J, m

from analysis.properties.adsorption_energy import PROPERTY as ADSORPTION_ENERGY
from analysis.properties.adsorption_order import PROPERTY as ADSORPTION_ORDER
from analysis.properties.interface_energy import PROPERTY as INTERFACE_ENERGY
from analysis.properties.surface_energy import PROPERTY as SURFACE_ENERGY
from analysis.properties.vacancy_formation_energy import PROPERTY as VACANCY_ENERGY
from analysis.properties.work_of_adhesion import PROPERTY as WORK_OF_ADHESION
from analysis.validation.property import Measurement

A = 3.6
REACH = 0.8 * A  # between the first and the second neighbours
CRYSTALS = {"Cu": {"prototype": "fcc", "a": A}}
SLABS = [
    {
        "crystal": "Cu",
        "miller_indices": [[1, 0, 0], [1, 1, 1]],
        "min_thickness": 7.0,
        "vacuum": 6.0,
    }
]
PER_AREA = m**2 / J


@pytest.fixture(scope="module")
def copper(material_of):
    return material_of(
        CRYSTALS,
        bulk={},
        slabs=SLABS,
        vacancies=[{"supercell": [2, 2], "miller_indices": [[1, 0, 0]]}],
        adatoms=[
            {"species": ["Cu"], "height": A / 2, "supercell": [2, 2], "miller_indices": [[1, 0, 0]]}
        ],
    )


@pytest.fixture(scope="module")
def source(source_of, bonds):
    return source_of(bonds(REACH))


def test_a_surface_costs_half_of_its_broken_bonds(copper, source, answers):
    found = answers(SURFACE_ENERGY, copper, source)
    areas = {"Cu(100)": A**2 / 2, "Cu(111)": A**2 * 3**0.5 / 4}
    broken = {"Cu(100)": 4, "Cu(111)": 3}
    assert {name: each.values[""] for name, each in found.items()} == pytest.approx(
        {name: broken[name] / 2 / areas[name] * PER_AREA for name in areas}
    )


def test_a_vacancy_of_the_surface_costs_its_bonds_less_those_of_the_crystal(
    copper, source, answers
):
    found = answers(VACANCY_ENERGY, copper, source)
    assert {name: each.values[""] for name, each in found.items()} == {"Cu(100) 2×2": 8 - 6}


def test_an_adatom_gains_its_bonds_and_loses_those_of_the_crystal(copper, source, answers):
    found = answers(ADSORPTION_ENERGY, copper, source)
    values = {name.removeprefix("Cu on Cu(100) "): each.values[""] for name, each in found.items()}
    assert values["hollow"] == -4 + 6
    assert values["bridge"] == -2 + 6
    assert values["on_top"] == -1 + 6


def test_the_order_of_sites_counts_clear_pairs_only(copper, source, answers):
    (mine,) = answers(ADSORPTION_ORDER, copper, source).values()
    (right,) = ADSORPTION_ORDER.compare(mine, mine)
    assert right.value == 0
    reference = Measurement({"hollow": -1.0, "bridge": -0.5, "on_top": -0.49})
    swapped = Measurement({"hollow": -0.5, "bridge": -0.9, "on_top": -0.95})
    (wrong,) = ADSORPTION_ORDER.compare(swapped, reference)
    assert wrong.value == 2  # bridge and top are as good as equal


def test_adhesion_and_interface_energy_obey_dupres_equation(material_of, source, answers):
    material = material_of(
        {"Cu": CRYSTALS["Cu"], "film": {"prototype": "fcc", "a": A, "species": ["Cu"]}},
        bulk={},
        slabs=SLABS,
        interfaces=[
            {
                "substrate": "Cu",
                "film": "film",
                "substrate_miller": [1, 1, 1],
                "film_miller": [1, 1, 1],
                "gaps": [2.5],
                "substrate_thickness": 6.0,
                "film_thickness": 6.0,
            }
        ],
    )
    (work,) = answers(WORK_OF_ADHESION, material, source).values()
    (energy,) = answers(INTERFACE_ENERGY, material, source).values()
    surface = answers(SURFACE_ENERGY, material, source)["Cu(111)"].values[""]
    # An atom of each side right above one of the other: one bond for each surface atom.
    assert work.values[""] == pytest.approx(1 / (A**2 * 3**0.5 / 4) * PER_AREA)
    assert energy.values[""] == pytest.approx(2 * surface - work.values[""])
