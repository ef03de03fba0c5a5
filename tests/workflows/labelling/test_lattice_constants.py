"""Relaxed lattice constants are those of zero stress, are kept, and do not hinge on noise."""

import json
import warnings

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json
from generators.candidate import Candidate
from generators.crystals import prototype_structure, standard_crystal
from generators.settings import CrystalSettings
from workflows.engines.diep import DiepSettings
from workflows.inputs.campaign import Campaign
from workflows.inputs.campaign_crystals import campaign_crystals
from workflows.labelling import lattice_constants as module
from workflows.labelling.calculator_engine import loaded_calculator, own_torch_settings
from workflows.labelling.lattice_constants import (
    NotRelaxedError,
    lattice_constants,
    relax_crystal,
    relaxed_crystals,
    with_relaxed,
)
from workflows.stages.generate import generate
from workflows.workdir import Workdir


def crystal(prototype, name="Cu", **constants):
    return prototype_structure(name, CrystalSettings(prototype=prototype, **constants))


def campaign(**crystals):
    return Campaign.model_validate(
        {
            "name": "relaxed",
            "crystals": crystals,
            "structures": {
                "slabs": [{"crystal": "Cu", "miller_indices": [[1, 1, 1]], "min_thickness": 4.0}]
            },
        }
    )


def lowest_energy(make_atoms, calculator, constants):
    """Minimum of a parabola through the energies at three lattice constants."""
    energies = []
    for constant in constants:
        atoms = make_atoms(constant)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
    second, first, _ = np.polyfit(constants, energies, 2)
    return -first / (2 * second)


@pytest.mark.parametrize("start", [3.3, 3.6, 3.9])
def test_cubic_crystal_comes_to_its_lowest_energy_from_either_side(start):
    relaxed, _ = relax_crystal(crystal("fcc", a=start), EMT())
    expected = lowest_energy(lambda a: bulk("Cu", a=a), EMT(), [3.58, 3.59, 3.60])
    assert relaxed.lattice.a == pytest.approx(expected, abs=1e-3)
    assert relaxed.lattice.a == round(relaxed.lattice.a, 3)
    assert lattice_constants(relaxed.lattice) == {"a": pytest.approx(relaxed.lattice.a)}


def test_hexagonal_crystal_relaxes_both_constants():
    """Lennard-Jones hcp: stress along a and c vanishes; both strains cost energy."""
    calculator = LennardJones(sigma=2.6, epsilon=0.2, rc=9.0, smooth=True)
    relaxed, _ = relax_crystal(crystal("hcp", "Mg", a=3.0, c=5.0), calculator)
    constants = lattice_constants(relaxed.lattice)
    assert set(constants) == {"a", "c"}
    atoms = AseAtomsAdaptor.get_atoms(relaxed)
    atoms.calc = calculator
    # The residual is what rounding to 1e-3 Å leaves of the stress.
    assert np.abs(atoms.get_stress()).max() < 2e-4
    lowest = atoms.get_potential_energy()
    for strain in ([1.003, 1.003, 1], [0.997, 0.997, 1], [1, 1, 1.003], [1, 1, 0.997]):
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array * np.array(strain), scale_atoms=True)
        strained.calc = calculator
        assert strained.get_potential_energy() > lowest


def test_the_axes_stay_those_given():
    """The hexagonal axis of this copper is a: (100) means its basal plane, relaxed or not."""
    hexagonal = crystal("hcp", a=2.5, c=4.2)
    cycled = Structure(
        Lattice(hexagonal.lattice.matrix[[2, 0, 1]]),
        hexagonal.species,
        hexagonal.frac_coords[:, [2, 0, 1]],
    )
    relaxed, _ = relax_crystal(cycled, EMT())
    reference, _ = relax_crystal(hexagonal, EMT())
    assert relaxed.lattice.a == pytest.approx(reference.lattice.c, abs=2e-3)
    assert relaxed.lattice.b == pytest.approx(reference.lattice.a, abs=2e-3)
    assert relaxed.lattice.alpha == pytest.approx(120)


def test_symmetry_is_kept_where_another_structure_is_lower():
    """Lennard-Jones prefers fcc to bcc, but bcc stays bcc."""
    calculator = LennardJones(sigma=2.6, epsilon=0.2, rc=6.5, smooth=True)
    relaxed, _ = relax_crystal(crystal("bcc", a=3.3), calculator)
    assert relaxed.get_space_group_info()[1] == 229
    assert relaxed.lattice.abc == pytest.approx([relaxed.lattice.a] * 3, abs=1e-12)


def test_free_positions_relax_too():
    """A structure from a file: the two atoms of a shifted hcp cell go to their places."""
    structure = Structure(
        Lattice.tetragonal(3.6, 3.7), ["Cu", "Au", "Cu", "Cu"],
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.53], [0, 0.5, 0.53]],
    )  # fmt: skip
    relaxed, _ = relax_crystal(structure, EMT())
    atoms = AseAtomsAdaptor.get_atoms(relaxed)
    atoms.calc = EMT()
    assert np.abs(atoms.get_forces()).max() < 2e-3
    assert np.abs(atoms.get_stress()).max() < 2e-3


@pytest.mark.slow
def test_what_does_not_relax_is_refused():
    class Undecided(Calculator):
        """Pushes and pulls on the cell by turns."""

        implemented_properties = ("energy", "forces", "stress")
        pull = 0.05

        def calculate(self, *arguments):
            super().calculate(*arguments)
            self.pull *= -1
            self.results = {
                "energy": 0.0,
                "forces": np.zeros((len(self.atoms), 3)),
                "stress": np.array([self.pull, self.pull, self.pull, 0, 0, 0]),
            }

    with pytest.raises(NotRelaxedError, match="200 steps"):
        relax_crystal(crystal("fcc", a=3.6), Undecided())


def test_equal_lengths_are_rounded_alike_on_a_rounding_border():
    noisy = Structure(
        Lattice.orthorhombic(3.5755 - 1e-9, 3.5755 + 1e-9, 3.5755), ["Cu"], [[0, 0, 0]]
    )
    rounded = module._rounded(noisy)
    assert len(set(rounded.lattice.abc)) == 1


def test_relaxed_constants_cut_the_same_slabs_as_the_same_numbers_given():
    relaxed, _ = relax_crystal(crystal("fcc", a=3.6), EMT())
    given = crystal("fcc", a=round(relaxed.lattice.a, 3))
    ids = {
        Candidate(cell, "bulk", (True,)).structure_id
        for cell in (standard_crystal("Cu", s).primitive for s in (relaxed, given))
    }
    assert len(ids) == 1


@pytest.mark.slow
def test_diep_gives_the_constants_its_energies_have():
    """Cu 3.575 Å and Li 3.440 Å, from stress here and from energies as the reference."""
    warnings.simplefilter("ignore")
    settings = DiepSettings()
    calculator = loaded_calculator(settings)
    for name, prototype, start, expected in (("Cu", "fcc", 3.62, 3.575), ("Li", "bcc", 3.50, 3.44)):
        with own_torch_settings(settings):
            relaxed, _ = relax_crystal(crystal(prototype, name, a=start), calculator)
        assert relaxed.lattice.a == pytest.approx(expected, abs=2e-3)

        def cell(a, element=name, structure=prototype):
            return bulk(element, structure, a=a)

        with own_torch_settings(settings):
            lowest = lowest_energy(
                cell, calculator, np.linspace(expected - 0.02, expected + 0.02, 5)
            )
        assert relaxed.lattice.a == pytest.approx(lowest, abs=4e-3)


@pytest.fixture
def counted(monkeypatch):
    """Relax with effective-medium theory, and count how often."""
    calls = []

    def relax(structure, calculator):
        calls.append(structure.composition.reduced_formula)
        return relax_crystal(structure, EMT())

    monkeypatch.setattr(module, "relax_crystal", relax)
    monkeypatch.setattr(module, "loaded_calculator", lambda settings: None)
    return calls


def test_only_what_is_wanted_is_relaxed_and_only_once(tmp_path, counted):
    asked = campaign(
        Cu={"prototype": "fcc", "a": 3.6, "relax": True}, Au={"prototype": "fcc", "a": 4.0}
    )
    crystals, cache = campaign_crystals(asked), tmp_path / "lattice_constants.json"
    first = relaxed_crystals(asked, crystals, cache)
    again = relaxed_crystals(asked, crystals, cache)
    assert counted == ["Cu"]
    assert first == again
    used = with_relaxed(crystals, first)
    assert used["Cu"].lattice.a == pytest.approx(first["Cu"].relaxed["a"])
    assert used["Au"] is crystals["Au"]


def test_a_killed_run_goes_on_with_the_next_crystal(tmp_path, counted, monkeypatch):
    asked = campaign(
        Cu={"prototype": "fcc", "a": 3.6, "relax": True},
        Au={"prototype": "fcc", "a": 4.0, "relax": True},
    )
    crystals, cache = campaign_crystals(asked), tmp_path / "lattice_constants.json"

    def killed(path, content):
        write(path, content)
        raise KeyboardInterrupt

    write = module.write_json
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            relaxed_crystals(asked, crystals, cache)
    relaxed_crystals(asked, crystals, cache)
    assert counted == ["Cu", "Au"]


@pytest.mark.parametrize(
    ("change", "computed"),
    [({"a": 3.7}, 2), ({"prototype": "bcc"}, 2), ({"source": "a new remark"}, 1)],
)
def test_what_changes_the_result_is_computed_again(tmp_path, counted, change, computed):
    settings = {"prototype": "fcc", "a": 3.6, "relax": True}
    for crystal_settings in (settings, settings | change):
        asked = campaign(Cu=crystal_settings)
        relaxed_crystals(asked, campaign_crystals(asked), tmp_path / "lattice_constants.json")
    assert len(counted) == computed


def test_a_failure_names_the_key(tmp_path, monkeypatch):
    def fail(structure, calculator):
        raise NotRelaxedError("no")

    monkeypatch.setattr(module, "relax_crystal", fail)
    monkeypatch.setattr(module, "loaded_calculator", lambda settings: None)
    asked = campaign(Cu={"prototype": "fcc", "a": 3.6, "relax": True})
    with pytest.raises(CuprolithError) as caught:
        relaxed_crystals(asked, campaign_crystals(asked), tmp_path / "c.json")
    assert caught.value.key == "crystals.Cu.relax"
    assert not (tmp_path / "c.json").exists()


def test_generate_cuts_with_the_relaxed_constants_and_records_them(tmp_path, counted):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign(Cu={"prototype": "fcc", "a": 3.7, "relax": True}))
    generate(workdir)
    constant = read_json(workdir.lattice_constants_json)["Cu"]["relaxed"]["a"]
    assert constant == pytest.approx(3.59, abs=0.02)
    table = json.loads(workdir.structures_json.read_text())
    assert table["structures"][0]["parameters"]["lattice"]["a"] == pytest.approx(constant)
    recorded = table["crystals"]["Cu"]
    assert recorded["a"] == 3.7
    assert recorded["relaxed"]["relaxed"] == {"a": constant}
    assert recorded["relaxed"]["engine"] == "diep-r2scan"
    overview = read_json(workdir.overview_json)
    assert overview["crystals"]["Cu"]["constants"] == {"a": constant}
    assert "relaxed with diep-r2scan" in overview["crystals"]["Cu"]["source"]
    generate(workdir)
    assert counted == ["Cu"]
