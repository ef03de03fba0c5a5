"""The evaluation against sums written out by hand."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.baselines import fit_baselines
from analysis.evaluation import Errors, Evaluation, evaluate, evaluate_training
from training.dataset.extxyz import iter_frames
from training.predictions import Predictions


@dataclass
class Labels:
    numbers: np.ndarray
    energy: float
    forces: np.ndarray
    family: str = "bulk"


def random_predictions(seed, n_frames=12, noise=0.1):
    rng = np.random.default_rng(seed)
    n_atoms = rng.integers(1, 7, size=n_frames)
    total = int(n_atoms.sum())
    energies = rng.normal(size=n_frames) - 3.0 * n_atoms
    forces = rng.normal(size=(total, 3))
    stresses = rng.normal(size=(n_frames, 3, 3))
    stresses[rng.random(n_frames) < 0.3] = np.nan
    return Predictions(
        structure_id=np.array([f"s-{index}" for index in range(n_frames)], dtype=str),
        free_mask=np.ones(total, dtype=bool),
        n_atoms=n_atoms,
        family=rng.choice(["bulk", "slab", "interface"], size=n_frames),
        numbers=rng.choice([3, 29], size=total),
        energy_reference=energies,
        energy_predicted=energies + noise * rng.normal(size=n_frames),
        forces_reference=forces,
        forces_predicted=forces + noise * rng.normal(size=forces.shape),
        stress_reference=stresses,
        stress_predicted=stresses + noise * rng.normal(size=stresses.shape),
    )


def training_frames(seed=99):
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(20):
        numbers = rng.choice([3, 29], size=rng.integers(1, 7))
        forces = rng.normal(size=(len(numbers), 3))
        frames.append(Labels(numbers, float(rng.normal() - 3 * len(numbers)), forces))
    return frames


def frames_of(predictions):
    """Frame by frame: family, numbers, and (reference, predicted) energies and forces."""
    ends = np.cumsum(predictions.n_atoms)
    for i, (start, end) in enumerate(zip(ends - predictions.n_atoms, ends, strict=True)):
        yield (
            predictions.family[i],
            predictions.numbers[start:end],
            (predictions.energy_reference[i], predictions.energy_predicted[i]),
            (predictions.forces_reference[start:end], predictions.forces_predicted[start:end]),
        )


VECTORS = st.integers(1, 20).flatmap(
    lambda n: arrays(np.float64, (n, 3), elements=st.floats(-1e3, 1e3))
)


@given(VECTORS)
def test_errors_are_per_component_and_keep_their_order(residuals):
    errors, plain = Errors.of(residuals), residuals.ravel().tolist()
    mae = math.fsum(map(abs, plain)) / len(plain)
    rmse = math.sqrt(math.fsum(r * r for r in plain) / len(plain))
    assert errors.mae == pytest.approx(mae, rel=1e-12, abs=1e-12)
    assert errors.rmse == pytest.approx(rmse, rel=1e-12, abs=1e-12)
    assert errors.largest == max(map(abs, plain))
    assert errors.mae <= errors.rmse * (1 + 1e-12) + 1e-12


@given(VECTORS, st.integers(0, 2**32 - 1))
def test_errors_of_rotated_vectors(residuals, seed):
    """The component MAE depends on the axes, but |r|₁ ≤ √3 |r|₂ bounds it; the RMSE does not."""
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turned = Errors.of(residuals @ rotation)
    bound = np.linalg.norm(residuals, axis=1).mean() / math.sqrt(3)
    assert turned.mae <= bound * (1 + 1e-9) + 1e-12
    assert turned.rmse == pytest.approx(Errors.of(residuals).rmse, rel=1e-9, abs=1e-9)


def test_nan_is_seen():
    residuals = np.zeros((4, 3))
    residuals[0, 0] = np.nan
    errors = Errors.of(residuals)
    assert all(map(math.isnan, (errors.mae, errors.rmse, errors.largest)))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_errors_equal_loops_over_frames_and_atoms(seed):
    predictions, baselines = random_predictions(seed), fit_baselines(training_frames())
    evaluation = evaluate([("test", predictions)], baselines)
    per_species = dict(zip(baselines.species, baselines.species_energies, strict=True))
    mean_force = dict(zip(baselines.species, baselines.mean_forces, strict=True))
    for family in (None, *set(predictions.family)):
        energy, linear, forces, zero, mean = [], [], [], [], []
        for name, numbers, (e_ref, e_pred), (f_ref, f_pred) in frames_of(predictions):
            if family not in (None, name):
                continue
            energy.append(abs(e_pred - e_ref) / len(numbers))
            linear.append(abs(sum(per_species[z] for z in numbers) - e_ref) / len(numbers))
            for z, reference, predicted in zip(numbers, f_ref, f_pred, strict=True):
                forces.extend(abs(predicted - reference))
                zero.extend(abs(reference))
                mean.extend(abs(mean_force[z] - reference))
        split = evaluation.splits["test"]
        errors = split.overall if family is None else split.families[family]
        assert errors.n_frames == len(energy)
        assert errors.n_atoms == len(forces) // 3
        for found, expected in (
            (errors.energy, energy),
            (errors.composition_linear, linear),
            (errors.forces, forces),
            (errors.zero_force, zero),
            (errors.mean_force, mean),
        ):
            assert found.mae == pytest.approx(np.mean(expected))
            assert found.rmse == pytest.approx(np.sqrt(np.mean(np.square(expected))))
            assert found.largest == pytest.approx(max(expected))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_stress_errors_are_those_of_the_frames_that_have_one(seed):
    predictions = random_predictions(seed)
    split = evaluate([("test", predictions)], fit_baselines(training_frames())).splits["test"]
    for family in (None, *set(predictions.family)):
        errors = split.overall if family is None else split.families[family]
        model, zero = [], []
        for name, reference, predicted in zip(
            predictions.family, predictions.stress_reference, predictions.stress_predicted,
            strict=True,
        ):  # fmt: skip
            if family in (None, name) and not np.isnan(reference).any():
                model.extend(abs(predicted - reference).ravel())
                zero.extend(abs(reference).ravel())
        if not model:
            assert errors.stress is errors.zero_stress is None
            continue
        for found, expected in ((errors.stress, model), (errors.zero_stress, zero)):
            assert found.mae == pytest.approx(np.mean(expected))
            assert found.rmse == pytest.approx(np.sqrt(np.mean(np.square(expected))))
            assert found.largest == pytest.approx(max(expected))


def test_families_add_up_to_the_whole():
    split = evaluate([("val", random_predictions(1))], fit_baselines(training_frames())).splits[
        "val"
    ]
    groups = split.families.values()
    assert sum(group.n_frames for group in groups) == split.overall.n_frames
    assert sum(group.n_atoms for group in groups) == split.overall.n_atoms
    pooled = sum(group.forces.mae * group.n_atoms for group in groups) / split.overall.n_atoms
    assert split.overall.forces.mae == pytest.approx(pooled)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_element_errors_equal_loops_over_atoms(seed):
    predictions, baselines = random_predictions(seed), fit_baselines(training_frames())
    split = evaluate([("val", predictions)], baselines).splits["val"]
    mean_force = dict(zip(baselines.species, baselines.mean_forces, strict=True))
    atoms = {}
    for name, numbers, _, (f_ref, f_pred) in frames_of(predictions):
        for z, reference, predicted in zip(numbers, f_ref, f_pred, strict=True):
            for family in (None, name):
                model, zero, mean = atoms.setdefault((family, z), ([], [], []))
                model.extend(abs(predicted - reference))
                zero.extend(abs(reference))
                mean.extend(abs(mean_force[z] - reference))
    symbols = {3: "Li", 29: "Cu"}
    found = {(None, symbol): errors for symbol, errors in split.overall_elements.items()} | {
        (family, symbol): errors
        for family, elements in split.elements.items()
        for symbol, errors in elements.items()
    }
    assert set(found) == {(family, symbols[z]) for family, z in atoms}
    for (family, z), (model, zero, mean) in atoms.items():
        errors = found[family, symbols[z]]
        assert errors.n_atoms == len(model) // 3
        assert errors.forces.mae == pytest.approx(np.mean(model))
        assert errors.forces.rmse == pytest.approx(np.sqrt(np.mean(np.square(model))))
        assert errors.zero_force.mae == pytest.approx(np.mean(zero))
        assert errors.mean_force.mae == pytest.approx(np.mean(mean))


def test_an_element_worse_than_no_force_is_behind_though_its_family_is_not():
    predictions = random_predictions(7, noise=0.01)
    lithium = predictions.numbers == 3
    predictions.forces_reference[lithium] *= 0.001
    predictions.forces_predicted[lithium] = predictions.forces_reference[lithium] + 0.01
    split = evaluate([("test", predictions)], fit_baselines(training_frames())).splits["test"]
    assert not split.overall.forces_behind
    for elements in split.elements.values():
        assert elements["Li"].forces_behind
        assert not elements["Cu"].forces_behind


@pytest.mark.parametrize(
    ("scale", "error", "behind"), [(0.0, 1e-6, False), (0.0, 0.01, True), (1.0, np.nan, True)]
)
def test_forces_that_vanish_and_models_that_diverge(scale, error, behind):
    predictions = random_predictions(8)
    predictions.forces_reference[:] *= scale
    predictions.forces_predicted[:] = predictions.forces_reference + error
    errors = evaluate([("test", predictions)], fit_baselines(training_frames())).splits["test"]
    assert errors.overall.forces_vanish == (scale == 0)
    assert errors.overall.forces_behind is behind


def test_energies_and_stresses_are_compared_with_their_baselines():
    predictions = random_predictions(9)
    baselines = fit_baselines(training_frames())
    good = evaluate([("test", predictions)], baselines).splits["test"].overall
    assert not (good.energy_behind or good.stress_behind)
    predictions.energy_predicted[:] += 9.0 * predictions.n_atoms
    predictions.stress_predicted[:] *= -1
    bad = evaluate([("test", predictions)], baselines).splits["test"].overall
    assert bad.energy_behind
    assert bad.stress_behind


def test_what_a_split_lacks_is_known_from_the_other_splits_and_the_training_frames():
    whole = random_predictions(10)
    frames = [
        Labels(np.array([3, 29]), -6.0, np.zeros((2, 3)), family="molecule"),
        Labels(np.array([3]), -3.0, np.zeros((1, 3)), family="bulk"),
    ]
    numbers = whole.numbers.copy()
    numbers[np.repeat(whole.family, whole.n_atoms) == "bulk"] = 29
    no_lithium = replace(whole, numbers=numbers)
    evaluation = evaluate([("val", whole), ("test", no_lithium)], fit_baselines(frames))
    assert evaluation.lacking("val") == {"molecule": ["Cu", "Li"]}
    assert evaluation.lacking("test") == {"bulk": ["Li"], "molecule": ["Cu", "Li"]}


def test_evaluations_of_earlier_versions_are_read():
    evaluation = evaluate([("test", random_predictions(3))], fit_baselines(training_frames()))
    old = evaluation.model_dump(mode="json", exclude={"train_families"})
    for errors in old["splits"].values():
        del errors["elements"], errors["overall_elements"]
    read = Evaluation.model_validate(old)
    assert read.splits["test"].families == evaluation.splits["test"].families
    assert read.lacking("test") == {}


def test_a_perfect_model_has_no_error_and_zero_force_has_ratio_one():
    baselines = fit_baselines(training_frames())
    perfect = random_predictions(2, noise=0.0)
    errors = evaluate([("test", perfect)], baselines).splits["test"].overall
    assert errors.forces.mae == errors.energy.mae == errors.force_ratio == 0
    lazy = replace(perfect, forces_predicted=np.zeros_like(perfect.forces_reference))
    errors = evaluate([("test", lazy)], baselines).splits["test"].overall
    assert errors.forces == errors.zero_force
    assert errors.force_ratio >= 1  # it cannot beat the better of the two baselines


def test_written_evaluations_come_back_equal(tmp_path):
    evaluation = evaluate([("test", random_predictions(3))], fit_baselines(training_frames()))
    evaluation.write(tmp_path / "evaluation.json")
    assert Evaluation.model_validate_json((tmp_path / "evaluation.json").read_bytes()) == evaluation
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation.json"]


def test_a_diverged_model_is_kept_as_such(tmp_path):
    predictions = random_predictions(4)
    predictions.forces_predicted[0, 0] = np.nan
    evaluation = evaluate([("test", predictions)], fit_baselines(training_frames()))
    evaluation.write(tmp_path / "evaluation.json")
    written = Evaluation.model_validate_json((tmp_path / "evaluation.json").read_bytes())
    errors = written.splits["test"].overall
    assert math.isnan(errors.forces.mae)
    assert math.isfinite(errors.energy.mae)
    assert not errors.force_ratio < 1


def test_arrays_that_do_not_fit_are_refused():
    baselines = fit_baselines(training_frames())
    whole = random_predictions(5)
    predictions = replace(whole, forces_predicted=whole.forces_predicted[:-1])
    with pytest.raises(ValueError, match="forces_predicted has shape"):
        evaluate([("test", predictions)], baselines)
    empty = random_predictions(6, n_frames=0)
    with pytest.raises(ValueError, match="no frames"):
        evaluate([("test", empty)], baselines)


def test_a_training_is_evaluated_from_its_files(tmp_path, small_campaign):
    predictions = {split: random_predictions(index) for index, split in enumerate(("test", "val"))}
    (tmp_path / "predictions").mkdir()
    for split, content in predictions.items():
        content.write(tmp_path / "predictions" / f"{split}.npz")
    dataset = small_campaign.root / "dataset"
    evaluation = evaluate_training(tmp_path, dataset)
    assert Evaluation.model_validate_json((tmp_path / "evaluation.json").read_bytes()) == evaluation
    assert list(evaluation.splits) == ["val", "test"]
    assert evaluation.n_train_frames == small_campaign.card.splits["train"].frames
    baselines = fit_baselines(iter_frames(dataset / "train.extxyz"))
    assert evaluation == evaluate([(s, predictions[s]) for s in ("val", "test")], baselines)


def test_a_training_without_predictions_is_refused(tmp_path, small_campaign):
    with pytest.raises(ValueError, match="no split was predicted"):
        evaluate_training(tmp_path, small_campaign.root / "dataset")
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions/test.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="does not contain predictions"):
        evaluate_training(tmp_path, small_campaign.root / "dataset")
