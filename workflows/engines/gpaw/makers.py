"""GPAW's relax, static and melt-quench: those of any ASE calculator, labelled by a GPAW process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from cuprolith.errors import CuprolithError
from workflows.engines.gpaw.calculator import GpawCalculator, gpaw_calculator
from workflows.engines.gpaw.settings import GpawSettings
from workflows.inputs.names import structure_folder
from workflows.labelling.calculator_makers import (
    AseMaker,
    AseMeltQuenchMaker,
    AseRelaxMaker,
    AseStaticMaker,
)
from workflows.labelling.document import LabelDocument, LabelRecorder, Provenance

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass
class GpawMaker(AseMaker):
    """Common part of the three verbs: a GPAW process per job.

    Files go to ``gpaw/<structure id>/<run>`` in the directory of the job; a job that is run again
    there, after a kill, continues from its last labelled step.
    """

    use_symmetry: ClassVar[bool] = False

    engine: str = "gpaw"
    gpaw: GpawSettings = field(default_factory=GpawSettings)

    @contextmanager
    def _calculating(
        self, structure: Structure, provenance: Provenance, run: str
    ) -> Iterator[GpawCalculator]:
        with gpaw_calculator(
            structure,
            self.gpaw,
            directory=Path("gpaw") / structure_folder(provenance.structure_id) / run,
            config_hash=self.config_hash,
            use_symmetry=self.use_symmetry,
        ) as calculator:
            yield calculator

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
        n_steps = len(recorder.trajectory.energies)
        # An MD segment evaluates its start, too, which is the last frame of the segment before.
        recorder.trajectory.energies_sigma0 = recorder.atoms.calc.energies_sigma0[-n_steps:]
        recorder.trajectory.scf_converged = [True] * n_steps
        return super()._document(recorder, provenance, started, **details)


@dataclass
class GpawRelaxMaker(GpawMaker, AseRelaxMaker):
    """Relax the free atoms in the fixed cell; every ionic step is labelled."""

    name: str = "relax"


@dataclass
class GpawStaticMaker(GpawMaker, AseStaticMaker):
    """Label a structure as it is; its symmetry reduces the k-points."""

    use_symmetry: ClassVar[bool] = True

    name: str = "static"


@dataclass
class GpawMeltQuenchMaker(GpawMaker, AseMeltQuenchMaker):
    """NVT melt-quench in segments, as all ASE calculators run it."""

    name: str = "melt-quench"
