"""Revised MD17: ten molecules, 100,000 configurations each, PBE/def2-SVP.

Christensen and von Lilienfeld, Mach. Learn.: Sci. Technol. 1, 045018 (2020),
https://doi.org/10.6084/m9.figshare.12672038.v3 (CC0).
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import constants

from cuprolith.arrays import IntArray
from cuprolith.settings import Listed
from training.dataset.atomic_energies import fit_atomic_energies
from training.dataset.splits import SplitName
from training.errors import TrainingError
from training.frame_sources.arrays import MoleculeArrays
from training.frame_sources.molecules import MoleculeSource
from training.settings import Count
from training.source import FolderSourceSettings, OnProgress, Source
from training.sources.rmd17.molecule_names import Molecule

# Exact by definition of the units. NequIP's own data module rounds to 0.0433641: a relative error
# of 1e-7, which shifts all energies of aspirin by 1.7 meV, and their differences negligibly.
KCAL_PER_MOL = constants.kilo * constants.calorie / (constants.Avogadro * constants.e)

_Arrays = dict[str, NDArray[Any]]


class RMD17SourceSettings(FolderSourceSettings):
    """One molecule of rMD17; see `RMD17Source`."""

    source: Literal["rmd17"] = "rmd17"
    directory: Annotated[Path, Listed] = Field(description="folder with the downloaded files")
    molecule: Molecule = Field(description="molecule of rMD17")
    split: Annotated[int, Field(ge=1, le=5)] = Field(
        default=1, description="number of the official split"
    )
    n_train: Count = Field(default=950, description="configurations to train on")
    n_val: Count = Field(default=50, description="configurations to validate on")

    @property
    def dataset_name(self) -> str:
        """The molecule."""
        return self.molecule

    def paper_dataset(self, symbols: Sequence[str]) -> str | None:
        """Name the molecule, if it is one of the paper's."""
        return self.molecule if self.molecule in ("aspirin", "benzene") else None


@dataclass(eq=False)
class RMD17Source(MoleculeSource):
    """One molecule in one of the five official splits of 1000 + 1000 configurations.

    The first `n_train` configurations of the official training set, in its own (random) order,
    are trained on and the next `n_val` validate; the official test set is the test set.

    Parameters
    ----------
    directory
        Holds either what ``rmd17.tar.bz2`` unpacks to (``npz_data/``, ``splits/``; in a folder
        ``rmd17`` or not), or the files ``rmd17_<molecule>_{train,test}_<split>.npz``.
    molecule
        One of the ten.
    split
        From 1 to 5.
    n_train, n_val
        Together at most 1000.
    """

    source: ClassVar[str] = "rmd17"
    has_forces: ClassVar[bool] = True
    functional: ClassVar[str] = "PBE/def2-SVP"

    directory: Path
    molecule: Molecule
    split: int = 1
    n_train: int = 950
    n_val: int = 50

    @property
    def name(self) -> str:
        """``rmd17-<molecule>``."""
        return f"rmd17-{self.molecule}"

    def arrays(self, split: SplitName) -> MoleculeArrays:
        """Return a split, in eV and eV/Å; raises as `MoleculeSource.arrays`."""
        if split == "test":
            return self._official_test
        official = self._official_train
        if self.n_train + self.n_val > len(official):
            raise TrainingError(
                f"n_train + n_val = {self.n_train + self.n_val}: the official training set of "
                f"{self.name} has {len(official)} configurations"
            )
        order = np.arange(self.n_train + self.n_val)
        return official.subset(order[: self.n_train] if split == "train" else order[self.n_train :])

    def atomic_energies(self) -> Mapping[str, float]:
        """Fit them to the training frames: one composition, so the solution of least norm."""
        return fit_atomic_energies(self.frames("train"), self.symbols)

    @cached_property
    def _official_train(self) -> MoleculeArrays:
        return self._official("train")

    @cached_property
    def _official_test(self) -> MoleculeArrays:
        return self._official("test")

    def _official(self, part: str) -> MoleculeArrays:
        alone = self.directory / f"rmd17_{self.molecule}_{part}_{self.split:02d}.npz"
        if alone.is_file():
            return _molecule_arrays(_read_npz(alone), None)
        for folder in (self.directory, self.directory / "rmd17"):
            path = folder / "npz_data" / f"rmd17_{self.molecule}.npz"
            indices = folder / "splits" / f"index_{part}_{self.split:02d}.csv"
            if path.is_file() and indices.is_file():
                chosen = np.loadtxt(indices, dtype=np.int64, ndmin=1)
                return _molecule_arrays(_read_npz(path), chosen)
        raise TrainingError(
            f"{self.directory} holds neither {alone.name} nor npz_data/rmd17_{self.molecule}.npz "
            f"with splits/index_{part}_{self.split:02d}.csv: run `cuprolith download rmd17 --to "
            f"{self.directory}`, or put the files of "
            "https://doi.org/10.6084/m9.figshare.12672038.v3 there"
        )


def _read_npz(path: Path) -> _Arrays:
    names = ("nuclear_charges", "coords", "energies", "forces", "old_indices")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path} is not a file of rMD17 ({error}): download it again"
        ) from error


def _molecule_arrays(data: _Arrays, chosen: IntArray | None) -> MoleculeArrays:
    if chosen is not None:
        data = data | {
            name: data[name][chosen] for name in ("coords", "energies", "forces", "old_indices")
        }
    n_frames, n_atoms, _ = data["coords"].shape
    return MoleculeArrays(
        index=data["old_indices"].astype(np.int64),
        n_atoms=np.full(n_frames, n_atoms, dtype=np.int64),
        numbers=np.tile(data["nuclear_charges"].astype(np.uint8), n_frames),
        positions=data["coords"].astype(np.float64).reshape(-1, 3),
        energies=cast(NDArray[np.float64], data["energies"] * KCAL_PER_MOL),
        forces=(data["forces"] * KCAL_PER_MOL).reshape(-1, 3),
    )


def _open(settings: RMD17SourceSettings, relative_to: Path) -> RMD17Source:
    arguments = settings.model_dump(exclude={"source", "directory"})
    return RMD17Source(relative_to / settings.directory, **arguments)


def _download(directory: Path, report: OnProgress) -> None:
    from training.sources.rmd17.archive import download_rmd17

    download_rmd17(directory, report)


SOURCE = Source("rmd17", RMD17SourceSettings, _open, _download)
