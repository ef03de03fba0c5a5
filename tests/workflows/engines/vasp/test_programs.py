"""Another program in place of VASP: found by its command, its outputs and its POTCARs."""

from pathlib import Path

import pytest

import workflows.engines.vasp
from workflows.engines.vasp import programs
from workflows.engines.vasp.programs import (
    VASP,
    PotcarProvider,
    VaspProgram,
    program_of_command,
    program_of_output,
    program_of_potcar,
)

TOY = VaspProgram(
    name="toy",
    called="a toy",
    command="toy-dft",
    output_mark="toy dft",
    potcars=PotcarProvider(lambda root, family, symbols: root, "TOY POTENTIAL", "a toy's"),
)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(programs, "OTHER_PROGRAMS", [TOY])


def test_a_program_is_found_by_its_traces(toy):
    assert program_of_command("srun -n 4 /opt/bin/toy-dft") == TOY
    assert program_of_output("Toy DFT 1.0") == TOY
    assert program_of_potcar("PAW\nTOY POTENTIAL\n") == TOY


def test_all_else_is_vasp(toy):
    assert program_of_command("srun /opt/toy-dft/vasp_std") == VASP
    assert program_of_output("vasp 6.4.3 18Apr17") == VASP
    assert program_of_potcar("PAW_PBE Cu_pv 06Sep2000") == VASP


def test_the_engine_names_no_other_program():
    folder = Path(workflows.engines.vasp.__file__).parent
    for path in folder.rglob("*.py"):
        text = path.read_text()
        assert "rehears" not in text.lower(), path
