"""The input files of a run, read with pymatgen."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar, Potcar, UnknownPotcarWarning

from cuprolith.errors import CuprolithError
from workflows.vasp_rehearsal.incar import RunSettings, run_settings
from workflows.vasp_rehearsal.thermostat import Thermostat


@dataclass(frozen=True)
class Species:
    """A species as POTCAR states it: element, TITEL, number of ions, mass (u), valence."""

    element: str
    titel: str
    count: int
    mass: float
    valence: float


@dataclass(frozen=True)
class RunInputs:
    """All that a run starts from.

    Attributes
    ----------
    mesh
        Divisions of the mesh of k-points.
    atoms
        Positions (Å) and cell; no calculator.
    free
        Selective dynamics along the lattice vectors, shape (n, 3); None without.
    velocities
        Cartesian, Å/fs, shape (n, 3), half a step before the positions; None without.
    thermostat
        State of the thermostat that CONTCAR of the previous run carried; None without.
    seed
        Seed of the initial velocities, where POSCAR has none.
    """

    comment: str
    incar: Incar
    settings: RunSettings
    species: tuple[Species, ...]
    mesh: tuple[int, int, int]
    atoms: Atoms
    free: np.ndarray | None
    velocities: np.ndarray | None
    thermostat: Thermostat | None
    seed: int

    @property
    def n_electrons(self) -> float:
        """Number of valence electrons."""
        return sum(kind.count * kind.valence for kind in self.species)


def read_inputs(directory: Path) -> RunInputs:
    """Read INCAR, POSCAR, POTCAR and KPOINTS.

    Raises
    ------
    CuprolithError
        If a file is missing, POTCAR does not fit POSCAR, or KPOINTS is no mesh.
    """
    for name in ("INCAR", "POSCAR", "POTCAR", "KPOINTS"):
        if not (directory / name).is_file():
            raise CuprolithError(
                f"there is no {name}", where=str(directory), remedy=f"write a {name}"
            )
    incar = Incar.from_file(str(directory / "INCAR"))
    poscar = Poscar.from_file(
        str(directory / "POSCAR"), check_for_potcar=False, read_velocities=True
    )
    species = _species(directory, poscar)
    atoms = Atoms(
        symbols=[site.specie.symbol for site in poscar.structure],
        scaled_positions=poscar.structure.frac_coords,
        cell=poscar.structure.lattice.matrix,
        pbc=True,
        masses=np.repeat([kind.mass for kind in species], [kind.count for kind in species]),
    )
    free, velocities = poscar.selective_dynamics, poscar.velocities
    return RunInputs(
        comment=poscar.comment,
        incar=incar,
        settings=run_settings(incar),
        species=species,
        mesh=_mesh(directory),
        atoms=atoms,
        free=None if free is None else np.asarray(free, dtype=bool),
        velocities=None if velocities is None else np.asarray(velocities, dtype=float),
        thermostat=Thermostat.from_poscar(poscar.predictor_corrector_preamble),
        seed=zlib.crc32((directory / "POSCAR").read_bytes()),
    )


def _mesh(directory: Path) -> tuple[int, int, int]:
    kpoints = Kpoints.from_file(str(directory / "KPOINTS"))
    if kpoints.style.name not in {"Gamma", "Monkhorst"}:
        raise CuprolithError(
            f"the rehearsal does not know k-points of the style {kpoints.style.name}",
            where="KPOINTS",
            remedy="use a Gamma or Monkhorst-Pack mesh",
        )
    first, second, third = (int(divisions) for divisions in kpoints.kpts[0])
    return first, second, third


def _species(directory: Path, poscar: Poscar) -> tuple[Species, ...]:
    """Return the species in POSCAR's order."""
    with warnings.catch_warnings():
        # Placeholders are unknown to pymatgen, as they should be.
        warnings.simplefilter("ignore", UnknownPotcarWarning)
        potcar = Potcar.from_file(str(directory / "POTCAR"))
    elements = [single.element for single in potcar]
    if elements != list(poscar.site_symbols):
        raise CuprolithError(
            f"POTCAR has {' '.join(elements)} but POSCAR has {' '.join(poscar.site_symbols)}",
            where=str(directory),
            remedy="concatenate the POTCARs in the order of POSCAR's species",
        )
    return tuple(
        Species(
            element=single.element,
            titel=single.keywords["TITEL"],
            count=count,
            mass=float(single.keywords["POMASS"]),
            valence=float(single.keywords["ZVAL"]),
        )
        for single, count in zip(potcar, poscar.natoms, strict=True)
    )
