"""GPAW's relax, static and melt-quench: the embedded makers' runs, labelled by another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase import Atoms
from pymatgen.core import Structure

from cuprolith.errors import CuprolithError
from workflows.engines.gpaw.calculator import GpawCalculator, gpaw_calculator
from workflows.engines.gpaw.settings import GpawSettings
from workflows.inputs.names import structure_folder
from workflows.labelling.calculator_makers import (
    EmbeddedMaker,
    EmbeddedMeltQuenchMaker,
    EmbeddedRelaxMaker,
    EmbeddedStaticMaker,
)
from workflows.labelling.document import LabelDocument, LabelRecorder, Provenance


@dataclass
class GpawMaker(EmbeddedMaker):
    """Common part of the three verbs: a GPAW process per job.

    Files go to ``gpaw/<structure id>/<run>`` in the directory of the job; a job that is run again
    there, after a kill, continues from its last labelled step.
    """

    engine: str = "gpaw"
    gpaw: GpawSettings = field(default_factory=GpawSettings)
    _calculator: GpawCalculator | None = field(default=None, init=False, repr=False, compare=False)

    def _atoms(self, structure: Structure) -> tuple[Atoms, list[bool]]:
        flags = structure.site_properties.get("selective_dynamics", [[True] * 3] * len(structure))
        atoms = Atoms(
            symbols=[site.specie.symbol for site in structure],
            positions=structure.cart_coords,
            cell=structure.lattice.matrix,
            pbc=True,
            calculator=self._calculator,
        )
        return atoms, [all(map(bool, flag)) for flag in flags]

    def _document(
        self, recorder: LabelRecorder, provenance: Provenance, started: float, **details: Any
    ) -> LabelDocument:
        if not recorder.trajectory.energies:
            raise CuprolithError(
                f"no step could be labelled: {details['stopped_because']}",
                where=provenance.structure_id,
                remedy="look for atoms that are too close, or give a larger "
                "engine.gpaw.smearing_width or max_scf_steps",
            )
        assert self._calculator is not None
        n_steps = len(recorder.trajectory.energies)
        # An MD segment evaluates its start, too, which is the last frame of the segment before.
        recorder.trajectory.energies_sigma0 = self._calculator.energies_sigma0[-n_steps:]
        recorder.trajectory.scf_converged = [True] * n_steps
        return super()._document(recorder, provenance, started, **details)

    @contextmanager
    def _running(
        self, structure: Structure, provenance: Provenance, run: str, *, use_symmetry: bool = False
    ) -> Iterator[None]:
        """Let a GPAW process label the atoms made meanwhile."""
        with gpaw_calculator(
            structure,
            self.gpaw,
            directory=Path("gpaw") / structure_folder(provenance.structure_id) / run,
            config_hash=self.config_hash,
            use_symmetry=use_symmetry,
        ) as calculator:
            self._calculator = calculator
            try:
                yield
            finally:
                self._calculator = None


@dataclass
class GpawRelaxMaker(GpawMaker, EmbeddedRelaxMaker):
    """Relax the free atoms in the fixed cell; every ionic step is labelled."""

    name: str = "relax"

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        with self._running(structure, provenance, "relax"):
            return super().label(structure, provenance)


@dataclass
class GpawStaticMaker(GpawMaker, EmbeddedStaticMaker):
    """Label a structure as it is; its symmetry reduces the k-points."""

    name: str = "static"

    def label(self, structure: Structure, provenance: Provenance) -> LabelDocument:
        """Do the work of :meth:`make` outside a job."""
        with self._running(structure, provenance, "static", use_symmetry=True):
            return super().label(structure, provenance)


@dataclass
class GpawMeltQuenchMaker(GpawMaker, EmbeddedMeltQuenchMaker):
    """NVT melt-quench in segments, as the embedded engines run it."""

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
        run = f"{self.settings.label.replace(' ', '-')}-{segment + 1}"
        with self._running(structure, provenance, run):
            return super().label(structure, provenance, seed, segment, state)
