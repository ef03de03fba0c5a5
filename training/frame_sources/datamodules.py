"""NequIP's view of the sources that are no files of its own kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from nequip.data import AtomicDataDict, from_ase, from_dict
from nequip.data.datamodule import NequIPDataModule
from nequip.data.dataset import AtomicDataset
from omegaconf import DictConfig, OmegaConf
from pydantic import TypeAdapter

from training.dataset.splits import SPLITS, SplitName
from training.frame_sources.molecules import MoleculeSource
from training.frame_sources.settings import SourceSettings, open_source
from training.frame_sources.source import TrainingSource

Data = dict[str, torch.Tensor]


class MoleculeDataset(AtomicDataset):
    """One split; a molecule becomes tensors when it is asked for.

    Parameters
    ----------
    source
        The section that opens the source (`SourceSettings`).
    split
        ``train``, ``val`` or ``test``.
    transforms
        Applied to each molecule.
    """

    def __init__(
        self,
        source: Mapping[str, Any],
        split: SplitName,
        transforms: list[Callable[[Data], Data]] | None = None,
    ) -> None:
        super().__init__(transforms=transforms or [])
        opened = _opened(source)
        if not isinstance(opened, MoleculeSource):
            raise TypeError(f"{source['source']} holds no isolated molecules")
        self._arrays = opened.arrays(split)

    def __len__(self) -> int:
        """Return the number of molecules."""
        return len(self._arrays)

    def _get_data_list(self, indices: Any) -> list[Data]:
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self)))
        return [self._molecule(int(index)) for index in indices]

    def _molecule(self, molecule: int) -> Data:
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


class FrameDataset(AtomicDataset):
    """One split of a source of frames, in memory.

    Parameters
    ----------
    source
        The section that opens the source (`SourceSettings`).
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
        stress: bool,
        transforms: list[Callable[[Data], Data]] | None = None,
    ) -> None:
        super().__init__(transforms=transforms or [])
        exclude = [] if stress else ["stress"]
        self._data = [
            from_ase(frame.to_atoms(), exclude_keys=exclude)
            for frame in _opened(source).frames(split)
        ]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._data)

    def _get_data_list(self, indices: Any) -> list[Data]:
        if isinstance(indices, slice):
            return self._data[indices]
        return [self._data[int(index)] for index in indices]


class MoleculeDataModule(NequIPDataModule):
    """Train, val and test of one source of molecules.

    Parameters
    ----------
    source
        The section that opens the source (`SourceSettings`).
    transforms
        Applied to each molecule.
    **arguments
        As in `NequIPDataModule`: seed, data loaders, statistics.
    """

    def __init__(self, source: Mapping[str, Any], transforms: list[Any], **arguments: Any) -> None:
        splits = _datasets(MoleculeDataset, source, transforms)
        super().__init__(**splits, **arguments)


class FrameDataModule(NequIPDataModule):
    """Train, val and, if it has frames, test of one source of frames.

    Parameters
    ----------
    source
        The section that opens the source (`SourceSettings`).
    stress
        Whether stresses are learnt.
    transforms
        Applied to each frame.
    **arguments
        As in `NequIPDataModule`: seed, data loaders, statistics.
    """

    def __init__(
        self, source: Mapping[str, Any], stress: bool, transforms: list[Any], **arguments: Any
    ) -> None:
        splits = _datasets(FrameDataset, source, transforms, stress=stress)
        super().__init__(**splits, **arguments)


def _opened(source: Mapping[str, Any]) -> TrainingSource:
    section = TypeAdapter(SourceSettings).validate_python(_plain(source))
    return open_source(section, relative_to=Path())


def _plain(section: Mapping[str, Any]) -> Any:
    """Return a section as plain dictionaries; Hydra hands over its own kind, also inside."""
    return OmegaConf.to_container(section) if isinstance(section, DictConfig) else section


def _datasets(
    dataset: type[AtomicDataset], source: Mapping[str, Any], transforms: list[Any], **arguments: Any
) -> dict[str, Any]:
    """Return the configuration of each split's dataset."""
    section = _plain(source)
    return {
        f"{split}_dataset": {
            "_target_": f"{dataset.__module__}.{dataset.__name__}",
            "source": section,
            "split": split,
            "transforms": list(transforms),
            **arguments,
        }
        for split in SPLITS
    }
