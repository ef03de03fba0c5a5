import itertools

import numpy as np
import pytest
from ase import units
from ase.build import add_adsorbate, bulk, fcc111
from ase.data import atomic_masses
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from cuprolith.errors import CuprolithError
from workflows.engine_settings import MeltQuenchSettings, RelaxSettings
from workflows.engines.vasp.fingerprint import settings_fingerprint
from workflows.engines.vasp.inputs import (
    MeltQuenchInputGenerator,
    RelaxInputGenerator,
    StaticInputGenerator,
    base_incar,
    dipole_correction,
    initial_velocities,
    nose_mass,
    species_order,
)
from workflows.engines.vasp.settings import VaspSettings


def structure_of(atoms):
    return Structure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.positions, coords_are_cartesian=True
    )


@pytest.fixture
def slab_atoms():
    return fcc111("Cu", (2, 2, 4), a=3.6, vacuum=7.5, periodic=True)


@pytest.fixture
def slab(slab_atoms):
    return structure_of(slab_atoms)


@pytest.fixture
def adatom(slab_atoms):
    add_adsorbate(slab_atoms, "Li", 2.0, "fcc")
    return structure_of(slab_atoms)


def inputs_of(generator, structure):
    return generator.get_input_set(structure, potcar_spec=True)


# Laskaris 2026, section III.C.
PAPER = {
    "METAGGA": "R2scan",
    "LASPH": True,
    "ENCUT": 520,
    "EDIFF": 1e-5,
    "ISYM": 0,
}
METAL = {"ISMEAR": 1, "SIGMA": 0.1, "LREAL": False, "PREC": "Accurate", "ALGO": "All"}


@pytest.mark.parametrize(
    ("generator", "task"),
    [
        (StaticInputGenerator(), {"NSW": 0}),
        (RelaxInputGenerator(), {"IBRION": 2, "ISIF": 2, "EDIFFG": -0.03, "NSW": 200}),
        (
            MeltQuenchInputGenerator(),
            {
                "IBRION": 0,
                "ISIF": 2,
                "MDALGO": 2,
                "POTIM": 2,
                "NSW": 200,
                "TEBEG": 600,
                "TEEND": 600,
            },
        ),
    ],
)
def test_incar_of_each_task_is_the_papers(generator, task, slab):
    incar = inputs_of(generator, slab)["INCAR"]
    wanted = {**PAPER, **METAL, **task}
    assert {tag: incar[tag] for tag in wanted} == wanted
    assert not {"KSPACING", "NPAR", "MAGMOM", "LDIPOL"} & incar.keys()


def test_fingerprint_of_all_tasks_is_one(slab, adatom):
    generators = (StaticInputGenerator(), RelaxInputGenerator(), MeltQuenchInputGenerator())
    hashes = {
        settings_fingerprint(inputs_of(generator, structure)["INCAR"], ["PAW_PBE Cu x"], 32).hash
        for generator in generators
        for structure in (slab, adatom)
    }
    expected = settings_fingerprint(base_incar(VaspSettings()), ["PAW_PBE Cu x"], 32)
    assert hashes == {expected.hash}
    assert expected.functional == "r2SCAN"


def test_functional_and_smearing_follow_the_campaign(slab):
    settings = VaspSettings(
        functional="pbe", smearing="gaussian", smearing_width=0.05, spin_polarized=True
    )
    incar = inputs_of(RelaxInputGenerator(settings=settings), slab)["INCAR"]
    assert incar["GGA"] == "Pe"
    assert "METAGGA" not in incar
    assert (incar["ISMEAR"], incar["SIGMA"], incar["ISPIN"]) == (0, 0.05, 2)


def test_overrides_reach_the_incar(slab):
    settings = VaspSettings(incar={"ADDGRID": True, "NELM": 77, "LMAXMIX": 6})
    for generator in (StaticInputGenerator, RelaxInputGenerator, MeltQuenchInputGenerator):
        incar = inputs_of(generator(settings=settings), slab)["INCAR"]
        assert (incar["ADDGRID"], incar["NELM"], incar["LMAXMIX"]) == (True, 77, 6)
    relaxed = RelaxInputGenerator(relax=RelaxSettings(fmax=0.01, max_steps=7))
    assert inputs_of(relaxed, slab)["INCAR"]["EDIFFG"] == -0.01


def test_meshes_are_explicit_with_one_division_along_vacuum(slab):
    kpoints = inputs_of(RelaxInputGenerator(), slab)["KPOINTS"]
    assert kpoints.style.name == "Gamma"
    mesh = kpoints.kpts[0]
    assert mesh[2] == 1
    for divisions, length in zip(mesh[:2], slab.lattice.abc, strict=False):
        assert divisions * length >= 32 > (divisions - 1) * length
    crystal = AseAtomsAdaptor.get_structure(bulk("Cu", "fcc", a=3.6, cubic=True))
    assert tuple(inputs_of(RelaxInputGenerator(), crystal)["KPOINTS"].kpts[0]) == (9, 9, 9)


def test_dipole_correction_only_where_faces_differ(slab, adatom):
    assert dipole_correction(slab) == {}
    crystal = AseAtomsAdaptor.get_structure(bulk("Cu", "fcc", a=3.6, cubic=True))
    assert dipole_correction(crystal) == {}
    found = dipole_correction(adatom)
    assert (found["LDIPOL"], found["IDIPOL"]) == (True, 3)
    masses = np.array([site.specie.atomic_mass for site in adatom], dtype=float)
    centre = masses @ adatom.frac_coords[:, 2] / masses.sum()
    assert found["DIPOL"][2] == pytest.approx(centre, abs=0.01)


def test_dipole_centre_of_a_slab_across_the_border(adatom):
    centre = dipole_correction(adatom)["DIPOL"][2]
    adatom.translate_sites(range(len(adatom)), [0, 0, 0.5], to_unit_cell=True)
    assert dipole_correction(adatom)["DIPOL"][2] == pytest.approx((centre + 0.5) % 1, abs=1e-3)


def test_segments_are_linear_and_meet(slab):
    quench = MeltQuenchSettings()
    generators = [
        MeltQuenchInputGenerator(melt_quench=quench, segment=segment) for segment in quench.segments
    ]
    incars = [inputs_of(generator, slab)["INCAR"] for generator in generators]
    assert sum(incar["NSW"] for incar in incars) == 500 + 1180
    for before, after in itertools.pairwise(incars):
        assert before["TEEND"] == after["TEBEG"]
    slopes = {
        (incar["TEEND"] - incar["TEBEG"]) / (incar["NSW"] * incar["POTIM"]) for incar in incars
    }
    assert sorted(slopes) == pytest.approx([*[-0.25] * (len(slopes) - 1), 0.0])  # K/fs
    assert incars[-1]["TEEND"] == pytest.approx(10)
    # One Nosé mass for all: SMASS=0 would follow the temperature of each segment.
    assert len({incar["SMASS"] for incar in incars}) == 1


def test_nose_mass_is_vasps_for_the_same_period(slab):
    # What SMASS=0 stands for: a period of 40 steps (manual), mass in u times a².
    quench = MeltQuenchSettings(thermostat_time=40 * 2.0 / (np.sqrt(2) * np.pi))
    degrees = 3 * len(slab) - 3
    energy = 2 * degrees * units._k * 600  # J
    length = slab.lattice.a * 1e-10
    default = energy * (40 * 2e-15 / (2 * np.pi * length)) ** 2 / units._amu
    assert nose_mass(slab, quench) == pytest.approx(default, rel=1e-6)


def test_initial_velocities_have_the_temperature_and_no_drift(adatom):
    velocities = initial_velocities(adatom, 600, seed=4)
    masses = atomic_masses[[site.specie.Z for site in adatom]][:, None]
    kinetic = 0.5 * (masses * (velocities / units.fs) ** 2).sum()  # ASE's units: eV
    temperature = 2 * kinetic / ((3 * len(adatom) - 3) * units.kB)
    assert temperature == pytest.approx(600)
    np.testing.assert_allclose((masses * velocities).sum(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(velocities, initial_velocities(adatom, 600, seed=4))


def test_atoms_are_written_element_by_element(adatom):
    order = species_order(adatom, VaspSettings())
    assert sorted(order) == list(range(len(adatom)))
    assert [adatom[index].specie.symbol for index in order] == ["Li"] + ["Cu"] * 16


def test_element_without_potential_is_named(adatom):
    with pytest.raises(CuprolithError, match="no potential is named for Li"):
        species_order(adatom, VaspSettings(potcars={"Cu": "Cu_pv"}))
