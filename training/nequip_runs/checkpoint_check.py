"""Check a checkpoint before it is loaded: loading can run any code that it names."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.nequip_runs.nequip_config import BEST_CHECKPOINT
from training.source import SOURCES
from training.variant import VARIANTS

# What a checkpoint may name to be built on loading.
_TRUSTED = (
    "allegro.model.",
    "allegro.nn.",
    "lightning.",
    "nequip.data.",
    "nequip.model.",
    "nequip.nn.",
    "nequip.train.",
    "pytorch_optimizer.SOAP",
    "torch.optim.",
    "torch.utils.data.DataLoader",
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
    """Check that a checkpoint names only the libraries used here, before it is loaded.

    Packages that define a registered variant or source count as such: what they contain runs
    whenever settings are read.

    Raises
    ------
    TrainingError
        If the checkpoint does not exist, would run other code, or was trained with another
        version of Cuprolith, whose models are elsewhere.
    """
    import torch

    if checkpoint.is_dir():
        raise TrainingError(
            f"{checkpoint} is a folder, not a checkpoint: name the file in it, such as "
            f"{checkpoint / BEST_CHECKPOINT}"
        )
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        targets = list(dict.fromkeys(_targets(content["hyper_parameters"])))
    except FileNotFoundError as error:
        raise TrainingError(f"{checkpoint} does not exist: train first") from error
    except _NOT_A_CHECKPOINT as error:
        # Not PyTorch's own message: it explains how to load the file anyway.
        raise TrainingError(
            f"{checkpoint} is not a checkpoint of a training: it is damaged, or contains "
            "more than numbers and settings"
        ) from error
    registered = _registered()
    for target in targets:
        if not target.startswith((*_TRUSTED, *registered)):
            raise TrainingError(f"{checkpoint} would run {target}: refused")
        if target.startswith(registered) and not _exists(target):
            raise TrainingError(
                f"{checkpoint} was trained with another version of this software: {target} no "
                "longer exists. Use that version (inputs.json beside it names it), or train again"
            )


def _registered() -> tuple[str, ...]:
    """Prefixes of what the packages of all variants and sources contain."""
    sections = [entry.settings for entry in (*VARIANTS, *SOURCES)]
    return tuple({f"{section.__module__.partition('.')[0]}." for section in sections})


def _exists(target: str) -> bool:
    module, _, name = target.rpartition(".")
    try:
        return hasattr(import_module(module), name)
    except ModuleNotFoundError:
        return False


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
