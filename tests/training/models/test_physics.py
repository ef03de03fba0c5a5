"""What any interatomic potential owes to physics, for all variants, random and trained."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.stats import ortho_group
from variant_models import (
    MODELS,
    NAMES,
    R_MAX,
    SHIFTS,
    alloy,
    build,
    cluster,
    force_rmse,
    predict,
    random_model,
    settings,
    trained_model,
)

from training.quantum.expectations import expectations
from training.variant import VARIANTS

CASES = [(variant, weights) for variant in NAMES for weights in MODELS]


@pytest.fixture(params=CASES, ids=["-".join(case) for case in CASES])
def case(request):
    return request.param


@pytest.fixture
def model(case):
    variant, weights = case
    return MODELS[weights](variant)


@pytest.fixture
def tolerance(case):
    """Of invariance, eV and eV/Å, as the variant promises."""
    return VARIANTS[case[0]].tolerance


@pytest.fixture
def invariant(case):
    """Skip what the variant does not promise."""
    promised = VARIANTS[case[0]].symmetries

    def check(symmetry):
        if symmetry not in promised:
            pytest.skip(f"{case[0]} promises no {symmetry}")

    return check


@pytest.fixture(params=NAMES)
def variant(request):
    return request.param


def test_training_taught_something(variant):
    """Else trained models would be as good as random ones for the tests below."""
    frames = [alloy(seed) for seed in range(6)]
    rmse = [force_rmse(model(variant), frames) for model in (random_model, trained_model)]
    assert rmse[1] < 0.5 * rmse[0]


@pytest.mark.parametrize("determinant", [1, -1])
def test_rotations_and_reflections(model, invariant, tolerance, determinant):
    invariant("rotations" if determinant == 1 else "reflections")
    rotation = ortho_group.rvs(3, random_state=3)
    rotation *= determinant * np.sign(np.linalg.det(rotation))
    atoms, turned = alloy(), alloy()
    turned.set_cell(atoms.cell.array @ rotation.T)
    turned.positions = atoms.positions @ rotation.T
    expected, found = predict(model, atoms), predict(model, turned)
    assert found.energy == pytest.approx(expected.energy, abs=tolerance)
    np.testing.assert_allclose(found.forces, expected.forces @ rotation.T, atol=tolerance)
    stress = rotation @ expected.stress[0] @ rotation.T
    np.testing.assert_allclose(found.stress[0], stress, atol=tolerance)


def test_translations_and_periodic_images(model, invariant, tolerance):
    invariant("translations")
    atoms, moved = alloy(), alloy()
    moved.positions += [0.7, -1.9, 3.3]
    moved.positions[1] += 2 * atoms.cell[0] - atoms.cell[2]
    expected, found = predict(model, atoms), predict(model, moved)
    assert found.energy == pytest.approx(expected.energy, abs=tolerance)
    np.testing.assert_allclose(found.forces, expected.forces, atol=tolerance)
    np.testing.assert_allclose(found.forces.sum(axis=0), 0, atol=tolerance)


def test_permutations(model, invariant, tolerance):
    invariant("permutations")
    atoms = cluster()
    order = np.random.default_rng(2).permutation(len(atoms))
    expected, found = predict(model, atoms), predict(model, atoms[order])
    assert found.energy == pytest.approx(expected.energy, abs=tolerance)
    np.testing.assert_allclose(
        found.atomic_energies, expected.atomic_energies[order], atol=tolerance
    )
    np.testing.assert_allclose(found.forces, expected.forces[order], atol=tolerance)


def test_forces_are_the_gradient_of_the_energy(model):
    atoms, step = alloy(1), 1e-4
    forces = predict(model, atoms).forces
    for atom, axis in [(0, 0), (1, 2), (3, 1)]:
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            energies.append(predict(model, moved).energy)
        slope = (energies[0] - energies[1]) / (2 * step)
        assert forces[atom, axis] == pytest.approx(-slope, abs=1e-6)


def test_stress_is_the_strain_derivative(model):
    atoms, step = alloy(2), 1e-5
    stress = predict(model, atoms).stress[0]
    np.testing.assert_allclose(stress, stress.T, atol=1e-12)
    for i, j in [(0, 0), (2, 2), (0, 1), (1, 2)]:
        energies = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
            energies.append(predict(model, strained).energy)
        slope = (energies[0] - energies[1]) / (2 * step) / atoms.get_volume()
        assert stress[i, j] == pytest.approx(slope, abs=1e-7)


def dimer(distance: float) -> Atoms:
    return Atoms("AlCu", [[0, 0, 0], [0, 0, distance]])


def test_a_dimer_crosses_the_cutoff_smoothly(model):
    apart = predict(model, dimer(R_MAX + 1e-9))
    assert apart.energy == pytest.approx(sum(SHIFTS.values()), abs=1e-14)
    assert not apart.forces.any()
    distances = R_MAX * (1 - np.array([1e-2, 1e-3, 1e-4]))
    bonds, forces = np.empty(3), np.empty(3)
    for k, distance in enumerate(distances):
        touching = predict(model, dimer(distance))
        bonds[k] = abs(touching.energy - apart.energy)
        forces[k] = abs(touching.forces).max()
    # The envelope falls with the third power of what is left to the cutoff, its slope with the
    # second; a factor of 100 and 30 per decade leaves room for the features' own dependence.
    assert (bonds[1:] <= bonds[:-1] / 100 + 1e-14).all()
    assert (forces[1:] <= forces[:-1] / 30 + 1e-13).all()
    assert bonds[-1] < 1e-8
    assert forces[-1] < 1e-5


def test_an_atom_enters_a_neighbourhood_smoothly(model):
    """Energy, and the forces on all other atoms, do not notice the moment of crossing."""
    predictions = []
    for offset in (1e-5, -1e-5):
        atoms = cluster()
        direction = np.array([-1.0, -0.3, -0.2])
        direction /= np.linalg.norm(direction)
        atoms += Atoms("Cu", [atoms.positions[0] + direction * (R_MAX + offset)])
        predictions.append(predict(model, atoms))
    outside, inside = predictions
    assert inside.energy == pytest.approx(outside.energy, abs=1e-4 * 2e-5 + 1e-8)
    np.testing.assert_allclose(inside.forces, outside.forces, atol=1e-3)


def test_a_naive_quantum_layer_would_jump():
    """A control: the circuit's own expectation values, f(0) included, make the energy jump."""
    model = build("allegro-qdi")
    layer = model.model.func.edge_readout.block.circuit
    layer.register_forward_hook(
        lambda layer, inputs, outputs: expectations(layer.circuit, *inputs, layer.weights)
    )
    inside, outside = (predict(model, dimer(R_MAX + shift)).energy for shift in (-1e-9, 1e-9))
    assert abs(inside - outside) > 1e-3


def test_float32_agrees_with_float64(variant):
    double = trained_model(variant)
    single = build(variant, "float32")
    single.load_state_dict(double.state_dict())
    expected, found = predict(double, alloy(4)), predict(single, alloy(4))
    assert found.energy == pytest.approx(expected.energy, rel=1e-5)
    scale = abs(expected.forces).max()
    np.testing.assert_allclose(found.forces, expected.forces, atol=1e-4 * scale)
    np.testing.assert_allclose(found.stress, expected.stress, atol=1e-5)


def test_an_atom_without_edges(model):
    alone = predict(model, Atoms("Al", [[0, 0, 0]]))
    assert alone.energy == SHIFTS["Al"]
    assert not alone.forces.any()
    atoms = cluster()
    crowd = predict(model, atoms)
    found = predict(model, atoms + Atoms("Cu", [[60.0, 0, 0]]))
    assert found.energy - crowd.energy == pytest.approx(SHIFTS["Cu"], abs=1e-12)
    assert not found.forces[-1].any()


def test_a_batch_is_its_frames_alone(model):
    frames = [alloy(0), alloy(1).repeat((2, 1, 1)), bulk("Cu", a=3.7)]
    together = predict(model, *frames)
    alone = [predict(model, atoms) for atoms in frames]
    np.testing.assert_allclose(together.energies, [one.energy for one in alone], atol=1e-10)
    forces = np.concatenate([one.forces for one in alone])
    np.testing.assert_allclose(together.forces, forces, atol=1e-10)
    stresses = np.concatenate([one.stress for one in alone])
    np.testing.assert_allclose(together.stress, stresses, atol=1e-10)


def test_extensive(model):
    atoms = cluster()
    far = atoms.copy()
    far.positions += [50.0, 0, 0]
    one, two = predict(model, atoms), predict(model, atoms + far)
    assert two.energy == pytest.approx(2 * one.energy, abs=1e-10)
    np.testing.assert_allclose(two.forces, np.tile(one.forces, (2, 1)), atol=1e-10)
    cell, supercell = predict(model, alloy()), predict(model, alloy().repeat(2))
    assert supercell.energy == pytest.approx(8 * cell.energy, abs=1e-9)
    np.testing.assert_allclose(supercell.stress, cell.stress, atol=1e-10)


def test_an_atom_s_reach(case, model):
    """An atom's energy depends on atoms within the variant's reach, and on no others."""
    variant = case[0]
    spacing = 0.8 * R_MAX
    n_layers = round(VARIANTS[variant].reach(settings(variant)) / R_MAX)
    chain = Atoms("AlAlAlCuCu", [[spacing * k, 0, 0.1 * k] for k in range(5)])
    moved = chain.copy()
    moved.positions[4] += [0.1, 0.3, -0.2]
    before, after = predict(model, chain), predict(model, moved)
    changes = abs(before.atomic_energies - after.atomic_energies)
    assert changes[: 4 - n_layers].max() < 1e-13
    assert changes[4 - n_layers :].min() > 1e-8
