"""Jobflow makers that label structures with an ASE calculator: relax, static, melt-quench.

atomate2's own ASE makers are not used for the runs themselves: they record constrained forces
(zero on every fixed atom), add the kinetic part to MD stresses, and cannot ramp a Nosé–Hoover
chain or continue one.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.optimize import BFGS
from jobflow import Maker, job
from pymatgen.core import Structure

from workflows.engine import ENGINES
from workflows.engine_settings import EngineSettings, RelaxSettings
from workflows.labelling.document import (
    LabelDocument,
    LabelRecorder,
    NonFiniteLabelError,
    Provenance,
)
from workflows.labelling.nose_hoover import melt_quench_dynamics
from workflows.labelling.segmented import SegmentedMeltQuenchMaker
from workflows.structures.ase_atoms import atoms_of, structure_of
from workflows.structures.free_atoms import free_mask, set_free_mask

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

MAX_STEP = 0.1
"""Longest step of an atom in a relaxation, Å."""


@dataclass
class AseMaker(Maker):
    """Common part of the three verbs: the calculator and the document.

    Attributes
    ----------
    engine, functional, config_hash
        Identity of the labels, written to every frame.
    """

    name: str = "label"
    engine: str = ""
    functional: str = ""
    config_hash: str = ""

    def _calculating(
        self, structure: Structure, provenance: Provenance, run: str
    ) -> AbstractContextManager[Calculator]:
        """Give the calculator that labels a run, which starts from `structure`."""
        raise NotImplementedError

    def _document(
        self,
        recorder: LabelRecorder,
        provenance: Provenance,
        started: float,
        *,
        task: str,
        run_label: str,
        first_step: int = 0,
        ionic_converged: bool | None = None,
        stopped_because: str = "",
    ) -> LabelDocument:
        trajectory = recorder.trajectory
        last_forces = np.asarray(trajectory.forces[-1])[np.asarray(trajectory.free_mask)]
        return LabelDocument(
            trajectory_id=f"{provenance.structure_id}/{run_label}",
            task=task,
            first_step=first_step,
            ionic_converged=ionic_converged,
            stopped_because=stopped_because,
            temperatures=recorder.temperatures if task == "melt_quench" else [],
            provenance=provenance,
            engine=self.engine,
            functional=self.functional,
            config_hash=self.config_hash,
            n_frames=len(trajectory.energies),
            seconds=time.perf_counter() - started,
            energy_first=trajectory.energies[0],
            energy_last=trajectory.energies[-1],
            max_force_last=float(np.linalg.norm(last_forces, axis=1).max(initial=0.0)),
            structure=_final_structure(recorder).as_dict(),
            trajectory=trajectory,
        )


@dataclass
class AseRelaxMaker(AseMaker):
    """Relax the free atoms in the fixed cell; every ionic step is labelled."""

    name: str = "relax"
    settings: RelaxSettings = field(default_factory=RelaxSettings)

    @job(data="trajectory")
    def make(self, structure: Structure, provenance: Provenance) -> dict[str, Any]:
        """Relax `structure` (free atoms from its ``selective_dynamics``)."""
        return self.label(structure, provenance).as_dict()

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        started = time.perf_counter()
        free = free_mask(structure)
        converged, stopped = False, ""
        with self._calculating(structure, provenance, "relax") as calculator:
            atoms = _atoms(structure, calculator)
            recorder = LabelRecorder(atoms, free)
            atoms.set_constraint(FixAtoms(mask=[not flag for flag in free]))
            optimizer = BFGS(atoms, logfile=None, maxstep=MAX_STEP)
            optimizer.attach(recorder)
            try:
                converged = bool(
                    optimizer.run(fmax=self.settings.fmax, steps=self.settings.max_steps)
                )
            except NonFiniteLabelError as error:
                stopped = str(error)
            return self._document(
                recorder,
                provenance,
                started,
                task="relax",
                run_label="relax",
                ionic_converged=converged,
                stopped_because=stopped,
            )


@dataclass
class AseStaticMaker(AseMaker):
    """Label a structure as it is."""

    name: str = "static"

    @job(data="trajectory")
    def make(self, structure: Structure, provenance: Provenance) -> dict[str, Any]:
        """Label `structure` without moving an atom."""
        return self.label(structure, provenance).as_dict()

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        started = time.perf_counter()
        stopped = ""
        with self._calculating(structure, provenance, "static") as calculator:
            recorder = LabelRecorder(_atoms(structure, calculator), free_mask(structure))
            try:
                recorder()
            except NonFiniteLabelError as error:
                stopped = str(error)
            return self._document(
                recorder,
                provenance,
                started,
                task="static",
                run_label="static",
                stopped_because=stopped,
            )


@dataclass
class AseMeltQuenchMaker(SegmentedMeltQuenchMaker, AseMaker):
    """Melt-quench whose segments hand on positions, momenta and thermostat exactly."""

    name: str = "melt-quench"

    def label(
        self,
        structure: Structure,
        provenance: Provenance,
        seed: int,
        segment: int,
        state: dict[str, Any] | None,
    ) -> tuple[LabelDocument, dict[str, Any]]:
        """Do the work of :meth:`make` outside a job; return the document and the end state."""
        started = time.perf_counter()
        settings = self.settings
        run = settings.label.replace(" ", "-")
        first, last = settings.segments[segment][:2]
        stopped = ""
        with self._calculating(structure, provenance, f"{run}-{segment + 1}") as calculator:
            atoms = _atoms(structure, calculator)
            dynamics = melt_quench_dynamics(atoms, settings, seed, state)
            recorder = LabelRecorder(atoms, [True] * len(atoms))
            try:
                if segment == 0:
                    recorder()
                for step in range(first, last):
                    dynamics.set_temperature(settings.temperature_at(step + 1))
                    dynamics.step()
                    recorder()
            except NonFiniteLabelError as error:
                stopped = str(error)
            document = self._document(
                recorder,
                provenance,
                started,
                task="melt_quench",
                run_label=run,
                first_step=first + (segment > 0),
                stopped_because=stopped,
            )
        return document, dynamics.state()


@dataclass
class CalculatorMaker(AseMaker):
    """Labels with a calculator in this process.

    Attributes
    ----------
    calculator
        Settings of an engine that is a calculator; required.
    """

    calculator: EngineSettings | None = None

    def _calculating(
        self, structure: Structure, provenance: Provenance, run: str
    ) -> AbstractContextManager[Calculator]:
        assert self.calculator is not None
        entry: Any = ENGINES[self.calculator.name]  # a CalculatorEntry, which builds these makers
        calculating: AbstractContextManager[Calculator] = entry.calculating(self.calculator)
        return calculating


@dataclass
class CalculatorRelaxMaker(CalculatorMaker, AseRelaxMaker):
    """Relax the free atoms in the fixed cell; every ionic step is labelled."""

    name: str = "relax"


@dataclass
class CalculatorStaticMaker(CalculatorMaker, AseStaticMaker):
    """Label a structure as it is."""

    name: str = "static"


@dataclass
class CalculatorMeltQuenchMaker(CalculatorMaker, AseMeltQuenchMaker):
    """Melt-quench whose segments hand on positions, momenta and thermostat exactly."""

    name: str = "melt-quench"


def _atoms(structure: Structure, calculator: Calculator) -> Atoms:
    """ASE atoms of a structure, without constraints."""
    atoms = atoms_of(structure)
    atoms.calc = calculator
    return atoms


def _final_structure(recorder: LabelRecorder) -> Structure:
    """Last positions, with the free mask as selective dynamics."""
    trajectory = recorder.trajectory
    structure = structure_of(
        Atoms(
            numbers=trajectory.numbers,
            positions=trajectory.positions[-1],
            cell=trajectory.cell,
            pbc=trajectory.periodic,
        )
    )
    set_free_mask(structure, trajectory.free_mask)
    return structure
