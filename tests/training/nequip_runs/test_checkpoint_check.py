import os

import pytest
import torch

from training.errors import TrainingError
from training.nequip_runs.checkpoint_check import refuse_foreign
from training.nequip_runs.nequip_process import run_nequip_train
from training.variant import VARIANTS, model_config


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("hidden", ["pickled", "configured"])
def test_a_training_does_not_go_on_from_a_stranger_s_checkpoint(hidden, tmp_path):
    trap = tmp_path / "trap"
    content = {"epoch": 1, "state_dict": {}, "hyper_parameters": {}}
    if hidden == "pickled":
        content["note"] = RunsCode(trap)
    else:
        content["hyper_parameters"]["model"] = [{"_target_": "os.mkdir", "name": str(trap)}]
    torch.save(content, tmp_path / "last.ckpt")
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(TrainingError, match=r"last\.ckpt .*remove this file"):
        run_nequip_train(tmp_path, 1, None)
    assert not trap.exists()
    assert not (tmp_path / "nequip-train.log").read_bytes()  # no trainer was started


@pytest.mark.parametrize(
    "content", [[1, 2], {}, {"hyper_parameters": 3}, torch.zeros(2), "text"], ids=repr
)
def test_any_other_file_of_pytorch_is_no_checkpoint_or_harmless(content, tmp_path):
    torch.save(content, tmp_path / "last.ckpt")
    if content == {"hyper_parameters": 3}:
        refuse_foreign(tmp_path / "last.ckpt")
        return
    with pytest.raises(TrainingError, match="not a checkpoint of a training"):
        refuse_foreign(tmp_path / "last.ckpt")


def test_a_folder_in_place_of_a_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match="is a folder"):
        refuse_foreign(tmp_path)


@pytest.mark.parametrize(
    "target", ["training.models.AllegroQDIModel", "training.no_such.module.Model"]
)
def test_a_checkpoint_of_another_version_is_refused_with_what_to_do(target, tmp_path):
    content = {"state_dict": {}, "hyper_parameters": {"model": {"_target_": target}}}
    torch.save(content, tmp_path / "best.ckpt")
    with pytest.raises(
        TrainingError, match=r"another version .* training\..* no longer exists.* or train again"
    ):
        refuse_foreign(tmp_path / "best.ckpt")


@pytest.mark.parametrize("variant", VARIANTS.entries)
def test_the_builders_of_all_variants_are_trusted(variant, tmp_path):
    target = model_config(VARIANTS[variant].settings())["_target_"]
    content = {"state_dict": {}, "hyper_parameters": {"model": {"_target_": target}}}
    torch.save(content, tmp_path / "best.ckpt")
    refuse_foreign(tmp_path / "best.ckpt")


@pytest.mark.parametrize(
    ("target", "trusted"),
    [
        ("torch.optim.Adam", True),
        ("pytorch_optimizer.SOAP", True),
        ("pytorch_optimizer.create_optimizer", False),
        ("a_stranger.SOAP", False),
    ],
)
def test_only_known_optimizers_are_trusted(target, trusted, tmp_path):
    content = {"state_dict": {}, "hyper_parameters": {"optimizer": {"_target_": target}}}
    torch.save(content, tmp_path / "last.ckpt")
    if trusted:
        refuse_foreign(tmp_path / "last.ckpt")
        return
    with pytest.raises(TrainingError, match=f"would run {target}: refused"):
        refuse_foreign(tmp_path / "last.ckpt")
