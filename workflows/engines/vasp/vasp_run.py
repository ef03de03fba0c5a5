"""One VASP run from its inputs to its labels, through interruptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Incar, Poscar

from cuprolith.errors import CuprolithError, WallTimeError
from workflows.engines.vasp.execution import execute, start_from_pbe
from workflows.engines.vasp.fingerprint import Fingerprint, settings_fingerprint
from workflows.engines.vasp.inputs import CampaignInputGenerator, base_incar
from workflows.engines.vasp.potcars import (
    CheckedPotcar,
    campaign_potcars,
    placeholder_directory,
    require_same_potcars,
)
from workflows.engines.vasp.run_directory import RunDirectory, RunInputs
from workflows.engines.vasp.run_labels import Expected, RunLabels, read_labels
from workflows.engines.vasp.settings import VaspSettings


@dataclass
class VaspRunner:
    """Writes, runs, reads, and goes on where a run was interrupted.

    Attributes
    ----------
    directory
        Where the run happens.
    root
        Folder of all runs; notes which potentials they use.
    start
        What is labelled, in the candidate's order.
    order
        Index in `start` of each atom as written.
    generator
        Of the task's INCAR and mesh.
    settings
        The campaign's.
    config_hash
        The engine's.
    orbitals_from
        Run whose WAVECAR, if still there, this one starts from.
    notes
        What was done besides running VASP, for the document.
    """

    directory: RunDirectory
    root: Path
    start: Structure
    order: list[int]
    generator: CampaignInputGenerator
    settings: VaspSettings
    config_hash: str
    orbitals_from: Path | None = None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def ordered(self) -> Structure:
        """The start, atoms as written."""
        return Structure.from_sites([self.start[index] for index in self.order])

    def poscar(self, velocities: NDArray[np.float64] | None = None) -> str:
        """Return the POSCAR of the start; velocities in Å/fs, atoms as written."""
        structure = self.ordered.copy()
        flags = structure.site_properties.get("selective_dynamics")
        if flags is not None and np.all(flags):
            structure.remove_site_property("selective_dynamics")
        comment = f"{self.directory.provenance.structure_id} {self.directory.task}"
        moving = None if velocities is None else velocities.tolist()
        poscar = Poscar(structure, comment=comment, velocities=moving)
        return str(poscar.get_str(significant_figures=16))

    def run(
        self,
        poscar: str,
        finished: Callable[[RunLabels], bool],
        goes_on: Callable[[RunLabels], str | None],
    ) -> tuple[RunLabels, str]:
        """Run until finished, given up, or no restart adds a step; return labels and why not.

        Parameters
        ----------
        poscar
            Start of the run.
        finished
            Whether these labels are all that was asked for.
        goes_on
            Sets the generator to what is left and returns the POSCAR from which it goes on; None
            if that is not possible, and the run begins again.

        Raises
        ------
        WallTimeError
            If the job's wall time is over; labels were added, and another job adds more.
        CuprolithError
            If VASP cannot be run at all, or the wall time was over before a step was labelled.
        """
        inputs = self._inputs(poscar)
        key = inputs.key
        whole = dict(vars(self.generator))
        self.directory.finish_move()
        known = self.directory.claim(key)
        labels = self._labels() if known else None
        if labels is not None and finished(labels):
            return self._wrapped_up(labels), ""
        stopped = ""
        at_first = _n_converged(labels)
        for restart in range(self.settings.max_restarts + 1):
            if restart:
                self.notes.append(f"restarted after {_n_converged(labels)} ionic steps: {stopped}")
            before = _n_converged(labels)
            try:
                self._begin(poscar, key, labels, goes_on, whole)
                stopped = execute(self.directory.path, self.directory.task, self.settings)
            except WallTimeError as error:
                self._require_progress(at_first, error)
                raise
            labels = self._labels()
            if finished(labels):
                return self._wrapped_up(labels), ""
            if not stopped or _n_converged(labels) <= before:
                break
        assert labels is not None
        return self._wrapped_up(labels), stopped

    def _require_progress(self, n_before: int, over: WallTimeError) -> None:
        """Raise if a whole wall time has labelled nothing: another one would not, either."""
        if _n_converged(self._labels()) <= n_before:
            raise CuprolithError(
                "not one ionic step fits into the job's wall time",
                where=over.where,
                remedy="give the job more time, or more cores",
            ) from over

    @cached_property
    def potcars(self) -> list[CheckedPotcar]:
        """Potentials in the order of the elements as written, checked and noted."""
        elements = list(dict.fromkeys(site.specie.symbol for site in self.ordered))
        self.root.mkdir(parents=True, exist_ok=True)
        folder = (
            placeholder_directory(self.root, self.settings) if self.settings.is_rehearsal else None
        )
        potcars = campaign_potcars(self.settings, elements, folder)
        require_same_potcars(self.root / "potcars.json", potcars)
        return potcars

    @cached_property
    def mesh(self) -> tuple[int, int, int]:
        """Divisions of the mesh; that of the start, whatever becomes of it."""
        self.generator.structure = self.ordered
        first, second, third = self.generator.kpoints_updates.kpts[0]
        return int(first), int(second), int(third)

    @cached_property
    def _expected(self) -> Expected:
        return Expected(
            expected_fingerprint(self.settings, [potcar.facts.titel for potcar in self.potcars]),
            self.mesh,
            self.config_hash,
            self.settings.is_rehearsal,
        )

    def _inputs(self, poscar: str) -> RunInputs:
        self.generator.structure = self.ordered
        incar = Incar({**self.generator.incar, **self.settings.parallel.incar()})
        return RunInputs(incar, self.generator.kpoints, poscar, self.potcars)

    def _labels(self) -> RunLabels:
        return read_labels(
            self.directory,
            self.start,
            self.order,
            self._expected,
            corrected=self.directory.task == "relax",
        )

    def _begin(
        self,
        poscar: str,
        key: str,
        labels: RunLabels | None,
        goes_on: Callable[[RunLabels], str | None],
        whole: dict[str, object],
    ) -> None:
        """Write the inputs of an attempt: where the one before ended, or from the start."""
        self.generator.__dict__.update(whole)
        continued = goes_on(labels) if labels is not None and len(labels) else None
        if continued is not None:
            self.directory.set_aside()
        elif labels is not None:
            self._begin_again(len(labels))
            self.generator.__dict__.update(whole)
        inputs = self._inputs(continued or poscar)
        self.directory.write(inputs, key)
        self._find_orbitals(inputs)

    def _find_orbitals(self, inputs: RunInputs) -> None:
        """Start from orbitals at hand, else from those of PBE if the campaign asks for it."""
        orbitals = self.directory.path / "WAVECAR"
        if self.orbitals_from is not None and not orbitals.is_file():
            previous = self.orbitals_from / "WAVECAR"
            if previous.is_file():
                previous.replace(orbitals)
        wanted = self.settings.functional == "r2scan" and self.settings.pbe_start
        if wanted and not orbitals.is_file():
            reason = start_from_pbe(self.directory.path, inputs, self.settings)
            if reason and not self.settings.is_rehearsal:  # which has no orbitals
                self.notes.append(f"no PBE orbitals to start from: {reason}")

    def _begin_again(self, n_steps: int) -> None:
        if n_steps == 0:
            self.directory.discard()
            return
        self.notes.append(f"began again: CONTCAR did not fit the {n_steps} labelled steps")
        if self.directory.task == "melt_quench":
            self.directory.discard()
        else:
            self.directory.set_aside()

    def _wrapped_up(self, labels: RunLabels) -> RunLabels:
        """Remove the orbitals, which take gigabytes, unless the next segment starts from them."""
        if self.directory.task != "melt_quench":
            (self.directory.path / "WAVECAR").unlink(missing_ok=True)
        return labels


def _n_converged(labels: RunLabels | None) -> int:
    return 0 if labels is None else sum(labels.trajectory.scf_converged)


def expected_fingerprint(settings: VaspSettings, potcar_titles: list[str]) -> Fingerprint:
    """Return the fingerprint of a campaign's settings.

    Parameters
    ----------
    potcar_titles
        TITEL of its potentials, as far as known.
    """
    return settings_fingerprint(base_incar(settings), potcar_titles, settings.kpoint_length)
