"""Packages and compiled models of the variants say what the checkpoint says.

That Allegro's own compiled model does is for test_quickstart, whose tour compiles it anyway;
that NequIP's own does is for test_trial_measurement.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.stress import full_3x3_to_voigt_6_stress
from frame_samples import PROVENANCE
from pymatgen.io.ase import AseAtomsAdaptor

from training.calculator import checkpoint_calculator, compiled_calculator
from training.dataset.builder import build_dataset
from training.dataset.frames import Frame
from training.errors import TrainingError
from training.nequip_runs.deployment import compile_model, package_model
from training.nequip_runs.trainer import train
from training.settings import DatasetSettings, SplitSettings
from training.sources.dataset import DatasetSource
from training.variants.allegro import AllegroSettings
from training.variants.allegro_mlp import AllegroMLPTraining, FinalMLPSettings
from training.variants.allegro_qdi import AllegroQDITraining, QDISettings
from training.variants.nequip import NequIPSettings, NequIPTraining
from workflows.engine import engine_settings, make_engine
from workflows.labelling.document import Provenance, frames_of
from workflows.vasp_rehearsal.potentials import MorsePairs

# A compilation takes half a minute: there are two, of one precision and one target each, and a
# package stands in for a checkpoint in one of them.
DTYPES = {"allegro-mlp": "float64", "allegro-qdi": "float32", "nequip": "float64"}
R_MAX = 4.5
BLOCKED = """
import json, sys
import nequip  # its extensions are imported here, ours among them
for name in [name for name in sys.modules if name.split(".")[0] in ("training", "allegro")]:
    del sys.modules[name]
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("training", "allegro"):
            raise ImportError(f"{name} is not to be used")
sys.meta_path.insert(0, Blocked())
import ase.io
from nequip.integrations.ase import NequIPCalculator
atoms = ase.io.read(sys.argv[1])
for package in sys.argv[2:]:
    atoms.calc = NequIPCalculator._from_saved_model(
        package, device="cpu", chemical_species_to_atom_type_map=True
    )
    print(json.dumps([atoms.get_potential_energy().item(), atoms.get_forces().tolist()]))
"""

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Deployed:
    checkpoint: Path
    package: Path
    compiled: Path


def alloy(rng, repeat, rattle=0.1):
    """Face-centred cubic Cu with a quarter Li, strained and rattled."""
    atoms = bulk("Cu", a=3.9 * rng.uniform(0.97, 1.04), cubic=True).repeat(repeat)
    atoms.numbers[rng.permutation(len(atoms))[: len(atoms) // 4]] = 3
    atoms.positions += rng.normal(size=atoms.positions.shape) * rattle
    return atoms


def frame(atoms, number):
    """Label atoms with a potential for Cu and Li that needs no files."""
    atoms.calc = MorsePairs()
    provenance = {"structure_id": f"alloy-{number}", "trajectory_id": f"alloy-{number}"}
    return Frame(
        numbers=atoms.numbers.astype(np.int64),
        positions=atoms.positions,
        cell=atoms.cell.array,
        energy=atoms.get_potential_energy(),
        forces=atoms.get_forces(),
        stress=atoms.get_stress(voigt=False),
        **{**PROVENANCE, **provenance},
    )


def settings(variant):
    """Return settings of a small model that learns the alloy in seconds."""
    common = {
        "max_epochs": 3,
        "batch_size": 8,
        "learning_rate": 0.02,
        "dtype": DTYPES[variant],
    }
    if variant == "nequip":
        model = NequIPSettings(
            r_max=R_MAX, l_max=1, num_layers=2, num_features=4, radial_mlp_width=4
        )
        return NequIPTraining(model=model, **common)
    model = AllegroSettings(
        r_max=R_MAX, l_max=1, num_layers=1, num_scalar_features=4, num_tensor_features=2,
        edge_mlp_width=4,
    )  # fmt: skip
    if variant == "allegro-mlp":
        mlp = FinalMLPSettings(input_width=4, widths=(8, 8))
        return AllegroMLPTraining(model=model, final_mlp=mlp, **common)
    return AllegroQDITraining(
        model=model, qdi=QDISettings(qubits=2, depth=1, final_mlp_width=4), **common
    )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """Trained, packaged and compiled, two at a time."""
    folder = tmp_path_factory.mktemp("deployed")
    rng = np.random.default_rng(3)
    frames = [[frame(alloy(rng, (1, 1, 2)), number)] for number in range(70)]
    split = SplitSettings(val=0.1, test=0.05)
    build_dataset(frames, DatasetSettings(split=split), folder / "dataset", seed=1)

    def make(variant):
        source, place = DatasetSource(folder / "dataset"), folder / variant
        result = train(settings(variant), source, place, seed=5)
        checkpoint, package = place / result.checkpoint, place / "model.nequip.zip"
        package_model(checkpoint, package)
        compiled = place / "model.nequip.pt2"
        if variant == "allegro-qdi":
            compile_model(package, compiled, "pair_allegro")
        elif variant == "allegro-mlp":
            compile_model(checkpoint, compiled)
        return Deployed(checkpoint, package, compiled)

    longest_first = list(reversed(DTYPES))
    with ThreadPoolExecutor(2) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        return dict(zip(longest_first, pool.map(make, longest_first), strict=True))


@pytest.fixture
def for_ase(deployed):
    return deployed["allegro-mlp"]


@pytest.fixture
def for_lammps(deployed):
    return deployed["allegro-qdi"]


def outputs(atoms, calculator):
    atoms.calc = calculator
    return atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()


def structures():
    """Numbers of atoms and edges other than in training, down to a pair of atoms."""
    rng = np.random.default_rng(8)
    yield from (alloy(rng, repeat) for repeat in ((1, 1, 1), (1, 1, 2), (2, 2, 2), (3, 3, 3)))
    yield Atoms("CuLi", [[0, 0, 0], [2.6, 0.3, 0]], cell=np.eye(3) * 15, pbc=True)


def assert_close(expected, got, relative):
    for one, other in zip(expected, got, strict=True):
        assert np.abs(np.subtract(other, one)).max() <= relative * np.abs(one).max()


def test_compiled_model_agrees_with_the_checkpoint(for_ase):
    eager = checkpoint_calculator(for_ase.checkpoint, "cpu")
    compiled = compiled_calculator(for_ase.compiled)
    for atoms in structures():
        assert_close(outputs(atoms, eager), outputs(atoms, compiled), 1e-5)


def test_each_form_of_a_trained_model_labels_as_an_engine(for_ase):
    """A campaign may name a checkpoint, a package or a compiled model."""
    atoms = alloy(np.random.default_rng(8), (1, 1, 2))
    structure = AseAtomsAdaptor.get_structure(atoms)
    expected = outputs(atoms, checkpoint_calculator(for_ase.checkpoint, "cpu"))
    for model in (for_ase.checkpoint, for_ase.package, for_ase.compiled):
        engine = make_engine(engine_settings(name="nequip", model=model, functional="Morse"))
        document = engine.static.label(structure, Provenance("alloy-1", "bulk", "", ""))
        (frame,) = frames_of(document.as_dict())
        assert (frame.engine, frame.functional) == ("nequip", "Morse")
        stress = full_3x3_to_voigt_6_stress(frame.stress)
        assert_close(expected, (frame.energy, frame.forces, stress), 1e-4)


def test_compiled_model_does_not_mind_torch_default_dtype(for_ase):
    atoms = next(structures())
    expected = outputs(atoms, compiled_calculator(for_ase.compiled))
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        assert_close(expected, outputs(atoms, compiled_calculator(for_ase.compiled)), 1e-10)
    finally:
        torch.set_default_dtype(before)


def test_packages_need_none_of_our_code(deployed, tmp_path):
    atoms = next(structures())
    atoms.write(tmp_path / "atoms.json")
    packages = [made.package for made in deployed.values()]
    command = [sys.executable, "-P", "-c", BLOCKED, tmp_path / "atoms.json", *packages]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()[-len(packages) :]
    for made, line in zip(deployed.values(), lines, strict=True):
        energy, forces = json.loads(line)
        expected = outputs(atoms, checkpoint_calculator(made.checkpoint, "cpu"))
        assert_close(expected[:2], (energy, np.array(forces)), 1e-5)


def test_energy_is_conserved(for_ase):
    atoms = alloy(np.random.default_rng(4), (2, 2, 2), rattle=0.0)
    atoms.calc = compiled_calculator(for_ase.compiled)
    MaxwellBoltzmannDistribution(atoms, temperature_K=600, rng=np.random.default_rng(2))
    dynamics = VelocityVerlet(atoms, timestep=1 * units.fs)
    energies = [atoms.get_total_energy()]
    dynamics.attach(lambda: energies.append(atoms.get_total_energy()))
    dynamics.run(200)
    assert np.ptp(energies) / len(atoms) < 1e-4
    assert atoms.get_temperature() > 100


def test_lammps_sees_the_same_energy_forces_and_virial(for_lammps):
    """As `pair_style allegro` calls it: ghost atoms instead of a cell."""
    from nequip.model.inference_models import load_compiled_model

    compiled, metadata = load_compiled_model(str(for_lammps.compiled), "cpu")
    assert metadata["type_names"] == ["Cu", "Li"]
    eager = checkpoint_calculator(for_lammps.checkpoint, "cpu")
    for atoms in structures():
        energy, forces, virial = as_lammps_asks(compiled, atoms)
        assert_close(outputs(atoms, eager)[:2], (energy, forces), 1e-5)
        stress = -virial / atoms.get_volume()
        assert_close([atoms.get_stress(voigt=False)], [stress], 1e-5)


def as_lammps_asks(compiled, atoms):
    """Energy, forces summed over periodic images, and virial."""
    from nequip.data import AtomicDataDict as Keys

    owner, positions, edges = with_ghosts(atoms)
    said = compiled(
        {
            Keys.POSITIONS_KEY: torch.tensor(positions),
            Keys.EDGE_INDEX_KEY: torch.tensor(edges),
            Keys.ATOM_TYPE_KEY: torch.tensor((atoms.numbers[owner] == 3).astype(np.int64)),
        }
    )
    said = {key: value.detach().numpy() for key, value in said.items()}
    forces = np.zeros((len(atoms), 3))
    np.add.at(forces, owner, said[Keys.FORCE_KEY])
    energy = said[Keys.PER_ATOM_ENERGY_KEY][: len(atoms)].sum()
    return energy, forces, said[Keys.VIRIAL_KEY].reshape(3, 3)


def with_ghosts(atoms):
    """Owner and position of atoms and their periodic images; edges from atoms to both."""
    n = len(atoms)
    shifts = np.array([(0, 0, 0), *(s for s in np.ndindex(5, 5, 5) if s != (2, 2, 2))])
    shifts[1:] -= 2
    owner = np.tile(np.arange(n), len(shifts))
    positions = (shifts @ atoms.cell.array)[:, None] + atoms.positions
    positions = positions.reshape(-1, 3)
    distances = np.linalg.norm(positions[None] - positions[:n, None], axis=-1)
    near = distances < R_MAX
    near[np.arange(n), np.arange(n)] = False
    used = np.unique(np.concatenate([np.arange(n), np.nonzero(near)[1]]))
    return owner[used], positions[used], np.array(np.nonzero(near[:, used]))


def test_torch_sim_batches(for_lammps, tmp_path):
    ts = pytest.importorskip("torch_sim")
    from nequip.integrations.torchsim import NequIPTorchSimCalc

    out = tmp_path / "batch.nequip.pt2"
    compile_model(for_lammps.checkpoint, out, "batch")
    calculator = NequIPTorchSimCalc.from_compiled_model(
        out, chemical_species_to_atom_type_map=True, neighborlist_backend="matscipy"
    )
    batch = list(structures())[:3]
    state = ts.io.atoms_to_state(batch, device=torch.device("cpu"), dtype=torch.float64)
    said = calculator(state)
    eager = checkpoint_calculator(for_lammps.checkpoint, "cpu")
    for index, atoms in enumerate(batch):
        energy, forces, _ = outputs(atoms, eager)
        mine = (state.system_idx == index).numpy()
        got = (said["energy"][index].item(), said["forces"].numpy()[mine])
        assert_close((energy, forces), got, 1e-5)
        stress = said["stress"][index].numpy()
        assert_close([atoms.get_stress(voigt=False)], [stress], 1e-5)


def test_what_is_compiled_for_another_use_is_refused(for_ase, for_lammps):
    with pytest.raises(TrainingError, match="compile the model with target `ase` for this device"):
        compiled_calculator(for_lammps.compiled, "cpu")
    with pytest.raises(TrainingError, match=r"this machine has no device 'cuda:99'"):
        compiled_calculator(for_ase.compiled, "cuda:99")


def test_failure_is_explained_and_leaves_the_earlier_file(tmp_path):
    package, out = tmp_path / "model.nequip.zip", tmp_path / "model.nequip.pt2"
    package.write_bytes(b"cut short")
    out.write_bytes(b"earlier")
    with pytest.raises(TrainingError, match="What to do: see the message above"):
        compile_model(package, out)
    assert out.read_bytes() == b"earlier"
    assert "Error" in (tmp_path / "model.nequip.pt2.log").read_text()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [out.name, f"{out.name}.log", package.name]


def test_what_cannot_be_deployed_is_refused(tmp_path):
    foreign = tmp_path / "foreign.ckpt"
    target = {"training_module": {"_target_": "os.system"}}
    torch.save({"hyper_parameters": {"info_dict": target}}, foreign)
    with pytest.raises(TrainingError, match=r"would run os\.system"):
        package_model(foreign, tmp_path / "model.nequip.zip")
    with pytest.raises(TrainingError, match=r"would run os\.system"):
        compile_model(foreign, tmp_path / "model.nequip.pt2")
    with pytest.raises(TrainingError, match="train first"):
        compile_model(tmp_path / "best.ckpt", tmp_path / "model.nequip.pt2")
    with pytest.raises(TrainingError, match="is a folder, not a checkpoint"):
        package_model(tmp_path, tmp_path / "model.nequip.zip")
    with pytest.raises(TrainingError, match="this machine has no device 'cuda:99'"):
        compile_model(foreign, tmp_path / "model.nequip.pt2", device="cuda:99")
    with pytest.raises(TrainingError, match="does not exist: package the model"):
        compile_model(tmp_path / "model.nequip.zip", tmp_path / "model.nequip.pt2")
    with pytest.raises(TrainingError, match=r"must end in \.nequip\.pt2"):
        compile_model(foreign, tmp_path / "model.pt2")
    with pytest.raises(TrainingError, match="does not exist: compile the model"):
        compiled_calculator(tmp_path / "model.nequip.pt2")
