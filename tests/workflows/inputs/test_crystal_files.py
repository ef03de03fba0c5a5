"""Files of many kinds give the one crystal that they hold, or an error with file and remedy."""

from __future__ import annotations

import ase.io
import pytest
from ase.build import bulk, fcc111
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Poscar

from cuprolith.errors import CuprolithError
from workflows.inputs.crystal_files import read_crystal

POSCAR = """crystal
1.0
3.6 0 0
0 3.6 0
0 0 3.6
{symbols}{counts}
Direct
0 0 0
0.5 0.5 0{end}
0.5 0 0.5
0 0.5 0.5
"""


def poscar(symbols="Cu\n", counts="4", end=""):
    return POSCAR.format(symbols=symbols, counts=counts, end=end)


def extxyz(*frames):
    def write(path):
        ase.io.write(path, list(frames), format="extxyz")

    return write


COPPER = bulk("Cu", "fcc", a=3.6, cubic=True)
STRUCTURE = Structure.from_ase_atoms(COPPER)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("POSCAR", poscar()),
        ("POSCAR_cu.vasp", poscar()),
        ("POSCAR", poscar(symbols="Cu Cu\n", counts="1 3")),
        ("CONTCAR", poscar() + "\n0 0 0\n0 0 0\n0 0 0\n0 0 0\n"),  # velocities
        ("POSCAR", str(Poscar(STRUCTURE, selective_dynamics=[[True, False, True]] * 4))),
        ("cu.cif", STRUCTURE.to(fmt="cif")),
        ("cu.json", STRUCTURE.to(fmt="json")),
        ("cu.extxyz", extxyz(COPPER)),
        ("cu.xyz", extxyz(COPPER)),
    ],
)
def test_files_of_many_kinds_are_read(tmp_path, name, content):
    path = tmp_path / name
    content(path) if callable(content) else path.write_text(content)
    read = read_crystal(path, "Cu")
    assert read.lattice.abc == pytest.approx((3.6, 3.6, 3.6))
    assert [site.specie.symbol for site in read] == ["Cu"] * 4


def crystal(species, positions, lattice=None):
    return Structure(lattice or Lattice.cubic(3.6), species, positions).to(fmt="json")


FLAT = Lattice([[3.6, 0, 0], [0, 3.6, 0], [3.6, 3.6, 1e-4]])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("POSCAR", poscar(symbols=""), "names no elements"),
        ("POSCAR", poscar(end=" nan", symbols="Xy\n"), ""),
        ("POSCAR", poscar().replace("0.5 0.5 0\n", "nan nan 0\n"), "not all finite"),
        # spglib crashes where numbers are finite and absurd.
        ("POSCAR", poscar().replace("0.5 0.5 0\n", "0.5 0.5 1e308\n"), "cells away"),
        ("POSCAR", poscar().replace("3.6 0 0\n", "1e308 0 0\n"), "longer than"),
        ("POSCAR", poscar().replace("3.6 0 0\n", "inf 0 0\n"), "finite"),
        ("POSCAR", poscar().replace("3.6 0 0\n", "0 3.6 0\n"), ""),  # no volume
        ("POSCAR", poscar().replace("0.5 0.5 0\n", "0.1 0 0\n"), "0.36 Å apart"),
        ("POSCAR", poscar().replace("0.5 0.5 0\n", "1 0 0\n"), "0.00 Å apart"),
        ("POSCAR", poscar().replace("1.0\n", "-0.001\n"), "Å³ per atom"),
        ("POSCAR", poscar().replace("1.0\n", "100\n"), "mostly empty"),
        ("POSCAR", poscar(counts="3"), "more positions than the 3"),
        ("POSCAR", poscar(counts="4000"), "no crystal can be read"),
        ("POSCAR", "", "no crystal can be read"),
        ("cu.extxyz", extxyz(COPPER, COPPER), "2 frames"),
        ("cu.xyz", extxyz(fcc111("Cu", (1, 1, 3), vacuum=8)), "periodic in three directions"),
        ("cu.xyz", "1\n\nCu 0 0 0\n", "periodic in three directions"),
        ("cu.json", "{}", "no crystal can be read"),
        ("cu.json", crystal(["X"], [[0, 0, 0]]), "no element"),
        ("cu.json", crystal([{"Cu": 0.5}], [[0, 0, 0]]), "partly occupied"),
        ("cu.json", crystal([{"Cu": 0.5, "Li": 0.5}], [[0, 0, 0]]), "partly occupied"),
        ("cu.json", crystal(["Cu"], [[0, 0, 0]], FLAT), "Å³ per atom"),
        ("cu.json", crystal(["Cu", "Li"], [[0, 0, 0], [0, 0, 1]]), "0.00 Å apart"),
        ("cu.dat", "3.6", "its name must say which"),
    ],
)
def test_what_is_not_one_crystal_is_refused_with_file_and_remedy(tmp_path, name, content, message):
    path = tmp_path / name
    content(path) if callable(content) else path.write_text(content)
    with pytest.raises(CuprolithError) as error:
        read_crystal(path, "Cu")
    shown = str(error.value)
    assert message in shown + error.value.remedy
    assert shown.startswith(f"{path}: crystals.Cu.file: ")
    assert error.value.remedy


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "missing.cif", tmp_path):
        with pytest.raises(CuprolithError, match="no such file"):
            read_crystal(path, "Cu")


@pytest.mark.parametrize(
    ("name", "text"),
    [("POSCAR", poscar(counts="1000000000")), ("cu.xyz", "1000000000\n\nCu 0 0 0\n")],
)
def test_a_number_of_atoms_that_would_fill_the_memory_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(CuprolithError, match="says that it holds 1,000,000,000 atoms"):
        read_crystal(tmp_path / name, "Cu")
