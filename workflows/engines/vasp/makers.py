"""Jobflow makers that label structures with VASP: relax, static, melt-quench.

atomate2's makers are not used for the jobs themselves: they label a whole run or nothing, store
the σ→0 energy beside forces of the free energy, and know no continuation. Their input generators
and their way of running custodian are (`inputs`, ``atomate2.vasp.run``).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobflow import Maker, job
from pymatgen.core import Structure

from cuprolith.errors import CuprolithError
from workflows.engine_settings import RelaxSettings, Segment
from workflows.engines.vasp.continuation import (
    dynamics_continuation,
    read_contcar,
    relaxation_continuation,
)
from workflows.engines.vasp.execution import last_words
from workflows.engines.vasp.inputs import (
    MeltQuenchInputGenerator,
    RelaxInputGenerator,
    StaticInputGenerator,
    initial_velocities,
    species_order,
)
from workflows.engines.vasp.run_directory import RunDirectory, RunInputs
from workflows.engines.vasp.run_labels import RunLabels
from workflows.engines.vasp.settings import VaspSettings
from workflows.engines.vasp.vasp_run import VaspRunner
from workflows.inputs.names import structure_folder
from workflows.labelling.document import LabelDocument, Provenance
from workflows.labelling.segmented import SegmentedMeltQuenchMaker
from workflows.structures.free_atoms import set_free_mask

ROOT = Path("vasp")


@dataclass
class VaspMaker(Maker):
    """Common part of the three verbs.

    Files go to ``vasp/<structure id>/<task>[-<segment>]`` in the directory of the job.

    Attributes
    ----------
    engine, functional, config_hash
        Identity of the labels, written to every frame; `engine` is the name of the program.
    vasp
        The campaign's settings.
    """

    name: str = "label"
    engine: str = "vasp"
    functional: str = "r2SCAN"
    config_hash: str = ""
    vasp: VaspSettings = field(default_factory=VaspSettings)

    def _runner(
        self,
        structure: Structure,
        provenance: Provenance,
        task: str,
        *,
        run_label: str,
        folder: str,
        first_step: int = 0,
    ) -> VaspRunner:
        directory = RunDirectory(
            ROOT / structure_folder(provenance.structure_id) / folder,
            provenance,
            task,
            f"{provenance.structure_id}/{run_label}",
            first_step,
            self.vasp.program.kept_files,
        )
        return VaspRunner(
            directory=directory,
            root=ROOT,
            start=structure,
            order=species_order(structure, self.vasp),
            settings=self.vasp,
            config_hash=self.config_hash,
        )

    def _document(
        self,
        runner: VaspRunner,
        labels: RunLabels,
        started: float,
        *,
        stopped_because: str,
        ionic_converged: bool | None = None,
    ) -> LabelDocument:
        trajectory = labels.trajectory
        directory = runner.directory
        if not trajectory.energies:
            reason = stopped_because or "no ionic step"
            raise CuprolithError(
                f"VASP labelled nothing: {reason}{last_words(directory.path)}",
                where=str(directory.path),
                remedy="see vasp.out and custodian.json there; run again to retry",
            )
        return LabelDocument(
            trajectory_id=directory.trajectory_id,
            task=directory.task,
            provenance=directory.provenance,
            engine=self.engine,
            functional=self.functional,
            config_hash=self.config_hash,
            first_step=directory.first_step,
            n_frames=len(trajectory.energies),
            ionic_converged=ionic_converged,
            stopped_because=stopped_because,
            seconds=time.perf_counter() - started,
            energy_first=trajectory.energies[0],
            energy_last=trajectory.energies[-1],
            max_force_last=labels.max_force,
            temperatures=labels.temperatures,
            structure=_final_structure(runner.start, labels).as_dict(),
            trajectory=trajectory,
            corrections=runner.notes + labels.corrections,
            drift=labels.drift,
        )


@dataclass
class VaspRelaxMaker(VaspMaker):
    """Relax the free atoms in the fixed cell; every ionic step is labelled.

    When the same job is run again, an interrupted relaxation continues from its last CONTCAR.
    """

    name: str = "relax"
    settings: RelaxSettings = field(default_factory=RelaxSettings)

    @job(data="trajectory")
    def make(self, structure: Structure, provenance: Provenance) -> dict[str, Any]:
        """Relax `structure` (free atoms from its ``selective_dynamics``)."""
        return self.label(structure, provenance).as_dict()

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        started = time.perf_counter()
        runner = self._runner(structure, provenance, "relax", run_label="relax", folder="relax")

        def inputs(poscar: str, max_steps: int) -> RunInputs:
            relax = self.settings.model_copy(update={"max_steps": max_steps})
            generator = RelaxInputGenerator(runner.ordered, settings=self.vasp, relax=relax)
            return runner.inputs(generator, poscar)

        def is_finished(labels: RunLabels) -> bool:
            settled = labels.max_force <= self.settings.fmax
            return labels.complete and (settled or len(labels) >= self.settings.max_steps)

        def continuation(labels: RunLabels) -> RunInputs | None:
            poscar = relaxation_continuation(labels.folder, runner.ordered)
            left = max(1, self.settings.max_steps - len(labels))
            return None if poscar is None else inputs(poscar, left)

        all_steps = inputs(runner.poscar(), self.settings.max_steps)
        labels, stopped = runner.run(all_steps, is_finished, continuation)
        converged = bool(len(labels)) and labels.max_force <= self.settings.fmax
        return self._document(
            runner, labels, started, stopped_because=stopped, ionic_converged=converged
        )


@dataclass
class VaspStaticMaker(VaspMaker):
    """Label a structure as it is."""

    name: str = "static"

    @job(data="trajectory")
    def make(self, structure: Structure, provenance: Provenance) -> dict[str, Any]:
        """Label `structure` without moving an atom."""
        return self.label(structure, provenance).as_dict()

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        started = time.perf_counter()
        runner = self._runner(structure, provenance, "static", run_label="static", folder="static")
        generator = StaticInputGenerator(runner.ordered, settings=self.vasp)
        inputs = runner.inputs(generator, runner.poscar())

        def is_finished(labels: RunLabels) -> bool:
            return any(labels.trajectory.scf_converged)

        labels, stopped = runner.run(inputs, is_finished, lambda _labels: inputs)
        return self._document(runner, labels, started, stopped_because=stopped)


@dataclass
class VaspMeltQuenchMaker(SegmentedMeltQuenchMaker, VaspMaker):
    """Melt-quench whose segments start from the CONTCAR of the one before, byte for byte.

    It holds positions, velocities and whatever VASP keeps of its thermostat (state: ``contcar``).
    """

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
        # Without selective dynamics: all atoms move.
        structure = Structure(structure.lattice, structure.species, structure.frac_coords)
        part = self.settings.segments[segment]
        run_label = self.settings.label.replace(" ", "-")
        runner = self._runner(
            structure,
            provenance,
            "melt_quench",
            run_label=run_label,
            folder=f"{run_label}-{segment + 1}",
            first_step=part.first,
        )
        if state is None:
            poscar = runner.poscar(
                initial_velocities(runner.ordered, self.settings.melt_temperature, seed)
            )
        else:
            poscar = str(state["contcar"])
            runner.orbitals_from = (
                ROOT / structure_folder(provenance.structure_id) / f"{run_label}-{segment}"
            )

        def inputs(poscar: str, part: Segment) -> RunInputs:
            generator = MeltQuenchInputGenerator(
                runner.ordered, settings=self.vasp, melt_quench=self.settings, segment=part
            )
            return runner.inputs(generator, poscar)

        def continuation(labels: RunLabels) -> RunInputs | None:
            poscar = dynamics_continuation(
                labels.folder,
                labels.trajectory,
                runner.order,
                self.settings.time_step,
            )
            done = part.first + len(labels)
            left = Segment(done, part.last, self.settings.temperature_at(done), part.end)
            return None if poscar is None else inputs(poscar, left)

        steps = part.last - part.first
        labels, stopped = runner.run(
            inputs(poscar, part), lambda labels: len(labels) >= steps, continuation
        )
        if not stopped and len(labels) < steps:
            stopped = f"only {len(labels)} of {steps} steps were labelled"
        if not stopped and read_contcar(runner.directory.path) is None:
            stopped = "no complete CONTCAR to continue from"
        document = self._document(runner, labels, started, stopped_because=stopped)
        contcar = runner.directory.path / "CONTCAR"
        return document, {"contcar": contcar.read_text() if contcar.is_file() else ""}


def _final_structure(start: Structure, labels: RunLabels) -> Structure:
    """Last labelled positions, with the free mask as selective dynamics."""
    structure = Structure(
        start.lattice,
        start.species,
        labels.trajectory.positions[-1],
        coords_are_cartesian=True,
    )
    set_free_mask(structure, labels.trajectory.free_mask)
    return structure
