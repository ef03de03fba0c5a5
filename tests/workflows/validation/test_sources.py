"""A potential that is the engine does what the labels say, step by step."""

import numpy as np
import pytest
from emt_campaign import MELT, Potential, labelled

from analysis.validation.source import NotAvailableError
from workflows.labelling.document import frames_of
from workflows.labelling.label_plan import LabelPlan
from workflows.validation.calculators import CalculatorSource, EngineSource
from workflows.validation.labels import LabelSource, kept_every, unwrapped
from workflows.validation.material import campaign_material


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return labelled(tmp_path_factory.mktemp("emt") / "w", melt_quench=MELT)


@pytest.fixture(scope="module")
def plan(workdir):
    return LabelPlan.of(workdir)


@pytest.fixture(scope="module")
def labels(plan):
    return LabelSource(plan)


@pytest.fixture(scope="module")
def material(workdir):
    return campaign_material(workdir, 5.0)


def source(plan, labels, calculator=None):
    settings = plan.campaign.engine
    return CalculatorSource(
        "potential", "sha", lambda: calculator or Potential(), settings, 3, labels
    )


def one(material, family):
    return next(material.of_kind(family))


def test_crystals_are_those_of_the_engine(material):
    for name, least in (("Cu", 3.5), ("Ag", 4.0)):
        atoms = material.crystals[name].copy()
        assert len(atoms) == 4
        assert least < atoms.cell[0, 0] < least + 0.2
        atoms.calc = Potential()
        assert np.abs(atoms.get_stress()).max() < 5e-4  # constants are rounded to 1e-3 Å


def test_structures_have_their_parameters(material):
    assert {each.family for each in material.structures} == {"slab", "adatom", "interface"}
    adatom = one(material, "adatom")
    assert adatom.plane == "Ag(100)"
    assert material.parent_of(adatom).family == "slab"
    assert adatom.parameters["site"]
    assert len(adatom.atoms.constraints[0].index)
    assert material.elements == ("Ag", "Cu")
    assert material.highest_temperature == MELT["melt_temperature"]


def test_relaxations_are_the_labels(plan, labels, material):
    potential, engine = (
        source(plan, labels),
        EngineSource(plan.campaign.engine, plan.campaign.engine, 3, labels),
    )
    for structure in material.structures:
        expected = labels.relaxed(structure)
        assert expected.converged
        for other in (potential, engine):
            given = other.relaxed(structure)
            assert given.energy == pytest.approx(expected.energy, abs=1e-9)
            np.testing.assert_allclose(given.atoms.positions, expected.atoms.positions, atol=1e-7)
        fixed = structure.atoms.constraints[0].index if structure.atoms.constraints else []
        moved = expected.atoms.positions - labels.start(structure).positions
        np.testing.assert_allclose(moved[fixed], 0, atol=1e-9)


def test_runs_start_where_the_label_starts(plan, labels, material):
    """Adatoms start from relaxed slabs, not from the candidates."""
    runs = {run.record.structure_id: run for run in plan.runs if run.task == "relax"}
    for structure in material.structures:
        first = next(frames_of(plan.folder.output(runs[structure.structure_id].job_uuids[0])))
        start = labels.start(structure).positions
        np.testing.assert_allclose(start, first.positions, atol=1e-9)
    adatom = one(material, "adatom")
    assert np.abs(labels.start(adatom).positions - adatom.atoms.positions).max() > 1e-3


def test_a_melt_quench_is_the_labels(plan, labels, material):
    interface = one(material, "interface")
    expected = labels.melt_quench(interface)
    given = source(plan, labels).melt_quench(interface)
    steps = plan.campaign.engine.melt_quench.n_steps
    assert expected.positions.shape == (steps + 1, len(interface.atoms), 3)
    assert (expected.time_step, given.time_step) == (3.0, 3.0)
    assert given.temperatures[0] == pytest.approx(600, rel=1e-6)
    np.testing.assert_allclose(given.positions, expected.positions, atol=1e-5)
    np.testing.assert_allclose(given.energies, expected.energies, atol=1e-6)
    np.testing.assert_allclose(given.temperatures, expected.temperatures, atol=1e-2)


def test_positions_that_an_engine_wraps_are_unwrapped_across_segments():
    """A walk through a skewed cell, wrapped into it in every frame."""
    rng = np.random.default_rng(4)
    cell = np.array([[3.0, 0.0, 0.0], [1.0, 3.5, 0.0], [0.5, 0.2, 4.0]])
    walk = np.cumsum(rng.normal(0.3, 0.2, size=(60, 5, 3)), axis=0)
    fractions = walk @ np.linalg.inv(cell)
    wrapped = (fractions - np.floor(fractions)) @ cell
    first = unwrapped(wrapped[:25], cell, None)
    both = np.concatenate([first, unwrapped(wrapped[25:], cell, first[-1])])
    np.testing.assert_allclose(both - both[0], walk - walk[0], atol=1e-9)


@pytest.mark.parametrize("n_steps", [1, 1999, 2000, 2001, 10_000_000])
def test_long_runs_keep_a_bounded_number_of_frames(n_steps):
    kept = n_steps // kept_every(n_steps)
    assert min(n_steps, 1000) <= kept <= 2000


class Exploding(Potential):
    """Pushes all atoms along x, the harder the later."""

    calls = 0

    def calculate(self, *arguments, **more):
        super().calculate(*arguments, **more)
        Exploding.calls += 1
        self.results["forces"] = self.results["forces"].copy()
        self.results["forces"][::2, 0] += 50.0
        self.results["forces"][1::2, 0] -= 50.0


def test_an_explosion_ends_the_run_and_says_so(plan, labels, material):
    trajectory = source(plan, labels, Exploding()).melt_quench(one(material, "interface"))
    assert "exploded" in trajectory.stopped_because
    assert len(trajectory.positions) < plan.campaign.engine.melt_quench.n_steps
    assert np.isfinite(trajectory.positions).all()


def test_what_labels_cannot_give(labels, material, plan):
    with pytest.raises(NotAvailableError):
        labels.calculator()
    with pytest.raises(NotAvailableError, match="melt-quench"):
        labels.melt_quench(one(material, "slab"))


def test_an_unfinished_or_damaged_label(tmp_path):
    workdir = labelled(tmp_path / "w")
    plan = LabelPlan.of(workdir)
    structure = one(campaign_material(workdir, None), "slab")
    complete = LabelSource(plan)
    before = complete.identity
    run = next(each for each in plan.runs if each.record.structure_id == structure.structure_id)
    path = plan.folder.path_of_result(run.job_uuids[0])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(NotAvailableError, match="damaged"):
        LabelSource(plan).relaxed(structure)
    path.unlink()
    unfinished = LabelSource(plan)
    with pytest.raises(NotAvailableError, match="not labelled"):
        unfinished.relaxed(structure)
    assert unfinished.identity != before
    adatom = one(campaign_material(workdir, None), "adatom")
    np.testing.assert_allclose(
        source(plan, unfinished).relaxed(adatom).energy, complete.relaxed(adatom).energy, atol=0.02
    )


def test_a_static_campaign_is_judged_as_it_is(tmp_path):
    workdir = labelled(tmp_path / "w", task="static")
    plan = LabelPlan.of(workdir)
    labels, material = LabelSource(plan), campaign_material(workdir, None)
    for structure in material.structures:
        relaxed = source(plan, labels).relaxed(structure)
        np.testing.assert_array_equal(relaxed.atoms.positions, structure.atoms.positions)
        assert relaxed.energy == pytest.approx(labels.relaxed(structure).energy)
