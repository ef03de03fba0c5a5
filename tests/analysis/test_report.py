"""The report says what the files say, opens offline, and survives what is missing or hostile."""

from __future__ import annotations

import json
import re

import pytest
from report_page import Page, values, whole

from analysis.evaluation import evaluate_training
from analysis.report import render_report
from training.dataset.extxyz import iter_frames

SECTIONS = (
    "summary",
    "structures",
    "labels",
    "dataset",
    "training",
    "accuracy",
    "physics",
    "provenance",
)


@pytest.fixture(scope="module")
def page(small_campaign):
    return Page(render_report(small_campaign.root))


def test_every_section_is_there_once_and_ids_are_unique(page):
    ids = page.ids()
    assert [name for name in ids if name in SECTIONS] == list(SECTIONS)
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_from_elsewhere(page):
    loading = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
    for tag, attributes in page.elements:
        for name in loading & attributes.keys():
            assert attributes[name].startswith(("#", "data:")), (tag, name, attributes[name])
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_style_loads_nothing(small_campaign):
    page = render_report(small_campaign.root).read_text()
    for style in re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL):
        assert "@import" not in style
        assert "url(" not in style


def test_counts_of_structures_equal_the_list(page, small_campaign):
    table = page.table("Structures by family")
    for family in ("bulk", "slab", "interface"):
        group = [entry for entry in small_campaign.structures if entry["family"] == family]
        assert whole(table[family]["structures"]) == len(group)
        assert whole(table[family]["atoms in all"]) == sum(entry["n_atoms"] for entry in group)
    assert whole(table["all"]["structures"]) == len(small_campaign.structures)


def test_pictures_show_each_family_from_two_sides(page, small_campaign):
    drawn = [a for tag, a in page.elements if tag == "svg" and a.get("class") == "structure"]
    per_family = {"bulk": 3, "slab": 6, "interface": 1}
    assert len(drawn) == 2 * sum(per_family.values())
    assert "6 structures of 16 atoms" in page.text
    defined = {f"#{name}" for name in page.ids()}
    assert {a["href"] for tag, a in page.elements if tag == "use"} <= defined


def test_labels_say_who_simulated_and_that_the_quench_is_scaled_down(page, small_campaign):
    assert "Labels are simulated with effective-medium theory; no DFT was run." in page.text
    assert "melt-quench scaled down: 6 steps" in page.text
    table = page.table("Label runs by family")
    assert table["interface"]["run"] == "scaled-down melt-quench"
    relaxations = [run for run in small_campaign.trajectories if run["converged"] is not None]
    reached = sum(run["converged"] for run in relaxations)
    assert table["all"]["converged"] == f"{reached} of {len(relaxations)}"
    assert whole(table["all"]["ionic steps"]) == 6 * len(small_campaign.structures)
    captions = [a["aria-label"] for _, a in page.elements if a.get("id") == "melt-quench"]
    assert captions[0].startswith("Scaled-down melt-quench")


def test_frame_counts_equal_card_and_files(page, small_campaign):
    table = page.table("Frames by family and split")
    total = 0
    for split in ("train", "val", "test"):
        frames = list(iter_frames(small_campaign.root / "dataset" / f"{split}.extxyz"))
        assert whole(table["all"][split]) == len(frames) == small_campaign.card.splits[split].frames
        assert whole(table["slab"][split]) == sum(frame.family == "slab" for frame in frames)
        total += len(frames)
    assert whole(table["all"]["frames"]) == total
    fate = page.table("What became of every ionic step")
    assert whole(fate["kept"]["frames"]) == total
    assert whole(fate["seen"]["frames"]) == small_campaign.card.frames.seen


def test_histograms_hold_every_frame(page, small_campaign):
    bars = page.figures["dataset-splits"]["data"]
    frames = sum(numbers for bar in bars for numbers in values(bar["x"]))
    assert frames == small_campaign.card.frames.kept
    energies = page.figures["dataset-energies"]["data"]
    assert sum(sum(values(bar["y"])) for bar in energies) == small_campaign.card.frames.kept


def test_provenance_has_versions_seeds_hashes_and_settings(page, small_campaign):
    assert page.table("Packages")["ase"]["version"] == "3.29.0"
    assert page.table("Seeds")["split"]["seed"] == "7"
    hashes = page.table("Hashes")
    for split, card in small_campaign.card.splits.items():
        assert hashes[f"dataset/{split}.extxyz (SHA-256)"]["hash"] == card.sha256
    assert (small_campaign.root / "campaign.yaml").read_text() in page.text


def test_what_is_missing_is_said_with_the_command_that_makes_it(page, small_campaign):
    assert "No model has been trained yet." in page.text
    assert f"cuprolith train --workdir {small_campaign.root}" in page.text
    assert "No trained model yet" in page.text


@pytest.fixture(scope="module")
def trained_page(trained_campaign):
    return Page(render_report(trained_campaign.root))


def test_the_verdict_and_the_tables_say_what_the_evaluation_says(trained_page, trained_campaign):
    evaluation = evaluate_training(
        trained_campaign.root / "training/allegro", trained_campaign.root / "dataset"
    )
    errors = evaluation.splits["test"].overall
    table = trained_page.table("Allegro: errors by split")
    for split in ("val", "test"):
        overall = evaluation.splits[split].overall
        assert whole(table[split]["frames"]) == overall.n_frames
        assert float(table[split]["force MAE"]) == pytest.approx(overall.forces.mae, rel=5e-3)
        assert float(table[split]["zero force"]) == pytest.approx(overall.zero_force.mae, rel=5e-3)
        assert float(table[split]["mean force"]) == pytest.approx(overall.mean_force.mae, rel=5e-3)
        energy = 1000 * overall.energy.mae
        assert float(table[split]["energy MAE"]) == pytest.approx(energy, rel=5e-3)
        if overall.stress is not None:
            stress, zero = 1000 * overall.stress.mae, 1000 * overall.zero_stress.mae
            assert float(table[split]["stress MAE"]) == pytest.approx(stress, rel=5e-3)
            assert float(table[split]["zero stress"]) == pytest.approx(zero, rel=5e-3)
    families = trained_page.table("Allegro: errors by family on the test split")
    assert set(families) == {*evaluation.splits["test"].families, "all"}
    assert errors.force_ratio < 0.5
    assert f"All {errors.n_frames} test frames together: force MAE" in trained_page.text


def test_errors_by_family_and_element_say_what_the_evaluation_says(trained_page, trained_campaign):
    evaluation = evaluate_training(
        trained_campaign.root / "training/allegro", trained_campaign.root / "dataset"
    )
    for split in ("test", "val"):
        (rows,) = (
            rows[1:]
            for caption, rows in trained_page.tables.items()
            if f"force errors by family and element on the {split} split" in caption
        )
        shown = {(row[0], row[1]): row for row in rows}
        errors = evaluation.splits[split]
        assert {family for family, _ in shown} == {*errors.families, "all"}
        for family, elements in errors.elements.items():
            for symbol, found in elements.items():
                row = shown[family, symbol]
                assert whole(row[2]) == found.n_atoms
                assert float(row[3]) == pytest.approx(found.forces.mae, rel=5e-3)
                assert row[6].startswith("✗" if found.forces_behind else "✓")
        for family in evaluation.lacking(split):
            assert family in trained_page.text.partition(f"Missing in the {split} split: ")[2][:80]


def test_figures_of_training_and_accuracy_hold_the_numbers(trained_page, trained_campaign):
    loss, forces, energies = (
        trained_page.figures[f"learning-{name}-allegro"]["data"]
        for name in ("loss", "forces", "energies")
    )
    assert values(loss[0]["y"]) == [2.5, 1.25, 1.0]
    assert values(forces[0]["y"]) == [0.5, 0.25, 0.125]
    assert values(energies[0]["y"]) == [0.25, 0.125, 0.0625]
    assert [trace["name"] for trace in forces[1:]] == ["zero force", "mean force"]
    points = trained_page.figures["parity-forces-allegro"]["data"]
    n_components = 3 * trained_campaign.card.splits["test"].atoms
    assert sum(len(values(trace["x"])) for trace in points[:-1]) == n_components
    for figure in ("loss", "forces", "energies"):
        assert f"learning-{figure}-allegro" in trained_page.ids()


def test_a_model_worse_than_the_baselines_is_called_so(tmp_path, make_campaign, make_training):
    campaign = make_campaign(tmp_path / "W")
    make_training(campaign, quality=-0.5)
    page = Page(render_report(campaign.root))
    assert page.headline.startswith("No better than a baseline in forces of ")
    assert "below the baselines" not in page.text


def test_a_diverged_model_is_called_so(tmp_path, make_campaign, make_training):
    campaign = make_campaign(tmp_path / "W")
    make_training(campaign, quality=float("nan"))
    page = Page(render_report(campaign.root))
    assert page.headline.startswith("No better than a baseline in forces of ")
    assert page.table("Allegro: errors by split")["test"]["force MAE"] == "not finite"


def test_a_model_of_another_dataset_is_called_so(tmp_path, make_campaign, make_training):
    campaign = make_campaign(tmp_path / "W")
    folder = make_training(campaign)
    inputs = {"seed": 1, "dataset": {"train": "0" * 64}, "versions": {}, "config": {}}
    (folder / "inputs.json").write_text(json.dumps(inputs))
    notice = "allegro was trained on another dataset than the one here: train again."
    assert notice in Page(render_report(campaign.root)).text
    inputs["dataset"] = {"train": campaign.card.splits["train"].sha256}
    (folder / "inputs.json").write_text(json.dumps(inputs))
    assert notice not in Page(render_report(campaign.root)).text


def test_trainings_put_aside_and_broken_predictions_do_not_stop_the_report(
    tmp_path, make_campaign, make_training
):
    campaign = make_campaign(tmp_path / "W")
    folder = make_training(campaign)
    folder.rename(folder.with_name("allegro.0123abcd"))
    page = Page(render_report(campaign.root))
    assert "No model has been trained yet." in page.text
    (make_training(campaign) / "predictions/test.npz").write_bytes(b"PK")
    page = Page(render_report(campaign.root))
    assert "training/allegro/predictions could not be read" in page.text
    assert "learning-forces-allegro" in page.figures


@pytest.mark.parametrize(
    ("stage", "path", "words"),
    [
        ("generate", "structures/structures.json", "No structures have been generated yet."),
        ("label", "labels/labels.json", "Nothing has been labelled yet."),
    ],
)
def test_each_missing_stage_is_named(tmp_path, make_campaign, stage, path, words):
    root = make_campaign(tmp_path / "W").root
    (root / path).unlink()
    page = Page(render_report(root))
    assert words in page.text
    assert f"cuprolith {stage} --workdir {root}" in page.text


def test_an_empty_workdir_gives_a_report_too(tmp_path):
    page = Page(render_report(tmp_path))
    assert [name for name in page.ids() if name in SECTIONS] == list(SECTIONS)
    for verb in ("generate", "label", "collect", "train", "validate"):
        assert f"cuprolith {verb} --workdir {tmp_path}" in page.text


def test_broken_files_are_named_and_the_rest_is_shown(tmp_path, make_campaign):
    campaign = make_campaign(tmp_path / "W")
    (campaign.root / "labels/labels.json").write_text('{"engine": "em')
    train = campaign.root / "dataset/train.extxyz"
    train.write_bytes(train.read_bytes()[:-40])
    page = Page(render_report(campaign.root))
    assert "labels/labels.json could not be read" in page.text
    assert "dataset/train.extxyz could not be read" in page.text
    assert whole(page.table("Structures by family")["all"]["structures"]) == len(
        campaign.structures
    )


def test_hostile_texts_stay_texts(tmp_path, make_campaign):
    hostile = '</script><script>alert(1)</script><img src="http://evil.example/x">'
    campaign = make_campaign(tmp_path / "W", name=hostile)
    labels = json.loads((campaign.root / "labels/labels.json").read_text())
    labels["notes"] = [hostile]
    labels["failures"] = [{"name": hostile, "structure_id": "x", "error": hostile}]
    for run in labels["trajectories"]:
        if run["task"] == "melt_quench":
            run["trajectory_id"] = hostile + run["trajectory_id"]
    (campaign.root / "labels/labels.json").write_text(json.dumps(labels))
    structures = json.loads((campaign.root / "structures/structures.json").read_text())
    for entry in structures["structures"]:
        entry["parameters"]["crystal"] = hostile
    (campaign.root / "structures/structures.json").write_text(json.dumps(structures))
    page = Page(render_report(campaign.root))
    assert "alert(1)" not in page.scripts
    assert page.text.count(hostile) >= 5
    assert not any(tag == "img" for tag, _ in page.elements)
    assert "<" not in page.figures["melt-quench"]["data"][0]["name"]  # plotly reads markup there
    assert not any("onerror" in attributes for _, attributes in page.elements)


def test_the_same_workdir_gives_the_same_page(small_campaign):
    first = render_report(small_campaign.root).read_bytes()
    assert render_report(small_campaign.root).read_bytes() == first


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        render_report(tmp_path / "nowhere")


def test_nothing_else_is_left_in_the_report_folder(small_campaign):
    path = render_report(small_campaign.root)
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]


def test_overview_of_the_catalogue_is_shown(tmp_path, make_campaign):
    campaign = make_campaign(tmp_path / "W")
    cost = {"atoms_cubed": 10, "with_kpoints": 20}
    family = {
        "family": "slab", "structures": 6, "published": 8, "atoms_min": 16, "atoms_median": 16.0,
        "atoms_max": 16, "free_atoms": 48, "cost": cost,
        "pymatgen_cells": {"structures": 6, "here": cost, "there": cost},
    }  # fmt: skip
    overview = {
        "families": [family], "total": {**family, "family": "all"},
        "crystals": {"Cu": {"constants": {"a": 3.58}, "source": "<b>somewhere</b>"}},
        "published_source": "A. Author 2026", "notes": ["<i>no match</i>"],
        "duplicates": [{"structure_id": "x"}],
    }  # fmt: skip
    path = campaign.root / "structures/overview.json"
    path.write_text(json.dumps(overview))
    page = Page(render_report(campaign.root))
    row = page.table("Counts beside A. Author 2026")["slab"]
    assert (row["structures"], row["published"], row["difference"]) == ("6", "8", "−2")
    assert page.table("Lattice constants")["Cu"]["source"] == "<b>somewhere</b>"
    assert "<i>no match</i>" in page.text
    assert "1 duplicate of other structures left out" in page.text
    path.write_text("{")
    assert "structures/overview.json could not be read" in Page(render_report(campaign.root)).text


def test_thousands_of_structures_give_few_pictures(tmp_path, make_campaign):
    campaign = make_campaign(tmp_path / "W")
    path = campaign.root / "structures/structures.json"
    small = render_report(campaign.root).stat().st_size
    structures = json.loads(path.read_text())
    slab = next(e for e in structures["structures"] if e["family"] == "slab")
    more = [{**slab, "structure_id": f"slab-{index:012d}"} for index in range(12_000)]
    path.write_text(json.dumps({**structures, "structures": structures["structures"] + more}))
    page_path = render_report(campaign.root)
    assert page_path.stat().st_size < small + 150_000
    assert whole(Page(page_path).table("Structures by family")["slab"]["structures"]) == 12_006
