"""NequIP's view of the sources of isolated molecules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from nequip.data import AtomicDataDict, from_dict
from nequip.data.datamodule import NequIPDataModule
from nequip.data.dataset import AtomicDataset
from omegaconf import DictConfig, OmegaConf
from pydantic import TypeAdapter

from training.sources.molecules import MoleculeSource
from training.sources.settings import SourceSettings, open_source
from training.splits import SplitName

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
        section = TypeAdapter(SourceSettings).validate_python(dict(source))
        opened = open_source(section, relative_to=Path())
        if not isinstance(opened, MoleculeSource):
            raise TypeError(f"{section.source} holds no isolated molecules")
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


class MoleculeDataModule(NequIPDataModule):
    """Train, val and test of one source.

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
        section = OmegaConf.to_container(source) if isinstance(source, DictConfig) else source
        splits = {
            f"{split}_dataset": {
                "_target_": "training.sources.datamodules.MoleculeDataset",
                "source": section,
                "split": split,
                "transforms": list(transforms),
            }
            for split in ("train", "val", "test")
        }
        super().__init__(**splits, **arguments)
