"""Calculators as sources: a potential or an engine does what the campaign's engine does."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.optimize import BFGS

from analysis.validation.free_energy import free_energy
from analysis.validation.material import JudgedStructure
from analysis.validation.source import NotAvailableError, Relaxed, Source
from analysis.validation.trajectory import Trajectory
from cuprolith.hashes import short_hash
from workflows.engine import make_engine
from workflows.engine_settings import EngineSettings, MeltQuenchSettings
from workflows.labelling.calculator_engine import (
    CalculatorSettings,
    loaded_calculator,
    own_torch_settings,
)
from workflows.labelling.calculator_makers import MAX_STEP
from workflows.labelling.label_runs import velocity_seed
from workflows.labelling.nose_hoover import melt_quench_dynamics
from workflows.validation.labels import LabelSource, kept_every

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

POTENTIAL = "potential"
_TOO_HOT = 20.0  # times the melt's temperature: no run recovers from there


class CalculatorSource(Source):
    """Any ASE calculator in the place of the campaign's engine.

    Runs start where those of the labels start, so that differences are those of the energies.

    Parameters
    ----------
    identity
        Hash of what decides energies and forces.
    load
        Returns the calculator; called at most once.
    settings
        Of the campaign's engine: how it relaxes, and its melt-quench.
    seed
        Of the campaign.
    labels
        Know where runs start; None where there are none.
    """

    def __init__(
        self,
        name: str,
        identity: str,
        load: Callable[[], Calculator],
        settings: EngineSettings,
        seed: int,
        labels: LabelSource | None = None,
    ) -> None:
        conditions = {
            "task": settings.task,
            "relax": settings.relax.model_dump(mode="json"),
            "melt_quench": settings.melt_quench and settings.melt_quench.model_dump(mode="json"),
            "seed": seed,
            "starts": labels.identity if labels is not None else "",
        }
        text = json.dumps({"source": identity, **conditions}, sort_keys=True)
        super().__init__(name, identity=short_hash(text))
        self._load = load
        self._settings = settings
        self._seed = seed
        self._labels = labels

    def calculator(self) -> Calculator:
        """Return the calculator."""
        return self.once("calculator", self._load)

    def relaxed(self, structure: JudgedStructure) -> Relaxed:
        """Relax a structure; where the campaign labels it as it is, only compute its energy."""
        return self.once(f"relaxed {structure.structure_id}", lambda: self._relaxed(structure))

    def melt_quench(self, structure: JudgedStructure) -> Trajectory:
        """Run the campaign's melt-quench, from the start and with the velocities of the label."""
        settings = self._settings.melt_quench
        if settings is None:
            raise NotAvailableError("the campaign asks for no melt-quench")
        name = structure.structure_id
        return self.once(f"melt {name}", lambda: self._melt_quench(structure, settings))

    def _relaxed(self, structure: JudgedStructure) -> Relaxed:
        atoms = structure.atoms.copy() if self._labels is None else self._labels.start(structure)
        atoms.calc = self.calculator()
        converged = True
        if self._settings.task == "relax":
            relax = self._settings.relax
            optimiser = BFGS(atoms, logfile=None, maxstep=MAX_STEP)
            optimiser.attach(lambda: _require_finite(atoms))
            converged = bool(optimiser.run(fmax=relax.fmax, steps=relax.max_steps))
        energy = free_energy(atoms)
        atoms.calc = None
        return Relaxed(energy, atoms, converged)

    def _melt_quench(self, structure: JudgedStructure, settings: MeltQuenchSettings) -> Trajectory:
        atoms = self._melt_start(structure)
        atoms.set_constraint()  # all atoms move
        atoms.calc = self.calculator()
        seed = velocity_seed(self._seed, structure.structure_id)
        dynamics = melt_quench_dynamics(atoms, settings, seed)
        stride = kept_every(settings.n_steps)
        frames = [_frame(atoms)]
        stopped = ""
        for step in range(1, settings.n_steps + 1):
            dynamics.set_temperature(settings.temperature_at(step))
            dynamics.step()
            stopped = _exploded(atoms, _TOO_HOT * settings.melt_temperature)
            if stopped:
                stopped = f"{stopped} after step {step} of {settings.n_steps}"
                break
            if step % stride == 0:
                frames.append(_frame(atoms))
        positions, energies, temperatures = zip(*frames, strict=True)
        return Trajectory(
            numbers=atoms.numbers.astype(np.int64),
            cell=atoms.cell.array.copy(),
            positions=np.array(positions),
            energies=np.array(energies),
            temperatures=np.array(temperatures),
            time_step=settings.time_step * stride,
            stopped_because=stopped,
        )

    def _melt_start(self, structure: JudgedStructure) -> Atoms:
        """Return the engine's relaxed structure, as the label does; else this source's own."""
        if self._labels is not None:
            try:
                return self._labels.relaxed(structure).atoms.copy()
            except NotAvailableError:
                pass
        return self.relaxed(structure).atoms.copy()


class EngineSource(CalculatorSource):
    """An engine that is a calculator in this process.

    Where it has made the labels, these are what it would compute again.
    """

    def __init__(
        self,
        engine: CalculatorSettings,
        settings: EngineSettings,
        seed: int,
        labels: LabelSource | None = None,
    ) -> None:
        self._engine = engine
        self._own = labels if engine == settings else None
        super().__init__(
            engine.name,
            make_engine(engine).config_hash,
            lambda: loaded_calculator(engine),
            settings,
            seed,
            labels,
        )

    def relaxed(self, structure: JudgedStructure) -> Relaxed:
        """Return the label of a structure, or relax it."""
        if self._own is not None:
            with suppress(NotAvailableError):
                return self._own.relaxed(structure)
        return super().relaxed(structure)

    def melt_quench(self, structure: JudgedStructure) -> Trajectory:
        """Return the labelled melt-quench of a structure, or run it."""
        if self._own is not None:
            with suppress(NotAvailableError):
                return self._own.melt_quench(structure)
        return super().melt_quench(structure)

    def measuring(self) -> AbstractContextManager[None]:
        """Run torch as the engine needs it."""
        return own_torch_settings(self._engine)


def model_source(
    model: Path,
    model_sha256: str,
    settings: EngineSettings,
    seed: int,
    labels: LabelSource | None = None,
) -> CalculatorSource:
    """Return the potential that is judged: a model in a file, loaded when it is first needed."""
    return CalculatorSource(POTENTIAL, model_sha256, lambda: _model(model), settings, seed, labels)


def _model(path: Path) -> Calculator:
    from training.calculator import model_calculator

    return model_calculator(path)


def _require_finite(atoms: Atoms) -> None:
    if not np.isfinite(atoms.get_forces()).all():
        raise ArithmeticError("a force became NaN in a relaxation")


def _frame(atoms: Atoms) -> tuple[np.ndarray, float, float]:
    return atoms.positions.copy(), free_energy(atoms), float(atoms.get_temperature())


def _exploded(atoms: Atoms, hottest: float) -> str:
    """Say why a run cannot go on; "" if it can."""
    temperature = float(atoms.get_temperature())
    if not np.isfinite(atoms.positions).all() or not np.isfinite(temperature):
        return "exploded: positions or velocities are not numbers"
    if temperature > hottest:
        return f"exploded: {temperature:.0f} K"
    if not np.isfinite(free_energy(atoms)) or not np.isfinite(atoms.get_forces()).all():
        return "exploded: energy or force is not a number"
    return ""
