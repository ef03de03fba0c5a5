import pytest

from workflows.environment import cuprolith_version
from workflows.hpc.doctor.findings import judge
from workflows.hpc.doctor.probe import EngineReport, GpuReport, NodeReport
from workflows.hpc.doctor.program_search import ProgramSearch

PROGRAMS = ProgramSearch({"srun": "/usr/bin/srun", "vasp_std": "/opt/vasp_std"})
MISSING = ProgramSearch({}, missing="vasp_std")
CONTAINER = ProgramSearch({}, container="apptainer")
REHEARSAL = ProgramSearch({"x": "/bin/cuprolith-vasp-rehearsal"})
VASP = EngineReport(command="srun vasp_std", programs=PROGRAMS, data="/home/lena/potcars")


def output(**changes):
    report = NodeReport(
        host="n01", cuprolith=cuprolith_version(), python="3.11.2", executable="/venv/py", cores=4
    )
    return report.model_copy(update=changes).model_dump()


def checks(given, *, gpus=0):
    return {check.subject: check for check in judge("w", given, gpus=gpus)}


def test_all_is_well():
    found = checks(output(engine=VASP))
    assert {check.status for check in found.values()} == {"ok"}
    assert found["job on w"].found == (
        f"ran on n01: Cuprolith {cuprolith_version()}, Python 3.11.2, 4 cores, "
        "`work_dir` writable, 0 GiB free"
    )
    assert "vasp_std is /opt/vasp_std" in found["VASP"].found


def test_another_version_is_refused_with_both_named():
    (check,) = checks(output(cuprolith="0.0.1", engine=VASP)).values()
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
        (
            {"programs": ProgramSearch({}, missing="vasp_std")},
            "VASP",
            "missing",
            "no program vasp_std there",
        ),
        ({"programs": None}, "VASP", "note", "VASP_CMD is not set"),
        (
            {"programs": ProgramSearch({}, container="apptainer")},
            "VASP",
            "ok",
            "container of apptainer was not looked at",
        ),
        (
            {"programs": ProgramSearch({"x": "/bin/cuprolith-vasp-rehearsal"})},
            "VASP",
            "ok",
            "a rehearsal, not VASP",
        ),
        ({"data_problem": "Permission denied"}, "VASP potentials", "missing", "Permission"),
        ({"data": ""}, "VASP potentials", "note", "PMG_VASP_PSP_DIR is not set"),
    ],
)
def test_vasp_and_its_potentials(changes, subject, status, words):
    check = checks(output(engine=VASP.model_copy(update=changes)))[subject]
    assert check.status == status
    assert words in check.found
    assert (check.remedy != "") is (status != "ok")


@pytest.mark.parametrize(
    ("driver", "torch", "asked", "status", "remedy"),
    [
        (1, 1, 1, "ok", ""),
        (1, 1, 0, "ok", ""),
        (0, 0, 0, "note", "gpus_per_node"),
        (0, 0, 1, "missing", "`gpu_type`"),
        (1, 0, 1, "missing", "CUDA build"),
        (1, 0, 0, "note", "gpus_per_node"),
        (1, 1, 4, "missing", "`gpus_per_node`"),
    ],
)
def test_gpus(driver, torch, asked, status, remedy):
    gpu = GpuReport(driver=["GPU"] * driver, torch=["A100"] * torch)
    check = checks(output(gpu=gpu), gpus=asked)["GPU"]
    assert check.status == status
    assert remedy in check.remedy
