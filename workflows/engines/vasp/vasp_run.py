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
from workflows.engines.vasp.potcars import CheckedPotcar, campaign_potcars, require_same_potcars
from workflows.engines.vasp.run_directory import RunDirectory, RunInputs
from workflows.engines.vasp.run_labels import Expected, RunLabels, read_labels
from workflows.engines.vasp.settings import VaspSettings
from workflows.kpoints import structure_mesh


@dataclass
class VaspRunner:
    """Writes, runs, reads, and continues a run that was interrupted.

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
    settings
        The campaign's.
    config_hash
        The engine's.
    orbitals_from
        Run whose WAVECAR, if still there, this one starts from.
    notes
        Changes made to the run, for the document.
    """

    directory: RunDirectory
    root: Path
    start: Structure
    order: list[int]
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

    def inputs(self, generator: CampaignInputGenerator, poscar: str) -> RunInputs:
        """Return the input files of an attempt.

        Parameters
        ----------
        generator
            Gives the INCAR and the mesh; `ordered` is its structure.
        poscar
            Where the attempt starts.
        """
        incar = Incar({**generator.incar, **self.settings.parallel.incar()})
        return RunInputs(incar, generator.kpoints, poscar, self.potcars)

    def run(
        self,
        inputs: RunInputs,
        is_finished: Callable[[RunLabels], bool],
        continuation: Callable[[RunLabels], RunInputs | None],
    ) -> tuple[RunLabels, str]:
        """Run until finished, given up, or no restart adds a step; return labels and why not.

        Parameters
        ----------
        inputs
            Inputs of the complete run.
        is_finished
            Whether these labels are all that was asked for.
        continuation
            Inputs of what is left after these labels; None if it cannot be continued, and the run
            starts again from its beginning.

        Raises
        ------
        WallTimeError
            If the job's wall time is over; labels were added, and another job adds more.
        CuprolithError
            If VASP cannot be run at all, or the wall time was over before a step was labelled.
        """
        self.directory.complete_archiving()
        labels = None
        if self.directory.holds(inputs.key):
            labels = self._labels()
            if is_finished(labels):
                return self._without_orbitals(labels), ""
        else:
            self.directory.archive_other_run()
        n_at_start, reason = _n_converged(labels), ""
        for restart in range(self.settings.max_restarts + 1):
            n_before = _n_converged(labels)
            if restart:
                self.notes.append(f"restarted after {n_before} ionic steps: {reason}")
            try:
                self._prepare_attempt(inputs, labels, continuation)
                reason = execute(self.directory.path, self.directory.task, self.settings)
            except WallTimeError as error:
                self._require_progress(n_at_start, error)
                raise
            labels = self._labels()
            if is_finished(labels):
                return self._without_orbitals(labels), ""
            if not reason or _n_converged(labels) <= n_before:
                break
        assert labels is not None
        return self._without_orbitals(labels), reason

    def _require_progress(self, n_at_start: int, error: WallTimeError) -> None:
        """Raise if a whole wall time has labelled nothing: another one would not, either."""
        if _n_converged(self._labels()) <= n_at_start:
            raise CuprolithError(
                "not one ionic step fits into the job's wall time",
                where=error.where,
                remedy="give the job more time, or more cores",
            ) from error

    @cached_property
    def potcars(self) -> list[CheckedPotcar]:
        """Potentials in the order of the elements as written, checked and noted."""
        elements = list(dict.fromkeys(site.specie.symbol for site in self.ordered))
        self.root.mkdir(parents=True, exist_ok=True)
        provider, settings = self.settings.program.potcars, self.settings
        directory = None
        if provider is not None:
            symbols = settings.potcars.values()
            directory = provider.directory(self.root, settings.potcar_family, symbols)
        potcars = campaign_potcars(settings, elements, directory)
        require_same_potcars(self.root / "potcars.json", potcars)
        return potcars

    @cached_property
    def _expected(self) -> Expected:
        return Expected(
            expected_fingerprint(self.settings, [potcar.facts.titel for potcar in self.potcars]),
            structure_mesh(self.ordered, self.settings.kpoint_length),
            self.config_hash,
            self.settings.program,
        )

    def _labels(self) -> RunLabels:
        return read_labels(
            self.directory,
            self.start,
            self.order,
            self._expected,
            corrected=self.directory.task == "relax",
        )

    def _prepare_attempt(
        self,
        inputs: RunInputs,
        labels: RunLabels | None,
        continuation: Callable[[RunLabels], RunInputs | None],
    ) -> None:
        """Write the inputs of an attempt: of what is left after the one before, or of all."""
        remaining = continuation(labels) if labels else None
        if remaining is not None:
            self.directory.archive_attempt()
        elif labels is not None:
            self._archive_unusable(len(labels))
        attempt = remaining or inputs
        self.directory.write(attempt, inputs.key)
        self._find_orbitals(attempt)

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
            if reason and self.settings.program.writes_orbitals:
                self.notes.append(f"no PBE orbitals to start from: {reason}")

    def _archive_unusable(self, n_steps: int) -> None:
        """Archive attempts that cannot be continued; MD repeats their steps from its start."""
        if n_steps:
            self.notes.append(f"began again: CONTCAR did not fit the {n_steps} labelled steps")
        if n_steps and self.directory.task != "melt_quench":
            self.directory.archive_attempt()
        else:
            self.directory.archive_superseded()

    def _without_orbitals(self, labels: RunLabels) -> RunLabels:
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
