"""Our kernel ridge as a peer: ``python -m … DATASET SEED OUT.npz`` fits it and writes a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from analysis.kernel_baseline.features import Features
from analysis.kernel_baseline.fit import fit_kernel
from analysis.kernel_baseline.kernel_ridge import Design, KernelModel
from tests.benchmarks.race.commands import R_MAX
from training.dataset.extxyz import read_frames


class KernelCalculator(Calculator):
    """Energy and forces of a fitted kernel model, with energies of the species added."""

    implemented_properties = ("energy", "forces")

    def __init__(self, model: KernelModel, species_energies: dict[int, float]) -> None:
        super().__init__()
        self._model = model
        self._species_energies = species_energies

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = None,
        system_changes: Any = all_changes,
    ) -> None:
        """Compute energy and forces."""
        super().calculate(atoms, properties, system_changes)
        energy, forces = self._model.predict(self.atoms)
        energy += sum(self._species_energies[number] for number in self.atoms.numbers)
        self.results = {"energy": energy, "forces": forces}


def fit(dataset: Path, seed: int, out: Path) -> None:
    """Fit to a dataset and write the model."""
    train, val = (read_frames(dataset / f"{split}.extxyz") for split in ("train", "val"))
    fitted = fit_kernel(train, val, R_MAX, seed)
    design = fitted.model.design
    np.savez(
        out,
        species=fitted.baselines.species,
        species_energies=fitted.baselines.species_energies,
        coefficients=fitted.model.coefficients,
        **{f"sparse_{number}": rows for number, rows in design.sparse.items()},
    )


def load(path: Path) -> KernelCalculator:
    """Load what `fit` wrote."""
    with np.load(path) as arrays:
        species = arrays["species"].tolist()
        sparse = {number: arrays[f"sparse_{number}"] for number in species}
        energies = dict(zip(species, arrays["species_energies"].tolist(), strict=True))
        coefficients = arrays["coefficients"]
    design = Design(Features(species, R_MAX), sparse)
    return KernelCalculator(KernelModel(design, coefficients), energies)


if __name__ == "__main__":
    fit(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
