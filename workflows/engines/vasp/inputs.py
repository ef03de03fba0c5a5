"""VASP's inputs for each task: INCAR, KPOINTS and POSCAR, from atomate2's input generators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from ase import units
from ase.data import atomic_masses, atomic_numbers
from atomate2.vasp.sets.base import VaspInputGenerator
from numpy.typing import NDArray
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Kpoints
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from workflows.engine_settings import MeltQuenchSettings, RelaxSettings, Segment
from workflows.engines.vasp.potcars import require_named
from workflows.engines.vasp.settings import VaspSettings
from workflows.kpoints import has_vacuum, structure_mesh

# Two faces count as equal if atoms match within this, Å.
_FACE_TOLERANCE = 0.1

_FUNCTIONAL_TAGS: dict[str, dict[str, Any]] = {
    # ALGO=All: the manual's for meta-GGAs (https://www.vasp.at/wiki/index.php/METAGGA).
    "r2scan": {"METAGGA": "R2SCAN", "LMIXTAU": True, "ALGO": "All"},
    "pbe": {"GGA": "PE", "ALGO": "Normal"},
}
_SMEARING = {"methfessel-paxton": 1, "gaussian": 0}


def base_incar(settings: VaspSettings) -> dict[str, Any]:
    """Return the INCAR tags that all tasks have in common, overrides included.

    One level of theory for relaxations, statics and melt-quench: their labels go into one dataset.
    """
    return {
        **_FUNCTIONAL_TAGS[settings.functional],
        "ADDGRID": False,
        "EDIFF": settings.ediff,
        "ENCUT": settings.encut,
        "ISIF": 2,
        "ISMEAR": _SMEARING[settings.smearing],
        "ISPIN": 2 if settings.spin_polarized else 1,
        "ISYM": 0,
        "LASPH": True,
        "LCHARG": False,
        "LMAXMIX": 4,
        "LREAL": False,
        "LWAVE": True,
        "NELM": 200,
        "NELMIN": 4,
        "PREC": "Accurate",
        "SIGMA": settings.smearing_width,
        **settings.incar,
    }


@dataclass
class CampaignInputGenerator(VaspInputGenerator):
    """Common part of all tasks: the campaign's level of theory and an explicit mesh.

    Attributes
    ----------
    settings
        The campaign's.
    """

    task: ClassVar[str] = ""
    settings: VaspSettings = field(default_factory=VaspSettings)
    auto_ismear: bool = False
    inherit_incar: bool = False
    sort_structure: bool = False
    validate_magmom: bool = False

    def __post_init__(self) -> None:
        self.config_dict = {
            "INCAR": base_incar(self.settings),
            "POTCAR": dict(self.settings.potcars),
            "POTCAR_FUNCTIONAL": self.settings.potcar_family,
        }
        super().__post_init__()

    @property
    def incar_updates(self) -> dict[str, Any]:
        """Tags of this task and this structure."""
        assert self.structure is not None
        return {**self.task_incar(self.structure), **dipole_correction(self.structure)}

    def task_incar(self, structure: Structure) -> dict[str, Any]:
        """Tags of this task."""
        raise NotImplementedError

    @property
    def kpoints_updates(self) -> Kpoints:
        """The explicit Γ-centred mesh, with one division along the vacuum."""
        assert self.structure is not None
        mesh = structure_mesh(self.structure, self.settings.kpoint_length)
        return Kpoints.gamma_automatic(mesh)


@dataclass
class StaticInputGenerator(CampaignInputGenerator):
    """Label a structure as it is."""

    task: ClassVar[str] = "static"

    def task_incar(self, structure: Structure) -> dict[str, Any]:
        """No ionic step."""
        return {"NSW": 0, "IBRION": -1}


@dataclass
class RelaxInputGenerator(CampaignInputGenerator):
    """Relax the free atoms in the fixed cell by conjugate gradients.

    Attributes
    ----------
    relax
        Force limit and number of steps.
    """

    task: ClassVar[str] = "relax"
    relax: RelaxSettings = field(default_factory=RelaxSettings)

    def task_incar(self, structure: Structure) -> dict[str, Any]:
        """Stop at a force (EDIFFG < 0), not at a change of energy."""
        return {"IBRION": 2, "NSW": self.relax.max_steps, "EDIFFG": -self.relax.fmax}


@dataclass
class MeltQuenchInputGenerator(CampaignInputGenerator):
    """One segment of a melt-quench: NVT, Nosé–Hoover, target temperature linear in time.

    Attributes
    ----------
    melt_quench
        Settings of the whole run.
    segment
        The part that is run.
    """

    task: ClassVar[str] = "melt_quench"
    melt_quench: MeltQuenchSettings = field(default_factory=MeltQuenchSettings)
    segment: Segment = field(default_factory=lambda: MeltQuenchSettings().segments[0])

    def task_incar(self, structure: Structure) -> dict[str, Any]:
        """One ionic step per MD step: VASP's k-th aims at TEBEG + (TEEND − TEBEG)·k/NSW."""
        quench, segment = self.melt_quench, self.segment
        return {
            "IBRION": 0,
            "MDALGO": 2,
            "NSW": segment.last - segment.first,
            "POTIM": quench.time_step,
            "SMASS": round(nose_mass(structure, quench), 6),
            "TEBEG": segment.begin,
            "TEEND": segment.end,
            "NBLOCK": 1,
        }


def nose_mass(structure: Structure, quench: MeltQuenchSettings) -> float:
    """Return SMASS, in u times the square of the first lattice vector's length.

    Q = g·kB·T·τ² with g degrees of freedom, as the embedded engine has it; its period is √2·π·τ.
    With SMASS=0 VASP would take another mass for every segment of a ramp, since it follows
    max(TEBEG, TEEND) (https://www.vasp.at/wiki/index.php/SMASS).

    Parameters
    ----------
    structure
        Start of the run; all atoms move.
    quench
        Gives T, the melt's temperature, and τ, its thermostat time.
    """
    degrees = max(3 * len(structure) - 3, 1)
    # eV fs² → u Å²
    per_fs2 = units._e / units._amu * 1e-10
    energy = degrees * units.kB * quench.melt_temperature
    return float(energy * quench.thermostat_time**2 * per_fs2 / structure.lattice.a**2)


def dipole_correction(structure: Structure) -> dict[str, Any]:
    """Return the tags of the dipole correction along the vacuum; none where it is not needed.

    Needed where vacuum separates two different faces: the slab's dipole would make a field across
    the vacuum (J. Neugebauer and M. Scheffler, Phys. Rev. B 46, 16067 (1992)). Faces are equal if
    an operation of the space group exchanges them.
    """
    if not has_vacuum(structure) or _faces_equal(structure):
        return {}
    masses = np.array([site.specie.atomic_mass for site in structure], dtype=float)
    # The mean of angles: a slab may lie across the cell's border.
    angles = 2 * np.pi * structure.frac_coords[:, 2]
    height = np.angle((masses * np.exp(1j * angles)).sum()) / (2 * np.pi) % 1.0
    return {"LDIPOL": True, "IDIPOL": 3, "DIPOL": [0.5, 0.5, round(float(height), 4)]}


def _faces_equal(structure: Structure) -> bool:
    bare = Structure(structure.lattice, structure.species, structure.frac_coords)
    operations = SpacegroupAnalyzer(bare, symprec=_FACE_TOLERANCE).get_symmetry_operations()
    return any(operation.rotation_matrix[2][2] < -0.5 for operation in operations)


def species_order(structure: Structure, settings: VaspSettings) -> list[int]:
    """Return the order in which atoms are written: element by element, as POTCAR has them.

    Raises
    ------
    CuprolithError
        If the campaign names no potential for an element.
    """
    elements = list(settings.potcars)
    symbols = [site.specie.symbol for site in structure]
    require_named(settings, symbols)
    return sorted(range(len(symbols)), key=lambda index: elements.index(symbols[index]))


def initial_velocities(structure: Structure, temperature: float, seed: int) -> NDArray[np.float64]:
    """Return Maxwell–Boltzmann velocities (n, 3), Å/fs, at exactly this temperature, no drift.

    VASP would draw its own, other ones each time a segment is started again.

    Parameters
    ----------
    structure
        All atoms move.
    temperature
        K.
    seed
        Seed of the random numbers.
    """
    numbers = [atomic_numbers[site.specie.symbol] for site in structure]
    masses = atomic_masses[numbers][:, None]
    random = np.random.default_rng(seed).standard_normal((len(numbers), 3))
    velocities = random / np.sqrt(masses)
    velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    # u Å²/fs² → eV
    kinetic = 0.5 * float((masses * velocities**2).sum()) * units._amu / units._e * 1e10
    degrees = max(3 * len(numbers) - 3, 1)
    return np.asarray(velocities * np.sqrt(0.5 * degrees * units.kB * temperature / kinetic))
