import pytest

from workflows.engines.vasp.engine import ENGINE
from workflows.engines.vasp.node_checks import check_potentials_folder, check_program


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A folder that is the whole path; return how to put programs there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)

    def put(*names):
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)

    return put


@pytest.fixture
def program(path, monkeypatch):
    """Return the check of a command."""

    def check(command):
        monkeypatch.setenv("VASP_CMD", command)
        return check_program()

    return check


@pytest.mark.parametrize(
    "command",
    [
        "vasp_std",
        "srun vasp_std",
        "srun -n $SLURM_NTASKS --mpi pmix vasp_std",
        "mpirun -np 4 --map-by node -x OMP_NUM_THREADS=1 vasp_std",
        "srun numactl --cpunodebind 0 vasp_std",
        "env OMP_NUM_THREADS=1 vasp_std",
    ],
)
def test_the_program_behind_its_launchers(path, program, command):
    # `node` and `pmix` are values of options, and programs where somebody installed them
    path("srun", "mpirun", "numactl", "env", "node", "pmix")
    assert program(command).status == "missing"
    assert "no program vasp_std there" in program(command).found
    assert program(command).remedy
    path("vasp_std")
    found = program(command)
    assert found.status == "ok"
    words = {part.split(" is ")[0] for part in found.found.split(": ")[1].split(", ")}
    assert words == {command.split()[0], "vasp_std"}


def test_a_launcher_that_is_not_there(path, program):
    path("vasp_std")
    assert "no program srun there" in program("srun vasp_std").found


def test_a_script_with_arguments_is_the_program(path, program, tmp_path):
    path("run-vasp")
    assert program("run-vasp std 4").found == f"`run-vasp std 4`: run-vasp is {tmp_path}/run-vasp"


def test_a_full_path(path, program, tmp_path):
    path("srun")
    file = tmp_path / "below" / "vasp_std"
    assert f"no program {file} there" in program(f"srun {file}").found
    file.parent.mkdir()
    file.write_text("")
    assert program(f"srun {file}").status == "missing"  # cannot be run
    file.chmod(0o755)
    assert str(file) in program(f"srun {file}").found


def test_what_is_in_a_container_is_not_looked_at(path, program):
    path("srun", "apptainer")
    found = program("srun apptainer exec vasp.sif vasp_std")
    assert found.status == "ok"
    assert found.found.endswith("what is in the container of apptainer was not looked at")


@pytest.mark.parametrize("command", ["srun", "$NOTHING_SUCH", " "])
def test_no_program_at_all(path, program, command):
    path("srun")
    assert program(command).status == "missing"


def test_a_program_in_place_of_vasp_is_named(path, program):
    path("cuprolith-vasp-rehearsal")
    assert program("cuprolith-vasp-rehearsal").found.endswith("a rehearsal, not VASP")


def test_the_potentials(path, tmp_path, monkeypatch):
    monkeypatch.delenv("VASP_CMD", raising=False)
    found = ENGINE.node_checks()
    assert [check.status for check in found] == ["note", "note"]
    assert "VASP_CMD is not set" in found[0].found
    assert "PMG_VASP_PSP_DIR is not set" in found[1].found
    folder = tmp_path / "potcars"
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(folder))
    assert "No such file or directory" in check_potentials_folder().found
    folder.mkdir()
    assert check_potentials_folder().status == "missing"
    (folder / "POT_GGA_PAW_PBE_54").mkdir()
    assert check_potentials_folder().status == "ok"
