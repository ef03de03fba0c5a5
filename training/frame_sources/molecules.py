"""Base of the sources of isolated molecules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from training.dataset.frames import Frame
from training.dataset.splits import SplitName
from training.errors import TrainingError
from training.frame_sources.arrays import MoleculeArrays
from training.source import TrainingData


class MoleculeSource(ABC):
    """Splits held as `MoleculeArrays`; the trainer's process opens the same source again.

    Subclasses are dataclasses whose fields are those of the source's settings.

    Attributes
    ----------
    source, functional
        Name of the source in settings, and the level of theory.
    has_forces
        Whether molecules have forces; all have energies.
    directory
        Folder with the downloaded files.
    """

    source: ClassVar[str]
    functional: ClassVar[str]
    has_forces: ClassVar[bool]
    directory: Path
    warnings: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        self.directory = self.directory.resolve()

    @abstractmethod
    def arrays(self, split: SplitName) -> MoleculeArrays:
        """Return a split, in eV and eV/Å.

        Raises
        ------
        TrainingError
            If files are missing or damaged; with what to do.
        """

    @abstractmethod
    def atomic_energies(self) -> Mapping[str, float]:
        """Return the energy each species starts with, eV."""

    @property
    def name(self) -> str:
        """What frames have as ``engine``."""
        return self.source

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in the splits, sorted."""
        return self.arrays("train").symbols

    def n_frames(self, split: SplitName) -> int:
        """Return the number of frames in a split."""
        return len(self.arrays(split))

    def settings(self) -> dict[str, Any]:
        """Return the section (see `AnySource`) that opens this source."""
        arguments = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]  # subclasses are dataclasses
        return {"source": self.source, **arguments, "directory": str(self.directory)}

    def elements(self, split: SplitName) -> frozenset[str]:
        """Return the chemical symbols in a split."""
        return frozenset(self.arrays(split).symbols)

    def place(self, split: SplitName) -> str:
        """Return the source and its folder."""
        return f"{split} of {self.name} ({self.directory})"

    def structures(self, split: SplitName) -> Iterator[Atoms]:
        """Yield the molecules of a split, without labels."""
        arrays = self.arrays(split)
        for atoms in map(arrays.atoms_of, range(len(arrays))):
            yield Atoms(arrays.numbers[atoms], arrays.positions[atoms])

    def verified_hashes(self, *, stress: bool) -> dict[str, str]:
        """Return the sha256 of what is trained and validated on.

        The same molecules have the same hash, whatever files they were read from.

        Raises
        ------
        TrainingError
            As :meth:`arrays`, or if a stress is asked for: isolated molecules have none.
        """
        if stress:
            raise TrainingError(f"{self.name} holds isolated molecules: set `stress_weight: 0`")
        return {split: self.arrays(split).sha256 for split in ("train", "val")}

    def training_data(
        self, *, stress: bool, atomic_energies: Mapping[str, float] | None = None
    ) -> TrainingData:
        """Return a data module that opens this source, and the energies species start with."""
        train = self.arrays("train")
        energies = atomic_energies or self.atomic_energies()
        return TrainingData(
            module={
                "_target_": "training.frame_sources.datamodules.SourceDataModule",
                "source": self.settings(),
            },
            symbols=self.symbols,
            atomic_energies=energies,
            n_train=len(train),
            energy_scale=None if self.has_forces else _energy_scale(train, energies),
            has_forces=self.has_forces,
        )

    def frames(self, split: SplitName) -> Iterator[Frame]:
        """Yield the frames of a split.

        Raises
        ------
        TrainingError
            If the molecules carry energies only.
        """
        arrays = self.arrays(split)
        if arrays.forces is None:
            raise TrainingError(f"{self.name} has no forces: evaluate energies only")
        for molecule, index in enumerate(arrays.index.tolist()):
            atoms = arrays.atoms_of(molecule)
            yield Frame(
                numbers=arrays.numbers[atoms].astype(np.int64),
                positions=arrays.positions[atoms],
                cell=np.zeros((3, 3)),
                pbc=(False, False, False),
                energy=float(arrays.energies[molecule]),
                forces=arrays.forces[atoms],
                stress=None,
                structure_id=self.name,
                family="molecule",
                trajectory_id=self.name,
                step=index,
                engine=self.name,
                functional=self.functional,
                config_hash="",
            )


def _energy_scale(arrays: MoleculeArrays, atomic_energies: Mapping[str, float]) -> float:
    """RMS, over molecules, of the energy per atom beyond the atomic energies, eV; 6 digits."""
    per_number = np.zeros(int(arrays.numbers.max()) + 1)
    for number in np.unique(arrays.numbers):
        per_number[number] = atomic_energies[chemical_symbols[number]]
    starts = np.cumsum(arrays.n_atoms) - arrays.n_atoms
    beyond = arrays.energies - np.add.reduceat(per_number[arrays.numbers], starts)
    return float(f"{np.sqrt(np.mean((beyond / arrays.n_atoms) ** 2)):.6g}")
