"""Checking a checkpoint before it is loaded: loading one can run any code that it names."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.nequip_runs.nequip_config import BEST_CHECKPOINT
from training.nequip_runs.training_run import TrainingError

# What a checkpoint may name to be built on loading.
_TRUSTED = (
    "allegro.model.",
    "allegro.nn.",
    "lightning.",
    "nequip.data.",
    "nequip.nn.",
    "nequip.train.",
    "torch.optim.",
    "torch.utils.data.DataLoader",
    "training.",
)
# What PyTorch raises on other files, on damaged ones, and on pickles of anything but tensors.
_NOT_A_CHECKPOINT = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
)


def refuse_foreign(checkpoint: Path) -> None:
    """Check that a checkpoint names nothing but the libraries used here, before it is loaded.

    Raises
    ------
    TrainingError
        If there is no such checkpoint, or it would run other code.
    """
    import torch

    if checkpoint.is_dir():
        raise TrainingError(
            f"{checkpoint} is a folder, not a checkpoint: name the file in it, such as "
            f"{checkpoint / BEST_CHECKPOINT}"
        )
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        foreign = [
            target
            for target in _targets(content["hyper_parameters"])
            if not target.startswith(_TRUSTED)
        ]
    except FileNotFoundError as error:
        raise TrainingError(f"{checkpoint} does not exist: train first") from error
    except _NOT_A_CHECKPOINT as error:
        # Not PyTorch's own words: they name a way to load it all the same.
        raise TrainingError(
            f"{checkpoint} is no checkpoint of a training: it is damaged, or holds more than "
            "numbers and settings"
        ) from error
    if foreign:
        raise TrainingError(f"{checkpoint} would run {foreign[0]}: refused")


def _targets(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        for key, value in config.items():
            if key == "_target_":
                yield str(value)
            else:
                yield from _targets(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _targets(value)
