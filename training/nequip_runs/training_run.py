"""Inputs and results of a training, and its folder."""

from __future__ import annotations

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cuprolith.hashes import file_sha256, sha256
from cuprolith.staged_file import StagedFile
from training.errors import TrainingError
from training.nequip_runs.nequip_config import nequip_config
from training.settings import TrainingSettings
from training.source import TrainingData

if TYPE_CHECKING:
    from training.source import TrainingSource

INPUTS_FILE = "inputs.json"
RESULT_FILE = "result.json"
_PACKAGES = (
    "torch",
    "lightning",
    "e3nn",
    "nequip",
    "nequip-allegro",
    "pytorch-optimizer",
    "cuprolith",
)
_SHORT_HASH = 8

Count = Annotated[int, Field(ge=0)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        with StagedFile(path) as file:
            file.write(self.model_dump_json(indent=1).encode() + b"\n")
            file.commit()


class TrainingInputs(_Record):
    """Everything that decides the result of a training.

    Attributes
    ----------
    seed
        Of the initial weights and the order of frames.
    dataset
        sha256 of what is trained and validated on.
    versions
        Packages that do the work; ours builds two of the variants.
    config
        The trainer's configuration, without the data module and what is fitted to the data.
    """

    seed: int
    dataset: dict[str, str]
    versions: dict[str, str]
    config: dict[str, Any]

    @property
    def hash(self) -> str:
        """The sha256 of the content."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return sha256(text)

    @property
    def short_hash(self) -> str:
        """Enough of the hash for the name of a folder."""
        return self.hash[:_SHORT_HASH]


class TrainingResult(_Record):
    """A finished training.

    Attributes
    ----------
    input_hash
        Hash of the `TrainingInputs`.
    checkpoint, checkpoint_sha256
        The best epoch's checkpoint, relative to the folder of this file, and its SHA-256; None
        where an earlier version wrote this.
    epochs, max_epochs
        Epochs trained, and asked for; fewer where ``max_time`` ended the training.
    best_epoch
        Epoch with the lowest validation loss, from 0.
    best_val_forces_mae, best_val_per_atom_energy_mae
        Errors on the validation split in that epoch, eV/Å and eV/atom; no force error where
        frames carry energies only.
    n_parameters
        Trainable weights.
    seconds
        Training time, resumed runs added up; start-up is not counted.
    """

    variant: str
    input_hash: str
    seed: int
    checkpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    epochs: Count
    max_epochs: Count
    best_epoch: Count
    best_val_forces_mae: float | None
    best_val_per_atom_energy_mae: float
    n_parameters: Count
    seconds: float
    device: str
    versions: dict[str, str]
    checkpoint_sha256: str | None = None


def training_inputs(
    settings: TrainingSettings, source: TrainingSource, seed: int
) -> TrainingInputs:
    """Gather the inputs of a training, and check that its files exist.

    Raises
    ------
    TrainingError
        If files are missing or changed, or frames lack what the loss counts.
    """
    if not source.has_forces and settings.energy_weight == 0:
        raise TrainingError(
            "`energy_weight` is 0 and the frames carry energies only: nothing to learn from"
        )
    hashes = source.verified_hashes(stress=settings.stress_weight > 0)
    nothing_fitted = TrainingData(
        module={},
        symbols=source.symbols,
        atomic_energies=settings.atomic_energies or dict.fromkeys(source.symbols, 0.0),
        n_train=source.n_frames("train"),
        energy_scale=None if source.has_forces else 1.0,
        has_forces=source.has_forces,
    )
    return TrainingInputs(
        seed=seed,
        dataset=hashes,
        versions={name: metadata.version(name) for name in _PACKAGES},
        # The number of workers does not change the result.
        config=nequip_config(settings.model_copy(update={"num_workers": 0}), nothing_fitted, seed),
    )


def prepare_folder(out_dir: Path, inputs: TrainingInputs) -> None:
    """Make `out_dir` the folder of a training with these inputs.

    Files from the same inputs are kept. Anything else is moved to ``<name>.<hash>`` beside it, and
    moved back when its inputs are used again. A finished training whose ``inputs.json`` is
    damaged is recognised by its result.
    """
    present = stored_inputs(out_dir)
    if present is not None and present.hash == inputs.hash:
        return
    result = stored_result(out_dir)
    if present is None and result is not None and result.input_hash == inputs.hash:
        inputs.write(out_dir / INPUTS_FILE)
        return
    if occupied(out_dir):
        _move_aside(out_dir, present.short_hash if present else "unknown")
    earlier = out_dir.with_name(f"{out_dir.name}.{inputs.short_hash}")
    if (found := stored_inputs(earlier)) is not None and found.hash == inputs.hash:
        shutil.rmtree(out_dir, ignore_errors=True)
        earlier.rename(out_dir)
        return
    out_dir.mkdir(parents=True, exist_ok=True)
    inputs.write(out_dir / INPUTS_FILE)


def occupied(folder: Path) -> bool:
    """Whether a folder contains more than unfinished files of a killed process."""
    return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())


def _move_aside(out_dir: Path, tag: str) -> None:
    place = out_dir.with_name(f"{out_dir.name}.{tag}")
    n = 1
    while place.exists():
        n += 1
        place = out_dir.with_name(f"{out_dir.name}.{tag}.{n}")
    out_dir.rename(place)


def stored_inputs(folder: Path) -> TrainingInputs | None:
    """Return the inputs of the training in a folder; None if they are not known."""
    try:
        return TrainingInputs.model_validate_json((folder / INPUTS_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def stored_result(folder: Path) -> TrainingResult | None:
    """Return the content of ``result.json`` in a folder; None if it is missing or damaged."""
    try:
        return TrainingResult.model_validate_json((folder / RESULT_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def load_result(folder: Path) -> TrainingResult | None:
    """Return the result of the training in a folder; None where it has not finished.

    Raises
    ------
    TrainingError
        If it has, and its checkpoint is missing or damaged; with what to do.
    """
    result = stored_result(folder)
    if result is not None:
        _require_checkpoint(folder, result)
    return result


def _require_checkpoint(folder: Path, result: TrainingResult) -> None:
    path, expected = folder / result.checkpoint, result.checkpoint_sha256
    if not path.is_file():
        problem = "is missing"
    elif expected is not None and file_sha256(path) != expected:
        problem = f"is damaged: its hash is not the one in {RESULT_FILE}"
    else:
        return
    raise TrainingError(
        f"{path} {problem}\n  → restore it from a backup, or train again: move the folder away "
        f"(mv {folder} {folder}.damaged) and run the command that trained it, which starts from "
        f"the beginning ({result.seconds:.0f} s the last time)"
    )
