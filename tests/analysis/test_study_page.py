"""A study's page and the report's sections say what the trials say (simulated ones)."""

from __future__ import annotations

import json
import shutil

import pytest
from report_page import Page, values, whole

from analysis.report import render_report
from analysis.report.study_page import write_study_page
from analysis.tuning.front import front
from analysis.tuning.pareto import pareto
from analysis.tuning.trials import load_record
from tests import damage
from tests.analysis.simulated_study import store_results, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("studies") / "allegro", 60)


@pytest.fixture(scope="module")
def page(folder):
    return Page(write_study_page(folder, folder.parent / "page" / "index.html"))


def figure(page, ending):
    (name,) = (name for name in page.figures if name.endswith(ending))
    return page.figures[name]


def trace(figure, start):
    (found,) = (trace for trace in figure["data"] if (trace.get("name") or "").startswith(start))
    return found


def test_every_trial_with_objectives_is_a_point_and_the_front_a_line(page, folder):
    record = load_record(folder)
    drawn = figure(page, "-front")
    found = front(record.trials)
    infeasible, feasible, best = (points(trace) for trace in drawn["data"][:3])
    assert best == {trial.objectives for trial in found}
    assert best | feasible == {trial.objectives for trial in record.feasible}
    beyond = [t.objectives for t in record.trials if not (t.failed or t.feasible)]
    assert infeasible == set(beyond)
    assert len(beyond) > 0
    line = trace(drawn, "front")
    assert values(line["y"]) == [trial.objectives[0] for trial in reversed(found)]
    assert values(line["x"]) == sorted(values(line["x"]))
    knee = pareto(record).point(pareto(record).knee)
    assert points(trace(drawn, "knee")) == {knee.objectives}


def points(trace):
    return set(zip(values(trace["y"]), values(trace["x"]), strict=True))


def test_hovering_shows_the_settings_of_a_trial(page, folder):
    (trial,) = front(load_record(folder).trials)[:1]
    texts = figure(page, "-front")["data"][2]["text"]
    (text,) = (text for text in texts if f'"number": {trial.number},' in text)
    for words in ("r_max", "learning_rate", "edge_mlp_width", '"generation"'):
        assert words in text


def test_the_papers_error_is_a_level_line_without_a_time(page):
    level = trace(figure(page, "-front"), "Allegro in Laskaris 2026, Table IV (no time given)")
    assert values(level["y"]) == pytest.approx([0.0102, 0.0102])
    assert "after up to 3000 epochs" in page.text


def test_hypervolume_and_errors_over_the_trials(page, folder):
    record = load_record(folder)
    (course,) = figure(page, "-hypervolume")["data"]
    evaluated = [trial for trial in record.trials if trial.evaluated]
    assert values(course["x"]) == [trial.number for trial in evaluated]
    assert values(course["y"]) == sorted(values(course["y"]))
    assert values(course["y"])[-1] == pytest.approx(pareto(record).hypervolume)
    best = trace(figure(page, "-progress"), "Best Value")
    assert values(best["y"])[-1] == min(trial.objectives[0] for trial in record.feasible)


def test_every_trial_is_a_line_across_its_parameters_and_objectives(page, folder):
    record = load_record(folder)
    drawn = figure(page, "-parallel")
    lines = [trace for trace in drawn["data"] if trace.get("customdata")]
    assert len(lines) == sum(trial.evaluated for trial in record.trials)
    dotted = sum(line["line"]["dash"] == "dot" for line in lines)
    assert dotted == sum(t.evaluated and not t.feasible for t in record.trials)
    assert len(drawn["layout"]["xaxis"]["ticktext"]) == len(record.study.search_space) + 2


def test_tables_hold_the_front_and_the_failures(page, folder):
    record = load_record(folder)
    rows = page.table("The front")
    found = front(record.trials)
    assert [name.split()[0] for name in rows] == [str(trial.number) for trial in found]
    first = rows[next(iter(rows))]
    assert float(first["force MAE, eV/Å"]) == pytest.approx(found[0].objectives[0], rel=5e-3)
    assert first["spread"] == "2.0 %"
    failures = page.table("Failed trials")
    assert set(failures) == {str(trial.number) for trial in record.trials if trial.failed}
    assert "the loss became NaN" in next(iter(failures.values()))["reason"]
    assert "<b>lower learning_rate</b>" in page.text  # markup in a reason stays text


def test_conditions_of_measuring_and_commands_are_stated(page, folder):
    for words in ("compiled, float32", "measured on", "spread of calls (IQR)", "threads"):
        assert words in page.text
    assert f"cuprolith choose {folder} --knee -o chosen.yaml" in page.text
    assert "cuprolith train chosen.yaml" in page.text


def test_importance_is_shown_for_both_objectives(page):
    error, time = figure(page, "-importance")["data"]
    assert set(time["y"]) >= {"r_max", "learning_rate", "batch_size"}
    times = dict(zip(time["y"], values(time["x"]), strict=True))
    assert max(times, key=times.get) == "r_max"
    assert error["name"].startswith("validation force MAE")


def test_the_page_is_complete_and_the_same_each_time(page, folder):
    assert len(page.ids()) == len(set(page.ids()))
    again = write_study_page(folder, folder.parent / "again.html").read_bytes()
    assert again == (folder.parent / "page" / "index.html").read_bytes()


def test_an_unfinished_study_says_so_and_shows_no_importance(tmp_path):
    folder = write_study(tmp_path / "s", 7)
    page = Page(write_study_page(folder, tmp_path / "p.html", command="cuprolith tune X.yaml"))
    assert "7 of 12 trials. To resume: cuprolith tune X.yaml" in page.text
    assert "fewer than 20 trials that have both objectives" in page.text
    assert not any(name.endswith("-importance") for name in page.figures)


@pytest.mark.parametrize("n_trials", [0, 1, 2, 3])
def test_hardly_begun_studies_give_a_page_too(tmp_path, n_trials):
    folder = write_study(tmp_path / "s", n_trials)
    page = Page(write_study_page(folder, tmp_path / "p.html"))
    assert ("No trial has been finished yet." in page.text) == (n_trials == 0)


def with_limit(folder, peak_memory):
    content = json.loads((folder / "study.json").read_text())
    content["tuning"]["limits"]["peak_memory"] = peak_memory
    (folder / "study.json").write_text(json.dumps(content))
    return folder


def test_a_study_with_nothing_feasible_says_so(tmp_path):
    folder = with_limit(write_study(tmp_path / "s", 24), 1e-6)
    page = Page(write_study_page(folder, tmp_path / "p.html"))
    assert "No trial keeps within all limits: there is no front." in page.text
    assert not any(name.endswith("-hypervolume") for name in page.figures)


def test_a_study_whose_trials_all_failed_says_so(tmp_path):
    folder = write_study(tmp_path / "s", 12)
    failed = {"failure": "killed", "accuracy": None}
    results = [trial.result.model_copy(update=failed) for trial in load_record(folder).trials]
    store_results(folder, results)
    page = Page(write_study_page(folder, tmp_path / "p.html"))
    assert len(page.table("Failed trials")) == 12
    assert page.figures == {}


@pytest.mark.slow
def test_variants_are_compared_up_to_one_reference_point(tmp_path, folder):
    beside = [
        write_study(tmp_path / "mlp", 36, variant="allegro-mlp", offset=0.8, seed=1),
        write_study(tmp_path / "qdi", 24, variant="allegro-qdi", offset=0.7, seed=2),
    ]
    page = Page(write_study_page(folder, tmp_path / "p.html", beside))
    table = page.table("Studies of the same data")
    assert list(table) == ["Allegro", "Allegro+MLP", "Allegro+QDI"]
    assert whole(table["Allegro+MLP"]["trials"]) == 36
    courses = page.figures["tuning-comparison-hypervolume"]["data"]
    for course, row in zip(courses, table.values(), strict=True):
        assert values(course["y"])[-1] == pytest.approx(float(row["hypervolume"]), rel=1e-3)
    fronts = page.figures["tuning-comparison-fronts"]["data"]
    levels = [trace["name"] for trace in fronts if "Table IV" in (trace.get("name") or "")]
    assert len(levels) == 3


def test_studies_of_other_data_are_not_compared(tmp_path, folder):
    data = {"source": "rmd17", "directory": "x", "molecule": "ethanol"}
    other = write_study(tmp_path / "other", 24, seed=3, data=data)
    page = Page(write_study_page(folder, tmp_path / "p.html", [other]))
    assert "tuning-comparison-fronts" not in page.figures
    assert "Allegro (other)" in page.text


@pytest.mark.slow
def test_the_report_of_a_campaign_shows_its_studies(tmp_path, make_campaign, folder):
    campaign = make_campaign(tmp_path / "W")
    before = Page(render_report(campaign.root))
    assert not any(name.startswith("tuning") for name in before.ids())
    shutil.copytree(folder, campaign.root / "tuning" / "allegro")
    page = Page(render_report(campaign.root))
    assert "Tuning: Allegro on aspirin" in page.text
    assert any(name.endswith("-parallel") for name in page.figures)
    damage.cut(campaign.root / "tuning/allegro/study.db")
    assert "tuning/allegro could not be read" in Page(render_report(campaign.root)).text


def test_a_campaign_with_a_missing_study_shows_how_to_make_it(tmp_path, make_campaign):
    campaign = make_campaign(tmp_path / "W")
    content = json.loads((campaign.root / "campaign.yaml").read_text())
    content["tuning"] = {"generations": 2}
    (campaign.root / "campaign.yaml").write_text(json.dumps(content))
    page = Page(render_report(campaign.root))
    assert "No study has been made yet." in page.text
    assert f"cuprolith tune --workdir {campaign.root}" in page.text
