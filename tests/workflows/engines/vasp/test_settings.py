import pytest
import yaml
from pydantic import ValidationError

from workflows.engine import engine_settings
from workflows.engines.vasp.paper_settings import deviations, unstated
from workflows.engines.vasp.programs import VASP
from workflows.engines.vasp.settings import ParallelSettings, VaspSettings
from workflows.inputs.campaign import load_campaign
from workflows.inputs.campaign_errors import CampaignError


def test_defaults_are_the_papers():
    settings = engine_settings(name="vasp", melt_quench={})
    assert deviations(settings) == []
    assert settings.vasp.encut == 520
    assert settings.vasp.kpoint_length == 32
    assert settings.vasp.functional == "r2scan"
    assert {"potcars", "smearing"} <= set(unstated(settings.vasp, ["Li", "Cu"]))


def test_deviations_are_named():
    settings = engine_settings(
        name="vasp",
        relax={"fmax": 0.05},
        vasp={"functional": "pbe", "encut": 400, "incar": {"NELM": 300}},
        melt_quench={"cooling_rate": 500},
    )
    assert deviations(settings) == [
        "vasp.functional: pbe (paper: r2scan)",
        "vasp.encut: 400 (paper: 520)",
        "relax.fmax: 0.05 (paper: 0.03)",
        "melt_quench.cooling_rate: 500 (paper: 250)",
        "vasp.incar.NELM: 300 (set by the campaign)",
    ]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"METAGGA": "SCAN"}, "functional"),
        ({"ISIF": 3}, "fixed"),
        ({"ibrion": 1}, "task"),
        ({"NSW": 10}, "max_steps"),
        ({"NPAR": 4}, "NCORE"),
        ({"ENCUT": 400}, "encut"),
        ({"ISMEAR": -5}, "smearing"),
        ({"ISYM": 2}, "symmetry"),
        ({"KSPACING": 0.2}, "kpoint_length"),
        ({"LASPH": False}, "aspherical"),
        ({"ALGO": "Fast"}, "meta-GGA"),
        ({"ALGO": "None"}, "not a selfconsistent"),
        ({"NELECT": 100.0}, "one structure"),
        ({"LHFCALC": True}, "hybrid"),
        ({"EDIFFG": -0.1}, "fmax"),
        ({"ML_LMLFF": True}, "force field"),
    ],
)
def test_impossible_overrides_are_refused(overrides, says):
    with pytest.raises(ValidationError, match=says):
        VaspSettings(incar=overrides)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"SYSTEM": "a\nENCUT = 1"}, "not a single value"),
        ({"SYSTEM": "a\rENCUT = 1"}, "not a single value"),
        ({"ALGO": "N; ENCUT=200"}, "not a single value"),
        ({"SYSTEM": "a \\"}, "not a single value"),
        ({"SYSTEM": 'a "b'}, "not a single value"),
        ({"SYSTEM": "a ! b"}, "not a single value"),
        ({"SYSTEM": "Å"}, "not a single value"),
        ({"SYSTEM": " "}, "not a single value"),
        ({"A = 1; ENCUT": 1}, "not the name of a tag"),
        ({"A\nENCUT": 1}, "not the name of a tag"),
        ({"!A": 1}, "not the name of a tag"),
        ({"ÉNCUT": 1}, "not the name of a tag"),
        ({"": 1}, "not the name of a tag"),
        ({" encut ": 200}, "use the key `encut`"),
        ({"Algo": "All", "ALGO": "Fast"}, "given twice"),
        ({"ALGO": " Fast"}, "meta-GGA"),
        ({"LASPH": ".FALSE."}, "aspherical"),
        ({"LASPH": "f"}, "aspherical"),
        ({"LHFCALC": ".TRUE."}, "hybrid"),
        ({"ISIF": "3"}, "fixed"),
        ({"ISYM": False}, "symmetry"),
        ({"PSTRESS": 10}, "pressure"),
        ({"NELM": float("inf")}, "finite number"),
        ({"NELM": 10**12}, "finite number"),
        ({"NELM": "1e400"}, "too large"),
        ({"NELM": None}, "finite number"),
        ({"MAGMOM": []}, "finite number"),
        ({"MAGMOM": [1.0, float("nan")]}, "finite number"),
        ({"MAGMOM": [1.0, "2"]}, "finite number"),
        ({"NELM": {"a": 1}}, "finite number"),
        ({"MAGMOM": [1.0, 2.0]}, "one structure"),
        ({"MAGMOM": "2*1.5 -1"}, "one structure"),
        ({"LDAUU": [0.0, 4.0]}, "without \\+U"),
        ({"LDAU": True}, "without \\+U"),
    ],
)
def test_nothing_slips_past_the_refusal_of_overrides(overrides, says):
    with pytest.raises(ValidationError, match=says):
        VaspSettings(incar=overrides)


def test_overrides_are_kept_as_vasp_reads_them():
    given = {"nelm": "120", "LREAL": ".FALSE.", "Saxis": "2*1.5 -1", "EFIELD": "1d-2", "ISIF": "2",
             "LHFCALC": ".F.", "SYSTEM": "Cu (100), r2SCAN"}  # fmt: skip
    assert VaspSettings(incar=given).incar == {
        "NELM": 120, "LREAL": False, "SAXIS": "2*1.5 -1", "EFIELD": 0.01, "ISIF": 2,
        "LHFCALC": False, "SYSTEM": "Cu (100), r2SCAN",
    }  # fmt: skip


@pytest.mark.parametrize("symbol", ["Li_/../../x", "../Li", "Li_", "Li_sv\n", "", "li", "Lithium"])
def test_potentials_are_no_paths(symbol):
    with pytest.raises(ValidationError, match="no potential of Li"):
        VaspSettings(potcars={"Li": symbol})


def test_metagga_with_pbe_is_refused_and_other_tags_pass():
    with pytest.raises(ValidationError, match="contradicts functional: pbe"):
        VaspSettings(functional="pbe", incar={"METAGGA": "R2SCAN"})
    assert VaspSettings(functional="pbe", incar={"algo": "Fast"}).incar == {"ALGO": "Fast"}


def test_potential_of_another_element_is_refused():
    with pytest.raises(ValidationError, match="'Cu_pv' is no potential of Li"):
        VaspSettings(potcars={"Li": "Cu_pv"})


def test_campaign_names_file_line_and_key(tmp_path):
    content = {
        "name": "c",
        "crystals": {"Cu": {"prototype": "fcc", "a": 3.6}},
        "structures": {"bulk": {}},
        "engine": {"name": "vasp", "vasp": {"encutt": 520}},
    }
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(CampaignError, match=r"engine\.vasp\.encutt: unknown key") as caught:
        load_campaign(path)
    assert "encut" in caught.value.remedy


def test_command_comes_from_the_campaign_else_the_environment(monkeypatch):
    monkeypatch.setenv("VASP_CMD", "srun -n 64 vasp_std")
    assert VaspSettings().command == "srun -n 64 vasp_std"
    assert VaspSettings(vasp_cmd="vasp_gam").command == "vasp_gam"
    assert VaspSettings().program == VASP
    assert (
        VaspSettings(vasp_cmd="nice /opt/bin/cuprolith-vasp-rehearsal").program.name == "rehearsal"
    )


def test_parallel_settings_come_from_the_worker_unless_given(monkeypatch):
    monkeypatch.setenv("CUPROLITH_VASP_NCORE", "8")
    assert ParallelSettings().incar() == {"NCORE": 8}
    assert ParallelSettings(ncore=4, kpar=2).incar() == {"NCORE": 4, "KPAR": 2}
