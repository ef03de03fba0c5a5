"""What a job that labels stores: a summary document and the trajectory it labelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from monty.json import MSONable

from cuprolith.errors import CuprolithError
from training.dataset.frames import Frame


@dataclass(frozen=True)
class Provenance(MSONable):
    """Origin of the candidate that a run labels."""

    structure_id: str
    family: str
    miller_index: str
    parent_id: str


@dataclass
class Trajectory:
    """Labels of consecutive ionic steps in one fixed cell, as plain lists (JSON keeps float64).

    Attributes
    ----------
    numbers
        Atomic numbers, (n,).
    cell
        Lattice vectors, (3, 3), Å; zero for a molecule, which has none.
    free_mask
        (n,): True where the atom could move.
    positions, energies, forces, stresses
        (steps, n, 3) Å; (steps,) eV; (steps, n, 3) eV/Å, unconstrained; (steps, 3, 3) eV/Å³
        without the kinetic part, empty for a molecule.
    energies_sigma0
        (steps,), eV, extrapolated to zero smearing; empty where the engine gives none.
    scf_converged
        (steps,): whether the electronic structure converged; empty where there is none.
    config_hashes
        (steps,): fingerprints of steps whose settings drifted from the document's; empty if none
        did.
    """

    numbers: list[int]
    cell: list[list[float]]
    free_mask: list[bool]
    positions: list[list[list[float]]] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    forces: list[list[list[float]]] = field(default_factory=list)
    stresses: list[list[list[float]]] = field(default_factory=list)
    energies_sigma0: list[float] = field(default_factory=list)
    scf_converged: list[bool] = field(default_factory=list)
    config_hashes: list[str] = field(default_factory=list)

    @property
    def periodic(self) -> bool:
        """Whether there is a cell."""
        return bool(np.any(self.cell))


@dataclass
class LabelDocument:
    """Output of one job that labels; ``trajectory`` is what the job folder keeps as large data.

    Attributes
    ----------
    trajectory_id
        ``<structure_id>/<run label>``; the segments of one melt-quench share it.
    task
        ``relax``, ``static`` or ``melt_quench``.
    first_step
        Ionic step of the first frame within the whole run.
    ionic_converged
        Whether a relaxation reached its force limit (None for MD).
    stopped_because
        Why the run ended before its time, "" if it did not.
    structure
        Final structure as a pymatgen dictionary, for the next job of a flow.
    corrections
        What was changed during the run to keep it going.
    drift
        Settings that became others than the campaign's, in words.
    trajectory
        None where it was not read.
    """

    trajectory_id: str
    task: str
    provenance: Provenance
    engine: str
    functional: str
    config_hash: str
    first_step: int
    n_frames: int
    ionic_converged: bool | None
    stopped_because: str
    seconds: float
    energy_first: float
    energy_last: float
    max_force_last: float
    temperatures: list[float]
    structure: dict[str, Any]
    trajectory: Trajectory | None
    corrections: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries and lists."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LabelDocument:
        """Return the document that `as_dict` has written.

        Raises
        ------
        CuprolithError
            If these are not its fields, or its trajectory is not as long as it says.
        """
        try:
            provenance = Provenance(**stored["provenance"])
            steps = stored["trajectory"]
            trajectory = None if steps is None else Trajectory(**steps)
            document = cls(**{**stored, "provenance": provenance, "trajectory": trajectory})
        except (KeyError, TypeError) as error:
            raise CuprolithError(f"no label document: {error}") from error
        n_steps = document.n_frames if trajectory is None else len(trajectory.energies)
        if n_steps != document.n_frames:
            raise CuprolithError(
                f"the label document of {document.trajectory_id} says {document.n_frames} frames, "
                f"and its trajectory has {n_steps}"
            )
        return document


class LabelRecorder:
    """ASE observer that records labels of each ionic step.

    Forces are taken without constraints: an atom held fixed keeps the force it feels, which is
    what a potential must learn. (ASE's default, and atomate2's trajectory observer, give zeros
    there.) The stress excludes the kinetic part; a molecule has none.
    """

    def __init__(self, atoms: Atoms, free_mask: list[bool]) -> None:
        self.atoms = atoms
        self.trajectory = Trajectory(
            numbers=atoms.numbers.tolist(), cell=atoms.cell.array.tolist(), free_mask=free_mask
        )
        self.temperatures: list[float] = []
        # Forces belong to the free energy; potentials that know no smearing may not name it.
        self._force_consistent = "free_energy" in atoms.calc.implemented_properties

    def __call__(self) -> None:
        """Record the present step; raise :class:`NonFiniteLabelError` after recording NaN."""
        trajectory = self.trajectory
        energy = float(self.atoms.get_potential_energy(force_consistent=self._force_consistent))
        forces = self.atoms.get_forces(apply_constraint=False)
        trajectory.positions.append(self.atoms.positions.tolist())
        trajectory.energies.append(energy)
        trajectory.forces.append(forces.tolist())
        if trajectory.periodic:
            trajectory.stresses.append(self.atoms.get_stress(voigt=False).tolist())
        # Where no atom is free there is no temperature.
        free = self.atoms.get_number_of_degrees_of_freedom() > 0
        self.temperatures.append(float(self.atoms.get_temperature()) if free else 0.0)
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise NonFiniteLabelError(
                f"step {len(trajectory.energies) - 1}: energy or force is NaN"
            )


class NonFiniteLabelError(ArithmeticError):
    """An engine returned NaN or infinity."""


def frames_of(stored: Mapping[str, Any]) -> Iterator[Frame]:
    """Yield the frames of a stored :class:`LabelDocument` with its trajectory.

    Raises
    ------
    CuprolithError
        If it is none.
    """
    document = LabelDocument.from_dict(stored)
    trajectory = document.trajectory
    if trajectory is None:
        raise CuprolithError(f"the trajectory of {document.trajectory_id} was not read")
    numbers, cell = np.array(trajectory.numbers, dtype=np.int64), np.array(trajectory.cell, float)
    free_mask = np.array(trajectory.free_mask, dtype=bool)
    energies = np.array(trajectory.energies, dtype=float)
    forces = np.array(trajectory.forces, dtype=float)
    positions = np.array(trajectory.positions, dtype=float)
    stresses = np.array(trajectory.stresses, dtype=float)
    # Empty where an engine has no electronic structure, or nothing drifted.
    scf_converged = trajectory.scf_converged or [True] * len(energies)
    config_hashes = trajectory.config_hashes or [document.config_hash] * len(energies)
    drift = "; ".join(document.drift or ["made with other settings"])
    finite = np.isfinite(energies) & np.isfinite(forces).all(axis=(1, 2))
    for index, energy in enumerate(energies):
        yield Frame(
            numbers=numbers.copy(),
            positions=positions[index],
            cell=cell.copy(),
            free_mask=free_mask.copy(),
            energy=float(energy),
            forces=forces[index],
            pbc=(trajectory.periodic,) * 3,
            stress=stresses[index] if trajectory.periodic else None,
            trajectory_id=document.trajectory_id,
            step=document.first_step + index,
            engine=document.engine,
            functional=document.functional,
            config_hash=config_hashes[index],
            converged=bool(finite[index] and scf_converged[index]),
            energy_sigma0=trajectory.energies_sigma0[index] if trajectory.energies_sigma0 else None,
            flaw=drift if config_hashes[index] != document.config_hash else "",
            structure_id=document.provenance.structure_id,
            family=document.provenance.family,
            miller_index=document.provenance.miller_index,
            parent_id=document.provenance.parent_id,
        )
