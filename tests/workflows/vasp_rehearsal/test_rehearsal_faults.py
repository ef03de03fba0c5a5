"""Faults: custodian's own handlers detect each, and a run that meets one once recovers."""

import json
import signal
import sys
import time

import numpy as np
import pytest
from custodian import Custodian
from custodian.vasp.handlers import (
    FrozenJobErrorHandler,
    NonConvergingErrorHandler,
    UnconvergedErrorHandler,
    VaspErrorHandler,
    WalltimeHandler,
)
from custodian.vasp.jobs import VaspJob
from custodian.vasp.validators import VaspFilesValidator, VasprunXMLValidator
from rehearsal_runs import MD

from cuprolith.errors import CuprolithError
from workflows.vasp_rehearsal.faults import FAULT_VARIABLE, pending_fault
from workflows.vasp_rehearsal.run import RunAbortedError

RELAX = {"IBRION": 2, "NSW": 15, "EDIFFG": -1e-5}


def order(run, fault, **options):
    (run / "rehearsal_faults.json").write_text(json.dumps({"fault": fault, **options}))


def partial_steps(run):
    return run.vasprun(exception_on_bad_xml=False, parse_dos=False, parse_eigen=False).ionic_steps


def wait_for(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def steps_printed(run):
    path = run / "OSZICAR"
    return path.read_text().count(" F= ") if path.is_file() else 0


def test_a_healthy_run_passes_every_handler_and_validator(make_run):
    run = make_run(**RELAX)
    run.write_incar(RELAX | {"EDIFFG": -0.05})
    run.here()
    where = str(run.directory)
    assert not VaspErrorHandler("vasp.out").check(where)
    assert not UnconvergedErrorHandler().check(where)
    assert not NonConvergingErrorHandler().check(where)
    assert not VasprunXMLValidator().check(where)
    assert not VaspFilesValidator().check(where)


@pytest.mark.parametrize("fault", ["zbrent", "edddav"])
def test_fatal_errors_are_printed_as_vasp_prints_them(make_run, fault):
    run = make_run(**RELAX)
    order(run, fault, at_step=3)
    with pytest.raises(RunAbortedError):
        run.here()
    handler = VaspErrorHandler("vasp.out")
    assert handler.check(str(run.directory))
    assert handler.errors == {fault}
    assert len(partial_steps(run)) == 2


def test_scf_that_does_not_converge_hits_nelm_until_the_end(make_run):
    run = make_run(**RELAX, NELM=12)
    order(run, "scf_not_converging", at_step=2)
    run.here()
    where = str(run.directory)
    assert UnconvergedErrorHandler().check(where)
    assert NonConvergingErrorHandler().check(where)
    lengths = [len(step["electronic_steps"]) for step in run.vasprun().ionic_steps]
    assert lengths[0] < 12
    assert set(lengths[1:]) == {12}
    assert "EDIFF was not reached (unconverged)" in (run / "OUTCAR").read_text()


def test_scf_can_fail_for_some_steps_only_with_energies_that_are_off(make_run):
    run = make_run(**RELAX, NELM=20)
    order(run, "scf_not_converging", at_step=4, n_steps=2)
    run.here()
    healthy = make_run("healthy", **RELAX, NELM=20)
    healthy.here()
    difference = np.array(
        [
            one["e_fr_energy"] - other["e_fr_energy"]
            for one, other in zip(
                run.vasprun().ionic_steps, healthy.vasprun().ionic_steps, strict=True
            )
        ]
    )
    assert np.flatnonzero(np.abs(difference) > 0.01).tolist() == [3, 4]


def test_overflown_forces_are_stars(make_run):
    run = make_run(**RELAX)
    order(run, "nan_forces", at_step=2)
    run.here()
    assert "**************" in (run / "OUTCAR").read_text()
    steps = run.vasprun().ionic_steps
    assert np.isnan(steps[1]["forces"]).all()
    assert not np.isnan(steps[0]["forces"]).any()


def test_truncated_vasprun_keeps_every_step(make_run):
    run = make_run(**RELAX)
    order(run, "truncated_vasprun")
    run.here()
    assert VasprunXMLValidator().check(str(run.directory))
    assert len(partial_steps(run)) == 15


@pytest.mark.slow
def test_full_disk_says_so_and_fails(make_run):
    run = make_run(**RELAX)
    order(run, "full_disk", at_step=2)
    process = run.process()
    assert process.wait(30) != 0
    assert "No space left on device" in (run / "std_err.txt").read_text()
    assert len(partial_steps(run)) == 1


@pytest.mark.slow
def test_walltime_kill_leaves_the_steps_before(make_run):
    run = make_run(**RELAX)
    order(run, "walltime_kill", at_step=4)
    assert run.process().wait(30) == -signal.SIGKILL
    assert VasprunXMLValidator().check(str(run.directory))
    steps = partial_steps(run)
    assert len(steps) == 3
    assert all(np.shape(step["forces"]) == (8, 3) for step in steps)
    assert "Iteration      4(   1)" in (run / "OUTCAR").read_text()


@pytest.mark.slow
def test_kill_at_any_moment_leaves_every_printed_step(make_run):
    run = make_run(**MD, NSW=20000)
    process = run.process()
    wait_for(lambda: steps_printed(run) > 20)
    process.kill()
    process.wait()
    printed = steps_printed(run)
    found = partial_steps(run)
    assert printed <= len(found) <= printed + 1
    assert all("total" in step for step in found)


@pytest.mark.slow
def test_frozen_run_is_noticed(make_run):
    run = make_run(**RELAX)
    order(run, "frozen", at_step=2)
    process = run.process()
    handler = FrozenJobErrorHandler("vasp.out", timeout=1)
    try:
        wait_for(lambda: steps_printed(run) == 1)
        wait_for(lambda: handler.check(str(run.directory)))
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert steps_printed(run) == 1


def test_slow_steps_take_longer_and_are_the_same(make_run):
    run, healthy = make_run("slow", **RELAX | {"NSW": 3}), make_run("healthy", **RELAX | {"NSW": 3})
    order(run, "slow", at_step=2, seconds=0.2)
    began = time.perf_counter()
    run.here()
    assert time.perf_counter() - began > 2 * 0.2
    healthy.here()
    energies = [
        [step["e_fr_energy"] for step in each.vasprun().ionic_steps] for each in (run, healthy)
    ]
    assert len(energies[0]) == 3
    assert energies[0] == energies[1]


@pytest.mark.slow
def test_walltime_handler_ends_a_run_softly(make_run, monkeypatch):
    monkeypatch.delenv("CUSTODIAN_WALLTIME_START", raising=False)
    run = make_run(**MD, NSW=20000)
    process = run.process()
    handler = WalltimeHandler(wall_time=2, buffer_time=1)
    monkeypatch.delenv("CUSTODIAN_WALLTIME_START")
    try:
        wait_for(lambda: steps_printed(run) > 2)
        wait_for(lambda: handler.check(str(run.directory)))
        handler.correct(str(run.directory))
        assert process.wait(20) == 0
    finally:
        process.kill()
    assert "soft stop encountered!  aborting job" in (run / "OUTCAR").read_text()
    assert len(run.vasprun().ionic_steps) == steps_printed(run)


def test_fault_strikes_as_often_as_asked(make_run, tmp_path):
    run = make_run()
    order(run, "edddav", times=2)
    struck = [pending_fault(run.directory) is not None for _ in range(4)]
    assert struck == [True, True, False, False]


def test_one_counter_for_many_directories(make_run, tmp_path, monkeypatch):
    request = {"fault": "edddav", "counter": str(tmp_path / "counter")}
    monkeypatch.setenv(FAULT_VARIABLE, json.dumps(request))
    struck = [pending_fault(make_run(name).directory) is not None for name in ("one", "other")]
    assert struck == [True, False]


@pytest.mark.parametrize(
    "text", ["{", '"zbrent"', '{"fault": "fire"}', '{"fault": "zbrent", "x": 1}']
)
def test_request_that_is_not_understood_is_refused(make_run, text):
    run = make_run()
    (run / "rehearsal_faults.json").write_text(text)
    with pytest.raises(CuprolithError) as refusal:
        pending_fault(run.directory)
    assert "zbrent" in refusal.value.remedy


@pytest.mark.slow
def test_custodian_recovers_from_a_fault_that_strikes_once(make_run, monkeypatch):
    run = make_run(**RELAX)
    run.write_incar(RELAX | {"EDIFFG": -0.05, "ALGO": "Fast"})
    order(run, "edddav", at_step=2)
    monkeypatch.setenv("CUPROLITH_REHEARSAL", "emt-like")
    monkeypatch.chdir(run.directory)
    job = VaspJob([sys.executable, "-m", "workflows.vasp_rehearsal.cli"], auto_npar=False)
    custodian = Custodian(
        [VaspErrorHandler()],
        [job],
        validators=[VasprunXMLValidator(), VaspFilesValidator()],
        max_errors=5,
        polling_time_step=0.2,
        monitor_freq=1,
        directory=str(run.directory),
    )
    log = custodian.run()
    assert [correction["errors"] for correction in log[0]["corrections"]] == [["edddav"]]
    assert run.vasprun().converged
