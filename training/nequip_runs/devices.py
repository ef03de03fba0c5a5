"""Check that this machine has a device."""

from __future__ import annotations

from training.errors import TrainingError


def require_device(device: str) -> None:
    """Check that torch can compute on a device of this machine.

    Parameters
    ----------
    device
        ``cpu``, ``cuda``, ``cuda:1``, ...

    Raises
    ------
    TrainingError
        If there is no such device; with those there are.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = ["cpu", *(f"cuda:{i}" for i in range(gpus))]
    if torch.backends.mps.is_available():
        names.append("mps")
    if device not in {*names, *(name.partition(":")[0] for name in names)}:
        raise TrainingError(
            f"this machine has no device {device!r}; it has {', '.join(names)}"
            + (
                ""
                if gpus
                else " (torch sees no GPU: `nvidia-smi` shows whether one is there, and "
                "torch must be a CUDA build)"
            )
        )
