"""All labels of one run, from each of its attempts, in the order of the candidate's atoms."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Structure

from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from cuprolith.hashes import short_hash
from workflows.engines.vasp.fingerprint import Fingerprint, drifted, run_fingerprint
from workflows.engines.vasp.handlers import corrections
from workflows.engines.vasp.ionic_steps import IonicStep, VaspRun
from workflows.engines.vasp.not_labels import reasons_for_no_label
from workflows.engines.vasp.programs import VaspProgram, program_of_output
from workflows.engines.vasp.run_directory import RunDirectory
from workflows.engines.vasp.vasprun import read_run
from workflows.labelling.document import Trajectory
from workflows.structures.free_atoms import free_mask

_TEMPERATURE = re.compile(r"^\s*\d+\s+T=\s*([0-9.]+)", re.MULTILINE)
# Positions that repeat after a restart, Å: below what vasprun.xml prints.
_SAME_POSITIONS = 1e-7


@dataclass(frozen=True)
class Expected:
    """Settings that the campaign expects of a run.

    Attributes
    ----------
    fingerprint
        Fingerprint of the campaign.
    mesh
        Divisions of the Γ-centred mesh.
    config_hash
        The engine's, for frames whose settings are as expected.
    program
        What the campaign runs.
    """

    fingerprint: Fingerprint
    mesh: tuple[int, int, int]
    config_hash: str
    program: VaspProgram

    def drift(self, run: VaspRun) -> list[str]:
        """Return in words how a run's settings differ."""
        length = self.fingerprint.settings["kpoint_length"]
        found = run_fingerprint(run, length)
        differences = [*reasons_for_no_label(run.incar), *drifted(self.fingerprint, found)]
        if run.kpoints is not None and run.kpoints != self.mesh:
            meshes = ("×".join(map(str, mesh)) for mesh in (run.kpoints, self.mesh))
            differences.append("k-mesh " + " vs ".join(meshes))
        found_program = program_of_output(run.generator)
        if found_program != self.program:
            raise CuprolithError(
                f"the output is of {found_program.called}, the campaign asks for "
                f"{self.program.called}",
                key="engine.vasp.vasp_cmd",
                remedy="one campaign runs one program: use another workdir",
            )
        return differences

    def config_hash_of(self, drift: list[str]) -> str:
        """Return the fingerprint of frames with these differences."""
        if not drift:
            return self.config_hash
        text = json.dumps([self.config_hash, *drift])
        return short_hash(text)


@dataclass
class RunLabels:
    """Labels of a run so far.

    Attributes
    ----------
    trajectory
        In the candidate's order of atoms; positions are unwrapped.
    folder
        Folder of the latest attempt that labelled a step.
    complete
        Whether the latest attempt's output ends as VASP ends it.
    max_force
        Largest force on a free atom in the last step, eV/Å.
    temperatures
        K, as OSZICAR says; empty outside MD.
    """

    trajectory: Trajectory
    folder: Path
    complete: bool = False
    temperatures: list[float] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of labelled steps."""
        return len(self.trajectory.energies)

    @property
    def max_force(self) -> float:
        """Largest force on a free atom in the last step, eV/Å; 0 without one."""
        if not self.trajectory.forces:
            return 0.0
        free = np.array(self.trajectory.free_mask)
        forces = np.array(self.trajectory.forces[-1])[free]
        return float(np.linalg.norm(forces, axis=1).max(initial=0.0))


def read_labels(
    run: RunDirectory,
    start: Structure,
    order: list[int],
    expected: Expected,
    *,
    corrected: bool,
) -> RunLabels:
    """Read all attempts at a run.

    Parameters
    ----------
    start
        Structure the run was asked for, free mask as ``selective_dynamics``.
    order
        Index in `start` of each atom as written.
    expected
        Settings; steps of attempts that differ get another ``config_hash``.
    corrected
        Whether steps that custodian archived count.

    Raises
    ------
    CuprolithError
        If the output is of another program than the campaign's.
    """
    labels = RunLabels(_empty_trajectory(start), run.path)
    reader = _Reader(labels, start, np.argsort(order))
    for folder in run.attempts(corrected=corrected):
        try:
            vasp_run = read_run(folder)
        except (CuprolithError, OSError):  # no step was labelled
            continue
        drift = expected.drift(vasp_run)
        before, repeated = len(labels), 0
        for step in vasp_run.steps:
            repeated += not reader.add(step, expected.config_hash_of(drift))
        run.record(folder, run.first_step + before - repeated)
        labels.drift += [each for each in drift if each not in labels.drift]
        labels.corrections += corrections(folder)
        labels.temperatures += _temperatures(folder)[: len(labels) - before]
        if not folder.name.startswith("error-"):
            labels.folder, labels.complete = folder, folder == run.path and vasp_run.complete
    if all(each == expected.config_hash for each in labels.trajectory.config_hashes):
        labels.trajectory.config_hashes = []
    return labels


class _Reader:
    """Adds steps to labels, in the candidate's order."""

    def __init__(self, labels: RunLabels, start: Structure, inverse: Any) -> None:
        self._trajectory = labels.trajectory
        self._inverse = inverse
        self._start = np.array(start.cart_coords)
        self._cell = np.array(start.lattice.matrix)
        self._to_scaled = np.linalg.inv(self._cell)

    def add(self, step: IonicStep, config_hash: str) -> bool:
        """Add a step unless it repeats the one before, as the first after a restart may."""
        trajectory = self._trajectory
        positions = self._unwrapped(step.positions[self._inverse])
        if trajectory.positions and config_hash == trajectory.config_hashes[-1]:
            moved = np.abs(positions - np.array(trajectory.positions[-1])).max()
            if moved < _SAME_POSITIONS and trajectory.scf_converged[-1]:
                return False
        stress = np.full((3, 3), np.nan) if step.stress is None else step.stress
        trajectory.positions.append(positions.tolist())
        trajectory.energies.append(step.energy)
        trajectory.energies_sigma0.append(step.energy_sigma0)
        trajectory.forces.append(step.forces[self._inverse].tolist())
        trajectory.stresses.append(stress.tolist())
        trajectory.scf_converged.append(step.scf_converged)
        trajectory.config_hashes.append(config_hash)
        return True

    def _unwrapped(self, positions: FloatArray) -> FloatArray:
        """Nearest periodic images to the start: VASP wraps atoms into the cell."""
        jumps = np.round((positions - self._start) @ self._to_scaled)
        return np.asarray(positions - jumps @ self._cell)


def _empty_trajectory(start: Structure) -> Trajectory:
    return Trajectory(
        numbers=[site.specie.Z for site in start],
        cell=start.lattice.matrix.tolist(),
        free_mask=free_mask(start),
    )


def _temperatures(folder: Path) -> list[float]:
    """Temperatures of MD steps; OSZICAR has them to 1 K."""
    try:
        text = (folder / "OSZICAR").read_text(errors="replace")
    except OSError:
        return []
    return [float(value) for value in _TEMPERATURE.findall(text)]
