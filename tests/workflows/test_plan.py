from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from cuprolith.errors import CuprolithError
from generators.structures_settings import StructuresSettings
from training.tuning.settings import TuningSettings
from workflows.engine import engine_settings
from workflows.inputs.campaign import Campaign, load_campaign
from workflows.plan import plan_campaign

QUICKSTART = Path(__file__).parents[2] / "inputs" / "quickstart.yaml"


@pytest.fixture(scope="module")
def campaign():
    return load_campaign(QUICKSTART)


@pytest.fixture(scope="module")
def plan(campaign):
    return plan_campaign(campaign)


def test_plan_adds_up(plan):
    assert plan.structures == sum(family.structures for family in plan.families)
    assert plan.label_steps == sum(family.label_steps for family in plan.families)
    assert plan.label_seconds == pytest.approx(
        sum(family.label_seconds for family in plan.families), abs=1
    )
    for family in plan.families:
        assert sum(family.kpoint_meshes.values()) == family.structures
        assert family.atoms_min <= family.atoms_median <= family.atoms_max


def test_families_of_the_quickstart(plan):
    assert {family.family for family in plan.families} == {
        "bulk",
        "slab",
        "vacancy_2x2",
        "adatom",
        "interface",
        "isolated_atom",
        "dimer",
    }
    (interface,) = (family for family in plan.families if family.family == "interface")
    assert interface.structures == 5
    assert interface.atoms_max <= 150


def test_meshes_of_slabs_have_one_division_along_the_vacuum(plan):
    for family in plan.families:
        if family.family in {"slab", "vacancy_2x2", "adatom"}:
            assert all(mesh.endswith("×1") for mesh in family.kpoint_meshes)


def test_quench_steps_are_exact(plan):
    quench = plan.melt_quench
    assert quench["label"] == "scaled-down melt-quench"
    picoseconds = (quench["melt_temperature"] - quench["final_temperature"]) / quench[
        "cooling_rate"
    ]
    assert quench["quench_steps"] == pytest.approx(picoseconds * 1000 / quench["time_step"], abs=1)


def test_plan_relaxes_nothing_and_says_so(campaign, plan):
    assert plan.notes == []
    copper = campaign.crystals["Cu"].model_copy(update={"relax": True})
    relaxing = campaign.model_copy(update={"crystals": {**campaign.crystals, "Cu": copper}})
    other = plan_campaign(relaxing)
    assert other.structures == plan.structures
    (note,) = other.notes
    assert "given for Cu" in note


def test_plan_counts_the_trainings_of_a_study(campaign):
    tuning = TuningSettings(generations=3, offspring=4)
    (note,) = plan_campaign(campaign.model_copy(update={"tuning": tuning})).notes
    assert note.startswith("study of allegro: 3 generations of 4, 12 trainings of 18 epochs")


def test_interface_that_nothing_satisfies_is_refused(campaign):
    impossible = campaign.structures.model_dump()
    impossible["interfaces"][0]["max_atoms"] = 10
    changed = campaign.model_copy(
        update={"structures": StructuresSettings.model_validate(impossible)}
    )
    with pytest.raises(CuprolithError) as caught:
        plan_campaign(changed)
    assert caught.value.key == "structures.interfaces[0]"
    assert "max_atoms" in str(caught.value)


@pytest.fixture(scope="module")
def dft_plan(campaign):
    engine = engine_settings(
        name="vasp",
        melt_quench={},
        vasp={"vasp_cmd": "cuprolith-vasp-rehearsal", "encut": 400, "kpoint_length": 20},
    )
    return plan_campaign(campaign.model_copy(update={"engine": engine}))


def test_dft_plan_shows_inputs_and_deviations(dft_plan):
    assert dft_plan.engine == "rehearsal"
    assert dft_plan.uses_kpoints
    relax, melt = dft_plan.dft.tasks
    assert (relax.task, melt.task) == ("relax", "melt_quench")
    assert relax.incar["METAGGA"].upper() == "R2SCAN"
    assert (relax.incar["EDIFFG"], melt.incar["POTIM"]) == ("-0.03", "2.0")
    assert relax.mesh.endswith("×1")
    assert dft_plan.dft.potcars == {"Li": "Li_sv", "Cu": "Cu_pv"}
    assert dft_plan.dft.deviations == [
        "vasp.encut: 400 (paper: 520)",
        "vasp.kpoint_length: 20 (paper: 32)",
    ]
    assert "no label is a DFT label" in dft_plan.dft.notes[0]


def test_dft_plan_counts_segments_and_frames(dft_plan):
    quench = dft_plan.melt_quench
    assert (quench["quench_steps"], quench["n_steps"]) == (1180, 1680)
    assert sum(part["last"] - part["first"] for part in quench["segments"]) == 1680
    assert quench["frames"] == 1680 * quench["n_runs"] == 1680 * 5


def test_missing_potentials_are_noted_not_fatal(campaign, monkeypatch):
    from pymatgen.core import SETTINGS

    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", None)
    engine = engine_settings(name="vasp", vasp={"vasp_cmd": "vasp_std"})
    planned = plan_campaign(campaign.model_copy(update={"engine": engine}))
    assert any("PMG_VASP_PSP_DIR is not set" in note for note in planned.dft.notes)


def test_dft_cost_counts_kpoints(plan, dft_plan):
    embedded = {family.family: family.label_seconds for family in plan.families}
    for family in dft_plan.families:
        if family.family in {"isolated_atom", "dimer"}:  # their only k-point is Γ
            continue
        assert family.label_seconds > 100 * embedded[family.family]


IRON_ON_MAGNESIA = {
    "name": "mgo_fe",
    "crystals": {
        "MgO": {"prototype": "rocksalt", "a": 4.19},
        "Fe": {"prototype": "bcc", "a": 2.86},
    },
    "structures": {
        "slabs": [{"crystal": "Fe", "miller_indices": [[1, 0, 0]], "min_thickness": 5.0}],
        "bulk": {},
        "adatoms": [{"species": ["Ni"], "sites": ["on_top"]}],
    },
}


def test_plan_speaks_of_the_campaigns_elements():
    engine = {"name": "vasp", "vasp": {"vasp_cmd": "cuprolith-vasp-rehearsal"}}
    planned = plan_campaign(Campaign.model_validate(IRON_ON_MAGNESIA | {"engine": engine}))
    assert planned.dft.potcars == dict.fromkeys(["O", "Mg", "Fe", "Ni"], "missing")
    assert planned.dft.notes[0].startswith("cannot run: engine.vasp.potcars: no potential is named")
    magnetic, insulator = planned.notes
    assert magnetic.startswith("Fe and Ni can be magnetic")
    assert insulator.startswith("MgO may be an insulator")
    shown = planned.model_dump_json()
    assert "Li_sv" not in shown
    assert "Cu_pv" not in shown


def test_settings_that_fit_are_not_warned_of():
    vasp = {
        "vasp_cmd": "cuprolith-vasp-rehearsal", "smearing": "gaussian", "spin_polarized": True,
        "potcars": {"Fe": "Fe_pv", "Ni": "Ni_pv", "Mg": "Mg_pv", "O": "O", "Li": "Li_sv"},
    }  # fmt: skip
    engine = {"name": "vasp", "vasp": vasp}
    planned = plan_campaign(Campaign.model_validate(IRON_ON_MAGNESIA | {"engine": engine}))
    assert planned.notes == []
    assert planned.dft.potcars == {"O": "O", "Mg": "Mg_pv", "Fe": "Fe_pv", "Ni": "Ni_pv"}
    assert not any("cannot run" in note for note in planned.dft.notes)


def test_plan_says_which_cell_indices_refer_to(tmp_path):
    lattice = Lattice.orthorhombic(10.33, 6.01, 4.69)
    sites = [[0.28, 0.25, 0.97], [0.09, 0.25, 0.42], [0.17, 0.05, 0.29]]
    olivine = Structure.from_spacegroup("Pnma", lattice, ["Fe", "P", "O"], sites)
    olivine.to(str(tmp_path / "olivine.cif"))
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Li", "F"],
                                     [[0, 0, 0], [0.5, 0.5, 0.5]])  # fmt: skip
    salt.get_primitive_structure().to(str(tmp_path / "POSCAR"))
    files = {"olivine": {"file": tmp_path / "olivine.cif"}, "LiF": {"file": tmp_path / "POSCAR"}}
    planned = plan_campaign(
        Campaign.model_validate({"name": "c", "crystals": files, "structures": {"bulk": {}}})
    )
    first, second = map(str, planned.crystals)
    assert "a = 10.33, b = 6.01, c = 4.69 Å" in first
    assert "Pnma, in the axes of olivine.cif" in first
    assert "a = 4, b = 4, c = 4 Å" in second
    assert "the standard conventional cell; the cell in POSCAR is not conventional" in second


def test_vacuum_that_counts_as_none_is_told():
    slab = {"crystal": "Fe", "miller_indices": [[1, 0, 0]], "min_thickness": 5.0, "vacuum": 2.5}
    asked = IRON_ON_MAGNESIA | {"structures": {"slabs": [slab, slab | {"vacuum": 5.0}]}}
    (note,) = plan_campaign(Campaign.model_validate(asked)).notes
    assert note.startswith("the vacuum of 1 structure (slab) is no wider than 6 Å")
