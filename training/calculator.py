"""ASE calculators of trained models: checkpoints, packages and compiled models.

Importing this module takes seconds (torch, NequIP).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import all_changes
from nequip.data import AtomicDataDict
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.integrations.ase import NequIPCalculator
from nequip.model import ModelFromCheckpoint
from nequip.nn import graph_model
from nequip.utils.dtype import torch_default_dtype
from nequip.utils.global_dtype import _GLOBAL_DTYPE
from nequip.utils.global_state import set_global_state

from cuprolith.arrays import FloatArray
from training.errors import TrainingError
from training.nequip_runs.checkpoint_check import refuse_foreign
from training.nequip_runs.deployed_files import CHECKPOINT_SUFFIX, COMPILED_SUFFIX, PACKAGE_SUFFIX
from training.nequip_runs.devices import require_device


class ModelCalculator(NequIPCalculator):
    """NequIP's calculator, independent of torch's default dtype.

    NequIP reads positions with the default dtype, and another library (a label engine) may have
    set it to single precision.
    """

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute energy, forces and stress.

        Raises
        ------
        TrainingError
            If a position is not finite, or the model does not know an element.
        """
        if atoms is not None:
            self._refuse(atoms)
        with torch_default_dtype(_GLOBAL_DTYPE):
            super().calculate(atoms, properties or ["energy"], system_changes)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols the model knows."""
        mapper = next(t for t in self.transforms if isinstance(t, ChemicalSpeciesToAtomTypeMapper))
        return tuple(mapper.model_type_names)

    @property
    def r_max(self) -> float:
        """Cutoff radius of its neighbour list, Å."""
        return float(next(t for t in self.transforms if isinstance(t, NeighborListTransform)).r_max)

    def _refuse(self, atoms: Atoms) -> None:
        """Refuse structures that would give meaningless numbers or an unclear error."""
        if not len(atoms):
            raise TrainingError("there are no atoms to compute")
        broken = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
        if len(broken):
            raise TrainingError(
                f"the position of atom {broken[0]} is {atoms.positions[broken[0]]}: not finite; an "
                "earlier step of a simulation has exploded, or the file is damaged"
            )
        if not np.isfinite(atoms.cell.array).all():
            raise TrainingError(f"the cell is not finite: {atoms.cell.array.tolist()}")
        unknown = sorted(set(atoms.get_chemical_symbols()) - set(self.symbols))
        if unknown:
            raise TrainingError(
                f"the model knows {', '.join(self.symbols)} but not {', '.join(unknown)}: train on "
                "frames that have it"
            )


@dataclass(frozen=True, eq=False)
class BatchPrediction:
    """Predictions of a model for several structures.

    Attributes
    ----------
    energies
        Shape (n_structures,), eV.
    forces
        Forces on all atoms, shape (n_atoms, 3), eV/Å.
    stresses
        Shape (n_structures, 3, 3), eV/Å³; meaningless for structures without a cell.
    """

    energies: FloatArray
    forces: FloatArray
    stresses: FloatArray


class CheckpointCalculator(ModelCalculator):
    """Calculator of a model that is not compiled, and takes several structures in one call."""

    def predict_batch(self, structures: list[Atoms]) -> BatchPrediction:
        """Predict several structures in one call of the model."""
        output = self._output(structures)
        stresses = output.get(AtomicDataDict.STRESS_KEY)
        return BatchPrediction(
            energies=_array(output[AtomicDataDict.TOTAL_ENERGY_KEY]).reshape(-1),
            forces=_array(output[AtomicDataDict.FORCE_KEY]),
            stresses=np.full((len(structures), 3, 3), np.nan)
            if stresses is None
            else _array(stresses).reshape(-1, 3, 3),
        )

    def predict_energies(self, structures: list[Atoms]) -> FloatArray:
        """Predict energies in one call of the model, which need not have forces.

        Returns
        -------
        Energies, shape (n_structures,), eV.
        """
        return _array(self._output(structures)[AtomicDataDict.TOTAL_ENERGY_KEY]).reshape(-1)

    def _output(self, structures: list[Atoms]) -> AtomicDataDict.Type:
        bare = [Atoms(a.numbers, a.positions, cell=a.cell, pbc=a.pbc) for a in structures]
        for atoms in bare:
            self._refuse(atoms)
        with torch_default_dtype(_GLOBAL_DTYPE):
            batch = AtomicDataDict.batched_from_list([self.atoms_to_data(a) for a in bare])
            return self.call_model(batch)


def _array(tensor: torch.Tensor) -> FloatArray:
    return tensor.detach().cpu().numpy().astype(float)


def model_calculator(path: Path, device: str | None = None) -> ModelCalculator:
    """Load a model of any kind as an ASE calculator; its name says which kind it is.

    Parameters
    ----------
    path
        A checkpoint (``*.ckpt``), a package (``*.nequip.zip``), or a model compiled for ``ase``
        (``*.nequip.pt2``). Loading the last two runs code in them.
    device
        ``cpu``, ``cuda``, ...; by default a GPU where there is one, but the CPU for a compiled
        model: it runs only on the device that it was compiled for.

    Returns
    -------
    Calculator of energy, forces and stress (eV, eV/Å, eV/Å³).

    Raises
    ------
    TrainingError
        If the file or device does not exist, or the file is no such model.
    """
    if path.name.endswith(CHECKPOINT_SUFFIX):
        return checkpoint_calculator(path, device)
    if path.name.endswith(COMPILED_SUFFIX):
        return compiled_calculator(path, device or "cpu")
    if path.name.endswith(PACKAGE_SUFFIX):
        return packaged_calculator(path, device or _default_device())
    raise TrainingError(
        f"{path} is neither a checkpoint ({CHECKPOINT_SUFFIX}), a package ({PACKAGE_SUFFIX}), nor "
        f"a model compiled for ASE ({COMPILED_SUFFIX})\nWhat to do: name one of these; a training "
        "leaves best.ckpt."
    )


def checkpoint_calculator(checkpoint: Path, device: str | None = None) -> CheckpointCalculator:
    """Load the averaged (EMA) weights of a checkpoint as an ASE calculator.

    Parameters
    ----------
    checkpoint
        ``best.ckpt`` or ``last.ckpt`` of a training.
    device
        ``cpu``, ``cuda``, ...; by default a GPU where there is one.

    Returns
    -------
    Calculator of energy, forces and stress (eV, eV/Å, eV/Å³).

    Raises
    ------
    TrainingError
        If the checkpoint or device does not exist, or if the checkpoint contains anything but a
        model of the libraries used here: loading it could run any code.
    """
    refuse_foreign(checkpoint)
    device = device or _default_device()
    require_device(device)
    with _nequip_state():
        (model,) = ModelFromCheckpoint(str(checkpoint)).values()
        model.eval()
        symbols = model.metadata[graph_model.TYPE_NAMES_KEY].split(" ")
        return CheckpointCalculator(
            model=model,
            device=device,
            transforms=[
                ChemicalSpeciesToAtomTypeMapper(
                    model_type_names=symbols,
                    chemical_species_to_atom_type_map={name: name for name in symbols},
                ),
                NeighborListTransform(r_max=float(model.metadata[graph_model.R_MAX_KEY])),
            ],
        )


def packaged_calculator(package: Path, device: str = "cpu") -> ModelCalculator:
    """Load a packaged model (``*.nequip.zip``) as an ASE calculator; runs the code in it.

    Parameters
    ----------
    package
        A model packed by `package_model` or by ``nequip-package``, such as a foundation model.
    device
        ``cpu``, ``cuda``, ...

    Returns
    -------
    Calculator of energy, forces and stress (eV, eV/Å, eV/Å³).

    Raises
    ------
    TrainingError
        If there is no such file or device, or it is no package that this NequIP can load.
    """
    remedy = "package the model again with this version of NequIP"
    with _nequip_state(), _explained(package, device, remedy):
        return ModelCalculator._from_saved_model(
            package, device, chemical_species_to_atom_type_map=True
        )


def compiled_calculator(path: Path, device: str = "cpu") -> ModelCalculator:
    """Load a model compiled for ``ase`` as an ASE calculator.

    Parameters
    ----------
    path
        ``*.nequip.pt2``; loading it runs code in it.
    device
        The device it was compiled for.

    Returns
    -------
    Calculator of energy, forces and stress (eV, eV/Å, eV/Å³).

    Raises
    ------
    TrainingError
        If there is no such file, or it was compiled for another target or device.
    """
    remedy = "compile the model with target `ase` for this device, with this version of torch"
    with _explained(path, device, remedy):
        return ModelCalculator.from_compiled_model(
            path, device, chemical_species_to_atom_type_map=True
        )


def _default_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _explained(path: Path, device: str, remedy: str) -> Iterator[None]:
    """Check that file and device exist, and explain why a file cannot be loaded."""
    if not path.is_file():
        raise TrainingError(f"{path} does not exist: {remedy}")
    require_device(device)
    try:
        yield
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        raise TrainingError(
            f"{path} cannot be loaded on {device}: {error}\nWhat to do: {remedy}."
        ) from error


@contextmanager
def _nequip_state() -> Iterator[None]:
    """Set the global state that NequIP needs, and restore the earlier one afterwards."""
    numpy_state = np.random.get_state()  # noqa: NPY002 (others may use the global generator)
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    try:
        with torch_default_dtype(_GLOBAL_DTYPE):
            set_global_state()  # also seeds all generators with a constant
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
