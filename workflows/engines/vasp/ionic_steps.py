"""Read a VASP run: its head, then one label per ionic step."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from ase.units import GPa
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError

Source = Literal["vasprun.xml", "OUTCAR", "vasprun.xml, OUTCAR"]

_ONLY_PRESSURE = 1
STRESS_FROM_KBAR = -0.1 * GPa
"""eV/Å³ with ASE's sign per kbar with VASP's."""


class VaspOutputError(CuprolithError):
    """A file is not what VASP writes, or ends before it says anything of use."""


@dataclass(frozen=True, eq=False)
class IonicStep:
    """Labels of one ionic step.

    Attributes
    ----------
    positions
        Cartesian, (n, 3), Å; wrapped into the cell as VASP writes them.
    cell
        Lattice vectors as rows, (3, 3), Å.
    forces
        (n, 3), eV/Å; also of atoms held fixed. NaN where VASP printed asterisks.
    stress
        (3, 3), eV/Å³, ASE's sign, without the kinetic part; None where VASP computed none.
    energy, energy_sigma0
        Free energy (``e_fr_energy``, which the forces belong to) and energy extrapolated to zero
        smearing (``e_0_energy``), eV.
    n_scf
        Electronic steps.
    scf_converged
        Whether the electronic loop ended before NELM. False where there was no electronic loop
        (a step of VASP's own force field is no label).
    """

    positions: FloatArray
    cell: FloatArray
    forces: FloatArray
    stress: FloatArray | None
    energy: float
    energy_sigma0: float
    n_scf: int
    scf_converged: bool


@dataclass(eq=False)
class RunHead:
    """Data of a run before its first ionic step.

    Attributes
    ----------
    numbers
        Atomic numbers, (n,).
    free_mask
        (n,): True where selective dynamics let the atom move along any direction.
    positions, cell
        Where the run started: (n, 3) and (3, 3), Å.
    incar
        Settings really used: VASP's full list of parameters, overridden by the INCAR as read.
    listed
        Which of them only that list has.
    kpoints
        Divisions of the mesh; None for explicit lists and lines.
    potcar_titles
        TITEL of each POTCAR, in the order of the species.
    charge
        Charge of the cell, e: valence electrons of the neutral atoms less NELECT; None if unknown.
    generator
        Program, version and build as written.
    digest
        SHA-256 of the head's text, start time included: equal for copies of one run only.
    """

    numbers: NDArray[np.int64]
    free_mask: NDArray[np.bool_]
    positions: FloatArray
    cell: FloatArray
    incar: Mapping[str, Any]
    listed: frozenset[str]
    kpoints: tuple[int, int, int] | None
    potcar_titles: tuple[str, ...]
    charge: float | None
    vasp_version: str
    generator: str
    digest: str

    @property
    def nelm(self) -> int:
        """Electronic steps at which VASP gives up (default 60)."""
        return int(self.incar.get("NELM", 60))

    @property
    def has_stress_tensor(self) -> bool:
        """Whether stresses are whole; with ISIF = 1 VASP computes their trace only."""
        return self.incar.get("ISIF") != _ONLY_PRESSURE

    @property
    def pullay_stress(self) -> float:
        """PSTRESS, eV/Å³: vasprun.xml adds its product with the volume to each step's energy."""
        return float(self.incar.get("PSTRESS") or 0.0) * 0.1 * GPa


@dataclass(eq=False)
class VaspRun(RunHead):
    """One run: its head, and its ionic steps as a stream that can be read once.

    Attributes
    ----------
    source
        Which file it was read from; both where OUTCAR had to continue a truncated vasprun.xml.
    steps
        Complete ionic steps in order; those of a truncated file end where the file does.
    complete
        Whether the files ended as VASP ends them; False until ``steps`` is read to its end.
    """

    source: Source
    steps: Iterator[IonicStep] = field(repr=False)
    complete: bool = False

    @classmethod
    def of(cls, head: RunHead, source: Source, steps: Generator[IonicStep, None, bool]) -> VaspRun:
        """Return a run whose steps generator returns, at its end, whether the file is complete."""
        run = cls(**vars(head), source=source, steps=iter(()))

        def tracked() -> Iterator[IonicStep]:
            run.complete = yield from steps

        run.steps = tracked()
        return run


def parse_number(word: bytes) -> float:
    """Return a number; NaN for the asterisks of one too long for its column."""
    return float("nan") if b"*" in word else float(word)


def cell_charge(
    n_electrons: float | None,
    counts: Sequence[int],
    valences: Sequence[float],
    weights: Sequence[float] | float | None = None,
) -> float | None:
    """Return the charge of a cell, e; None if its number of electrons is not known.

    Parameters
    ----------
    n_electrons
        NELECT.
    counts, valences
        Number of atoms and ZVAL of each species.
    weights
        VCA of each species, where atoms of several share a place.
    """
    if n_electrons is None or len(valences) != len(counts):
        return None
    shared = np.ravel(1.0 if weights is None else weights)
    if shared.size not in {1, len(counts)}:
        return None
    return float(np.dot(counts, np.asarray(valences) * shared)) - n_electrons
