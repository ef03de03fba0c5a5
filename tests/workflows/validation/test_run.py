"""The command on a campaign labelled by EMT, with EMT in the place of the trained model."""

import json
from types import SimpleNamespace

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from emt_campaign import Potential, labelled
from typer.testing import CliRunner

from analysis.properties.held_out_forces import PROPERTY as HELD_OUT_FORCES
from analysis.validation.property import PROPERTIES, Case, Measurement, Property, Tolerance
from analysis.validation.results import read_validation
from cuprolith.errors import CuprolithError
from training.dataset.builder import build_dataset
from training.dataset.frames import Frame
from training.settings import DatasetSettings
from workflows.cli.main import app
from workflows.engine import engine_settings
from workflows.validation import calculators, run

MEASURED = []


def _relaxed(structure):
    def measure(source):
        energy = source.relaxed(structure).energy
        MEASURED.append((source.name, structure.structure_id))
        return Measurement({"": energy})

    return measure


def _bulk(atoms):
    def measure(source):
        copy = atoms.copy()
        copy.calc = source.calculator()
        MEASURED.append((source.name, "bulk"))
        return Measurement({"": float(copy.get_potential_energy()) / len(copy)})

    return measure


def a_property(name, cases):
    return Property(
        name=name,
        title=name.title(),
        unit="eV",
        cases=cases,
        tolerance=Tolerance(absolute=1e-3),
        group="crystals",
        about="An energy.",
    )


ENERGIES = {
    "crystal_energy": a_property(
        "crystal_energy",
        lambda material: [Case(n, _bulk(a), len(a)) for n, a in material.crystals.items()],
    ),
    "relaxed_energy": a_property(
        "relaxed_energy",
        lambda material: [
            Case(each.structure_id, _relaxed(each), len(each.atoms)) for each in material.structures
        ],
    ),
}


@pytest.fixture(scope="module")
def emt_workdir(tmp_path_factory):
    return labelled(tmp_path_factory.mktemp("emt") / "w")


@pytest.fixture(autouse=True)
def stood_in_for(monkeypatch):
    """Two properties, and models that are EMT: the file says by how much they are shifted."""
    monkeypatch.setitem(PROPERTIES.__dict__, "entries", ENERGIES)
    monkeypatch.setattr(calculators, "_model", lambda path: Potential(float(path.read_text())))
    MEASURED.clear()


def model(folder, shift=0.0, name="best.ckpt"):
    path = folder / name
    path.write_text(str(shift))
    return path


def asked(workdir, path, **more):
    MEASURED.clear()
    return run.validate_campaign(workdir, run.Question(path, **more)).validation


def sources():
    return {name for name, _ in MEASURED}


def test_the_engine_passes_against_its_own_labels(emt_workdir, tmp_path):
    summary = run.validate_campaign(emt_workdir, run.Question(model(tmp_path)))
    values = summary.validation.values
    assert len(values) == 2 + len(ENERGIES["relaxed_energy"].cases(_material(emt_workdir)))
    assert all(value.passed for value in values)
    assert {value.source for value in summary.validation.of("relaxed_energy")} == {"labels"}
    assert {value.source for value in summary.validation.of("crystal_energy")} == {"emt"}
    assert read_validation(summary.path) == summary.validation
    assert f"{len(values)} of {len(values)} values pass" in str(summary)


def _material(workdir):
    from workflows.validation.material import campaign_material

    return campaign_material(workdir, None)


def test_a_new_model_does_not_repeat_the_engine(emt_workdir, tmp_path):
    asked(emt_workdir, model(tmp_path))
    asked(emt_workdir, model(tmp_path))
    assert MEASURED == []
    shifted = asked(emt_workdir, model(tmp_path, 0.1))
    assert sources() == {"potential"}
    assert not any(value.passed for value in shifted.values)
    bulk = next(shifted.of("crystal_energy"))
    assert bulk.error == pytest.approx(0.1)


def test_a_damaged_measurement_is_made_again(emt_workdir, tmp_path):
    before = asked(emt_workdir, model(tmp_path, 0.2))
    files = [
        path
        for path in emt_workdir.measurements.iterdir()
        if json.loads(path.read_text())["key"]["source"] == "emt"
    ]
    files[0].write_text(files[0].read_text()[:-30])
    again = asked(emt_workdir, model(tmp_path, 0.2))
    assert MEASURED == [("emt", "bulk")]
    assert again.values == before.values


def test_against_an_engine_and_chosen_properties(emt_workdir, tmp_path):
    found = asked(emt_workdir, model(tmp_path), against="emt", properties=["relaxed_energy"])
    assert {value.property_name for value in found.values} == {"relaxed_energy"}
    assert {value.source for value in found.values} == {"emt"}
    assert all(value.passed for value in found.values)


def test_a_potential_that_gives_no_number(emt_workdir, tmp_path):
    found = asked(emt_workdir, model(tmp_path, "nan"))
    assert not any(value.passed for value in found.values)
    assert all(value.note for value in found.values)


def give(*arguments):
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def labelled_frame(number, atoms, scale=1.0):
    atoms = atoms.copy()
    atoms.rattle(0.1, seed=number)
    atoms.calc = EMT()
    return Frame(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array,
        energy=atoms.get_potential_energy(), forces=scale * atoms.get_forces(),
        stress=atoms.get_stress(voigt=False), structure_id=f"s{number}", family="unknown",
        trajectory_id=f"t{number}", step=0, engine="emt", functional="EMT", config_hash="0",
    )  # fmt: skip


@pytest.mark.parametrize(("scale", "error", "passed"), [(1.0, 0.0, True), (2.0, 50.0, False)])
def test_a_potential_is_judged_by_the_frames_that_a_dataset_holds_out(
    tmp_path, monkeypatch, scale, error, passed
):
    monkeypatch.setitem(PROPERTIES.__dict__, "entries", {"held_out_forces": HELD_OUT_FORCES})
    cells = [bulk("Cu", a=3.5 + 0.02 * n, cubic=True) for n in range(20)]
    frames = [labelled_frame(n, cell, scale) for n, cell in enumerate(cells)]
    build_dataset([[frame] for frame in frames], DatasetSettings(), tmp_path / "mine", seed=1)
    monkeypatch.chdir(tmp_path)
    result = give("--model", model(tmp_path), "--against", "mine")
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.glob("validations/*/validation.json")
    (value,) = read_validation(path).values
    assert (value.case, value.source, value.passed) == ("Cu4", "labels", passed)
    assert value.value == pytest.approx(error, abs=1e-9)


def test_the_stage_of_a_trained_campaign(emt_workdir, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_trained", lambda *_: model(tmp_path))
    result = give("--workdir", emt_workdir.root)
    assert result.exit_code == 0, result.output
    assert "values pass" in result.output
    written = read_validation(emt_workdir.validation("allegro"))
    assert written.against == "labels"


def test_an_untrained_campaign_says_what_to_do(emt_workdir):
    result = give("--workdir", emt_workdir.root)
    assert result.exit_code == 1
    assert "cuprolith train" in result.output.replace("\n", " ")


def test_a_model_beside_the_campaigns(emt_workdir, tmp_path):
    path = model(tmp_path, 0.0, "other.nequip.zip")
    result = give("--workdir", emt_workdir.root, "--model", path)
    assert result.exit_code == 0, result.output
    (found,) = emt_workdir.validations.glob("other-*/validation.json")
    assert read_validation(found).potential == str(path)


def test_a_model_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = model(tmp_path)
    result = give("--model", path, "--against", "emt", "--properties", "crystal_energy")
    assert result.exit_code == 0, result.output
    (found,) = tmp_path.glob("validations/best-*/validation.json")
    assert [value.case for value in read_validation(found).values] == ["Ag", "Cu"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "best.ckpt"], "--against"),
        (["--model", "best.ckpt", "--against", "vasp"], "no engine that computes"),
        (["--model", "best.ckpt", "--against", "nequip"], "needs settings"),
        (["--model", "none.ckpt", "--against", "emt"], "no such file"),
        (["--model", "best.ckpt", "--against", "emt", "--properties", "bulk"], "no property"),
        (["--properties", "crystal_energy"], "no campaign and no workdir"),
    ],
)
def test_what_cannot_be_asked(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model(tmp_path)
    result = give(*arguments)
    assert result.exit_code == 1
    assert said in " ".join(result.output.split())


def test_a_program_is_never_started_as_a_reference(monkeypatch):
    settings = engine_settings(name="vasp")
    campaign = SimpleNamespace(engine=settings, seed=0)
    labels = object()
    assert run._references("labels", campaign, labels) == [labels]
    with pytest.raises(CuprolithError, match="no engine that computes"):
        run._references("vasp", campaign, labels)
