from pathlib import Path

import pytest

from workflows.inputs.campaign import campaign_differences, load_campaign
from workflows.inputs.campaign_errors import CampaignError

INPUTS = Path(__file__).parents[3] / "inputs"
QUICKSTART = INPUTS / "quickstart.yaml"
PUBLISHED = """\
published:
  source: A. Author 2026
  counts: {slab: 26, adatom: 537}
"""
SMALL = """\
name: small
seed: 1
crystals:
  Cu: {prototype: fcc, a: 3.6}
structures:
  slabs:
    - crystal: Cu
      miller_indices: [[1, 0, 0]]
      min_thickness: 8.0
"""


def write(tmp_path, text):
    path = tmp_path / "campaign.yaml"
    path.write_text(text)
    return path


def refusal(tmp_path, text):
    with pytest.raises(CampaignError) as caught:
        load_campaign(write(tmp_path, text))
    return str(caught.value)


def test_quickstart_is_valid():
    campaign = load_campaign(QUICKSTART)
    assert campaign.name == "quickstart"
    assert campaign.engine.melt_quench.scaled_down


def test_campaign_of_the_paper_melts_and_quenches_as_the_paper_does():
    campaign = load_campaign(INPUTS / "paper_culi.yaml")
    quench = campaign.engine.melt_quench
    assert not quench.scaled_down
    assert quench.quench_steps == 1180
    assert campaign.published.counts["adatom"] == 537


@pytest.mark.parametrize("name", ["quickstart", "paper_culi"])
def test_frozen_campaign_reads_back_equal(tmp_path, name):
    campaign = load_campaign(INPUTS / f"{name}.yaml")
    again = load_campaign(write(tmp_path, campaign.to_yaml()))
    assert again == campaign
    assert again.campaign_hash == campaign.campaign_hash
    assert campaign_differences(campaign, again) == []


def test_unknown_key_names_line_and_nearest_key(tmp_path):
    message = refusal(tmp_path, SMALL.replace("min_thickness", "min_thicknes"))
    assert "campaign.yaml:9: structures.slabs[0].min_thicknes: unknown key" in message
    assert "did you mean `min_thickness`?" in message


def test_missing_key_says_what_to_add(tmp_path):
    message = refusal(tmp_path, SMALL.replace("      min_thickness: 8.0\n", ""))
    assert "structures.slabs[0].min_thickness: missing" in message
    assert "add `min_thickness: ...`" in message


def test_all_problems_are_listed(tmp_path):
    message = refusal(tmp_path, SMALL.replace("seed: 1", "seed: -1\nsed: 2"))
    assert "2 problems" in message
    assert "seed" in message
    assert "did you mean `seed`?" in message


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("a: 3.6", "a: 0.36", "0.36 nm would be 3.6 Å"),
        ("a: 3.6", "a: 360", "360 pm would be 3.6 Å"),
        (
            "seed: 1",
            "seed: 1\nengine: {melt_quench: {time_step: 0.002}}",
            "0.002 ps would be 2 fs",
        ),
    ],
)
def test_wrong_units_are_detected(tmp_path, old, new, hint):
    assert hint in refusal(tmp_path, SMALL.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("prototype: fcc, a: 3.6", "prototype: fcc", "lattice constant"),
        ("prototype: fcc, a: 3.6", "prototype: fc, a: 3.6", "crystals.Cu.prototype"),
        ("prototype: fcc, a: 3.6", "file: nowhere.cif", "no such file: nowhere.cif"),
        ("[[1, 0, 0]]", "[[0, 0, 0]]", "no plane"),
        ("[[1, 0, 0]]", "[[1, 0]]", "miller_indices"),
        ("name: small", "name: ../up", "name"),
        (
            "seed: 1",
            "engine: {melt_quench: {melt_temperature: 100, final_temperature: 300}}",
            "is not below",
        ),
        ("seed: 1", "engine: {name: vapor}", "engine.name"),
    ],
)
def test_impossible_values_are_refused(tmp_path, old, new, expected):
    assert expected in refusal(tmp_path, SMALL.replace(old, new))


@pytest.mark.parametrize(
    ("engine", "place", "hint"),
    [
        (
            "{name: vaspp}",
            "engine.name: unknown (got 'vaspp')",
            "did you mean `vasp`? valid here: ",
        ),
        (
            "{name: vapor}",
            "engine.name",
            "chgnet-r2scan, diep-r2scan, emt, gpaw, mace, nequip, pyscf, tblite, vasp",
        ),
        ("{vasp: {encut: 400}}", "engine.vasp: unknown key", "it is a key of `name: vasp`"),
        (
            "{name: gpaw, vasp: {}}",
            "engine.vasp: unknown key",
            "valid keys here: gpaw, melt_quench",
        ),
        ("{nmae: vasp}", "engine.nmae: unknown key", "did you mean `name`?"),
        ("{name: vasp, vasp: {encutt: 400}}", "engine.vasp.encutt", "did you mean `encut`?"),
        ("{name: vasp, vasp: {encut: 4}}", "engine.vasp.encut", "plane-wave cutoff"),
        ("{name: nequip}", "engine.model: missing", "file of the model"),
        ("{name: nequip, model: a.zip}", "engine.model", "neither a checkpoint"),
        ("{name: mace, model: nowhere.model}", "engine.model", "no such file: nowhere.model"),
        ("vasp", "engine: keys expected (got 'vasp')", "write its keys below it"),
    ],
)
def test_engines_know_their_own_keys_and_names(tmp_path, engine, place, hint):
    message = refusal(tmp_path, SMALL.replace("seed: 1", f"engine: {engine}"))
    assert place in message
    assert hint in message


@pytest.mark.parametrize("text", ["", "just text", "- a\n- list\n"])
def test_not_a_mapping(tmp_path, text):
    assert "mapping of keys" in refusal(tmp_path, text)


def test_broken_yaml_names_the_line(tmp_path):
    assert "campaign.yaml:4: not valid YAML" in refusal(
        tmp_path, "name: x\nseed: 1\na: [1, 2\nb: 3"
    )


def test_missing_file(tmp_path):
    with pytest.raises(CampaignError, match="no such campaign"):
        load_campaign(tmp_path / "absent.yaml")


def test_yaml_tags_cannot_run_code(tmp_path):
    assert "the tag !!python/object/apply:os.getcwd is not known" in refusal(
        tmp_path, "name: !!python/object/apply:os.getcwd []"
    )


def test_published_numbers_change_nothing_that_is_computed(tmp_path):
    plain = load_campaign(write(tmp_path, SMALL))
    compared = load_campaign(write(tmp_path, SMALL + PUBLISHED))
    assert compared.published.counts == {"slab": 26, "adatom": 537}
    assert compared.campaign_hash == plain.campaign_hash
    assert (
        plain.campaign_hash
        != load_campaign(write(tmp_path, SMALL.replace("seed: 1", "seed: 2"))).campaign_hash
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("slab: 26", "slabs: 26", "published.counts.slabs"),
        ("slab: 26", "slab: -1", "published.counts.slab"),
        ("slab: 26", "slab: 26.5", "published.counts.slab"),
        ("  source: A. Author 2026\n", "", "published.source: missing"),
        ("source", "sauce", "did you mean `source`?"),
    ],
)
def test_impossible_published_numbers_are_refused(tmp_path, old, new, expected):
    assert expected in refusal(tmp_path, SMALL + PUBLISHED.replace(old, new))


def test_hash_follows_the_content_of_crystal_files_not_their_path(tmp_path):
    text = SMALL.replace("prototype: fcc, a: 3.6", "file: cu.vasp")
    hashes = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cu.vasp").write_text("same")
        hashes.append(load_campaign(write(tmp_path / folder, text)).campaign_hash)
    (tmp_path / "two" / "cu.vasp").write_text("other")
    hashes.append(load_campaign(tmp_path / "two" / "campaign.yaml").campaign_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_study_changes_the_hash_by_what_it_computes(tmp_path):
    plain = load_campaign(write(tmp_path, SMALL))
    (tmp_path / "pareto.json").write_text("{}")
    study = SMALL + "tuning: {warm_start: [pareto.json], workers: WORKERS}\n"
    one, two = (load_campaign(write(tmp_path, study.replace("WORKERS", n))) for n in "12")
    assert one.tuning.warm_start == (tmp_path / "pareto.json",)
    assert plain.campaign_hash != one.campaign_hash == two.campaign_hash
    again = load_campaign(write(tmp_path, one.to_yaml()))
    assert again == one
    before = one.campaign_hash
    (tmp_path / "pareto.json").write_text("[]")
    assert again.campaign_hash != before


def test_a_search_space_that_cannot_be_is_located(tmp_path):
    text = refusal(
        tmp_path,
        SMALL + "tuning:\n  search_space:\n    model.rmax: {type: float, low: 3, high: 5}\n",
    )
    assert "campaign.yaml:12: tuning.search_space: model.rmax" in text
    assert "did you mean `model.r_max`" in text


@pytest.mark.parametrize("key", ["tun[ing", "int", "a(b)", "x y"])
def test_a_key_of_any_letters_is_named(tmp_path, key):
    assert f"{key}: unknown key" in refusal(tmp_path, SMALL + f'"{key}": 1\n')
