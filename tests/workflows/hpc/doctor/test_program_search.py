import pytest

from workflows.hpc.doctor.program_search import search_programs


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A folder that is the whole path; return how to put programs there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(*names):
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)

    return put


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
def test_the_program_behind_its_launchers(path, command):
    # `node` and `pmix` are values of options, and programs where somebody installed them
    path("srun", "mpirun", "numactl", "env", "node", "pmix")
    first = command.split()[0]
    assert search_programs(command).missing == "vasp_std"
    path("vasp_std")
    search = search_programs(command)
    assert (search.missing, search.container) == ("", "")
    assert set(search.found) == {first, "vasp_std"}


def test_a_launcher_that_is_not_there(path):
    path("vasp_std")
    assert search_programs("srun vasp_std").missing == "srun"


def test_a_script_with_arguments_is_the_program(path):
    path("run-vasp")
    search = search_programs("run-vasp std 4")
    assert (search.missing, list(search.found)) == ("", ["run-vasp"])


def test_a_full_path(path, tmp_path):
    path("srun")
    program = tmp_path / "below" / "vasp_std"
    assert search_programs(f"srun {program}").missing == str(program)
    program.parent.mkdir()
    program.write_text("")
    assert search_programs(f"srun {program}").missing == str(program)  # cannot be run
    program.chmod(0o755)
    assert search_programs(f"srun {program}").found[str(program)] == str(program)


def test_in_a_container_nothing_can_be_looked_for(path):
    path("srun", "apptainer")
    search = search_programs("srun apptainer exec vasp.sif vasp_std")
    assert (search.missing, search.container) == ("", "apptainer")


@pytest.mark.parametrize("command", ["srun", "$NOTHING_SUCH", " "])
def test_no_program_at_all(path, command):
    path("srun")
    assert search_programs(command).missing
