"""Jobflow makers that label structures with an embedded potential: relax, static, melt-quench.

atomate2's own ASE makers are not used for the runs themselves: they record constrained forces
(zero on every fixed atom), add the kinetic part to MD stresses, and cannot ramp a Nosé–Hoover
chain or continue one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.optimize import BFGS
from jobflow import Maker, job
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from workflows.labelling.document import (
    LabelDocument,
    LabelRecorder,
    NonFiniteLabelError,
    Provenance,
)
from workflows.labelling.embedded import embedded_calculator, own_torch_settings
from workflows.labelling.nose_hoover import RampedNoseHooverChain
from workflows.labelling.segmented import SegmentedMeltQuenchMaker
from workflows.labelling.settings import RelaxSettings


@dataclass
class EmbeddedMaker(Maker):
    """Common part of the three verbs: the calculator and the document.

    Attributes
    ----------
    engine, functional, config_hash
        Identity of the labels, written to every frame.
    """

    name: str = "label"
    engine: str = "diep-r2scan"
    functional: str = "r2SCAN"
    config_hash: str = ""

    def _atoms(self, structure: Structure) -> tuple[Atoms, list[bool]]:
        """ASE atoms with the engine's calculator, and the free mask; no constraint yet."""
        free = [
            bool(np.all(flags))
            for flags in structure.site_properties.get(
                "selective_dynamics", [[True] * 3] * len(structure)
            )
        ]
        atoms = Atoms(
            symbols=[site.specie.symbol for site in structure],
            positions=structure.cart_coords,
            cell=structure.lattice.matrix,
            pbc=True,
        )
        atoms.calc = embedded_calculator(self.engine)
        return atoms, free

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
class EmbeddedRelaxMaker(EmbeddedMaker):
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
        atoms, free = self._atoms(structure)
        recorder = LabelRecorder(atoms, free)
        atoms.set_constraint(FixAtoms(mask=[not flag for flag in free]))
        optimizer = BFGS(atoms, logfile=None, maxstep=0.1)
        optimizer.attach(recorder)
        converged, stopped = False, ""
        try:
            with own_torch_settings():
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
class EmbeddedStaticMaker(EmbeddedMaker):
    """Label a structure as it is."""

    name: str = "static"

    @job(data="trajectory")
    def make(self, structure: Structure, provenance: Provenance) -> dict[str, Any]:
        """Label `structure` without moving an atom."""
        return self.label(structure, provenance).as_dict()

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        started = time.perf_counter()
        recorder = LabelRecorder(*self._atoms(structure))
        stopped = ""
        try:
            with own_torch_settings():
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
class EmbeddedMeltQuenchMaker(SegmentedMeltQuenchMaker, EmbeddedMaker):
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
        atoms, _ = self._atoms(structure)
        dynamics = self._dynamics(atoms, seed, state)
        recorder = LabelRecorder(atoms, [True] * len(atoms))
        first, last = settings.segments[segment][:2]
        stopped = ""
        try:
            with own_torch_settings():
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
            run_label=settings.label.replace(" ", "-"),
            first_step=first + (segment > 0),
            stopped_because=stopped,
        )
        return document, dynamics.state()

    def _dynamics(
        self, atoms: Atoms, seed: int, state: dict[str, Any] | None
    ) -> RampedNoseHooverChain:
        settings = self.settings
        if state is None:
            MaxwellBoltzmannDistribution(
                atoms,
                temperature_K=settings.melt_temperature,
                force_temp=True,
                rng=np.random.default_rng(seed),
            )
            Stationary(atoms)
        dynamics = RampedNoseHooverChain(
            atoms,
            timestep=settings.time_step * units.fs,
            temperature_K=settings.melt_temperature,
            tdamp=settings.thermostat_time * units.fs,
        )
        if state is not None:
            dynamics.restore(state)
        return dynamics


def _final_structure(recorder: LabelRecorder) -> Structure:
    """Last positions, with the free mask as selective dynamics."""
    structure = AseAtomsAdaptor.get_structure(
        Atoms(
            numbers=recorder.trajectory.numbers,
            positions=recorder.trajectory.positions[-1],
            cell=recorder.trajectory.cell,
            pbc=True,
        )
    )
    structure.add_site_property(
        "selective_dynamics", [[free] * 3 for free in recorder.trajectory.free_mask]
    )
    return structure
