"""NequIP data module for sources that NequIP cannot read itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import torch
from nequip.data import AtomicDataDict, from_ase, from_dict
from nequip.data.datamodule import NequIPDataModule
from nequip.data.dataset import AtomicDataset
from omegaconf import DictConfig, OmegaConf

from training.dataset.splits import SPLITS, SplitName
from training.frame_sources.arrays import MoleculeArrays
from training.frame_sources.molecules import MoleculeSource
from training.frame_sources.settings import open_source, source_settings
from training.source import TrainingSource

Data = dict[str, torch.Tensor]


class SourceDataset(AtomicDataset):
    """One split of a source, in memory.

    Parameters
    ----------
    source
        The section that opens the source (`AnySource`).
    split
        ``train``, ``val`` or ``test``.
    stress
        Whether stresses are learnt; NequIP cannot batch frames that differ in having one.
    transforms
        Applied to each frame.
    """

    def __init__(
        self,
        source: Mapping[str, Any],
        split: SplitName,
        stress: bool = False,
        transforms: list[Callable[[Data], Data]] | None = None,
    ) -> None:
        super().__init__(transforms=transforms or [])
        self._frames = _frames(open_source(source_settings(_plain(source)), Path()), split, stress)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def _get_data_list(self, indices: Any) -> list[Data]:
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self)))
        return [self._frames[int(index)] for index in indices]


class SourceDataModule(NequIPDataModule):
    """Train, val and test of one source.

    Parameters
    ----------
    source
        The section that opens the source (`AnySource`).
    transforms
        Applied to each frame.
    stress
        Whether stresses are learnt.
    **arguments
        As in `NequIPDataModule`: seed, data loaders, statistics.
    """

    def __init__(
        self,
        source: Mapping[str, Any],
        transforms: list[Any],
        stress: bool = False,
        **arguments: Any,
    ) -> None:
        splits = {
            f"{split}_dataset": {
                "_target_": f"{__name__}.{SourceDataset.__name__}",
                "source": _plain(source),
                "split": split,
                "stress": stress,
                "transforms": list(transforms),
            }
            for split in SPLITS
        }
        super().__init__(**splits, **arguments)


class _Molecules(Sequence[Data]):
    """Molecules that are converted to tensors on request: a split of QM9 is large."""

    def __init__(self, arrays: MoleculeArrays) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays)

    @overload
    def __getitem__(self, molecule: int) -> Data: ...

    @overload
    def __getitem__(self, molecule: slice) -> list[Data]: ...

    def __getitem__(self, molecule: int | slice) -> Data | list[Data]:
        if isinstance(molecule, slice):
            return [self[index] for index in range(*molecule.indices(len(self)))]
        arrays = self._arrays
        atoms = arrays.atoms_of(molecule)
        data: dict[str, Any] = {
            AtomicDataDict.POSITIONS_KEY: arrays.positions[atoms],
            AtomicDataDict.ATOMIC_NUMBERS_KEY: arrays.numbers[atoms],
            AtomicDataDict.TOTAL_ENERGY_KEY: arrays.energies[molecule],
        }
        if arrays.forces is not None:
            data[AtomicDataDict.FORCE_KEY] = arrays.forces[atoms]
        return from_dict(data)


def _frames(source: TrainingSource, split: SplitName, stress: bool) -> Sequence[Data]:
    if isinstance(source, MoleculeSource):
        return _Molecules(source.arrays(split))
    exclude = [] if stress else ["stress"]
    return [from_ase(frame.to_atoms(), exclude_keys=exclude) for frame in source.frames(split)]


def _plain(section: Mapping[str, Any]) -> Any:
    """Return a section as plain dictionaries; Hydra passes its own kind, also in nested ones."""
    return OmegaConf.to_container(section) if isinstance(section, DictConfig) else section
