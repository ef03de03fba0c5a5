"""Engines that are ASE calculators: their settings, identity, device and files."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.emt import EMT
from monty.json import MontyDecoder, MontyEncoder
from pydantic import ValidationError

from cuprolith.errors import CuprolithError
from workflows.engine import ENGINES, engine_settings, make_engine
from workflows.engines.diep import DiepSettings
from workflows.engines.emt import EmtSettings
from workflows.engines.mace import MaceSettings
from workflows.engines.nequip import NequipSettings
from workflows.labelling.calculator_engine import device_of, loaded_calculator, own_torch_settings
from workflows.labelling.document import Provenance, frames_of

PROVENANCE = Provenance("slab-1", "slab", "1 0 0", "")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "foundation.model"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def fake_mace(monkeypatch):
    """A module in the place of mace-torch, whose calculator is EMT and notes its arguments."""
    calls = []

    class MACECalculator(EMT):
        def __init__(self, **arguments):
            super().__init__()
            calls.append(arguments | {"dtype": torch.get_default_dtype()})

    package, calculators = types.ModuleType("mace"), types.ModuleType("mace.calculators")
    package.__spec__ = types.SimpleNamespace(origin=None)
    calculators.MACECalculator = MACECalculator
    monkeypatch.setitem(sys.modules, "mace", package)
    monkeypatch.setitem(sys.modules, "mace.calculators", calculators)
    from importlib import metadata

    version = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "0.3.0" if name == "mace-torch" else version(name)
    )
    return calls


def test_emt_labels_are_emts_and_called_simulated(slab):
    engine = make_engine(EmtSettings())
    (frame,) = frames_of(engine.static.label(slab, PROVENANCE).as_dict())
    atoms = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
    atoms.calc = EMT()
    assert frame.energy == atoms.get_potential_energy()
    np.testing.assert_array_equal(frame.forces, atoms.get_forces())
    assert (frame.engine, frame.functional) == ("emt", "EMT")
    assert engine.simulated
    assert engine.simulated_by.startswith("simulated: ")


def test_emt_says_which_elements_it_does_not_know():
    (note,) = ENGINES["emt"].unfit(EmtSettings(), ["Li", "Cu"], [])
    assert note.startswith("emt knows no Li (")
    assert ENGINES["emt"].unfit(EmtSettings(), ["Cu", "Au"], []) == []


def test_emt_does_not_load_torch():
    code = (
        "import sys\n"
        "from ase.build import bulk\n"
        "from workflows.engines.emt import EmtSettings as S\n"
        "from workflows.labelling.calculator_engine import loaded_calculator, own_torch_settings\n"
        "with own_torch_settings(S()):\n"
        "    atoms = bulk('Cu'); atoms.calc = loaded_calculator(S()); atoms.get_forces()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_mace_that_is_not_installed_says_how_to_install_it(model):
    with pytest.raises(CuprolithError, match="no Python package 'mace-torch'") as caught:
        make_engine(MaceSettings(model=model))
    assert "pip install mace-torch" in caught.value.remedy
    (check,) = ENGINES["mace"].checks(None)
    assert (check.status, check.remedy) == ("note", "pip install mace-torch")
    (check,) = ENGINES["mace"].checks(MaceSettings(model=model))
    assert check.status == "missing"


def test_mace_is_loaded_with_file_device_precision_and_head(model, fake_mace, slab):
    settings = MaceSettings(model=model, functional="PBE", head="omat_pbe")
    engine = make_engine(settings)
    assert engine.functional == "PBE"
    assert "mace-torch 0.3.0, foundation.model" in engine.simulated_by
    document = engine.static.label(slab, PROVENANCE)
    assert (document.engine, document.functional) == ("mace", "PBE")
    assert fake_mace == [
        {
            "model_paths": str(model), "device": "cpu", "default_dtype": "float64",
            "head": "omat_pbe", "dtype": torch.float64,
        }
    ]  # fmt: skip
    assert torch.get_default_dtype() == torch.float32


def test_a_model_is_known_by_its_content_not_by_its_place(tmp_path, model):
    def config_hash(path, **others):
        return make_engine(NequipSettings(model=path, **others)).config_hash

    first, second = tmp_path / "a.nequip.zip", tmp_path / "b.nequip.zip"
    first.write_bytes(b"one")
    second.write_bytes(b"one")
    assert config_hash(first) == config_hash(second)
    assert config_hash(first) == config_hash(first, device="cuda")
    assert config_hash(first) == config_hash(first, relax={"fmax": 0.1})
    assert config_hash(first) != config_hash(first, functional="PBE")
    second.write_bytes(b"two")
    assert config_hash(first) != config_hash(second)


@pytest.mark.parametrize(
    ("name", "loader"),
    [
        ("best.ckpt", "training.calculator.checkpoint_calculator"),
        ("m.nequip.zip", "training.calculator.packaged_calculator"),
        ("m.nequip.pt2", "training.calculator.compiled_calculator"),
    ],
)
def test_nequip_loads_checkpoints_packages_and_compiled_models(tmp_path, monkeypatch, name, loader):
    calls = []
    monkeypatch.setattr(loader, lambda path, device: calls.append((path, device)) or EMT())
    settings = NequipSettings(model=tmp_path / name)
    calculator = loaded_calculator(settings)
    assert loaded_calculator(settings.model_copy(update={"task": "static"})) is calculator
    assert calls == [(tmp_path / name, "cpu")]


def test_nequip_refuses_other_files(tmp_path):
    with pytest.raises(ValidationError, match="neither a checkpoint"):
        NequipSettings(model=tmp_path / "model.pth")


def test_device_is_found_or_refused(monkeypatch):
    devices = {name: DiepSettings(device=name) for name in ("auto", "cpu", "cuda")}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [device_of(each) for each in devices.values()] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of(devices["auto"]) == "cpu"
    with pytest.raises(CuprolithError, match="no GPU") as caught:
        device_of(devices["cuda"])
    assert caught.value.key == "engine.device"
    (check,) = ENGINES["diep-r2scan"].checks(devices["cuda"])
    assert check.status == "missing"
    runs_on = {name: make_engine(each).runs_on for name, each in devices.items()}
    assert runs_on == {"auto": "cpu", "cpu": "cpu", "cuda": "gpu"}


@pytest.mark.parametrize(("device", "threads"), [("cpu", 1), ("cuda", 3)])
def test_one_thread_only_where_bits_must_repeat(monkeypatch, device, threads):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with own_torch_settings(DiepSettings(device=device)):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_each_engine_takes_its_own_keys_only(model):
    assert engine_settings().name == "diep-r2scan"
    assert engine_settings(name="mace", model=model).model == model
    with pytest.raises(ValidationError, match=r"vasp\n.*Extra inputs"):
        engine_settings(name="diep-r2scan", vasp={})
    with pytest.raises(ValidationError, match="must be one of chgnet-r2scan, diep-r2scan"):
        engine_settings(name="vapor")


def test_jobs_with_a_models_path_travel_as_json(tmp_path):
    path = tmp_path / "m.nequip.zip"
    path.write_bytes(b"one")
    maker = make_engine(NequipSettings(model=path, functional="PBE", melt_quench={})).melt_quench
    again = json.loads(json.dumps(maker, cls=MontyEncoder), cls=MontyDecoder)
    assert again == maker
    assert again.calculator.model == path
