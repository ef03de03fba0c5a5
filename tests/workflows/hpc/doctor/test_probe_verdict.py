import pytest

from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import GpuReport, NodeReport, VaspReport
from workflows.hpc.doctor.probe_verdict import judge
from workflows.hpc.doctor.remedies import Remedies

VASP = VaspReport(
    command="srun vasp_std",
    found={"srun": "/usr/bin/srun", "vasp_std": "/opt/vasp_std"},
    potcars="/home/lena/potcars",
)


def output(**changes):
    report = NodeReport(
        host="n01", cuprolith=cuprolith_version(), python="3.11.2", executable="/venv/py", cores=4
    )
    return report.model_copy(update=changes).model_dump()


OURS = Remedies("init", "another Python")


def checks(given, *, gpus=0, remedies=OURS):
    return {check.subject: check for check in judge("w", given, remedies=remedies, gpus=gpus)}


def test_all_is_well():
    found = checks(output(vasp=VASP))
    assert {check.status for check in found.values()} == {"ok"}
    assert found["job on w"].found == (
        f"ran on n01: Cuprolith {cuprolith_version()}, Python 3.11.2, 4 cores, `work_dir` writable"
    )
    assert "vasp_std is /opt/vasp_std" in found["VASP"].found


def test_another_version_is_refused_with_both_named():
    (check,) = checks(output(cuprolith="0.0.1", vasp=VASP)).values()
    assert check.status == "missing"
    assert f"Cuprolith 0.0.1 there of /venv/py, {cuprolith_version()} here" in check.found
    assert check.remedy.startswith(f"install {cuprolith_version()} there")


@pytest.mark.parametrize("given", [None, "text", {"cuprolith": cuprolith_version()}])
def test_an_answer_that_is_none(given):
    (check,) = checks(given).values()
    assert check.status == "missing"


def test_a_work_dir_that_nodes_cannot_write():
    check = checks(output(work_dir_problem="Read-only file system"))["job on w"]
    assert check.status == "missing"
    assert "Read-only file system" in check.found


@pytest.mark.parametrize(
    ("changes", "subject", "status", "words"),
    [
        ({"missing": "vasp_std"}, "VASP", "missing", "no program vasp_std there"),
        ({"command": ""}, "VASP", "note", "VASP_CMD is not set"),
        ({"container": "apptainer"}, "VASP", "ok", "container of apptainer was not looked at"),
        ({"found": {"x": "/bin/cuprolith-vasp-rehearsal"}}, "VASP", "ok", "a rehearsal, not VASP"),
        ({"potcars_problem": "Permission denied"}, "VASP potentials", "missing", "Permission"),
        ({"potcars": ""}, "VASP potentials", "note", "PMG_VASP_PSP_DIR is not set"),
    ],
)
def test_vasp_and_its_potentials(changes, subject, status, words):
    check = checks(output(vasp=VASP.model_copy(update=changes)))[subject]
    assert check.status == status
    assert words in check.found
    assert (check.remedy != "") is (status != "ok")


@pytest.mark.parametrize(
    ("driver", "torch", "asked", "status", "remedy"),
    [
        (1, 1, 1, "ok", ""),
        (1, 1, 0, "ok", ""),
        (0, 0, 0, "note", "gpus_per_node=1"),
        (0, 0, 1, "missing", "`gpu_type`"),
        (1, 0, 1, "missing", "CUDA build"),
        (1, 0, 0, "note", "gpus_per_node=1"),
        (1, 1, 4, "missing", "`gpus_per_node`"),
    ],
)
def test_gpus(driver, torch, asked, status, remedy):
    gpu = GpuReport(driver=["GPU"] * driver, torch=["A100"] * torch)
    check = checks(output(gpu=gpu), gpus=asked)["GPU"]
    assert check.status == status
    assert remedy in check.remedy


def test_a_project_by_another_hand_is_not_to_be_written_anew():
    vasp = VASP.model_copy(update={"missing": "vasp_std"})
    assert "init --dft-modules" in checks(output(vasp=vasp))["VASP"].remedy
    assert "the project's file" in checks(output(vasp=vasp), remedies=Remedies())["VASP"].remedy
