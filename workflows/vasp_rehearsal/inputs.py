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
from workflows.vasp_rehearsal.kpoints import KpointSet, kpoint_set
from workflows.vasp_rehearsal.thermostat import Thermostat


@dataclass(frozen=True)
class Species:
    """A species as POTCAR states it: element, TITEL, number of ions, mass (u), valence."""

    element: str
    titel: str
    lexch: str
    count: int
    mass: float
    valence: float


@dataclass(frozen=True)
class RunInputs:
    """All that a run starts from.

    Attributes
    ----------
    atoms
        Positions (Å) and cell; no calculator.
    free
        Selective dynamics along the lattice vectors, shape (n, 3); None without.
    velocities
        Cartesian, Å/fs, shape (n, 3), half a step before the positions; None without.
    thermostat
        State of the thermostat that CONTCAR of the previous run carried; None without.
    """

    comment: str
    incar: Incar
    settings: RunSettings
    species: tuple[Species, ...]
    kpoints: KpointSet
    atoms: Atoms
    free: np.ndarray | None
    velocities: np.ndarray | None
    thermostat: Thermostat | None
    seed: int

    @property
    def n_electrons(self) -> float:
        """Number of valence electrons."""
        return sum(kind.count * kind.valence for kind in self.species)

    @property
    def n_bands(self) -> int:
        """VASP's default number of bands, ``NELECT/2 + NIONS/2`` with at least three spare."""
        occupied = int(np.ceil(self.n_electrons / 2))
        return int(self.incar.get("NBANDS", occupied + max(len(self.atoms) // 2, 3)))


def read_inputs(directory: Path) -> RunInputs:
    """Read INCAR, POSCAR, POTCAR and, if there is one, KPOINTS.

    Raises
    ------
    CuprolithError
        If a file is missing, or POTCAR does not fit POSCAR.
    """
    for name in ("INCAR", "POSCAR", "POTCAR"):
        if not (directory / name).is_file():
            raise CuprolithError(
                f"there is no {name}", where=str(directory), remedy=f"write a {name}"
            )
    incar = Incar.from_file(str(directory / "INCAR"))
    poscar = Poscar.from_file(
        str(directory / "POSCAR"), check_for_potcar=False, read_velocities=True
    )
    species, enmax = _species(directory, poscar)
    settings = run_settings(incar, enmax)
    cell = poscar.structure.lattice.matrix
    has_kpoints = (directory / "KPOINTS").is_file()
    kpoints = Kpoints.from_file(str(directory / "KPOINTS")) if has_kpoints else None
    atoms = Atoms(
        symbols=[site.specie.symbol for site in poscar.structure],
        scaled_positions=poscar.structure.frac_coords,
        cell=cell,
        pbc=True,
        masses=np.repeat([kind.mass for kind in species], [kind.count for kind in species]),
    )
    if settings.seed is None:
        seed = zlib.crc32((directory / "POSCAR").read_bytes())
    else:
        seed = settings.seed
    free = poscar.selective_dynamics
    velocities = poscar.velocities
    return RunInputs(
        comment=poscar.comment,
        incar=incar,
        settings=settings,
        species=species,
        kpoints=kpoint_set(kpoints, cell, settings.kspacing),
        atoms=atoms,
        free=None if free is None else np.asarray(free, dtype=bool),
        velocities=None if velocities is None else np.asarray(velocities, dtype=float),
        thermostat=Thermostat.from_poscar(poscar.predictor_corrector_preamble),
        seed=seed,
    )


def _species(directory: Path, poscar: Poscar) -> tuple[tuple[Species, ...], float | None]:
    """Return the species in POSCAR's order and the largest ENMAX."""
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
    species = tuple(
        Species(
            element=single.element,
            titel=single.keywords["TITEL"],
            lexch=single.keywords["LEXCH"],
            count=count,
            mass=float(single.keywords["POMASS"]),
            valence=float(single.keywords["ZVAL"]),
        )
        for single, count in zip(potcar, poscar.natoms, strict=True)
    )
    enmax = [single.keywords.get("ENMAX") for single in potcar]
    return species, None if None in enmax else max(enmax)
