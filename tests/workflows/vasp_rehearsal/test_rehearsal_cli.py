"""The executable: exit status, errors, choice of the potential."""

import numpy as np
import pytest

from workflows.vasp_rehearsal.cli import main


@pytest.fixture
def inside(make_run, monkeypatch):
    run = make_run(NSW=0, IBRION=-1)
    monkeypatch.chdir(run.directory)
    monkeypatch.setenv("CUPROLITH_REHEARSAL", "emt-like")
    return run


def test_a_good_run_returns_zero_and_prints_like_vasp(inside, capsys):
    assert main() == 0
    printed = capsys.readouterr().out
    assert "running on" in printed
    assert "entering main loop" in printed
    assert "DAV:   1" in printed
    assert "1 F= " in printed
    assert "cuprolith-rehearsal" in printed


def test_an_error_is_told_without_a_traceback(inside, capsys):
    (inside / "POSCAR").unlink()
    assert main() == 1
    assert "there is no POSCAR" in capsys.readouterr().err


def test_an_unknown_potential_is_named(inside, capsys, monkeypatch):
    monkeypatch.setenv("CUPROLITH_REHEARSAL", "vasp")
    assert main() == 1
    assert "CUPROLITH_REHEARSAL" in capsys.readouterr().err


def test_it_starts_without_torch(inside):
    """The fast potential is for quick checks: no library that takes seconds to load."""
    process = inside.process(
        "import sys; from workflows.vasp_rehearsal.cli import main; main();"
        "print('torch' in sys.modules)"
    )
    assert process.wait(30) == 0
    assert (inside / "vasp.out").read_text().splitlines()[-1] == "False"


@pytest.mark.slow
def test_the_default_labels_with_the_embedded_r2scan_potential(inside, monkeypatch):
    from workflows.engines.diep import DiepSettings
    from workflows.labelling.calculator_engine import loaded_calculator

    monkeypatch.delenv("CUPROLITH_REHEARSAL")
    assert main() == 0
    step = inside.vasprun().ionic_steps[0]
    atoms = step["structure"].to_ase_atoms()
    atoms.calc = loaded_calculator(DiepSettings())
    assert step["e_fr_energy"] == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
    np.testing.assert_allclose(step["forces"], atoms.get_forces(), atol=1e-4)
