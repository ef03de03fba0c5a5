import pytest
import torch

from training.errors import TrainingError
from training.nequip_runs.devices import require_device


def test_the_processor_is_always_there():
    require_device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cpu:7", "cuda:99", "cuda:-1", "CPU", "meta"])
def test_devices_that_are_not_there(device):
    with pytest.raises(TrainingError, match=r"this machine has no device .*; it has cpu"):
        require_device(device)


def test_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "cuda:0"):
        with pytest.raises(TrainingError, match="nvidia-smi"):
            require_device(device)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device in ("cuda", "cuda:0", "cuda:1"):
        require_device(device)
    with pytest.raises(TrainingError, match="it has cpu, cuda:0, cuda:1"):
        require_device("cuda:2")
