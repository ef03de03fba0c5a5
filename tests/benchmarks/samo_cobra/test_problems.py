"""The problems against what is known of them independently of their code.

Fronts in closed form, optima of the literature and fine grids: a wrong sign, bound or reference
point would leave the published hypervolume outside what is attainable.
"""

from __future__ import annotations

import numpy as np
import pytest
from moocore import filter_dominated, hypervolume

from .problems import ATTAINABLE, PROBLEMS
from .recorder import Recorder, RunEnded

TWO_VARIABLES = [name for name, problem in PROBLEMS.items() if problem.n_variables == 2]


def evaluated(name: str, design: list[float]) -> tuple[np.ndarray, np.ndarray]:
    objectives, constraints = PROBLEMS[name].evaluate(np.array([design], dtype=float))
    return objectives[0], constraints[0]


def attainable(name: str, columns: np.ndarray) -> float:
    """Hypervolume of the feasible ones among points of the unit cube."""
    problem = PROBLEMS[name]
    objectives, constraints = problem.evaluate(problem.from_unit(columns))
    objectives = objectives[np.all(constraints <= 0, axis=1)]
    return hypervolume(filter_dominated(objectives), ref=problem.reference_point)


def of_front(name: str, front: np.ndarray) -> float:
    return hypervolume(front, ref=PROBLEMS[name].reference_point)


def test_there_are_17_of_them():
    assert len(PROBLEMS) == 17
    assert {problem.n_objectives for problem in PROBLEMS.values()} == {2, 3}


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_random_designs_have_finite_values_and_the_stated_shapes(problem):
    columns = np.random.default_rng(0).random((500, problem.n_variables))
    objectives, constraints = problem.evaluate(problem.from_unit(columns))
    assert objectives.shape == (500, problem.n_objectives)
    assert constraints.shape == (500, problem.n_constraints)
    assert np.isfinite(objectives).all()
    assert np.isfinite(constraints).all()
    assert np.all(constraints <= 0, axis=1).any(), "some random design is feasible"


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_a_design_alone_has_the_values_it_has_among_others(problem):
    designs = problem.from_unit(np.random.default_rng(1).random((20, problem.n_variables)))
    for together, alone in zip(
        problem.evaluate(designs),
        zip(*(problem.evaluate(design[None]) for design in designs), strict=True),
        strict=True,
    ):
        np.testing.assert_array_equal(together, np.vstack(alone))


@pytest.mark.parametrize("name", TWO_VARIABLES)
def test_a_fine_grid_attains_what_was_published_and_hardly_more(name):
    axis = np.linspace(0, 1, 1200)
    limit = attainable(name, np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))
    assert limit == pytest.approx(ATTAINABLE[name], rel=1e-3)
    best = max(PROBLEMS[name].published.values())
    assert best == pytest.approx(limit, rel=1e-2)  # 80 points leave gaps that the grid fills


def test_c3dtlz4_front_lies_on_both_ellipses():
    angle = np.linspace(0, np.pi / 2, 4000)
    cosine, sine = np.cos(angle), np.sin(angle)
    radius = 1 / np.sqrt(np.minimum(cosine**2 / 4 + sine**2, sine**2 / 4 + cosine**2))
    limit = of_front("C3DTLZ4", np.stack([radius * cosine, radius * sine], axis=1))
    assert limit == pytest.approx(ATTAINABLE["C3DTLZ4"], rel=1e-4)
    assert 0.97 * limit < max(PROBLEMS["C3DTLZ4"].published.values()) < limit


def test_bicop1_front_is_one_minus_the_root():
    f1 = np.linspace(0, 1, 4000)
    limit = of_front("BICOP1", np.stack([f1, 1 - np.sqrt(f1)], axis=1))
    assert limit == pytest.approx(81 - 1 / 3, rel=1e-4)
    assert limit == pytest.approx(ATTAINABLE["BICOP1"], rel=1e-4)
    assert max(PROBLEMS["BICOP1"].published.values()) == pytest.approx(limit, rel=1e-4)
    design = np.full((1, 10), 0.0)
    design[0, 0] = 0.25
    np.testing.assert_allclose(PROBLEMS["BICOP1"].evaluate(design)[0][0], [0.25, 0.5])


def test_bicop2_front_has_the_least_g_allowed():
    f1 = np.linspace(0, 1, 4000)
    limit = of_front("BICOP2", np.stack([f1 + 0.1, 1.1 - f1**2], axis=1))
    assert limit == pytest.approx(ATTAINABLE["BICOP2"], rel=1e-4)
    assert max(PROBLEMS["BICOP2"].published.values()) < limit
    assert max(PROBLEMS["BICOP2"].published.values()) == pytest.approx(limit, rel=2e-2)


def test_tbtd_front_follows_from_its_two_bars():
    # Bar BC at its limit of 1e5 kPa, and for each stress of AC the height of least volume.
    stress = np.geomspace(100, 1e5, 20000)
    height = np.clip(np.sqrt((320 / stress + 8e-4) / (20 / stress + 8e-4)), 1, 3)
    area_bc = 8e-4 * np.sqrt(1 + height**2) / height * (1 + 1e-12)
    area_ac = 20 * np.sqrt(16 + height**2) / (height * stress)
    designs = np.stack([height, area_ac, area_bc], axis=1)[area_ac <= 0.05]
    objectives, constraints = PROBLEMS["TBTD"].evaluate(designs)
    front = objectives[np.all(constraints <= 0, axis=1)]
    limit = of_front("TBTD", filter_dominated(front))
    assert limit == pytest.approx(ATTAINABLE["TBTD"], rel=1e-4)
    assert 0.97 * limit < max(PROBLEMS["TBTD"].published.values()) < limit


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_nothing_published_is_above_what_is_attainable(problem):
    assert max(problem.published.values()) <= ATTAINABLE[problem.name] * (1 + 1e-5)


def test_osy_ends_of_the_known_front():
    # The corners A and F of the front's regions in Deb 2001.
    objectives, constraints = evaluated("OSY", [5, 1, 5, 0, 5, 0])
    np.testing.assert_allclose(objectives, [-274, 76])
    assert np.all(constraints <= 0)
    objectives, constraints = evaluated("OSY", [0, 2, 1, 0, 1, 0])
    np.testing.assert_allclose(objectives, [-116, 6])
    assert np.all(constraints <= 0)


def test_srd_weighs_what_golinskis_optimum_weighs():
    # 2994.47 is the optimum of the single-objective problem, which has 7.4777 for 7.477.
    design = [3.5, 0.7, 17, 7.3, 7.71532, 3.35021, 5.28665]
    objectives, constraints = evaluated("SRD", design)
    assert objectives[0] == pytest.approx(2994.47, abs=0.2)
    # Golinski limits the stress in the first shaft to 1100, and it is at that limit.
    assert objectives[1] == pytest.approx(1100, rel=1e-3)
    assert np.all(constraints <= 1e-6)


def test_wb_costs_what_the_known_welded_beam_costs():
    # Coello 2000 and many after: 1.724852, with shear stress, width and buckling at their limits.
    objectives, constraints = evaluated("WB", [0.205730, 3.470489, 9.036624, 0.205730])
    assert objectives[0] == pytest.approx(1.724852, abs=1e-5)
    assert constraints[0] == pytest.approx(0, abs=1)
    assert constraints[1] == pytest.approx(0, abs=2)
    assert constraints[4] == pytest.approx(0, abs=1)


def test_csi_mass_of_the_lightest_feasible_car():
    # Jain & Deb 2014 give about 23.59 kg for the ideal point of the car side impact problem.
    from scipy.optimize import minimize

    problem = PROBLEMS["CSI"]
    done = minimize(
        lambda x: problem.evaluate(x[None])[0][0, 0],
        (problem.lower + problem.upper) / 2,
        bounds=list(zip(problem.lower, problem.upper, strict=True)),
        constraints={"type": "ineq", "fun": lambda x: -problem.evaluate(x[None])[1][0]},
    )
    assert done.success
    assert done.fun == pytest.approx(23.59, abs=0.05)


@pytest.mark.parametrize("name", ["DBD", "SPD", "WB", "SRD", "CSI", "OSY"])
def test_random_search_attains_less_than_published(name):
    columns = np.random.default_rng(2).random((PROBLEMS[name].budget, PROBLEMS[name].n_variables))
    assert 0 < attainable(name, columns) < max(PROBLEMS[name].published.values())


@pytest.mark.parametrize("name", ["bnh", "osy", "srn", "tnk", "welded_beam"])
def test_formulas_agree_with_pymoo_where_the_literature_is_followed(name):
    pymoo = pytest.importorskip("pymoo.problems")
    theirs = pymoo.get_problem(name)
    ours = PROBLEMS["WB" if name == "welded_beam" else name.upper()]
    designs = ours.from_unit(np.random.default_rng(3).random((100, ours.n_variables)))
    objectives, _ = ours.evaluate(designs)
    np.testing.assert_allclose(objectives, theirs.evaluate(designs, return_values_of=["F"]))


def test_a_recorder_ends_the_run_with_its_budget():
    recorder = Recorder(PROBLEMS["BNH"], cap_seconds=60.0)
    with pytest.raises(RunEnded):
        for _ in range(100):
            recorder.evaluate(np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]]))
    assert len(recorder.objectives) == 80
    assert not recorder.capped


def test_a_recorder_ends_the_run_with_its_time_and_says_so():
    recorder = Recorder(PROBLEMS["BNH"], cap_seconds=-1.0)
    with pytest.raises(RunEnded):
        recorder.evaluate(np.ones((1, 2)))
    assert recorder.capped
    assert len(recorder.hypervolumes()) == 1


def test_recorded_hypervolume_is_that_of_the_feasible_points_so_far():
    problem = PROBLEMS["SRN"]
    recorder = Recorder(problem, cap_seconds=60.0)
    designs = problem.from_unit(np.random.default_rng(4).random((79, 2)))
    objectives, constraints = recorder.evaluate(designs)
    recorded = recorder.hypervolumes()
    for n in (1, 20, 79):
        feasible = objectives[:n][np.all(constraints[:n] <= 0, axis=1)]
        expected = hypervolume(feasible, ref=problem.reference_point) if len(feasible) else 0.0
        assert recorded[n - 1] == pytest.approx(expected)
